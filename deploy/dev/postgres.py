# SPDX-License-Identifier: Apache-2.0
"""A private PostgreSQL: own data directory, own socket, own port."""

import os
import pwd
import shutil
import signal
import subprocess
from pathlib import Path

from . import command
from .console import DevError
from .ports import preferred_port
from .process import ProcessTable

NAME = "postgres"
PREFERRED_PORT = 15432
SUPERUSER = "chunkscribe"
SERVER_USER = "postgres"

SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "max_connections": "200",
    "shared_buffers": "128MB",
    "max_wal_size": "512MB",
    "log_min_duration_statement": "500ms",
}


class Postgres:
    """Starts and stops one server in `folder`/postgres, always on the same port once it has one
    (`port`, or a preferred one)."""

    def __init__(self, folder: Path, table: ProcessTable, port: int | None = None):
        self._data = folder / "postgres" / "data"
        self._table = table
        self._port = port

    def start(self, shown=None) -> None:
        if self._table.find(NAME):
            return
        if not (self._data / "PG_VERSION").exists():
            self._initialise(shown)
        port = self._port = self._port or preferred_port(PREFERRED_PORT)
        argv = [_bin("postgres"), "-D", self._data, "-p", port, "-k", self._data]
        for key, value in SETTINGS.items():
            argv += ["-c", f"{key}={value}"]
        self._table.start(NAME, _as_server_user(self._data, argv), cwd="/", facts={"port": port})
        self._table.wait_ready(NAME, lambda: _accepts(port), 60, shown)

    def stop(self) -> None:
        """SIGTERM would wait for every client; SIGINT is PostgreSQL's fast shutdown."""
        record = self._table.find(NAME)
        if record:
            os.kill(record.pid, signal.SIGINT)
        self._table.stop(NAME, grace_s=20)

    def stop_at_once(self) -> None:
        """As `pg_ctl stop -m immediate`: no checkpoint, the next start recovers from the log."""
        record = self._table.find(NAME)
        if record:
            os.kill(record.pid, signal.SIGQUIT)
        self._table.stop(NAME, grace_s=20)

    def url(self, database: str = "chunkscribe") -> str:
        record = self._table.find(NAME)
        if not record:
            raise DevError("PostgreSQL is not running")
        return f"postgresql://{SUPERUSER}@127.0.0.1:{record.facts['port']}/{database}"

    def create_database(self, database: str) -> str:
        """Creates `database` unless it is there; returns its URL."""
        there = self.query(f"SELECT 1 FROM pg_database WHERE datname = '{database}'")
        if not there:
            self.query(f'CREATE DATABASE "{database}"')
        return self.url(database)

    def drop_database(self, database: str) -> None:
        self.query(f'DROP DATABASE IF EXISTS "{database}" WITH (FORCE)')

    def query(self, sql: str, database: str = "postgres") -> str:
        return command.output([_bin("psql"), "-XAtq", "-v", "ON_ERROR_STOP=1",
                               "-d", self.url(database), "-c", sql]).strip()

    def _initialise(self, shown) -> None:
        shutil.rmtree(self._data, ignore_errors=True)
        self._data.mkdir(parents=True)
        if os.geteuid() == 0:
            user = _server_user()
            os.chown(self._data, user.pw_uid, user.pw_gid)
        argv = [_bin("initdb"), "-D", self._data, "-U", SUPERUSER, "-A", "trust", "-E", "UTF8",
                "--locale=C.UTF-8", "--no-sync"]
        command.run(_as_server_user(self._data, argv), shown, cwd="/")


def _bin(program: str) -> Path:
    """Debian keeps a folder of programs for each major version; what is in PATH are wrappers that
    take ten times as long to start."""
    found = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{program}"),
                   key=lambda path: int(path.parts[4]))
    if not found:
        raise DevError(f"PostgreSQL's {program} is missing (Debian package postgresql-15)")
    return found[-1]


def _server_user() -> pwd.struct_passwd:
    try:
        return pwd.getpwnam(SERVER_USER)
    except KeyError:
        raise DevError(f"the user {SERVER_USER} of Debian's package is missing") from None


def _as_server_user(data: Path, argv: list) -> list:
    """PostgreSQL refuses to run as root, so root hands it to the package's user."""
    if os.geteuid() != 0:
        return argv
    _server_user()
    prefix = ["setpriv", f"--reuid={SERVER_USER}", f"--regid={SERVER_USER}", "--clear-groups"]
    if not all(folder.stat().st_mode & 0o001 for folder in data.parents):
        # A checkout below /root: the user may pass through folders, and nothing more than that.
        prefix += ["--inh-caps=+dac_read_search", "--ambient-caps=+dac_read_search"]
    return prefix + argv


def _accepts(port: int) -> bool:
    done = subprocess.run([_bin("pg_isready"), "-q", "-h", "127.0.0.1", "-p", str(port)],
                          check=False)
    return done.returncode == 0
