# SPDX-License-Identifier: Apache-2.0
"""A command that is interrupted with ./dev has cleaned up when ./dev ends."""

import os
import signal
import subprocess
import sys

from dev import paths

# Says something while it cleans up, as pytest does, and then leaves its mark. That it takes its
# time is what ./dev must bear: a quarter of a second was too long for it once.
CHILD = """
import signal, sys, time
print("ready", flush=True)
try:
    signal.pause()
finally:
    print("cleaning up", flush=True)
    time.sleep(0.5)
    open(sys.argv[1], "w").close()
"""
PARENT = """
import signal, sys
from pathlib import Path
from types import SimpleNamespace
from dev import command
signal.signal(signal.SIGINT, signal.default_int_handler)
shown = SimpleNamespace(progress=lambda line: print(line, flush=True))
command.run([sys.executable, "-c", sys.argv[1], sys.argv[2]], shown, log=Path(sys.argv[3]))
"""


def test_an_interrupted_command_has_cleaned_up(tmp_path):
    mark = tmp_path / "mark"
    with subprocess.Popen([sys.executable, "-c", PARENT, CHILD, mark, tmp_path / "log"],
                          env={**os.environ, "PYTHONPATH": str(paths.ROOT / "deploy")},
                          stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as parent:
        assert parent.stdout.readline() == b"ready\n"
        parent.send_signal(signal.SIGINT)
        parent.wait(30)
        assert mark.exists()
