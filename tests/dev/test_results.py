# SPDX-License-Identifier: Apache-2.0
"""One count over runners that each report in their own way."""

import pytest

from dev.results import Results, of_check, of_ctest, of_pytest

TAP = """1..4
ok 1 - test_a__works
not ok 2 - test_a__fails
# a.c:10: error: Failure!
ok 3 - test_a__is_left_out # SKIP
ok 4 - test_a__works_too
"""


def ctest_report(tmp_path, *programs: tuple[str, str, str]):
    """Programs as (name, status, output)."""
    cases = "".join(f'<testcase name="{name}" status="{status}"><system-out>{output}</system-out>'
                    "</testcase>" for name, status, output in programs)
    path = tmp_path / "ctest.xml"
    path.write_text(f"<testsuite>{cases}</testsuite>")
    return path


def test_ctest_counts_the_cases_inside_a_program(tmp_path):
    results = of_ctest(ctest_report(tmp_path, ("unit/a", "fail", TAP)))
    assert results == Results(2, ["unit/a test_a__fails"], ["unit/a test_a__is_left_out"])


@pytest.mark.parametrize("output", ["", "1..2\nok 1 - test_a__works\n"])
def test_a_program_that_crashed_is_a_failed_case(tmp_path, output):
    results = of_ctest(ctest_report(tmp_path, ("unit/a", "fail", output)))
    assert results.failed == ["unit/a (the program failed)"]


def test_a_program_without_cases_counts_as_one(tmp_path):
    assert of_ctest(ctest_report(tmp_path, ("docs/a", "run", "all well"))) == Results(1)


def test_pytest_counts_failures_and_errors_alike(tmp_path):
    path = tmp_path / "pytest.xml"
    path.write_text("""<testsuites><testsuite>
        <testcase classname="m" name="right"/>
        <testcase classname="m" name="wrong"><failure/></testcase>
        <testcase classname="m" name="broken"><error/></testcase>
        <testcase classname="m" name="left_out"><skipped/></testcase>
        </testsuite></testsuites>""")
    assert of_pytest(path) == Results(1, ["m::wrong", "m::broken"], ["m::left_out"])


def test_sums():
    total = Results()
    total.add(of_check("one", True))
    total.add(of_check("two", False))
    assert total == Results(1, ["two"], [])
