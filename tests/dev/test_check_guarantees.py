# SPDX-License-Identifier: Apache-2.0
"""The check of docs/guarantees.md finds what it names and is not there."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tools"))
import check_guarantees  # noqa: E402

GOOD = ("`worker/a.c`, `tests/test_a.py::test_one`, `tests/test_b.c::test_b__two`, "
        "`tests/mutants/m.patch`")


def check(root: Path, page: str) -> list[str]:
    tree = {"docs/guarantees.md": page, "worker/a.c": "", "tests/mutants/m.patch": "",
            "tests/test_a.py": "def test_one(fleet):\n    def test_inner(): ...\n",
            "tests/test_b.c": "static void test_b__two(void **state)\n"}
    for name, text in tree.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return check_guarantees.check(root)


def test_a_page_in_order(tmp_path):
    assert check(tmp_path, GOOD) == []


@pytest.mark.parametrize("old,new,says", [
    ("worker/a.c", "worker/gone.c", "there is no worker/gone.c"),
    ("test_one", "test_gone", "tests/test_a.py has no test_gone"),
    ("test_one", "test_inner", "tests/test_a.py has no test_inner"),
    ("test_b__two", "test_b__t", "tests/test_b.c has no test_b__t"),
    ("tests/mutants/m.patch", "worker/a.c", "does not name tests/mutants/m.patch"),
])
def test_what_is_not_there_is_told(tmp_path, old, new, says):
    [found] = check(tmp_path, GOOD.replace(old, new))
    assert says in found
