# SPDX-License-Identifier: Apache-2.0
"""`./dev COMMAND`, once deploy/dev/bootstrap.sh has made sure that Python is there."""

import argparse
from pathlib import Path

from . import deps, paths
from .console import step
from .stack import Stack


def up(args) -> None:
    parts = args.parts.split(",")
    deps.tools_venv()
    stack = Stack(args.folder)
    if "postgres" in parts:
        with step("PostgreSQL") as shown:
            stack.postgres.start(shown)
            stack.postgres.create_database("chunkscribe")
        print(stack.postgres.url())
    if "kafka" in parts:
        deps.kafka_jars()
        with step("Kafka") as shown:
            stack.kafka.start(shown)
        print(stack.kafka.brokers())


def down(args) -> None:
    Stack(args.folder).stop()


parser = argparse.ArgumentParser()
sub = parser.add_subparsers()
for name, fn in (("up", up), ("down", down)):
    p = sub.add_parser(name)
    p.add_argument("--folder", type=lambda s: Path(s).resolve(), default=paths.DEV)
    p.add_argument("--parts", default="postgres,kafka")
    p.set_defaults(fn=fn)
args = parser.parse_args()
args.fn(args)
