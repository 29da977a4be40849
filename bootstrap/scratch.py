"""Surroundings of one run, thrown away afterwards: a folder, a server, and the variables that lead to them."""

import contextlib
import secrets
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

from bootstrap.commands import given_database, urls_of
from bootstrap.console import say
from bootstrap.environment import Folders, child_environment
from bootstrap.postgres import Cluster


@contextlib.contextmanager
def scratch(
    folders: Folders, name: str, *, server: Mapping[str, str], made: str = "", given: str = "DATABASE_URL"
) -> Iterator[tuple[Path, dict[str, str]]]:
    """Yield an empty folder and the environment of a child, whose DATABASE_URL is the owner's.

    `server`: settings of a server that is started here; none is where the caller's environment names a database.
    `made` and `given` are how the one and the other are announced.
    """
    with contextlib.ExitStack() as stack:
        temporary = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix=f"alignment-{name}-")))
        env = child_environment(folders)
        urls = given_database()
        if urls is not None:
            say(f"Database: {given}")
        else:
            home = temporary / "database"
            home.mkdir(mode=0o700)
            temporary.chmod(0o711)  # PostgreSQL may have to run as another user
            cluster = Cluster(home, venv=folders.venv, env=env, settings=server, is_throw_away=True)
            stack.enter_context(cluster.running())
            say(f"Database: throw-away PostgreSQL from {cluster.binaries}{made}")
            urls = urls_of(cluster)
        data = temporary / "data"
        data.mkdir(mode=0o700)
        (data / "static").mkdir()
        env |= {**urls, "DATABASE_URL": urls["DATABASE_OWNER_URL"]}
        env |= {"DATA_DIR": str(data), "SECRET_KEY": secrets.token_urlsafe(64)}
        env |= {"DEBUG": "0", "PRODUCTION": "0", "ALLOWED_HOSTS": "localhost,127.0.0.1,testserver"}
        yield temporary, env
