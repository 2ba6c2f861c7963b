# SPDX-License-Identifier: Apache-2.0
"""PostgreSQL and Kafka once for a run of pytest; an installation of our daemons for each test that
asks for one."""

import os
import shutil
import sys
import threading
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "deploy")]

# pylint: disable=wrong-import-position
from dev import paths  # noqa: E402
from dev.ports import free_port  # noqa: E402
from dev.stack import Stack  # noqa: E402
from support.fake_target import FakeTarget  # noqa: E402
from support.installation import Installation  # noqa: E402

# Two runs at the same time each need a folder of their own.
FOLDER = Path(os.environ.get("CHUNKSCRIBE_TEST_FOLDER", paths.DEV / "test"))
BUILD = Path(os.environ.get("CHUNKSCRIBE_TEST_BUILD", paths.build_dir("release")))


@pytest.fixture(scope="session")
def services():
    folder = FOLDER
    stack = Stack(folder)
    stack.stop()
    shutil.rmtree(folder, ignore_errors=True)
    stack.postgres.start()
    stack.kafka.start()
    yield stack
    stack.stop()


def _installation(services, folder, has_llm=False):
    installation = Installation(services, folder, BUILD, has_llm)
    yield installation
    installation.stop()


@pytest.fixture
def installation(services, tmp_path):
    """For a test that starts, kills or configures daemons: nothing is started yet."""
    yield from _installation(services, tmp_path)


@pytest.fixture(scope="module")
def standing(services, tmp_path_factory):
    """For tests that only talk to the fleet: one for a module, started."""
    for installation in _installation(services, tmp_path_factory.mktemp("standing")):
        yield installation.start()


@pytest.fixture
def llm_installation(services, tmp_path):
    """As `installation`, with a language model."""
    yield from _installation(services, tmp_path, has_llm=True)


@pytest.fixture(scope="module")
def llm_standing(services, tmp_path_factory):
    """As `standing`, with a language model."""
    for installation in _installation(services, tmp_path_factory.mktemp("llm"), has_llm=True):
        yield installation.start(worker_options={"llm-timeout": "2s"})


@pytest.fixture
def target():
    """Where webhooks are sent to."""
    server = FakeTarget(free_port())
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server
    server.script.release()
    server.shutdown()
    server.server_close()
    thread.join(10)


def pytest_collection_modifyitems(config, items):
    """test_seed_fields.py judges what all the others were answered: it comes last, and is left out
    where only some of them are run."""
    last = [item for item in items if item.path.name == "test_seed_fields.py"]
    files = {item.path.name for item in items}
    is_whole = {path.name for path in Path(__file__).parent.glob("test_*.py")} == files \
        and not config.option.keyword and not any("::" in arg for arg in config.args)
    items[:] = [item for item in items if item not in last] + (last if is_whole else [])
    if last and not is_whole:
        config.hook.pytest_deselected(items=last)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    """The daemons' logs belong to a failure."""
    report = yield
    installation = next((value for value in item.funcargs.values()
                         if isinstance(value, Installation)), None)
    if report.failed and installation:
        for log in sorted(installation.table.log_dir.glob("*.log")):
            tail = log.read_text(errors="replace").splitlines()[-40:]
            report.sections.append((log.name, "\n".join(tail)))
    return report
