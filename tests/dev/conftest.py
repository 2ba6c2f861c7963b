# SPDX-License-Identifier: Apache-2.0
"""Makes deploy/dev importable as `dev`, as ./dev itself does."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "deploy"))
