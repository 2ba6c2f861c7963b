# SPDX-License-Identifier: Apache-2.0
"""`./dev test mutants`: whether the tests notice when a mechanism is missing. Each patch of
tests/mutants takes one away, in a copy of the checkout, and the tests that it names must fail; they
all pass without it, or their failure would say nothing.

A patch begins with lines of a name and a text:

    Removes: what the mechanism does, in one sentence
    Caught by: tests/faults/test_x.py::test_y      (pytest)
    Caught by: unit/assembler-test_x               (a cmocka program)
"""

import os
import shutil
from dataclasses import dataclass
from pathlib import Path

from . import build, command, lint, paths
from .console import DevError, Step
from .results import Results, as_case

FOLDER = paths.ROOT / "tests" / "mutants"
TREE = paths.DEV / "mutants" / "tree"
LOG = paths.DEV / "log" / "test-mutants.log"
PRESET = "faults"
# What the copy shares with us; its builds and its servers are its own.
SHARED = ("deps", "models", "recordings", "venv")
# A broken fleet is waited for: not as long as one that is whole.
PATIENCE_S = 25
SEED = 1
TESTS_FAILED = 1  # pytest's exit code for just that


@dataclass(frozen=True)
class Mutant:
    path: Path
    removes: str
    caught_by: tuple[str, ...]

    @property
    def name(self) -> str:
        return self.path.stem


def read(path: Path) -> Mutant:
    facts: dict[str, list[str]] = {}
    for line in path.read_text(encoding="utf-8").partition("\n---")[0].splitlines():
        name, _, value = line.partition(": ")
        facts.setdefault(name, []).append(value.strip())
    if not facts.get("Removes") or not facts.get("Caught by"):
        raise DevError(f"{path.name} does not say what it removes and what notices")
    return Mutant(path, facts["Removes"][0], tuple(facts["Caught by"]))


def all_of_them() -> list[Mutant]:
    return [read(path) for path in sorted(FOLDER.glob("*.patch"))]


def apply(mutant: Mutant, folder: Path, *options: str) -> None:
    """`folder` may lie in a checkout and is none itself."""
    env = {**os.environ, "GIT_CEILING_DIRECTORIES": str(folder.parent)}
    command.run(["git", "apply", "--recount", "-C1", *options, mutant.path], cwd=folder, env=env,
                log=LOG)


def run() -> Results:
    mutants = all_of_them()
    results = as_case("the copy, unbroken", lambda shown: _expect_green(mutants, shown))
    if not results.failed:
        for mutant in mutants:
            results.add(as_case(f"without {mutant.name}", _trial(mutant)))
    return results


def _trial(mutant: Mutant):
    def run_it(shown: Step) -> None:
        _renew_copy()
        apply(mutant, TREE)
        _expect_red(mutant, shown)
    return run_it


def _renew_copy() -> None:
    """Only what differs is written, so that only that is built again."""
    wanted = {name for name in lint.sources() if (paths.ROOT / name).is_file()}
    (TREE / ".dev").mkdir(parents=True, exist_ok=True)
    for name in SHARED:
        link = TREE / ".dev" / name
        if not link.is_symlink():
            link.symlink_to(paths.DEV / name)
    for folder in TREE.iterdir():
        for path in (folder, *folder.rglob("*")) if folder.name != ".dev" else ():
            if path.is_file() and str(path.relative_to(TREE)) not in wanted:
                path.unlink()
    for name in sorted(wanted):
        source, copy = paths.ROOT / name, TREE / name
        if not copy.exists() or copy.read_bytes() != source.read_bytes():
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, copy)
            shutil.copymode(source, copy)


def _expect_green(mutants: list[Mutant], shown: Step) -> None:
    _renew_copy()
    tests = sorted({test for mutant in mutants for test in mutant.caught_by})
    _build(tests, shown)
    for program in _programs(tests):
        command.run([_built(program)], shown, log=LOG)
    command.run(_pytest(_scripts(tests)), shown, cwd=TREE, env=_environment(), log=LOG)


def _expect_red(mutant: Mutant, shown: Step) -> None:
    """Every test that it names must notice by itself."""
    _build(mutant.caught_by, shown)
    for program in _programs(mutant.caught_by):
        if command.status([_built(program)], shown, log=LOG) == 0:
            raise DevError(f"{program} passes without it: {mutant.removes}")
    for script in _scripts(mutant.caught_by):
        status = command.status(_pytest([script]), shown, cwd=TREE, env=_environment(), log=LOG)
        if status == 0:
            raise DevError(f"{script} passes without it: {mutant.removes}")
        if status != TESTS_FAILED:
            raise DevError(f"{script} could not be run (exit {status}); see {LOG}")


def _scripts(tests) -> list[str]:
    return [test for test in tests if test.startswith("tests/")]


def _programs(tests) -> list[str]:
    return [test.removeprefix("unit/") for test in tests if test.startswith("unit/")]


def _built(program: str) -> Path:
    return TREE / ".dev" / "build" / PRESET / "tests" / program


def _build(tests, shown: Step) -> None:
    folder = TREE / ".dev" / "build" / PRESET
    targets = [*_programs(tests), *(build.DAEMONS if _scripts(tests) else ())]
    if not (folder / "build.ninja").exists():
        command.run(["cmake", "--preset", PRESET], shown, cwd=TREE, log=LOG)
    command.run(["cmake", "--build", folder, "-j", build.jobs(), "--target", *targets], shown,
                cwd=TREE, log=LOG)


def _pytest(scripts: list[str]) -> list:
    return [paths.TOOLS_PYTHON, "-m", "pytest", "-x", "-q", "--tb=short", *scripts]


def _environment() -> dict:
    return {**os.environ, "CHUNKSCRIBE_TEST_SEED": str(SEED),
            "CHUNKSCRIBE_TEST_BUILD": str(TREE / ".dev" / "build" / PRESET),
            "CHUNKSCRIBE_TEST_PATIENCE_S": str(PATIENCE_S)}
