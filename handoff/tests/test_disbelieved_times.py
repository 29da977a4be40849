"""A stated time that a live clock does not believe: the receipt counts, and every page that shows the clock says so."""

from __future__ import annotations

import csv
from datetime import timedelta
from io import StringIO

from django.test import Client

from alignment.models import Lead, Role
from sla.models import Clock
from testing.world import World, add_user, event

MARK = "By receipt: a time that the source stated"


def test_the_mark_stands_on_the_lead_page_in_the_rows_and_in_the_file(world: World) -> None:
    old = world.at - timedelta(days=9)
    world.send(
        event("lead.updated", "A", world.at, score=80, last_name="Believed"),
        event("lead.updated", "B", old, score=80, last_name="Doubted"),
    )
    found = dict(Clock.objects.filter(kind="follow_up").values_list("cycle__lead__external_id", "is_suspect"))
    assert found == {"A": False, "B": True}
    client = Client()
    client.force_login(add_user(world, Role.REVOPS))
    for external_id, is_marked in found.items():
        page = client.get(f"/leads/{Lead.objects.get(external_id=external_id).pk}/").content.decode()
        assert (MARK in page) is is_marked
    due = Clock.objects.get(kind="follow_up", cycle__lead__external_id="B").due_at
    drill = {"week": (due - timedelta(days=due.weekday())).date().isoformat(), "kind": "follow_up"}
    drill["outcome"] = "running"
    page = client.get("/compliance/rows/", drill).content.decode()
    assert page.count("by receipt: a stated time was not believed") == 1
    answer = client.get("/compliance/rows.csv", drill)
    text = b"".join(answer).decode("utf-8-sig")
    rows = {row["lead_id"]: row["by_receipt"] for row in csv.DictReader(StringIO(text))}
    assert rows == {"A": "", "B": "yes"}


def test_an_attempt_told_too_late_is_dated_by_its_receipt_and_marked(world: World) -> None:
    world.send(event("lead.updated", "L", world.at, score=80))
    told = world.at + timedelta(hours=80)
    call = {"lead": "L", "channel": "call", "is_attempt": True}
    world.send(event("touch.recorded", "T", world.at + timedelta(hours=1), **call), at=told)
    follow_up = Clock.objects.get(kind="follow_up")
    assert (follow_up.met_at, follow_up.is_suspect) == (told, True)
    assert not Clock.objects.get(kind="assign").is_suspect


def test_an_attempt_before_a_closing_that_was_told_too_late_goes_on_counting(world: World) -> None:
    world.send(event("lead.updated", "L", world.at, score=80))
    made, closed = world.at + timedelta(hours=3), world.at + timedelta(hours=2)
    call = {"lead": "L", "channel": "call", "is_attempt": True}
    world.send(event("touch.recorded", "T", made, **call), at=made)
    assert Clock.objects.get(kind="follow_up").met_at == made
    told = closed + timedelta(hours=80)
    said = {"disposition": "disqualified", "reason": "bad_fit"}
    world.send(event("lead.dispositioned", "L", closed, **said), at=told)
    found = Clock.objects.get(kind="follow_up")
    assert (found.outcome, found.met_at, found.cycle.attempts) == ("met", made, 1)
    assert (found.cycle.closed_at, Clock.objects.get(kind="disposition").met_at) == (closed, told)
    world.send(event("lead.updated", "L", closed + timedelta(minutes=10), score=10), at=told)
    again = closed + timedelta(minutes=20)
    world.send(event("lead.updated", "L", again, score=90), at=told)
    attempts = {cycle.crossed_at: cycle.attempts for cycle in Lead.objects.get().cycles.all()}
    assert attempts == {world.at: 0, again: 1}, "it fell into the MQL that ran then"
