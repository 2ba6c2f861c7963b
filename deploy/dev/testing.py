# SPDX-License-Identifier: Apache-2.0
"""`./dev test`: every test there is, on one footing, with one summary."""

import os
import time

from . import setup
from .console import DevError, heading, say
from .results import Results, of_check
from .suites import LOG_DIR, PARTS, run_soak


def names() -> list[str]:
    return list(PARTS)


def run(args) -> int:
    chosen = args.names or [name for name, part in PARTS.items() if part.is_default]
    unknown = [name for name in chosen if name not in PARTS]
    if unknown:
        raise DevError(f"no test part {', '.join(unknown)}; there are: {', '.join(PARTS)}")
    for name in ("CHUNKSCRIBE_SPEECH_URL", "CHUNKSCRIBE_SPEECH_KEY"):
        os.environ.pop(name, None)  # the same tests everywhere, and nobody's bill
    if args.long:
        os.environ["CHUNKSCRIBE_TEST_LONG"] = "1"
    if args.full:
        os.environ["CHUNKSCRIBE_FAULTS"] = "full"
    setup.set_up_tests()
    began = time.monotonic()
    table = [(name, _run_part(name, chosen)) for name in chosen]
    return _summarise(table, time.monotonic() - began)


def soak(args) -> int:
    """The random part of the fault tests, as long as asked for."""
    os.environ["CHUNKSCRIBE_SOAK_MINUTES"] = str(args.minutes)
    if args.seed is not None:
        os.environ["CHUNKSCRIBE_TEST_SEED"] = str(args.seed)
    setup.set_up_tests()
    began = time.monotonic()
    results = run_soak()
    took_s = time.monotonic() - began
    return _summarise([("soak", (results, took_s))], took_s)


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
