# SPDX-License-Identifier: Apache-2.0
"""`./dev test bare`: both README commands on a fresh clone in a Debian 12 that has nothing.

A developer's machine hides missing installs. The machine's own client settings (where packages
come from, certificates, the variables that name them) are carried into the chroot; nothing of
them is known here.
"""

import os
import shutil
from pathlib import Path

from . import command, paths
from .console import DevError

FOLDER = paths.DEV / "bare"
LOG = paths.DEV / "log" / "test-bare.log"
KEPT_LOGS = paths.DEV / "log" / "bare"
CHECKOUT = "/src/chunkscribe"
COMMANDS = ("./dev demo", "./dev test")

# Client settings, from the root of the machine to that of the chroot.
SYSTEM_SETTINGS = ("etc/resolv.conf", "etc/hosts", "etc/pip.conf", "etc/apt",
                   "etc/maven/settings.xml", "usr/share/keyrings",
                   "usr/local/share/ca-certificates", "etc/ssl/certs/ca-certificates.crt")
HOME_SETTINGS = (".m2/settings.xml", ".mavenrc", ".pip/pip.conf", ".config/pip/pip.conf", ".netrc",
                 ".npmrc", ".config/go")
# Variables of this process that must not follow into another machine.
OWN_VARIABLES = {"HOME", "PATH", "PWD", "OLDPWD", "SHELL", "SHLVL", "_", "PYTHONPATH", "LOGNAME",
                 "USER", "TMPDIR", "VIRTUAL_ENV", "JAVA_HOME"}


def run(shown) -> None:
    if os.geteuid() != 0:
        raise DevError("./dev test bare needs root: debootstrap and chroot do")
    if not shutil.which("debootstrap"):
        command.run(["apt-get", "install", "-y", "debootstrap"], shown, log=LOG)
    shutil.rmtree(FOLDER, ignore_errors=True)
    FOLDER.mkdir(parents=True)
    LOG.unlink(missing_ok=True)
    try:
        command.run(["debootstrap", "--variant=minbase", "--include=git", "bookworm", FOLDER,
                     *_mirror()], shown, log=LOG)
        _carry_settings()
        command.run(["git", "clone", "--no-hardlinks", paths.ROOT, f"{FOLDER}{CHECKOUT}"], shown,
                    log=LOG)
        for line in COMMANDS:
            _in_chroot(line, shown)
    finally:
        _keep_logs()
        command.run(["rm", "-rf", "--one-file-system", FOLDER], log=LOG)


def _keep_logs() -> None:
    shutil.rmtree(KEPT_LOGS, ignore_errors=True)
    checkout = Path(f"{FOLDER}{CHECKOUT}")
    for folder in [checkout / ".dev/log", *checkout.glob(".dev/*/log")]:
        _carry(folder, KEPT_LOGS / folder.parent.name)


def _in_chroot(line: str, shown) -> None:
    """/proc and /dev are mounted in a mount namespace of its own, and processes live in a process
    namespace of their own: both vanish with the command, and deleting the folder can never reach
    the machine's devices. The folder itself becomes a mount, as the root of a machine is one:
    without, nothing in it could have a mount namespace."""
    script = ('mount --bind "$1" "$1" && '
              'mount -t proc proc "$1/proc" && mount --rbind /dev "$1/dev" && '
              f"exec chroot \"$1\" /bin/bash -c 'cd {CHECKOUT} && {line}'")
    env = {name: value for name, value in os.environ.items() if name not in OWN_VARIABLES}
    env |= {"HOME": "/root", "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"}
    command.run(["unshare", "--mount", "--pid", "--fork", "--kill-child", "/bin/sh", "-c", script,
                 "sh", FOLDER], shown, env=env, log=LOG, tail_lines=40)


def _mirror() -> list[str]:
    """The mirror that apt uses on this machine."""
    text = command.output(["apt-get", "indextargets", "--format", "$(REPO_URI) $(RELEASE)",
                           "Created-By: Packages"])
    for line in text.splitlines():
        uri, _, release = line.partition(" ")
        if release == "bookworm":
            return [uri]
    return []


def _carry_settings() -> None:
    for name in SYSTEM_SETTINGS:
        _carry(Path("/") / name, FOLDER / name)
    for name in HOME_SETTINGS:
        _carry(Path.home() / name, FOLDER / "root" / name)
    for variable in ("PIP_FIND_LINKS",):
        folder = os.environ.get(variable, "")
        if folder.startswith("/"):
            _carry(Path(folder), FOLDER / folder.lstrip("/"))


def _carry(source: Path, target: Path) -> None:
    if source.is_dir():
        shutil.copytree(source, target, symlinks=True, dirs_exist_ok=True)
    elif source.exists():
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, target)
