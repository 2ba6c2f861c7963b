#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Checks docs/guarantees.md against the tree: every file and test that it names in backquotes is
there, and every mutant is named.
"""

import re
from pathlib import Path

import checker

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


if __name__ == "__main__":
    checker.main(check)
