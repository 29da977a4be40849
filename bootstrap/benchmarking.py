"""Run one benchmark against a server of its own, with the durability of production, thrown away afterwards."""

import contextlib
import secrets
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

from bootstrap.commands import given_database, run_in_terminal, urls_of
from bootstrap.console import SetUpFailed, say
from bootstrap.environment import CHECKOUT, Folders, child_environment, prepare_python
from bootstrap.postgres import Cluster
from bootstrap.request import Request

# More than the defaults, which are meant for very small machines; commits wait for the disk.
SETTINGS = {"shared_buffers": "1GB", "max_wal_size": "4GB"}


def names() -> list[str]:
    """The benchmarks that there are: modules with a main part."""
    modules = sorted((CHECKOUT / "benchmarks").glob("*.py"))
    return [path.stem for path in modules if 'if __name__ == "__main__"' in path.read_text(encoding="utf-8")]


def benchmark(request: Request) -> int:
    """Run the named benchmark with what follows its name as its arguments; returns its exit status."""
    if not request.rest or request.rest[0] not in names():
        raise SetUpFailed(f"Say which benchmark: python3 run.py benchmark {' | '.join(names())}")
    folders = Folders.of(request.data)
    folders.create()
    prepare_python(folders, for_tests=True)
    with contextlib.ExitStack() as stack:
        temporary = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="alignment-benchmark-")))
        env = child_environment(folders)
        env |= stack.enter_context(_database(folders, temporary, env))
        (temporary / "data" / "static").mkdir(parents=True)
        env |= {"DATA_DIR": str(temporary / "data"), "SECRET_KEY": secrets.token_urlsafe(64)}
        env |= {"DEBUG": "0", "PRODUCTION": "0", "ALLOWED_HOSTS": "localhost,127.0.0.1,testserver"}
        env.pop("REDIS_URL", None)
        name, *arguments = request.rest
        return run_in_terminal([str(folders.python), "-m", f"benchmarks.{name}", *arguments], env)


@contextlib.contextmanager
def _database(folders: Folders, temporary: Path, env: Mapping[str, str]) -> Iterator[dict[str, str]]:
    given = given_database()
    if given is not None:
        say("Database: a scratch database beside that of DATABASE_URL")
        yield {**given, "DATABASE_URL": given["DATABASE_OWNER_URL"]}
        return
    home = temporary / "database"
    home.mkdir(mode=0o700)
    temporary.chmod(0o711)  # PostgreSQL may have to run as another user
    cluster = Cluster(home, venv=folders.venv, env=env, settings=SETTINGS, is_throw_away=True)
    with cluster.running():
        say(f"Database: throw-away PostgreSQL from {cluster.binaries}, durable")
        urls = urls_of(cluster)
        yield {**urls, "DATABASE_URL": urls["DATABASE_OWNER_URL"]}
