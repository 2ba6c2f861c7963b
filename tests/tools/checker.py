# SPDX-License-Identifier: Apache-2.0
"""What the checks of this folder share: `check_x.py [ROOT]` prints what is wrong, one a line, and
exits with 1 if anything is."""

import sys
from collections.abc import Callable
from pathlib import Path


def main(check: Callable[[Path], list[str]]) -> None:
    root = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).resolve().parents[2]
    wrong = check(root)
    for line in wrong:
        print(line)
    sys.exit(1 if wrong else 0)
