# SPDX-License-Identifier: Apache-2.0
"""Test cases of all runners on one footing: cmocka by ctest, pytest, and single checks."""

import re
import xml.etree.ElementTree as ElementTree
from dataclasses import dataclass, field
from pathlib import Path

from .console import DevError, say, step

TAP_LINE = re.compile(r"^(not )?ok \d+ - (\S+)( # SKIP)?", re.MULTILINE)


@dataclass
class Results:
    passed: int = 0
    failed: list[str] = field(default_factory=list)
    skipped: list[str] = field(default_factory=list)

    def add(self, other: "Results") -> None:
        self.passed += other.passed
        self.failed += other.failed
        self.skipped += other.skipped


def of_check(name: str, is_right: bool) -> Results:
    return Results(passed=1) if is_right else Results(failed=[name])


def as_case(name: str, action) -> Results:
    """Runs `action(step)` as one case: it fails by a DevError, and the others still run."""
    try:
        with step(name) as shown:
            action(shown)
    except DevError as error:
        say(f"{error}")
        return of_check(name, False)
    return of_check(name, True)


def of_ctest(junit: Path) -> Results:
    """Counts the cases inside each cmocka program, which print TAP. A program that prints none, or
    that ended badly without naming a failed case, counts as one."""
    results = Results()
    for program in ElementTree.parse(junit).getroot().iter("testcase"):
        name = program.get("name")
        output = program.findtext("system-out") or ""
        cases = TAP_LINE.findall(output)
        failed = [f"{name} {case}" for is_not, case, skip in cases if is_not and not skip]
        if program.get("status") == "fail" and not failed:
            failed = [f"{name} (the program failed)"]
        if not cases and not failed:
            results.passed += 1
        results.failed += failed
        results.skipped += [f"{name} {case}" for _, case, skip in cases if skip]
        results.passed += sum(1 for is_not, _, skip in cases if not is_not and not skip)
    return results


def of_pytest(junit: Path) -> Results:
    results = Results()
    for case in ElementTree.parse(junit).getroot().iter("testcase"):
        name = f"{case.get('classname')}::{case.get('name')}"
        if case.find("failure") is not None or case.find("error") is not None:
            results.failed.append(name)
        elif case.find("skipped") is not None:
            results.skipped.append(name)
        else:
            results.passed += 1
    return results
