"""Run the tests against servers that are thrown away afterwards."""

import contextlib
import shutil
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from bootstrap import redis_server
from bootstrap.commands import run_in_terminal
from bootstrap.console import say
from bootstrap.environment import Folders, prepare_python
from bootstrap.postgres import QUICK_AND_UNSAFE
from bootstrap.request import Request
from bootstrap.scratch import scratch

NAMES_OF_CHROMIUM = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


def test(request: Request) -> int:
    """Run pytest with a database, and with Redis and a browser where there are any; returns its exit status.

    The tests get DATABASE_URL (a superuser, so that they can act as either role), TEST_REDIS_URL and
    TEST_CHROMIUM (empty: skip and say why), and TEST_ALL=1 when the long ones are wanted.
    """
    folders = Folders.of(request.data)
    folders.create()
    prepare_python(folders, for_tests=True)
    arguments = [argument for argument in request.rest if argument != "--all"]
    with contextlib.ExitStack() as stack:
        temporary, env = stack.enter_context(scratch(folders, "test", server=QUICK_AND_UNSAFE))
        env |= {"BASE_URL": "http://testserver", "TEST_ALL": "1" if "--all" in request.rest else ""}
        url = stack.enter_context(redis_for_tests(folders, temporary, env)) or ""
        # what an earlier test left in a throw-away one is nobody's
        env |= {
            "TEST_REDIS_URL": url,
            "TEST_REDIS_IS_OURS": "1" if url and url != env.get("REDIS_URL") else "",
        }
        env.pop("REDIS_URL", None)  # only the tests that ask for Redis get it
        env["TEST_CHROMIUM"] = find_chromium(env) or ""
        say(f"Browser: {env['TEST_CHROMIUM'] or 'no Chromium found, its tests are skipped'}")
        argv = [str(folders.python), "-m", "pytest", *in_parallel(arguments), *arguments]
        return run_in_terminal(argv, env)


@contextlib.contextmanager
def redis_for_tests(folders: Folders, temporary: Path, env: Mapping[str, str]) -> Iterator[str | None]:
    """Yield the URL of a Redis: a throw-away one where it can be had, else that of REDIS_URL, else None.

    Tests flush the database that they are given. They skip themselves where it is not empty, which can only
    be one that somebody else uses.
    """
    program = redis_server.find_server(folders.venv, path=env["PATH"])
    if program is not None:
        with redis_server.running(program, temporary, env=env) as url:
            if url is not None:
                say(f"Redis: throw-away {program}")
                yield url
                return
        say(f"Redis: {program} did not start")
    if env.get("REDIS_URL"):
        say("Redis: REDIS_URL, if its database is empty")
        yield env["REDIS_URL"]
        return
    say("Redis: no redis-server 6.2 or newer to start, its tests are skipped")
    yield None


def find_chromium(env: Mapping[str, str]) -> str | None:
    """The browser that TEST_CHROMIUM names, else the first on PATH; None without one."""
    found = (shutil.which(name, path=env["PATH"]) for name in NAMES_OF_CHROMIUM)
    return env.get("TEST_CHROMIUM") or next((program for program in found if program), None)


def in_parallel(arguments: Sequence[str]) -> list[str]:
    """Two test processes, unless the caller says how many or wants to debug."""
    if any(argument.startswith(("-n", "--numprocesses", "--pdb")) for argument in arguments):
        return []
    return ["-n", "2", "--dist", "loadgroup"]
