# SPDX-License-Identifier: Apache-2.0
"""`./dev test`: every test there is, on one footing, with one summary."""

import os
import shutil
import time
from dataclasses import dataclass
from collections.abc import Callable

from . import bare, build, command, lint, paths, setup
from .console import DevError, heading, say, step
from .results import Results, of_check, of_ctest, of_pytest
from .stack import Stack

REPORT_DIR = paths.DEV / "report"
LOG_DIR = paths.DEV / "log"

# Tests of ctest that need a broker and a database have this label.
WITHOUT_SERVICES = ["-LE", "services"]


@dataclass(frozen=True)
class Part:
    run: Callable[[], Results]
    says: str
    is_default: bool = True


def _lint() -> Results:
    return lint.run()


def _build() -> Results:
    """Both compilers, warnings being errors."""
    results = Results()
    for preset in ("release", "clang"):
        results.add(_built(preset))
    return results


def _unit() -> Results:
    return _ctest("asan", WITHOUT_SERVICES)


def _tsan() -> Results:
    """The modules that have threads."""
    return _ctest("tsan", [*WITHOUT_SERVICES, "-R",
                           "pool|loop|log|kafka|ops_http|blob|metrics|service"])


def _clients() -> Results:
    """What a mock cluster proves nothing about: a broker and a database of their own."""
    stack = Stack(paths.DEV / "clients-test")
    try:
        with step("Kafka and PostgreSQL") as shown:
            stack.kafka.start(shown)
            stack.postgres.start(shown)
        return _ctest("asan", ["-L", "services"], "clients", {
            "CHUNKSCRIBE_TEST_KAFKA_BROKERS": stack.kafka.brokers(),
            "CHUNKSCRIBE_TEST_DATABASE_URL": stack.postgres.url("postgres"),
        })
    finally:
        stack.stop()


def _dev() -> Results:
    results = _pytest("tests/dev")
    results.add(_pytest("tests/contract"))
    return results


def _blackbox() -> Results:
    return _needing("release", "tests/blackbox")


def _demo() -> Results:
    folder = paths.DEV / "demo-test"
    shutil.rmtree(folder, ignore_errors=True)  # unfinished jobs of an earlier run would go first
    with _reported("demo") as outcome:
        command.run([paths.ROOT / "dev", "demo", "--once", "--folder", folder, "--uplink", "0"],
                    outcome.shown, log=LOG_DIR / "test-demo.log")
    return outcome.results


def _quick() -> Results:
    results = lint.run(is_quick=True)
    results.add(_unit())
    return results


def _bare() -> Results:
    with _reported("bare machine") as outcome:
        bare.run(outcome.shown)
    return outcome.results


PARTS = {
    "lint": Part(_lint, "format, clang-tidy, shell, Python, rules of ours, systemd units"),
    "build": Part(_build, "gcc and clang, warnings as errors"),
    "unit": Part(_unit, "unit tests under ASan and UBSan"),
    "tsan": Part(_tsan, "unit tests of modules with threads under TSan"),
    "clients": Part(_clients, "our Kafka and PostgreSQL clients against the real servers"),
    "dev": Part(_dev, "./dev itself, and the schemas"),
    "blackbox": Part(_blackbox, "the real processes on a real broker and database"),
    "demo": Part(_demo, "./dev demo --once"),
    "quick": Part(_quick, "lint of what is not committed, and unit", is_default=False),
    "bare": Part(_bare, "both README commands in a bare Debian 12", is_default=False),
}


def names() -> list[str]:
    return list(PARTS)


def run(args) -> int:
    chosen = args.names or [name for name, part in PARTS.items() if part.is_default]
    unknown = [name for name in chosen if name not in PARTS]
    if unknown:
        raise DevError(f"no test part {', '.join(unknown)}; there are: {', '.join(PARTS)}")
    for name in ("CHUNKSCRIBE_SPEECH_URL", "CHUNKSCRIBE_SPEECH_KEY"):
        os.environ.pop(name, None)  # the same tests everywhere, and nobody's bill
    setup.set_up_tests()
    began = time.monotonic()
    table = [(name, _run_part(name, chosen)) for name in chosen]
    return _summarise(table, time.monotonic() - began)


def _run_part(name: str, chosen: list[str]) -> tuple[Results, float]:
    began = time.monotonic()
    heading(f"{name} ({chosen.index(name) + 1}/{len(chosen)}): {PARTS[name].says}")
    try:
        results = PARTS[name].run()
    except DevError as error:
        say(f"{error}")
        results = of_check(name, False)
    return results, time.monotonic() - began


def _summarise(table, took_s: float) -> int:
    heading("Summary")
    total = Results()
    for name, (results, part_s) in table:
        total.add(results)
        say(f"{'✗' if results.failed else '✓'} {name:<10} {results.passed:5} passed "
            f"{len(results.failed):3} failed {len(results.skipped):3} skipped  {part_s:7.1f} s")
    for name in total.failed:
        say(f"  failed: {name}")
    for name in total.skipped:
        say(f"  skipped: {name}")
    say(f"took {took_s:.0f} s; logs in {LOG_DIR}")
    say(f"{total.passed} passed, {len(total.failed)} failed")
    return 1 if total.failed else 0


class _Reported:
    """Turns a step that fails into a failed case, so that the other parts still run."""

    def __init__(self, name: str):
        self._name = name
        self._step = step(name)
        self.results = Results()

    def __enter__(self):
        self.shown = self._step.__enter__()
        return self

    def __exit__(self, kind, error, trace):
        try:
            self._step.__exit__(kind, error, trace)
        except DevError as failure:
            say(f"{failure}")
        self.results = of_check(self._name, error is None)
        return isinstance(error, DevError)


def _reported(name: str) -> _Reported:
    return _Reported(name)


def _built(preset: str) -> Results:
    try:
        build.build(preset)
    except DevError as error:
        say(f"{error}")
        return of_check(f"build {preset}", False)
    return of_check(f"build {preset}", True)


def _ctest(preset: str, chosen: list[str], name: str = "unit", more_env: dict | None = None
           ) -> Results:
    results = _built(preset)
    if results.failed:
        return results
    junit = REPORT_DIR / f"ctest-{name}-{preset}.xml"
    junit.parent.mkdir(parents=True, exist_ok=True)
    junit.unlink(missing_ok=True)
    argv = ["ctest", "--test-dir", paths.build_dir(preset), "--output-junit", junit,
            "--output-on-failure", "--test-output-size-passed", 1 << 20,
            "--test-output-size-failed", 1 << 20, "-j", build.jobs(), "--timeout", 120,
            *chosen]
    _judged_by_report(f"{name} tests ({preset})", argv,
                      {"CMOCKA_MESSAGE_OUTPUT": "TAP", **(more_env or {})}, junit)
    return of_ctest(junit)


def _needing(preset: str, folder: str) -> Results:
    results = _built(preset)
    return results if results.failed else _pytest(folder)


def _pytest(folder: str) -> Results:
    junit = REPORT_DIR / f"pytest-{folder.rsplit('/', maxsplit=1)[-1]}.xml"
    junit.parent.mkdir(parents=True, exist_ok=True)
    junit.unlink(missing_ok=True)
    argv = [paths.TOOLS_PYTHON, "-m", "pytest", folder, "-v", "--tb=short", f"--junitxml={junit}"]
    _judged_by_report(folder, argv, {}, junit)
    return of_pytest(junit)


def _judged_by_report(title: str, argv, more_env: dict, junit) -> None:
    """Runs a test runner; its report says what failed, its exit code only that it wrote one."""
    try:
        with step(title) as shown:
            command.run(argv, shown, cwd=paths.ROOT, env={**os.environ, **more_env},
                        log=LOG_DIR / f"test-{junit.stem}.log", tail_lines=80)
    except DevError as error:
        if not junit.exists():
            raise
        say(f"{error}")
