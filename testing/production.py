"""The product as compose.yaml runs it, with this machine's programs: same commands, same variables."""

from __future__ import annotations

import os
import re
import secrets
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
import yaml
from django.conf import settings
from django.db import connection

from bootstrap.console import SetUpFailed
from bootstrap.postgres import find_binaries

ROOT: Path = settings.BASE_DIR
_VARIABLE = re.compile(r"\$(?:\$|\{(?P<name>\w+)(?:(?P<how>:[-?])(?P<rest>[^}]*))?\})")


def compose() -> dict[str, Any]:
    """compose.yaml with its merges done and its variables still in."""
    found: dict[str, Any] = yaml.safe_load((ROOT / "compose.yaml").read_text())
    return found


def example_variables() -> dict[str, str]:
    """What deploy/env.example names, with what stands behind each."""
    lines = (ROOT / "deploy" / "env.example").read_text().splitlines()
    pairs = [line.partition("=") for line in lines if line and not line.startswith("#")]
    return {name: value for name, _, value in pairs}


def interpolate(text: str, variables: Mapping[str, str]) -> str:
    """As compose does: ${NAME}, ${NAME:-default} and ${NAME:?complaint}, $$ for a dollar sign."""

    def value(found: re.Match[str]) -> str:
        if found["name"] is None:
            return "$"
        given = variables.get(found["name"], "")
        if not given and found["how"] == ":?":
            raise KeyError(found["name"])
        return given or (found["rest"] if found["how"] == ":-" else "") or ""

    return _VARIABLE.sub(value, text)


def programs() -> Path:
    """The folder of psql, pg_dump and pg_restore; skips the test where there is none."""
    try:
        folder = find_binaries(Path(sys.prefix), path=os.environ["PATH"])
    except SetUpFailed as problem:
        pytest.skip(f"no PostgreSQL programs: {problem}")
    if not all((folder / name).exists() for name in ("pg_dump", "pg_restore")):
        pytest.skip(f"no pg_dump and pg_restore in {folder}")
    return folder


def server_variables() -> dict[str, str]:
    """How psql and its kin reach the server of the tests."""
    given = connection.settings_dict
    found = {"PGHOST": given["HOST"], "PGPORT": str(given["PORT"] or ""), "PGUSER": given["USER"]}
    found |= {"PGPASSWORD": given["PASSWORD"], "POSTGRES_USER": given["USER"]}
    return {name: value for name, value in found.items() if value}


@dataclass(frozen=True)
class Installation:
    """A database of its own with an owner and an application role, as deploy/create_roles.sh makes them."""

    name: str
    owner: str
    role: str
    password: str
    folder: Path

    def url(self, role: str) -> str:
        given = connection.settings_dict
        port = f":{given['PORT']}" if given["PORT"] else ""
        return f"postgresql://{role}:{self.password}@{quote(given['HOST'] or '', safe='')}{port}/{self.name}"

    def environment(self, service: str, redis_url: str = "") -> dict[str, str]:
        """The variables of one service and nothing else; only the places differ from compose.yaml."""
        words = {name: secrets.token_hex(24) for name, value in example_variables().items() if not value}
        optional = {
            n for n in words if n.startswith(("OIDC", "EMAIL", "OUTGOING", "METRICS")) or "FALLBACK" in n
        }
        variables = example_variables() | {n: value for n, value in words.items() if n not in optional}
        given = compose()["services"][service]["environment"]
        env = {name: interpolate(str(value), variables) for name, value in given.items()}
        env |= {"DATABASE_URL": self.url(self.role), "APP_DB_ROLE": self.role, "REDIS_URL": redis_url}
        env |= {"DATA_DIR": str(self.folder / "data"), "STATIC_ROOT": str(self.folder / "static")}
        env["SECRET_KEY"] = self.password * 2
        env["SIGNING_KEY"] = sha256(self.password.encode()).hexdigest()
        if "DATABASE_OWNER_URL" in given:
            env["DATABASE_OWNER_URL"] = self.url(self.owner)
        path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
        return env | {"PATH": path, "HOME": str(self.folder), "LANG": "C.UTF-8", "PYTHONUNBUFFERED": "1"}

    def run(self, *command: str, service: str = "release") -> str:
        """One command to its end, in the environment of a service; fails the test with what it said."""
        done = subprocess.run(
            command, cwd=ROOT, env=self.environment(service), capture_output=True, text=True, timeout=300
        )
        assert done.returncode == 0, f"{command}: {done.stdout}\n{done.stderr}"
        return done.stdout


@contextmanager
def installation(folder: Path, name: str) -> Iterator[Installation]:
    """Roles and an empty database, gone again afterwards."""
    own = f"{name}_{os.getpid()}_{secrets.token_hex(3)}"
    made = Installation(own, f"{own}_owner", f"{own}_app", secrets.token_hex(24), folder)
    (folder / "data").mkdir()
    create_roles(made)
    try:
        yield made
    finally:
        sql(
            f'DROP DATABASE IF EXISTS "{own}" WITH (FORCE)',
            f'DROP ROLE "{made.role}"',
            f'DROP ROLE "{made.owner}"',
        )


def create_roles(made: Installation) -> None:
    """Run the very script that the image of PostgreSQL runs."""
    env = server_variables() | {
        "PATH": os.pathsep.join([str(programs()), os.environ["PATH"]]),
        "OWNER_DB_ROLE": made.owner,
        "APP_DB_ROLE": made.role,
        "DATABASE_NAME": made.name,
        "OWNER_DB_PASSWORD": made.password,
        "APP_DB_PASSWORD": made.password,
    }
    script = [str(ROOT / compose_script())]
    done = subprocess.run(script, env=env, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr


def compose_script() -> str:
    """Path of the script that compose.yaml hands to the image of PostgreSQL."""
    volumes = compose()["services"]["postgres"]["volumes"]
    mounted = next(volume for volume in volumes if "docker-entrypoint-initdb.d" in volume)
    return str(mounted.split(":")[0]).removeprefix("./")


def sql(*statements: str, database: str = "postgres") -> str:
    """What psql says to statements, as the administrator of the server, each in a transaction of its own."""
    command = [str(programs() / "psql"), "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-d", database]
    for statement in statements:
        command += ["-c", statement]
    env = os.environ | server_variables()
    done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return done.stdout
