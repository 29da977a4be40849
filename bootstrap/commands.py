"""Start the product, or run one manage.py command in its environment."""

import contextlib
import http.client
import os
import shlex
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence

from bootstrap.console import GRACE_SECONDS, SetUpFailed, run_step, say
from bootstrap.environment import (
    CHECKOUT,
    Folders,
    address,
    child_environment,
    prepare_python,
    product_environment,
    require_free_port,
    sole_use,
)
from bootstrap.postgres import APPLICATION_ROLE, OWNER_ROLE, Cluster
from bootstrap.request import Request
from bootstrap.supervisor import Program, Supervisor

OWNER_COMMANDS = {"migrate", "grant_application_role"}
WORKER = ["-P", "threads", "-c", "2", "--without-gossip", "--without-mingle", "--without-heartbeat"]
# A trial as root is fine: tasks are JSON only. Celery would fill the screen with the opposite.
NO_ROOT_WARNING = {"PYTHONWARNINGS": "ignore:You're running the worker with superuser privileges"}


def start(request: Request) -> int:
    """Set up what is missing, then run web, worker and beat until stopped."""
    began = time.monotonic()
    folders = Folders.of(request.data)
    folders.create()
    place = address(request.host, request.port)
    with sole_use(folders, place):
        require_free_port(request.host, request.port)
        prepare_python(folders)
        with database(folders) as urls:
            env = product_environment(folders, host=request.host, port=request.port, database=urls)
            _prepare_database(folders, env, request)
            say(f"Starting web, worker and beat; queue in {'Redis' if env.get('REDIS_URL') else 'files'}")
            supervisor = Supervisor(_programs(folders, request), env=env | NO_ROOT_WARNING, cwd=CHECKOUT)
            status = supervisor.run(
                ready=lambda: _is_healthy(request.host, request.port, env),
                on_ready=lambda: say(
                    f"\nReady after {time.monotonic() - began:.1f} s: {place}   (Ctrl-C stops it)\n"
                ),
            )
    say("Stopped.")
    return status


def manage(request: Request) -> int:
    """Run one manage.py command in the same environment, beside a running product or alone."""
    folders = Folders.of(request.data)
    folders.create()
    prepare_python(folders)
    with database(folders) as urls:
        env = product_environment(folders, host=request.host, port=request.port, database=urls)
        if request.rest and request.rest[0] in OWNER_COMMANDS:
            env["DATABASE_URL"] = env["DATABASE_OWNER_URL"]
        return run_in_terminal([str(folders.python), "manage.py", *request.rest], env)


@contextlib.contextmanager
def database(folders: Folders) -> Iterator[dict[str, str]]:
    """Yield DATABASE_URL and what belongs to it: as given, or of our own server, up for the block."""
    given = given_database()
    if given is not None:
        yield given
        return
    cluster = Cluster(folders.data, venv=folders.venv, env=child_environment(folders))
    with cluster.running():
        yield urls_of(cluster)


def given_database() -> dict[str, str] | None:
    """The database that the caller's environment names, if any."""
    url = os.environ.get("DATABASE_URL")
    if not url:
        return None
    return {"DATABASE_URL": url, "DATABASE_OWNER_URL": os.environ.get("DATABASE_OWNER_URL") or url}


def urls_of(cluster: Cluster) -> dict[str, str]:
    """The variables that lead to our own running server."""
    return {
        "DATABASE_URL": cluster.url(APPLICATION_ROLE),
        "DATABASE_OWNER_URL": cluster.url(OWNER_ROLE),
        "APP_DB_ROLE": APPLICATION_ROLE,
    }


def run_in_terminal(argv: Sequence[str], env: Mapping[str, str]) -> int:
    """Run one program that owns the terminal; returns its exit status.

    Ctrl-C reaches it directly, so we only give it time to finish; SIGTERM reaches us alone and is passed on
    as an interrupt, at which pytest ends its own processes too.
    """
    process = subprocess.Popen(argv, env=dict(env), cwd=CHECKOUT)
    try:
        status = process.wait()
    except KeyboardInterrupt:
        status = _wait_or_kill(process)
    except SystemExit:
        process.send_signal(signal.SIGINT)
        _wait_or_kill(process)
        raise
    return status if status >= 0 else 128 - status


def _wait_or_kill(process: subprocess.Popen[bytes]) -> int:
    try:
        return process.wait(timeout=GRACE_SECONDS)
    except (subprocess.TimeoutExpired, KeyboardInterrupt):
        process.kill()
        return process.wait()


def first_login(request: Request) -> str:
    """The command that makes the first login in the same database as this start uses."""
    where = "" if request.data is None else f"--data {shlex.quote(request.data)} "
    return f"python3 run.py {where}manage set_up --admin YOU@COMPANY"


def _prepare_database(folders: Folders, env: Mapping[str, str], request: Request) -> None:
    as_owner = {**env, "DATABASE_URL": env["DATABASE_OWNER_URL"]}
    manage_py = [str(folders.python), "manage.py"]
    log = folders.data / "set_up.log"

    def step(title: str, command: list[str], env: Mapping[str, str]) -> None:
        advice = "Is the database there? See DATABASE_URL and DATABASE_OWNER_URL." if given_database() else ""
        run_step(title, [*manage_py, *command], env=env, cwd=CHECKOUT, log=log, advice=advice)

    step("Bringing the database up to date", ["migrate", "--no-input"], as_owner)
    if env["DATABASE_OWNER_URL"] == env["DATABASE_URL"]:
        say("One database role does everything: triggers alone guard evidence. README.md shows two roles.")
    else:
        step("Granting the application's role what it may do", ["grant_application_role"], as_owner)
    if request.with_demo:
        say("Adding the demo company (--no-demo leaves it out)")
        if run_in_terminal([*manage_py, "demo"], env) != 0:
            raise SetUpFailed(
                "The demo company could not be added; the reason is above. --no-demo starts without it."
            )
    # after the demo, which brings all of this itself
    step("Adding the defaults that are missing", ["set_up"], env)
    if not request.with_demo:
        say(f"The first login: {first_login(request)}   (asks for a password)")


def _programs(folders: Folders, request: Request) -> list[Program]:
    python = str(folders.python)
    place = f"[{request.host}]:{request.port}" if ":" in request.host else f"{request.host}:{request.port}"
    web = [python, "-m", "gunicorn", "alignment.wsgi", "-k", "gthread", "--workers", "2", "--threads", "4"]
    celery = [python, "-m", "celery", "--quiet", "-A", "alignment"]
    beat = ["beat", "--schedule", str(folders.data / "beat"), "--pidfile", "", "-l", "WARNING"]
    return [
        Program("web", [*web, "--bind", place, "--log-level", "warning", "--no-control-socket"]),
        Program("worker", [*celery, "worker", *WORKER, "-l", "WARNING"]),
        Program("beat", [*celery, *beat]),
    ]


def _is_healthy(host: str, port: int, env: Mapping[str, str]) -> bool:
    """Whether the web process answers; a redirect to https is an answer too."""
    name = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104
    allowed = [known.strip() for known in env["ALLOWED_HOSTS"].split(",") if known.strip("*. ")]
    connection = http.client.HTTPConnection(name, port, timeout=2)
    try:
        connection.request("GET", "/healthz", headers={"Host": allowed[0] if allowed else name})
        return connection.getresponse().status in {200, 301}
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
