# SPDX-License-Identifier: Apache-2.0
"""The check of fault points finds a step without one, and a point that nobody passes."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tools"))
import check_fault_points  # noqa: E402

HEADER = """#define FAULT_POINTS(X) \\
    X(BLOB_LINK, "blob_link", 1, false)
"""
GOOD = """static bool publish(const char *from)
{
    return !fault_point(FAULT_BLOB_LINK, NULL) && link(from, "to") == 0;
}
"""


def check(root: Path, more: str = "") -> list[str]:
    tree = {"common/fault_point.h": HEADER, "gateway/upload_file.c": GOOD + more}
    for name, text in tree.items():
        path = root / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    return check_fault_points.check(root)


def test_a_tree_in_order(tmp_path):
    assert check(tmp_path) == []


@pytest.mark.parametrize("step,what", [
    ("rename(a, b);", "gives or takes a name"),
    ("(void)unlink(a);", "gives or takes a name"),
    ("fsync(fd);", "syncs a file"),
    ("rd_kafka_offsets_store(rk, list);", "stores an offset"),
    ("rd_kafka_commit(rk, list, 0);", "stores an offset"),
    ('execute(connection, "COMMIT", err);', "commits"),
    ("store_send(store, &COMMIT, 0, NULL, NULL);", "commits"),
])
def test_a_step_without_a_point(tmp_path, step, what):
    found = check(tmp_path, f"static void go(void)\n{{\n    {step}\n}}\n")
    assert found == [f"gateway/upload_file.c: go() {what} and has no fault point"]


def test_a_point_that_is_passed_in_two_places(tmp_path):
    assert check(tmp_path, GOOD.replace("publish", "again")) == [
        "common/fault_point.h: BLOB_LINK is passed in 2 places"]
