#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes docs/options.md from what the daemons print for --help=markdown, or compares it.

    options_page.py [--check] PAGE DAEMON...

What all daemons have alike stands first and once. With --check the exit code is 1 if the page
differs.
"""

import subprocess
import sys
from pathlib import Path

HEAD = """# Options

This page is generated from the option tables in the sources: change those, then run
`cmake --build <build folder> --target options-page`.

Each option is the flag `--name=value`, the environment variable `CHUNKSCRIBE_NAME` (in capitals,
with `_` for `-`), or a line `name = value` of the file that `--config` names, in this order of
precedence. Times need a unit: `ms`, `s`, `min`, `h` or `d`. Sizes are in bytes, or have one: `KiB`,
`MiB` or `GiB`. `--print-config` shows each value and where it comes from, `--check` only says
whether all of them are valid.
"""
TABLE_HEAD = ["| option | default | allowed | what it does |", "|---|---|---|---|"]


def rows_of(daemon: str) -> list[str]:
    printed = subprocess.run(
        [daemon, "--help=markdown"], check=True, capture_output=True, text=True, timeout=30
    ).stdout.splitlines()
    if printed[:2] != TABLE_HEAD:
        raise SystemExit(f"{daemon} --help=markdown printed no table of options")
    return printed[2:]


def section(title: str, rows: list[str]) -> str:
    return "\n".join(["", f"## {title}", "", *TABLE_HEAD, *rows, ""])


def page(daemons: list[str]) -> str:
    rows = {Path(daemon).name: rows_of(daemon) for daemon in daemons}
    first = next(iter(rows.values()))
    shared = [row for row in first if all(row in others for others in rows.values())]
    own = [
        section(name, [row for row in own_rows if row not in shared])
        for name, own_rows in rows.items()
    ]
    return HEAD + section("All processes", shared) + "".join(own)


def main() -> int:
    arguments = [argument for argument in sys.argv[1:] if argument != "--check"]
    path, wanted = Path(arguments[0]), page(arguments[1:])
    if "--check" not in sys.argv:
        path.write_text(wanted, encoding="utf-8")
        return 0
    if path.exists() and path.read_text(encoding="utf-8") == wanted:
        return 0
    print(f"{path} is not what the option tables say; make it anew with the target options-page")
    return 1


if __name__ == "__main__":
    sys.exit(main())
