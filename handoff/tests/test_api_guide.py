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
from testing.api import secret_of
from testing.world import World, add_user, event

GUIDE = Path(settings.BASE_DIR) / "docs" / "api.md"
COMMANDS = re.findall(r"```sh\n(curl .*?)```", GUIDE.read_text(), re.DOTALL)


def by_python(command: str, given: dict[str, str]) -> Any:
    """What curl would get, for machines without it; it knows the options that the guide uses."""
    words = iter(shlex.split(Template(command.replace("\\\n", " ")).substitute(given))[1:])
    address, headers, body, pairs = "", {}, None, []
    for word in words:
        if word == "-H":
            name, _, value = next(words).partition(": ")
            headers[name] = value
        elif word == "-d":
            body = next(words).encode()
        elif word == "--data-urlencode":
            name, _, value = next(words).partition("=")
            pairs.append((name, value))
        elif word not in {"-sS", "-G"}:
            assert not word.startswith("-"), f"teach this test the option {word}"
            address = word
    address += f"?{urlencode(pairs)}" if pairs else ""
    with urlopen(Request(address, body, headers), timeout=20) as answer:  # noqa: S310
        return json.load(answer)


def by_curl(command: str, given: dict[str, str]) -> Any:
    if shutil.which("curl") is None:
        pytest.skip("no curl on this machine; the same commands are run without it")
    run = subprocess.run(
        ["bash", "-euc", command],
        env=os.environ | given,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    return json.loads(run.stdout)


@pytest.mark.parametrize("run", [by_python, by_curl])
def test_the_commands_do_what_the_guide_says(
    as_application_role: str, live_server: Any, world: World, monkeypatch: Any, run: Any
) -> None:
    from django.db import connection

    monkeypatch.setitem(connection.settings_dict, "CONN_MAX_AGE", 0)
    world.send(event("lead.updated", "L-1001", timezone.now(), score=80), at=timezone.now())
    cycle = MqlCycle.objects.get()
    given = {
        "API": f"{live_server.url}/api/v1",
        "TOKEN": secret_of(add_user(world, Role.REVOPS)),
        "CYCLE": str(cycle.pk),
    }
    calendars, cycles, leads, attempt, disposition, sent, dead = (run(command, given) for command in COMMANDS)
    assert [row["name"] for row in calendars["results"]] == ["Office hours"]
    assert [row["id"] for row in cycles["results"]] == [cycle.pk] and cycles["next"] is None
    assert [row["external_id"] for row in leads["results"]] == ["L-1001"]
    assert attempt["attempts"] == 1
    assert Touch.objects.get(is_attempt=True).subject == "Calls back on Monday"
    assert (disposition["disposition"], disposition["is_open"]) == ("recycled", False)
    assert Delivery.objects.filter(pk=sent["delivery"], state="pending").exists()
    assert dead == {"results": [], "next": None}
    drain(at=timezone.now())
    assert Lead.objects.get(external_id="L-2002").email == "bob@example.com"
    cycle.refresh_from_db()
    assert (cycle.attempts, cycle.reason) == (1, "bad_timing")


def test_the_guide_tells_the_truth_about_scopes_limits_and_problems() -> None:
    guide = GUIDE.read_text()
    assert re.findall(r"^\| `([a-z:]+)` \|", guide, re.MULTILINE) == list(TokenScope.values)
    assert f"{settings.API_BURST} requests at once and {settings.API_RATE_PER_MINUTE} a minute" in guide
    problem = json.loads(re.findall(r"```json\n(.*?)```", guide, re.DOTALL)[0])
    assert set(problem) == {"type", "title", "status", "detail", "errors"}
