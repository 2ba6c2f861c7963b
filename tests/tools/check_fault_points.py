#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Checks that each step between two systems has a fault point (common/fault_point.h): a function
that hands a record to Kafka, takes its acknowledgement, stores an offset, commits a transaction, or
gives a file its name calls fault_point(), and each point that is declared is passed in one place.
"""

import re
from pathlib import Path

import checker

FOLDERS = ("common", "gateway", "worker", "assembler")

STEPS = {
    "hands a record to Kafka": r"\bkafka_names_find\(.*record->topic|\brd_kafka_produce\(",
    "takes an acknowledgement": r"\bon_delivery\(rd_kafka_t",
    "stores an offset": r"\brd_kafka_offsets_store\(|\brd_kafka_commit(?:_\w+)?\(",
    "commits": r"[(, ]&COMMIT\b|\"COMMIT\"",
    "gives or takes a name": r"(?<![\w>.])(?:link|rename|renameat2?|unlink)\(",
    "syncs a file": r"(?<![\w>.])f(?:data)?sync\(",
}
# Statements of the assembler's that are outside of its one transaction.
AUTOCOMMITTED = ("store_finish_tasks", "store_write_relayed", "store_claim", "purge_rows")

# What is undone here may stay undone: nobody counts on it.
EXEMPT = {
    ("gateway/upload_file.c", "upload_file_discard"): "a temporary file that stays is reaped",
    ("gateway/upload_file.c", "sync_folder"): "called by sync_folders, which has the point",
    ("assembler/store.c", "COMMIT"): "the statement itself",
    ("common/blob_file.c", "blob_file_delete"): "deleting again does no harm",
}

FUNCTION = re.compile(r"^(?:[a-z_][\w *]*?[ *])(\w+)\([^;{}]*?\)\n\{\n(.*?)^\}", re.M | re.S)
DECLARED = re.compile(r"^\s*X\((\w+),", re.M)
COMMENT = re.compile(r"/\*.*?\*/", re.S)


def functions(text: str):
    """(name, head and body) of each function."""
    for match in FUNCTION.finditer(COMMENT.sub(" ", text)):
        yield match[1], match[0]


def check(root: Path) -> list[str]:
    found: list[str] = []
    passed: list[str] = []
    for path in sorted(p for folder in FOLDERS for p in (root / folder).glob("*.c")):
        name = path.relative_to(root).as_posix()
        if name == "common/fault_point.c":
            continue
        text = path.read_text(encoding="utf-8")
        passed += re.findall(r"\bfault_point\(FAULT_(\w+)", COMMENT.sub(" ", text))
        for function, body in functions(text):
            if "fault_point(" in body or (name, function) in EXEMPT:
                continue
            found += [f"{name}: {function}() {what} and has no fault point"
                      for what, step in STEPS.items() if re.search(step, body)]
            if function in AUTOCOMMITTED:
                found.append(f"{name}: {function}() commits by itself and has no fault point")
    header = (root / "common" / "fault_point.h").read_text(encoding="utf-8")
    for point in DECLARED.findall(header.partition("#define FAULT_POINTS")[2]):
        if passed.count(point) != 1:
            found.append(f"common/fault_point.h: {point} is passed in {passed.count(point)} places")
    return found


if __name__ == "__main__":
    checker.main(check)
