# SPDX-License-Identifier: Apache-2.0
"""Checks of the sources that need no running part."""

import hashlib
import json
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from . import build, command, paths
from .console import say, step
from .results import Results, as_case, of_check

LOG = paths.DEV / "log" / "lint.log"
TIDY_CACHE = paths.DEV / "lint" / "clang-tidy.json"


def run(is_quick: bool = False) -> Results:
    """Quick: clang-tidy, which takes minutes for everything, looks only at uncommitted files."""
    results = Results()
    c_files = sources("*.c", "*.h")
    tidied = _uncommitted() if is_quick else c_files
    results.add(_check("clang-format", ["clang-format", "--dry-run", "-Werror", *c_files]))
    results.add(_clang_tidy([path for path in tidied if path.endswith(".c")]))
    results.add(_check("shellcheck", ["shellcheck", "-x", *shell_scripts()]))
    results.add(_check("ruff", [paths.VENVS / "tools/bin/ruff", "check", "--quiet", "."]))
    for checker in sources("tests/tools/check_*.py"):
        results.add(_check(Path(checker).stem, [paths.TOOLS_PYTHON, checker]))
    if units := sources("deploy/systemd/*.service"):
        results.add(_check("systemd units", ["deploy/dev/check_units.sh", *units]))
    return results


def sources(*patterns: str) -> list[str]:
    """Files of the checkout, committed or new, but none that are ignored."""
    listed = command.output(["git", "ls-files", "-co", "--exclude-standard", "--", *patterns],
                            cwd=paths.ROOT)
    return [name for name in sorted(set(listed.splitlines())) if (paths.ROOT / name).exists()]


def _uncommitted() -> list[str]:
    status = command.output(["git", "status", "--porcelain", "-uall"], cwd=paths.ROOT)
    return [line[3:].split(" -> ")[-1] for line in status.splitlines() if line[0] != "D"
            and line[1] != "D"]


def shell_scripts() -> list[str]:
    return ["dev", *sources("*.sh", ".ci/run")]


def _check(name: str, argv) -> Results:
    return as_case(name, lambda shown: command.run(argv, shown, cwd=paths.ROOT, log=LOG))


def _clang_tidy(files: list[str]) -> Results:
    """A file that passed is looked at again only when it, a header or the checks have changed."""
    headers = "".join(_digest(name) for name in sources("*.h", ".clang-tidy"))
    wanted = {name: hashlib.sha256((headers + _digest(name)).encode()).hexdigest()
              for name in files if not name.startswith("tests/")}
    passed = _read_cache()
    stale = [name for name, digest in wanted.items() if passed.get(name) != digest]
    folder = build.configure("clang")
    with step(f"clang-tidy ({len(stale)} of {len(wanted)} files to look at)") as shown:
        with ThreadPoolExecutor(build.jobs()) as pool:
            failures = {}
            tidied = pool.map(lambda name: (name, _tidy(folder, name)), stale)
            for index, (name, output) in enumerate(tidied, start=1):
                shown.progress(f"{index}/{len(stale)} {name}")
                if output:
                    failures[name] = output
    done = {**passed, **{name: digest for name, digest in wanted.items() if name not in failures}}
    TIDY_CACHE.parent.mkdir(parents=True, exist_ok=True)
    TIDY_CACHE.write_text(json.dumps(done))
    for finding in sorted({line for output in failures.values() for line in output.splitlines()
                           if " error: " in line}):
        say(f"    {finding.removeprefix(f'{paths.ROOT}/')}")
    return of_check("clang-tidy", not failures)


def _tidy(folder: Path, name: str) -> str:
    """What clang-tidy has to say; empty if nothing."""
    done = subprocess.run(["clang-tidy", "--quiet", "--warnings-as-errors=*", "-p", folder, name],
                          cwd=paths.ROOT, capture_output=True, text=True, check=False)
    return done.stdout + done.stderr if done.returncode else ""


def _read_cache() -> dict:
    try:
        return json.loads(TIDY_CACHE.read_text())
    except (OSError, ValueError):
        return {}


def _digest(name: str) -> str:
    return hashlib.sha256((paths.ROOT / name).read_bytes()).hexdigest()
