"""compose.yaml's own commands, under its own variables, bring up a working product in production mode."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from http.client import HTTPConnection
from typing import Any

import pytest

from testing.browser import IS_LONG
from testing.processes import wait_until
from testing.production import ROOT, Installation, compose, installation, sql

pytestmark = [
    pytest.mark.xdist_group("processes"),
    pytest.mark.usefixtures("django_db_setup"),
    pytest.mark.skipif(not IS_LONG, reason="the short run makes no release"),
]
LONGEST = 90  # seconds until a process is up, on a machine with much else to do
SERVICES: dict[str, Any] = compose()["services"]


@pytest.fixture(scope="module")
def installed(django_db_setup: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    """After the image was built and the release job ran, by their own commands."""
    with installation(tmp_path_factory.mktemp("production"), "production") as made:
        dockerfile = re.sub(r"\\\n\s*", "", (ROOT / "Dockerfile").read_text())
        collect = re.search(r"python (manage\.py collectstatic [-\w]+)", dockerfile)
        assert collect is not None
        made.run("python", *collect[1].split())
        made.run(*SERVICES["release"]["command"])
        yield made


@pytest.fixture
def port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def words(command: list[str], made: Installation, port: int) -> list[str]:
    """A command of compose.yaml at this machine's places."""
    return [word.replace("/data", str(made.folder / "data")).replace(":8000", f":{port}") for word in command]


class Running:
    """The long-running services."""

    def __init__(self, made: Installation, port: int, redis_url: str) -> None:
        self.made, self.port, self.redis_url = made, port, redis_url
        self.processes: dict[str, subprocess.Popen[bytes]] = {}

    def start(self, name: str) -> None:
        with (self.made.folder / f"{name}.log").open("wb") as log:
            self.processes[name] = subprocess.Popen(
                words(SERVICES[name]["command"], self.made, self.port),
                cwd=ROOT,
                env=self.made.environment(name, self.redis_url),
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def is_healthy(self, name: str) -> bool:
        """By the service's own check."""
        check = SERVICES[name]["healthcheck"]["test"][1:]
        env = self.made.environment(name, self.redis_url) | {"PORT": str(self.port)}
        return subprocess.run(check, cwd=ROOT, env=env, capture_output=True, timeout=30).returncode == 0

    def get(self, path: str, **headers: str) -> tuple[int, str]:
        host = self.made.environment("web")["ALLOWED_HOSTS"]
        connection = HTTPConnection("127.0.0.1", self.port, timeout=20)
        connection.request("GET", path, headers={"Host": host, "X-Forwarded-Proto": "https"} | headers)
        answer = connection.getresponse()
        said = answer.status, answer.read().decode()
        connection.close()
        return said

    def stop(self) -> dict[str, int]:
        """As compose does: a signal to each parent, then its grace; exit statuses."""
        for process in self.processes.values():
            process.terminate()
        return {name: process.wait(timeout=30) for name, process in self.processes.items()}

    def kill(self) -> None:
        for process in self.processes.values():
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()

    def log(self, name: str) -> str:
        return (self.made.folder / f"{name}.log").read_text()


@pytest.fixture
def running(installed: Installation, port: int, request: pytest.FixtureRequest) -> Iterator[Running]:
    """With Redis, as compose.yaml has it, where the tests have one; else with the queue in files."""
    has_redis = bool(os.environ.get("TEST_REDIS_URL"))
    found = Running(installed, port, request.getfixturevalue("broker").url if has_redis else "")
    yield found
    found.kill()


def test_a_release_can_be_made_again_and_changes_nothing(installed: Installation) -> None:
    said = installed.run(*SERVICES["release"]["command"])
    assert "No migrations to apply" in said
    assert "nothing: everything is there already" in said
    assert f"“{installed.role}” may work on" in said


def test_web_worker_and_beat_come_up_work_and_end_when_asked(running: Running) -> None:
    assert not running.is_healthy("web")
    for name in ("web", "worker", "beat"):
        running.start(name)
    for name in ("web", "worker", "beat"):
        wait_until(lambda name=name: running.is_healthy(name), LONGEST)
    assert running.get("/healthz/ready") == (200, json.dumps({"status": "ready"}))
    wait_until(lambda: running.get("/healthz/deep")[0] == 200, LONGEST)

    status, page = running.get("/accounts/login/")
    assert status == 200
    styles = re.search(r'href="(/static/css/app\.[0-9a-f]{12}\.css)"', page)
    assert styles is not None, "static files are not the collected ones"
    assert running.get(styles[1])[0] == 200

    assert running.get("/healthz/ready", Host="elsewhere.example")[0] == 400
    assert running.get("/accounts/login/", **{"X-Forwarded-Proto": "http"})[0] == 301

    for name, status in running.stop().items():
        assert status in {0, -signal.SIGTERM}, f"{name} ended with {status}: {running.log(name)[-2000:]}"
        for line in running.log(name).splitlines():
            assert "Traceback" not in line, f"{name}: {line}"


def test_the_checks_see_what_is_not_well(installed: Installation, running: Running) -> None:
    for path in (installed.folder / "data").glob("beat*"):
        path.unlink()
    assert not running.is_healthy("beat")
    (installed.folder / "data" / "beat.db").touch()
    assert running.is_healthy("beat")
    os.utime(installed.folder / "data" / "beat.db", (time.time() - 700,) * 2)
    assert not running.is_healthy("beat")
    sql("UPDATE alignment_heartbeat SET beat_at = now() - interval '2 minutes'", database=installed.name)
    assert not running.is_healthy("worker")
    sql(
        "INSERT INTO alignment_heartbeat VALUES ('drain', now(), '2 s') "
        "ON CONFLICT (name) DO UPDATE SET beat_at = now()",
        database=installed.name,
    )
    assert running.is_healthy("worker")


def test_the_applications_password_changes_no_evidence(installed: Installation) -> None:
    import psycopg2

    connection = psycopg2.connect(installed.url(installed.role))
    with connection.cursor() as cursor, pytest.raises(psycopg2.errors.InsufficientPrivilege):
        cursor.execute("UPDATE alignment_fact SET fields = '{}'")
    connection.close()
