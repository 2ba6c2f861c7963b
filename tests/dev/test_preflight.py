# SPDX-License-Identifier: Apache-2.0
"""What ./dev refuses before it downloads anything: one clear line each."""

import os
import shutil
import socket
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def check(function: str, *args: str) -> subprocess.CompletedProcess:
    script = f'. deploy/dev/preflight.sh && {function} "$@"'
    return subprocess.run(["bash", "-c", script, "bash", *args], cwd=ROOT, text=True,
                          capture_output=True, check=False)


def is_refused_in_one_line(done: subprocess.CompletedProcess, *told: str) -> bool:
    assert done.returncode != 0
    lines = done.stderr.splitlines()
    assert len(lines) == 1, done.stderr
    assert done.stdout == ""
    return all(word in lines[0] for word in told)


def free_low_port() -> int:
    for port in range(20_000, 32_768):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) != 0:
                return port
    raise AssertionError("no free port")


@pytest.mark.parametrize("machine", ["x86_64", "aarch64"])
def test_known_cpu_passes(machine):
    assert check("preflight_cpu", machine).returncode == 0


@pytest.mark.parametrize("machine", ["riscv64", "armv7l", ""])
def test_unknown_cpu_is_refused(machine):
    assert is_refused_in_one_line(check("preflight_cpu", machine), "CPU", machine)


def test_debian_12_passes_silently():
    done = check("preflight_distribution", "debian", "12")
    assert (done.returncode, done.stderr) == (0, "")


def test_ubuntu_lts_passes_and_is_said_to_be_untried():
    done = check("preflight_distribution", "ubuntu", "24.04")
    assert done.returncode == 0
    assert "untried" in done.stderr


@pytest.mark.parametrize("distribution", [("fedora", "40"), ("debian", "11"), ("alpine", "3.20")])
def test_unknown_distribution_is_refused(distribution):
    done = check("preflight_distribution", *distribution)
    assert is_refused_in_one_line(done, "distribution", *distribution)


def test_disk_with_too_little_space_is_refused():
    done = check("preflight_disk", "99", "100", "/somewhere")
    assert is_refused_in_one_line(done, "99 MB free", "100 MB", "/somewhere")


def test_disk_with_just_enough_space_passes():
    assert check("preflight_disk", "100", "100", "/somewhere").returncode == 0


def test_a_set_up_checkout_needs_little(tmp_path):
    fresh = int(check("preflight_needed_mb", str(tmp_path)).stdout)
    (tmp_path / "deps/kafka").mkdir(parents=True)
    (tmp_path / "deps/kafka/.stamp").touch()
    assert int(check("preflight_needed_mb", str(tmp_path)).stdout) < fresh / 4


@pytest.mark.parametrize("port", ["0", "32768", "70000", "http", "", "-1", "000000"])
def test_port_out_of_range_is_refused(port):
    assert is_refused_in_one_line(check("preflight_port", port), "port", port)


@pytest.fixture
def taken_port():
    port = free_low_port()
    with socket.create_server(("127.0.0.1", port)):
        yield port


def test_taken_port_is_refused(taken_port):
    done = check("preflight_port", str(taken_port))
    assert is_refused_in_one_line(done, "taken", str(taken_port))


def test_free_port_passes():
    assert check("preflight_port", str(free_low_port())).returncode == 0


# --- The whole command, in a checkout of its own -------------------------------------------------


@pytest.fixture
def checkout(tmp_path):
    """As much of a fresh clone as ./dev needs to start."""
    shutil.copy(ROOT / "dev", tmp_path)
    shutil.copytree(ROOT / "deploy" / "dev", tmp_path / "deploy" / "dev")
    return tmp_path


def dev(checkout: Path, *args: str, **programs: str) -> subprocess.CompletedProcess:
    """Runs ./dev where the given programs print the given text."""
    shims = checkout / "shims"
    shims.mkdir()
    for name, text in programs.items():
        (shims / name).write_text(f"#!/bin/sh\ncat <<'END'\n{text}\nEND\n")
        (shims / name).chmod(0o755)
    env = {**os.environ, "PATH": f"{shims}:{os.environ['PATH']}"}
    return subprocess.run(["./dev", *args], cwd=checkout, env=env, text=True, timeout=60,
                          capture_output=True, check=False)


COMMANDS = ["demo", "up", "build", "test", "bench"]
FULL_DISK = "Filesystem 1M-blocks Used Available Capacity Mounted\n/dev/disk 1000 999 1 99% /"


@pytest.mark.parametrize("command", COMMANDS)
def test_unknown_cpu_stops_the_command_before_set_up(checkout, command):
    done = dev(checkout, command, uname="riscv64")
    assert is_refused_in_one_line(done, "riscv64")
    assert not (checkout / ".dev").exists()


@pytest.mark.parametrize("command", COMMANDS)
def test_full_disk_stops_the_command_before_set_up(checkout, command):
    done = dev(checkout, command, df=FULL_DISK)
    assert is_refused_in_one_line(done, "1 MB free")
    assert not (checkout / ".dev").exists()


@pytest.mark.parametrize("form", ["--port {}", "--port={}"])
def test_taken_port_stops_the_command_before_set_up(checkout, taken_port, form):
    done = dev(checkout, "up", *form.format(taken_port).split())
    assert is_refused_in_one_line(done, f"port {taken_port} is taken")
    assert not (checkout / ".dev").exists()


def test_help_needs_no_set_up(checkout):
    done = dev(checkout, "help")
    assert done.returncode == 0
    assert "./dev demo" in done.stdout
    assert not (checkout / ".dev").exists()
