# SPDX-License-Identifier: Apache-2.0
"""The layer check finds what it is for, and nothing in a tree that is in order."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tools"))
import check_layers  # noqa: E402

TREE = {
    "common/mem.h": "void *mem_new(size_t size) FREED_BY(free);\n",
    "common/mem.c": '#include "common/mem.h"\nvoid *mem_new(size_t size)\n{\n    return 0;\n}\n',
    "common/log.h": '#include "common/mem.h"\nvoid log_write(const char *text);\n',
    "common/log.c": '#include "common/log.h"\nvoid log_write(const char *text)\n{\n'
    "    mem_new(1);\n}\n",
    "common/http_fetch.h": "#include <curl/curl.h>\nstruct http_fetch;\n",
    "worker/task.h": "int task_next(int state) MUST_CHECK;\n",
    "worker/task.c": '#include "worker/task.h"\nint task_next(int state)\n{\n'
    "    return state;\n}\n",
    "worker/task_run.c": '#include "worker/task.h"\n#include "common/log.h"\n'
    'static void run(void)\n{\n    task_next(1);\n    log_write("");\n}\n',
}


@pytest.fixture(autouse=True)
def tables_of_the_tree(monkeypatch):
    monkeypatch.setattr(check_layers, "PURE", {"worker": "task"})
    monkeypatch.setattr(check_layers, "PURE_IN_COMMON", [])
    layers = {"mem": "base", "log": "service", "http_fetch": "clients"}
    monkeypatch.setattr(check_layers, "MODULE_LAYERS", layers)


def check(root: Path, **changes: str) -> list[str]:
    for name, text in {**TREE, **changes}.items():
        path = root / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    return check_layers.check(root)


def test_a_tree_in_order(tmp_path):
    assert check(tmp_path) == []


@pytest.mark.parametrize(
    ("path", "added", "said"),
    [
        ("common/mem.c", '#include "common/log.h"\n', "base includes common/log.h of service"),
        ("common/mem.c", '#include "worker/task.h"\n', "common may include only common"),
        ("worker/task_run.c", '#include "gateway/router.h"\n', "may include only common and work"),
        ("common/strange.h", "", "stands in no layer"),
        ("worker/task.c", "#include <curl/curl.h>\n", "is pure but includes <curl/curl.h>"),
        ("worker/task.c", '#include "common/http_fetch.h"\n', "gets <curl/curl.h> by common/http"),
        ("worker/task.c", '#include "common/log.h"\nint x = sizeof(log_write("a"));\n',
         "is pure but uses log_write() of common/log.h"),
        ("worker/task.h", "int task_last(void);\n", "task_last() is declared but defined nowhere"),
    ],
)
def test_each_fault_is_found(tmp_path, path, added, said):
    wrong = check(tmp_path, **{path: TREE.get(path, "") + added})
    assert len(wrong) == 1
    assert wrong[0].startswith(path) and said in wrong[0]


def test_what_nobody_uses_is_found(tmp_path):
    wrong = check(
        tmp_path,
        **{
            "worker/task.h": TREE["worker/task.h"] + "int task_last(void);\n",
            "worker/task.c": TREE["worker/task.c"] + "int task_last(void)\n{\n    return 1;\n}\n",
        },
    )
    assert wrong == ["worker/task.h: task_last() is used by no other file"]


def test_comments_and_strings_use_nothing(tmp_path):
    text = TREE["worker/task_run.c"].replace("task_next(1);", '/* task_next */ "task_next";')
    wrong = check(tmp_path, **{"worker/task_run.c": text})
    assert wrong == ["worker/task.h: task_next() is used by no other file"]


def test_a_name_without_a_file_is_found(tmp_path, monkeypatch):
    monkeypatch.setattr(check_layers, "PURE", {"worker": "task gone"})
    assert check(tmp_path) == ["check_layers.py names worker/gone, but there is no such file"]
