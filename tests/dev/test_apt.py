# SPDX-License-Identifier: Apache-2.0
"""Which packages are installed, and how."""

import os
import shutil
import subprocess

import pytest

from dev import apt, command
from dev.console import DevError


@pytest.fixture
def commands(monkeypatch):
    """What would be run, on a machine that has only gcc."""
    ran = []
    monkeypatch.setattr(command, "run", lambda argv, *_args, **_kwargs: ran.append(argv))
    monkeypatch.setattr(apt, "installed", lambda: {"gcc"})
    return ran


def allow_sudo(monkeypatch, is_allowed: bool) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    monkeypatch.setattr(shutil, "which", lambda _name: "/usr/bin/sudo")
    monkeypatch.setattr(subprocess, "run", lambda argv, **_kwargs: subprocess.CompletedProcess(
        argv, 0 if is_allowed else 1))


def test_root_installs_what_is_missing(commands, monkeypatch):
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    apt.install("demo")
    update, install = commands
    assert update[:2] == ["apt-get", "update"]
    assert "cmake" in install
    assert "gcc" not in install


def test_others_install_through_sudo(commands, monkeypatch):
    allow_sudo(monkeypatch, True)
    apt.install("demo")
    assert [argv[0] for argv in commands] == ["sudo", "sudo"]


def test_refused_sudo_is_said(commands, monkeypatch):
    allow_sudo(monkeypatch, False)
    with pytest.raises(DevError, match="sudo was refused"):
        apt.install("demo")
    assert commands == []


def test_missing_sudo_is_said(commands, monkeypatch):
    allow_sudo(monkeypatch, True)
    monkeypatch.setattr(shutil, "which", lambda _name: None)
    with pytest.raises(DevError, match="neither root nor sudo"):
        apt.install("demo")
    assert commands == []


def test_nothing_missing_asks_for_nothing(commands, monkeypatch):
    monkeypatch.setattr(apt, "installed", lambda: apt.wanted(["demo", "test"]))
    apt.install("demo", "test")
    assert commands == []


def test_ubuntu_has_a_name_for_every_package(monkeypatch):
    debian = apt.wanted(["demo", "test"])
    monkeypatch.setattr(apt, "_distribution", lambda: "ubuntu")
    ubuntu = apt.wanted(["demo", "test"])
    assert len(ubuntu) == len(debian)
    assert {"postgresql-16", "postgresql-client-16"} <= ubuntu
