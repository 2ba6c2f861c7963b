#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Checks docs/guarantees.md against the tree: every file and test that it names in backquotes is
there, and every mutant is named.

    check_guarantees.py [ROOT]     prints what is wrong, one a line, and exits 1 if anything is
"""

import re
import sys
from pathlib import Path

PAGE = "docs/guarantees.md"
MUTANTS = "tests/mutants"
# A path of at least one folder, and perhaps a test in it.
NAMED = re.compile(r"`([\w.-]+(?:/[\w.-]+)+)(?:::(\w+))?`")
DEFINED = {".py": r"^(?:async )?def {}\(", ".c": r"^static void {}\("}


def is_defined(path: Path, test: str) -> bool:
    pattern = DEFINED[path.suffix].format(re.escape(test))
    return re.search(pattern, path.read_text(encoding="utf-8"), re.M) is not None


def check(root: Path) -> list[str]:
    text = (root / PAGE).read_text(encoding="utf-8")
    found = []
    named = set()
    for name, test in NAMED.findall(text):
        path = root / name
        named.add(name)
        if not path.exists():
            found.append(f"{PAGE}: there is no {name}")
        elif test and not is_defined(path, test):
            found.append(f"{PAGE}: {name} has no {test}")
    for path in sorted((root / MUTANTS).glob("*.patch")):
        name = path.relative_to(root).as_posix()
        if name not in named:
            found.append(f"{PAGE} does not name {name}")
    return found


def main() -> int:
    root = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).resolve().parents[2]
    found = check(root)
    print("\n".join(found), end="\n" if found else "")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
