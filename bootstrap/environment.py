"""The folders, the Python environment and the environment variables that every other program gets."""

import contextlib
import fcntl
import hashlib
import importlib.util
import os
import pwd
import secrets
import socket
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from bootstrap.console import SetUpFailed, run_step, say

CHECKOUT = Path(__file__).resolve().parent.parent
DEFAULT_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
# They belong to the shell that we were started from and would lead our programs to another Python.
NOT_PASSED_ON = {
    "PYTHONHOME",
    "PYTHONPATH",
    "PYTHONSTARTUP",
    "PYTHONINSPECT",
    "VIRTUAL_ENV",
    "DJANGO_SETTINGS_MODULE",
}


@dataclass(frozen=True)
class Folders:
    """Where a set-up lives: ``data`` holds what must be kept, ``venv`` can be built again."""

    data: Path
    venv: Path

    @classmethod
    def of(cls, data: str | None) -> "Folders":
        """``.run/`` in the checkout, or everything in the one folder that was named."""
        if data is None:
            return cls(data=CHECKOUT / ".run" / "data", venv=CHECKOUT / ".run" / "venv")
        named = Path(data).expanduser().absolute()
        return cls(data=named, venv=named / "venv")

    @property
    def python(self) -> Path:
        return self.venv / "bin" / "python"

    def create(self) -> None:
        """Make the data folder, closed to others; raises SetUpFailed where we may not write."""
        try:
            self.data.mkdir(parents=True, exist_ok=True, mode=0o700)
            (self.data / "static").mkdir(exist_ok=True)  # Django warns when it is absent
        except OSError as error:
            raise SetUpFailed(f"Cannot create {self.data}: {error.strerror}.\n{_ANOTHER_FOLDER}") from error
        for folder in (self.data, self.venv if self.venv.exists() else self.venv.parent):
            if not os.access(folder, os.W_OK):
                raise SetUpFailed(f"Cannot write to {folder}: it belongs to another user.\n{_ANOTHER_FOLDER}")


_ANOTHER_FOLDER = "Name a folder of your own with --data, for example:  python3 run.py --data ~/alignment"


@contextlib.contextmanager
def sole_use(folders: Folders, address: str) -> Iterator[None]:
    """Hold the data folder for one running product; raises SetUpFailed when another one has it."""
    with (folders.data / "run.lock").open("a+", encoding="utf-8") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.seek(0)
            who = lock.read().strip() or "another run.py"
            raise SetUpFailed(
                f"It is already running on {folders.data}: {who}.\n"
                "Stop that one first, or give this one a folder and port of its own:  "
                "python3 run.py --data DIR --port 8001"
            ) from None
        lock.truncate(0)
        lock.write(f"process {os.getpid()}, {address}\n")
        lock.flush()
        yield
        lock.truncate(0)


def require_free_port(host: str, port: int) -> None:
    """Raise SetUpFailed when nothing can listen there; asked before the long part of the set-up."""
    try:
        family, kind, protocol, _, place = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        with socket.socket(family, kind, protocol) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(place)
    except OSError as error:
        raise SetUpFailed(
            f"Cannot listen on {host}, port {port}: {error.strerror or error}.\n"
            f"Choose another place, for example:  python3 run.py --port {port + 1 if port < 65535 else 8001}",
            status=2,
        ) from error


def this_python() -> str:
    """The running interpreter; ``sys.executable`` is empty when it was started with no PATH."""
    if sys.executable:
        return sys.executable
    with contextlib.suppress(OSError):
        return os.readlink("/proc/self/exe")
    return "/usr/bin/python3"


def prepare_python(folders: Folders, *, for_tests: bool = False) -> None:
    """Build the virtual environment once; later starts see by the stamp that nothing has changed."""
    names = ["requirements.txt", "requirements-dev.txt"] if for_tests else ["requirements.txt"]
    stamps = {name: folders.venv / f"{name}.installed" for name in names}
    digests = {name: _digest(names[: index + 1]) for index, name in enumerate(names)}
    if folders.python.exists() and _read(stamps[names[-1]]) == digests[names[-1]]:
        return
    env = child_environment(folders)
    if not folders.python.exists() or not (folders.venv / "bin" / "pip").exists():  # none, or half of one
        _require_venv_module()
        command = [this_python(), "-m", "venv", "--clear", str(folders.venv)]
        log = folders.data / "venv.log"
        run_step(
            f"Creating the Python environment in {folders.venv}", command, env=env, cwd=CHECKOUT, log=log
        )
    run_step(
        f"Installing what {names[-1]} names (the first time takes about half a minute)",
        [
            str(folders.python),
            "-m",
            "pip",
            "install",
            "--disable-pip-version-check",
            "--no-input",
            "-r",
            names[-1],
        ],
        env=env,
        cwd=CHECKOUT,
        log=folders.data / "pip.log",
        advice="pip needs to reach a package index. Behind a proxy set HTTPS_PROXY; with a mirror\n"
        "set PIP_INDEX_URL; offline set PIP_NO_INDEX=1 and PIP_FIND_LINKS=FOLDER of wheels. Then try again.",
    )
    for name, stamp in stamps.items():
        stamp.write_text(digests[name], encoding="utf-8")


def child_environment(folders: Folders, extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """What every program of ours gets; complete also when we were started with an empty environment."""
    is_ours = not os.environ.get("DATABASE_URL")  # PGSSLROOTCERT and the like belong to a database of yours
    env = {
        name: value
        for name, value in os.environ.items()
        if name not in NOT_PASSED_ON and not (is_ours and name.startswith("PG"))
    }
    env["PATH"] = os.pathsep.join([str(folders.venv / "bin"), env.get("PATH") or DEFAULT_PATH])
    env.setdefault("HOME", _home(folders))
    env.setdefault("LANG", "C.UTF-8")
    env |= {"PYTHONUTF8": "1", "PYTHONUNBUFFERED": "1", "DATA_DIR": str(folders.data)}
    return env | dict(extra or {})


def product_environment(
    folders: Folders, *, host: str, port: int, database: Mapping[str, str]
) -> dict[str, str]:
    """The environment of the product itself. What was set outside stands; the rest is filled in."""
    env = child_environment(folders, database)
    place = address(host, port)
    env.setdefault("DEBUG", "0")
    env.setdefault("PRODUCTION", "0")
    env.setdefault("BASE_URL", place)
    env.setdefault("ALLOWED_HOSTS", ",".join(_names_of(host)))
    if not env.get("SECRET_KEY"):
        env["SECRET_KEY"] = secret_key(folders.data / "secret_key")
    return env


def secret_key(path: Path) -> str:
    """The secret of this set-up: made once, readable by its owner only."""
    with contextlib.suppress(FileExistsError):
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(secrets.token_urlsafe(64))
        say(f"Made a secret key in {path}")
    return path.read_text(encoding="utf-8").strip()


def address(host: str, port: int) -> str:
    """Where a browser on this machine finds it."""
    name = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(host, f"[{host}]" if ":" in host else host)  # noqa: S104
    return f"http://{name}:{port}"


def _names_of(host: str) -> list[str]:
    names = {"localhost", "127.0.0.1", "[::1]", f"[{host}]" if ":" in host else host}
    if host in {"0.0.0.0", "::"}:  # noqa: S104 (asked for by the caller)
        names -= {"0.0.0.0", "[::]"}  # noqa: S104
        names |= {socket.gethostname(), socket.getfqdn()}
        # Connecting a datagram socket sends nothing; it only asks which of our addresses faces outwards.
        with contextlib.suppress(OSError), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            probe.connect(("192.0.2.1", 9))
            names.add(probe.getsockname()[0])
    return sorted(names)


def _home(folders: Folders) -> str:
    try:
        return pwd.getpwuid(os.getuid()).pw_dir
    except KeyError:  # a container may run us under a number that has no name
        return str(folders.data)


def _require_venv_module() -> None:
    if importlib.util.find_spec("venv") is None or importlib.util.find_spec("ensurepip") is None:
        version = "{}.{}".format(*sys.version_info)
        raise SetUpFailed(
            "This Python cannot make virtual environments: its venv and ensurepip modules are missing.\n"
            "On Debian and Ubuntu install them with:  "
            f"apt-get install python3-venv   (or python{version}-venv)"
        )


def _digest(names: list[str]) -> str:
    return hashlib.sha256(b"\0".join((CHECKOUT / name).read_bytes() for name in names)).hexdigest()


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except OSError:
        return ""
