"""The guide for clients of the API: each of its commands does what the guide says, on a served site."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
from pathlib import Path
from string import Template
from typing import Any
from urllib.parse import urlencode
from urllib.request import Request, urlopen

import pytest
from django.conf import settings
from django.utils import timezone

from alignment.models import Delivery, Lead, MqlCycle, Role, TokenScope, Touch
from alignment.pipeline import drain
from alignment.services.import_run import run_waiting
from alignment.services.people import create_person
from testing.api import secret_of
from testing.definitions import put_in_force
from testing.world import World, add_user, event

GUIDE = Path(settings.BASE_DIR) / "docs" / "api.md"
COMMANDS = re.findall(r"```sh\n(curl .*?)```", GUIDE.read_text(), re.DOTALL)


MAPPING = {"columns": {"external_id": "Id", "email": "Email", "mql_at": "MQL"}}
LEADS = "Id,Email,MQL\nL-3001,carol@example.com,2026-01-12T09:00:00Z\nL-3002,dan@example.com,soon\n"


def form_of(parts: list[str], folder: Path) -> tuple[bytes, str]:
    """What curl makes of its options -F: the body, and its kind."""
    lines = []
    for part in parts:
        name, _, value = part.partition("=")
        head = f'Content-Disposition: form-data; name="{name}"'
        if value.startswith("@"):
            head += f'; filename="{value[1:]}"\r\nContent-Type: text/csv'
        text = (folder / value[1:]).read_text() if value[0] in "@<" else value
        lines.append(f"--part\r\n{head}\r\n\r\n{text}\r\n")
    return ("".join(lines) + "--part--\r\n").encode(), "multipart/form-data; boundary=part"


def by_python(command: str, given: dict[str, str], folder: Path) -> Any:
    """What curl would get, for machines without it; it knows the options that the guide uses."""
    words = iter(shlex.split(Template(command.replace("\\\n", " ")).substitute(given))[1:])
    address, headers, body, pairs, parts = "", {}, None, [], []
    for word in words:
        if word == "-H":
            name, _, value = next(words).partition(": ")
            headers[name] = value
        elif word == "-d":
            body = next(words).encode()
        elif word == "-F":
            parts.append(next(words))
        elif word == "--data-urlencode":
            name, _, value = next(words).partition("=")
            pairs.append((name, value))
        elif word not in {"-sS", "-G"}:
            assert not word.startswith("-"), f"teach this test the option {word}"
            address = word
    address += f"?{urlencode(pairs)}" if pairs else ""
    if parts:
        body, headers["Content-Type"] = form_of(parts, folder)
    with urlopen(Request(address, body, headers), timeout=20) as answer:  # noqa: S310
        return json.load(answer)


def by_curl(command: str, given: dict[str, str], folder: Path) -> Any:
    if shutil.which("curl") is None:
        pytest.skip("no curl on this machine; the same commands are run without it")
    run = subprocess.run(
        ["bash", "-euc", command],
        cwd=folder,
        env=os.environ | given,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    return json.loads(run.stdout)


@pytest.mark.parametrize("run", [by_python, by_curl])
def test_the_commands_do_what_the_guide_says(
    as_application_role: str, live_server: Any, world: World, monkeypatch: Any, tmp_path: Path, run: Any
) -> None:
    from django.db import connection

    monkeypatch.setitem(connection.settings_dict, "CONN_MAX_AGE", 0)
    world.send(event("lead.updated", "L-1001", timezone.now(), score=80), at=timezone.now())
    cycle = MqlCycle.objects.get()
    given = {
        "SOURCE": world.crm.key,
        "API": f"{live_server.url}/api/v1",
        "TOKEN": secret_of(add_user(world, Role.REVOPS)),
        "CYCLE": str(cycle.pk),
        "POOL": str(world.pool.pk),
        "PERSON": str(create_person(name="Newcomer", by=None, at=world.at).pk),
    }
    put_in_force("mql", at=timezone.now())
    (tmp_path / "mapping.json").write_text(json.dumps(MAPPING))
    (tmp_path / "leads.csv").write_text(LEADS)
    commands = [command for command in COMMANDS if "$IMPORT" not in command]
    calendars, cycles, leads, definition, attempt, disposition, sent, dead, asked, joined = (
        run(command, given, tmp_path) for command in commands
    )
    assert [row["name"] for row in calendars["results"]] == ["Office hours"]
    assert [row["id"] for row in cycles["results"]] == [cycle.pk] and cycles["next"] is None
    assert [row["external_id"] for row in leads["results"]] == ["L-1001"]
    assert (definition["key"], definition["version"]) == ("mql", 1)
    assert attempt["attempts"] == 1
    assert Touch.objects.get(is_attempt=True).subject == "Calls back on Monday"
    assert (disposition["disposition"], disposition["is_open"]) == ("recycled", False)
    assert Delivery.objects.filter(pk=sent["delivery"], state="pending").exists()
    assert dead == {"results": [], "next": None}
    assert (asked["state"], asked["object"], asked["is_dry_run"]) == ("waiting", "lead", False)
    assert (joined["person"]["name"], joined["weight"]) == ("Newcomer", 2)
    assert run_waiting(now=timezone.now) is not None
    watching = [command for command in COMMANDS if "$IMPORT" in command]
    watched, rejects = (run(c, given | {"IMPORT": str(asked["id"])}, tmp_path) for c in watching)
    assert (watched["state"], watched["share"], watched["rows"], watched["rejected"]) == ("done", 1.0, 2, 1)
    assert [row["line"] for row in rejects["results"]] == [3]
    assert Lead.objects.get(external_id="L-3001").email == "carol@example.com"
    drain(at=timezone.now())
    assert Lead.objects.get(external_id="L-2002").email == "bob@example.com"
    cycle.refresh_from_db()
    assert (cycle.attempts, cycle.reason) == (1, "bad_timing")


def test_the_guide_tells_the_truth_about_scopes_limits_and_problems() -> None:
    guide = GUIDE.read_text()
    assert re.findall(r"^\| `([a-z:]+)` \|", guide, re.MULTILINE) == list(TokenScope.values)
    assert settings.IMPORT_MAX_BYTES == 1024**3 and "A file may have 1 GiB" in guide
    assert f"{settings.API_BURST} requests at once and {settings.API_RATE_PER_MINUTE} a minute" in guide
    problem = json.loads(re.findall(r"```json\n(.*?)```", guide, re.DOTALL)[0])
    assert set(problem) == {"type", "title", "status", "detail", "errors"}
