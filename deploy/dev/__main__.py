# SPDX-License-Identifier: Apache-2.0
"""`./dev COMMAND`, once the shell script ./dev has made sure of the machine and of Python."""

import argparse
import signal
import sys
from pathlib import Path

from . import bench, installation, paths, testing
from .console import DevError, say

HELP = """\
./dev demo [FILE] [--once]   install what is missing, start everything, transcribe a recording
                             while it is uploaded; FILE: your own. Leaves everything
                             running until Ctrl-C; with --once, or without a terminal, it stops
                             everything and exits with 0 only if the result is right
./dev up [--port N]          start everything in the background; addresses are in .dev/env
./dev down                   stop it
./dev status                 what runs, where, with which log
./dev logs [NAME...]         follow the logs
./dev build                  build the daemons into .dev/build/release
./dev test [NAME...] [--long]
                             all tests, or parts: {parts};
                             --long: also those that take many minutes
./dev test faults --full     every fault in every combination (hours)
./dev soak [--seed N] [--minutes M]   random faults under load, repeatable by their seed
./dev bench NAME             a benchmark, one JSON object a line: {benches}
./dev clean                  stop everything and remove .dev/
./dev help                   this

--llm                        with demo and up: also a small language model (some 500 MB), so that
                             jobs can ask for use_llm
--folder DIR                 with demo, up, down, status and logs: another installation, whose
                             data, logs and records lie in DIR

Works on Debian 12, x86-64 and ARM64. The names of Ubuntu 24.04's packages are written down in
deploy/dev/packages, but untried. Set-up installs Debian packages, through sudo where it isn't
root; everything else lies in .dev/.

CHUNKSCRIBE_SPEECH_URL, CHUNKSCRIBE_SPEECH_KEY, CHUNKSCRIBE_SPEECH_MODEL
    use this OpenAI-compatible speech API (the URL ends in /v1) instead of a local model.
    Without a URL, the model is one of the local ones: base (the default) or tiny.en.
CHUNKSCRIBE_LLM_URL, CHUNKSCRIBE_LLM_KEY, CHUNKSCRIBE_LLM_MODEL
    correct texts by this OpenAI-compatible language model (the URL ends in /v1)."""


def main() -> int:
    # As Ctrl-C: whoever ends us, what we started is stopped.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    # Scripts start what is to run beside them with SIGINT ignored, and our children would inherit
    # that: we end them by it.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    args = _parser().parse_args()
    try:
        return args.run(args) or 0
    except DevError as error:
        print(f"dev: {error}", file=sys.stderr, flush=True)
        return 1
    except KeyboardInterrupt:
        return 130


def _help(_args) -> None:
    say(HELP.format(parts=", ".join(testing.names()), benches=", ".join(bench.names())))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="./dev", add_help=False)
    parser.set_defaults(run=_help)
    commands = parser.add_subparsers(metavar="COMMAND")

    def add(name: str, run) -> argparse.ArgumentParser:
        command = commands.add_parser(name, add_help=False)
        command.set_defaults(run=run)
        command.add_argument("--folder", type=lambda text: Path(text).resolve(), default=paths.DEV)
        return command

    add("help", _help)
    demo = add("demo", installation.demo)
    demo.add_argument("file", nargs="?")
    demo.add_argument("--once", action="store_true")
    demo.add_argument("--llm", action="store_true")
    demo.add_argument("--port", type=int)
    demo.add_argument("--uplink", type=float, metavar="MBIT")
    up = add("up", installation.up)
    up.add_argument("--port", type=int)
    up.add_argument("--llm", action="store_true")
    up.add_argument("--parts", default="")
    add("down", installation.down)
    add("status", installation.status)
    add("logs", installation.logs).add_argument("names", nargs="*")
    add("clean", installation.clean)
    add("build", installation.build)
    test = add("test", testing.run)
    test.add_argument("names", nargs="*")
    test.add_argument("--full", action="store_true")
    soak = add("soak", testing.soak)
    soak.add_argument("--seed", type=int)
    soak.add_argument("--minutes", type=float, default=10)
    test.add_argument("--long", action="store_true")
    add("bench", bench.run).add_argument("name")
    return parser


if __name__ == "__main__":
    sys.exit(main())
