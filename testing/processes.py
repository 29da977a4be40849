"""Real worker processes against the test database."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

from django.conf import settings
from django.db import connection


def database_url() -> str:
    """Of the test database, for another process."""
    given = connection.settings_dict
    user, password = given["USER"], given["PASSWORD"]
    login = quote(user, safe="") + (f":{quote(password, safe='')}" if password else "")
    port = f":{given['PORT']}" if given["PORT"] else ""
    return f"postgresql://{login}@{quote(given['HOST'] or '', safe='')}{port}/{given['NAME']}"


def environment(folder: Path, redis_url: str = "") -> dict[str, str]:
    return os.environ | {
        "DATABASE_URL": database_url(),
        "DATA_DIR": str(folder),
        "REDIS_URL": redis_url,
        "DJANGO_SETTINGS_MODULE": "alignment.settings",
        "SECRET_KEY": settings.SECRET_KEY,
    }


def peak_memory(running: subprocess.Popen[bytes]) -> int:
    """KiB that the process held at most, told when it has ended.

    What the kernel tells the parent in the end (`ru_maxrss`) begins with the parent's own size, so the process is
    asked while it runs.
    """
    peak, status = 0, Path(f"/proc/{running.pid}/status")
    while running.poll() is None:
        for line in status.read_text().splitlines():
            if line.startswith("VmHWM:"):
                peak = int(line.split()[1])
        time.sleep(0.05)
    return peak


class Worker:
    """A Celery worker that a test may kill."""

    def __init__(self, folder: Path, redis_url: str = "") -> None:
        self.folder, self.redis_url = folder, redis_url
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        self.process = subprocess.Popen(
            [
                sys.executable, "-m", "celery", "-A", "alignment", "worker", "-P", "threads", "-c", "2",
                "--without-gossip", "--without-mingle", "--without-heartbeat", "-l", "WARNING",
            ],
            cwd=settings.BASE_DIR,
            env=environment(self.folder, self.redis_url),
            stdout=subprocess.DEVNULL,
            stderr=(self.folder / "worker.log").open("ab"),
        )  # fmt: skip

    def kill(self) -> None:
        """As the kernel would: no warning, no clean-up."""
        if self.process is not None:
            self.process.send_signal(signal.SIGKILL)
            self.process.wait()
            self.process = None


@contextmanager
def worker(folder: Path, redis_url: str = "") -> Iterator[Worker]:
    running = Worker(folder, redis_url)
    try:
        yield running
    finally:
        running.kill()


def wait_until(condition: Callable[[], bool], seconds: float = 30) -> float:
    """Seconds until the condition held; fails the test when it never does."""
    started = time.monotonic()
    while not condition():
        assert time.monotonic() - started < seconds, "it did not come about in time"
        time.sleep(0.05)
    return time.monotonic() - started
