# SPDX-License-Identifier: Apache-2.0
"""A broker, a database and a fleet of the build with fault points, for all of tests/faults."""

import os
import random
import shutil
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "deploy"), str(ROOT / "tests" / "faults")]

# pylint: disable=wrong-import-position
from dev import paths, ports  # noqa: E402
from dev.kafka import SHORT_LIVED, Kafka  # noqa: E402
from dev.ports import free_port  # noqa: E402
from dev.postgres import Postgres  # noqa: E402
from dev.process import ProcessTable  # noqa: E402
from dev.stack import Stack  # noqa: E402
from fleet import BUILD, LONG_SESSION_S, FaultFleet, session  # noqa: E402
from support.installation import Installation  # noqa: E402
from support.tcp_proxy import TcpProxy  # noqa: E402

# pytest-xdist shares the cases out to several processes, each with servers and a fleet of its own,
# in a folder and on ports that no other takes: gw0, gw1, ...; "" where one has all of them.
SHARE = os.environ.get("PYTEST_XDIST_WORKER", "")
FOLDER = paths.DEV / f"faults-test{SHARE}"
if SHARE:
    SHARES = int(os.environ["PYTEST_XDIST_WORKER_COUNT"])
    ports.PORTS = ports.PORTS[int(SHARE.removeprefix("gw")) % SHARES::SHARES]

# Drawn once: those processes inherit it.
SEED = int(os.environ.setdefault("CHUNKSCRIBE_TEST_SEED",
                                 str(random.SystemRandom().randrange(1 << 20))))

# What processes may say of the faults themselves; anything else on level error fails the run.
TOLD = (
    r"upload_failed",       # a disk that is full or fails
    # A broker that stood still takes a member that asked twice for two. The process ends and is
    # started again by its supervisor.
    r"Static consumer fenced",
    r"Failed to fetch committed offset",  # and the same where it has forgotten that it coordinates
    r"record_unreadable",   # a record that was planted
    r"kafka_producer_lost",
)


def pytest_report_header():
    return f"CHUNKSCRIBE_TEST_SEED={SEED}"


def pytest_collection_modifyitems(items):
    """The longest first: what is left then can be shared out evenly."""
    items.sort(key=lambda item: item.name != "test_soak")


@pytest.hookimpl(tryfirst=True)
def pytest_unconfigure(config):
    """Of an interrupted run, pytest-xdist ends the processes before they have cleaned up."""
    if config.pluginmanager.hasplugin("dsession"):
        for folder in paths.DEV.glob("faults-testgw*"):
            stop_all(folder)


def stop_all(folder: Path) -> None:
    """Whatever runs there. It says nothing: nobody may listen any more."""
    fleet = ProcessTable(folder / "fleet")
    fleet.stop_all([record.name for record in fleet.all()], grace_s=10)
    stack = Stack(folder)
    stack.kafka.stop()
    stack.postgres.stop()


@pytest.fixture(scope="session")
def seed():
    return SEED


@pytest.fixture(scope="session")
def services():
    """Kafka is reached through a proxy: a broker tells its clients where it wants to be found. Both
    servers are away for a while now and then: nobody else may get their ports meanwhile."""
    stop_all(FOLDER)
    shutil.rmtree(FOLDER, ignore_errors=True)
    stack = Stack(FOLDER)
    port = free_port()
    stack.postgres = Postgres(FOLDER, stack.table, port=free_port())
    stack.kafka = Kafka(FOLDER, stack.table, port=free_port(), advertised_port=port,
                        properties={"group.min.session.timeout.ms": 1000},
                        java_options=SHORT_LIVED)
    stack.postgres.start()
    stack.kafka.start()
    stack.kafka_proxy = TcpProxy(stack.kafka.port, port)
    yield stack
    stack.kafka_proxy.close()
    stack.stop()


@pytest.fixture(scope="session")
def standing(services):
    """The fleet that most cases share: each leaves it whole, or the next one finds out."""
    folder = FOLDER / "fleet"
    folder.mkdir()
    installation = Installation(services, folder, BUILD, has_llm=True)
    for pattern in TOLD:
        installation.expect_error(pattern)
    fleet = FaultFleet(installation).start_all().supervise()
    yield fleet
    fleet.end()
    installation.stop()


@pytest.fixture
def fleet(standing):
    standing.revive()
    yield standing
    standing.installation.speech.script.reset()
    standing.revive()


@pytest.fixture
def patient(fleet):
    """Workers that wait for the speech service, however long a test lets it hold them and however
    many chunks, and whose starts mean what the test does: none loses its work because the machine
    is busy."""
    options = {"speech-timeout": "300s", "max-in-flight": "64", "max-speech-requests": "64",
               **session(LONG_SESSION_S)}
    with fleet.configured({name: options for name in ("worker-1", "worker-2")}):
        yield fleet


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    """The processes' logs belong to a failure."""
    report = yield
    fleet = item.funcargs.get("fleet")
    if report.failed and fleet:
        for log in sorted(fleet.table.log_dir.glob("*.log")):
            tail = log.read_text(errors="replace").splitlines()[-40:]
            report.sections.append((log.name, "\n".join(tail)))
    return report


@pytest.fixture
def forbearing(fleet):
    """So many kills and rebalances come at one chunk here that it would be held for their cause."""
    with fleet.configured({name: {"max-starts": "50"} for name in ("assembler-1", "assembler-2")}):
        yield fleet
