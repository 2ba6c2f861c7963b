# SPDX-License-Identifier: Apache-2.0
"""The machine's packages, installed by name where they are missing."""

import os
import shutil
import subprocess
from pathlib import Path

from . import command
from .console import DevError, step

LISTS = Path(__file__).parent / "packages"


def install(*lists: str) -> None:
    """Installs what is missing of the given lists (`demo`, `test`)."""
    missing = sorted(wanted(lists) - installed())
    if not missing:
        return
    with step(f"Debian packages: {_named(missing)}") as shown:
        command.run([*_as_root(), "apt-get", "update", "-q"], shown, own_group=False)
        # A configuration file that the machine has already is kept, without a question.
        command.run([*_as_root(), "env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "install",
                     "-q", "-y", "--no-install-recommends", "-o", "Dpkg::Options::=--force-confdef",
                     "-o", "Dpkg::Options::=--force-confold", *missing], shown,
                    own_group=False)


def wanted(lists) -> set[str]:
    names = {line.strip() for name in lists
             for line in (LISTS / f"{name}.txt").read_text().splitlines()
             if line.strip() and not line.startswith("#")}
    return {_for_ubuntu(name) for name in names} if _distribution() == "ubuntu" else names


def installed() -> set[str]:
    text = command.output(["dpkg-query", "-W", "-f", "${db:Status-Status} ${Package}\n"])
    return {line.split()[1] for line in text.splitlines() if line.startswith("installed ")}


def _for_ubuntu(name: str) -> str:
    return name.replace("postgresql-15", "postgresql-16").replace("client-15", "client-16") \
        .replace("libclang-rt-14-dev", "libclang-rt-18-dev")


def _distribution() -> str:
    for line in Path("/etc/os-release").read_text().splitlines():
        if line.startswith("ID="):
            return line[3:].strip('"')
    return ""


def _named(packages: list[str]) -> str:
    return ", ".join(packages[:4]) + (f" and {len(packages) - 4} more" if len(packages) > 4 else "")


def _as_root() -> list[str]:
    if os.geteuid() == 0:
        return []
    if not shutil.which("sudo"):
        raise DevError("packages are missing, and there is neither root nor sudo to install them")
    # Asks for the password, if there is one to ask for, before output is captured.
    if subprocess.run(["sudo", "-v"], check=False).returncode != 0:
        raise DevError("sudo was refused; packages can't be installed")
    return ["sudo"]
