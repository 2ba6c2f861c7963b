# SPDX-License-Identifier: Apache-2.0
"""The parts of `./dev test`."""

import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from . import bare, build, command, lint, mutants, paths
from .console import DevError, say, step
from .results import Results, as_case, of_ctest, of_pytest
from .stack import Stack

REPORT_DIR = paths.DEV / "report"
LOG_DIR = paths.DEV / "log"

FUZZERS = ("fuzz_media", "fuzz_decoder_stream")
FUZZ_S, FUZZ_LONG_S = 20, 900

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
    results = _built("release")
    results.add(_built("clang"))
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
    results = _built("release")
    if not results.failed:
        results.add(_pytest("tests/blackbox"))
    return results


def _media() -> Results:
    results = _built("release", ("media-chunks",))
    if not results.failed:
        results.add(_pytest("tests/media"))
    return results


def _fuzz() -> Results:
    """Each program from its corpus of seeds on, which is checked in; what it finds by itself stays
    in the build's folder."""
    results = _built("fuzz", FUZZERS)
    seconds = FUZZ_LONG_S if os.environ.get("CHUNKSCRIBE_TEST_LONG") else FUZZ_S
    for name in FUZZERS if not results.failed else ():
        results.add(as_case(name, lambda shown, name=name: _fuzz_one(name, seconds, shown)))
    return results


def _fuzz_one(name: str, seconds: int, shown) -> None:
    found = paths.build_dir("fuzz") / f"{name}-corpus"
    found.mkdir(exist_ok=True)
    program = paths.build_dir("fuzz") / "tests" / "fuzz" / name
    command.run([program, f"-max_total_time={seconds}", "-timeout=10", "-rss_limit_mb=1024",
                 "-max_len=16384", "-print_final_stats=1", f"-artifact_prefix={found}/", found,
                 paths.ROOT / "tests" / "fuzz" / "corpus" / name.removeprefix("fuzz_")],
                shown, log=LOG_DIR / f"test-{name}.log")


def _ssrf() -> Results:
    results = _built("release", ("webhook-probe",))
    if not results.failed:
        results.add(_pytest("tests/ssrf"))
    return results


# Most of a case is waiting for what a process that died has held: two at a time, each with a broker
# and a database of its own.
FAULT_CASES_AT_ONCE = 2
# A full disk, by preloading.
FAULT_TARGETS = (*build.DAEMONS, "full-disk")


def run_soak() -> Results:
    results = _built("faults", FAULT_TARGETS)
    if not results.failed:
        results.add(_pytest("tests/faults/test_soak.py", "-rP"))
    return results


def _faults() -> Results:
    results = _built("faults", FAULT_TARGETS)
    if not results.failed:
        results.add(_pytest("tests/faults", "-n", FAULT_CASES_AT_ONCE, "--dist", "worksteal"))
    return results


def _demo() -> Results:
    folder = paths.DEV / "demo-test"
    Stack(folder).stop()
    shutil.rmtree(folder, ignore_errors=True)  # unfinished jobs of an earlier run would go first
    argv = [paths.ROOT / "dev", "demo", "--once", "--folder", folder, "--uplink", "0"]
    return as_case("demo", lambda shown: command.run(argv, shown, log=LOG_DIR / "test-demo.log"))


def _quick() -> Results:
    results = lint.run(is_quick=True)
    results.add(_unit())
    results.add(_pytest("tests/contract"))
    return results


def _bare() -> Results:
    return as_case("bare machine", bare.run)


def _built(preset: str, targets=None) -> Results:
    """Tests are built with their assertions on: not in the release build."""
    if targets is None:
        targets = build.DAEMONS if preset == "release" else ()
    return as_case(f"build {preset}", lambda shown: build.build_with(shown, preset, targets))


def _ctest(preset: str, chosen: list[str], name: str = "unit", more_env=None) -> Results:
    results = _built(preset)
    if results.failed:
        return results
    junit = _fresh_report(f"ctest-{name}-{preset}")
    argv = ["ctest", "--test-dir", paths.build_dir(preset), "--output-junit", junit,
            "--output-on-failure", "--test-output-size-passed", 1 << 20,
            "--test-output-size-failed", 1 << 20, "-j", build.jobs(), "--timeout", 300,
            *chosen]
    _judged_by_report(f"{name} tests ({preset})", argv,
                      {"CMOCKA_MESSAGE_OUTPUT": "TAP", **(more_env or {})}, junit)
    return of_ctest(junit)


def _pytest(folder: str, *more) -> Results:
    junit = _fresh_report(folder.replace("tests/", "pytest-").replace("/", "-"))
    argv = [paths.TOOLS_PYTHON, "-m", "pytest", folder, "-v", "--tb=short", f"--junitxml={junit}",
            *more]
    _judged_by_report(folder, argv, {}, junit)
    return of_pytest(junit)


def _fresh_report(name: str) -> Path:
    REPORT_DIR.mkdir(parents=True, exist_ok=True)
    path = REPORT_DIR / f"{name}.xml"
    path.unlink(missing_ok=True)
    return path


def _judged_by_report(title: str, argv, more_env: dict, junit: Path) -> None:
    """Runs a test runner; its report says what failed, its exit code only that it wrote one."""
    try:
        with step(title) as shown:
            command.run(argv, shown, cwd=paths.ROOT, env={**os.environ, **more_env},
                        log=LOG_DIR / f"test-{junit.stem}.log", tail_lines=80)
    except DevError as error:
        if not junit.exists():
            raise
        say(f"{error}")


PARTS = {
    "lint": Part(_lint, "format, clang-tidy, shell, Python, rules of ours, systemd units"),
    "build": Part(_build, "gcc and clang, warnings as errors"),
    "unit": Part(_unit, "unit tests under ASan and UBSan"),
    "tsan": Part(_tsan, "unit tests of modules with threads under TSan"),
    "clients": Part(_clients, "our Kafka and PostgreSQL clients against the real servers"),
    "dev": Part(_dev, "./dev itself, and the schemas"),
    "blackbox": Part(_blackbox, "the real processes on a real broker and database"),
    "media": Part(_media, "chunks of every format against ffmpeg; with --long three hours of each"),
    "fuzz": Part(_fuzz, "hostile bytes for parsers, 20 s each; with --long 15 min each"),
    "ssrf": Part(_ssrf, "where the address of a webhook can lead a worker"),
    "faults": Part(_faults, "every fault point, kills, cut connections, servers that go away"),
    "demo": Part(_demo, "./dev demo --once"),
    "quick": Part(_quick, "lint of what is not committed, unit tests, the schemas",
                  is_default=False),
    "mutants": Part(mutants.run, "each mechanism taken away: the tests must notice",
                    is_default=False),
    "bare": Part(_bare, "both README commands in a bare Debian 12", is_default=False),
}
