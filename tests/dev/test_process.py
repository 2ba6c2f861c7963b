# SPDX-License-Identifier: Apache-2.0
"""What ./dev started is what it ends, and nothing else."""

import json
import os
import signal
import subprocess
import time
from pathlib import Path

import pytest

from dev.console import DevError
from dev.process import ProcessTable, start_time

SLEEPER = ["sleep", "1000"]
# Its first thread ends, as that of a killed process may before the others do.
LEADERLESS = ["python3", "-c", "import ctypes, threading, time\n"
              "threading.Thread(target=time.sleep, args=(1000,)).start()\n"
              "ctypes.CDLL(None).pthread_exit(None)"]
# Says so once it no longer ends on SIGTERM.
STUBBORN = ["sh", "-c", "trap '' TERM; echo deaf; while :; do sleep 0.1; done"]


@pytest.fixture
def table(tmp_path):
    table = ProcessTable(tmp_path)
    yield table
    for record in table.all():
        if record.is_running():
            os.kill(record.pid, signal.SIGKILL)


def is_gone(pid: int) -> bool:
    return start_time(pid) is None


def test_started_process_is_found_by_another_table(table, tmp_path):
    record = table.start("a", SLEEPER, facts={"port": 1})
    found = ProcessTable(tmp_path).find("a")
    assert found == record
    assert found.facts == {"port": 1}


def test_stop_ends_it_and_forgets_it(table):
    record = table.start("a", SLEEPER)
    assert table.stop("a") is True
    assert is_gone(record.pid)
    assert table.all() == []


def test_stop_kills_what_does_not_listen(table):
    record = table.start("a", STUBBORN)
    log = table.log_dir / "a.log"
    table.wait_ready("a", lambda: "deaf" in log.read_text(), 10)
    assert table.stop("a", grace_s=0.2) is False
    assert is_gone(record.pid)


def test_recycled_pid_is_left_alone(table):
    stranger = subprocess.Popen(SLEEPER)
    try:
        table.start("a", ["true"])
        assert table.wait_exit("a", 10) == 0
        path = table.run_dir / "a.json"
        recycled = {"pid": stranger.pid, "start_time": start_time(stranger.pid) - 1}
        path.write_text(json.dumps(json.loads(path.read_text()) | recycled))
        assert table.find("a") is None
        table.stop("a")
        assert stranger.poll() is None
    finally:
        stranger.kill()
        stranger.wait()


def test_a_process_is_there_as_long_as_one_of_its_threads(table):
    record = table.start("a", LEADERLESS)
    while Path(f"/proc/{record.pid}/stat").read_text().split()[2] != "Z":
        time.sleep(0.01)
    assert not is_gone(record.pid)
    table.kill("a")
    assert is_gone(record.pid)


def test_same_name_twice_is_refused(table):
    table.start("a", SLEEPER)
    with pytest.raises(DevError, match="running already"):
        table.start("a", SLEEPER)


def test_kill_leaves_the_name_free_again(table):
    first = table.start("a", SLEEPER)
    table.kill("a")
    assert is_gone(first.pid)
    assert table.start("a", SLEEPER).pid != first.pid


def test_wait_ready_tells_the_end_of_the_log_of_a_process_that_ended(table):
    table.start("a", ["sh", "-c", "echo went wrong >&2; exit 3"])
    with pytest.raises(DevError, match="went wrong"):
        table.wait_ready("a", lambda: False, 10)


def test_exit_status_is_kept(table):
    table.start("a", ["sh", "-c", "exit 3"])
    assert table.wait_exit("a", 10) == 3
