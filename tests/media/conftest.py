# SPDX-License-Identifier: Apache-2.0
"""What takes many minutes is only looked at when asked for."""

import os
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "deploy")]

collect_ignore = [] if os.environ.get("CHUNKSCRIBE_TEST_LONG") else ["test_drift.py"]
