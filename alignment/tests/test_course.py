"""When an opportunity entered its stages, and when it was closed the way it stands now."""

from __future__ import annotations

import io
import json
import random
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection

from alignment.models import Opportunity, Source
from alignment.pipeline import drain
from alignment.pipeline.course import Course
from alignment.services import imports
from alignment.services.import_run import run_import
from testing.world import World, event

pytestmark = pytest.mark.django_db
Said = tuple[str, dict[str, Any]]
OPEN = {"is_closed": False, "is_won": False}
LOST = {"is_closed": True, "is_won": False}
WON = {"is_closed": True, "is_won": True}


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def course(*said: Said) -> Course:
    found = Course()
    for when, fields in said:
        found.add(fields, at(when))
    return found


def entries(found: Course) -> list[tuple[str, str]]:
    return [(stage, f"{when:%Y-%m-%dT%H:%M}") for stage, when in found.entries]


def test_a_deal_lost_reopened_and_won_was_closed_when_it_was_won() -> None:
    found = course(
        ("2026-01-10", {"stage": "Closed Lost"} | LOST),
        ("2026-03-01", {"stage": "Negotiation"} | OPEN),
        ("2026-06-01", {"stage": "Closed Won"} | WON),
    )
    assert found.closed_at == at("2026-06-01")


def test_lost_then_won_without_being_open_between_counts_from_the_winning() -> None:
    found = course(("2026-01-31", {"stage": "Lost"} | LOST), ("2026-09-02", {"stage": "Won"} | WON))
    assert found.closed_at == at("2026-09-02")


def test_a_further_stage_after_winning_does_not_move_the_closing() -> None:
    found = course(("2026-01-31", {"stage": "Won"} | WON), ("2026-02-09", {"stage": "Invoiced"} | WON))
    assert found.closed_at == at("2026-01-31")
    assert entries(found)[-1] == ("Invoiced", "2026-02-09T00:00")


def test_an_open_deal_was_not_closed() -> None:
    found = course(("2026-01-31", {"stage": "Won"} | WON), ("2026-02-09", {"stage": "Demo"} | OPEN))
    assert found.closed_at is None


def test_a_corrected_closing_date_counts() -> None:
    won = {"stage": "Won"} | WON
    found = course(
        ("2026-04-03", won | {"closed_at": "2026-03-31T00:00Z"}),
        ("2026-05-01", won | {"closed_at": "2026-04-02T00:00Z"}),
    )
    assert found.closed_at == at("2026-04-02")


def test_a_day_takes_the_time_within_it_that_is_known() -> None:
    day = {"stage": "Won", "closed_day": "2026-04-02T04:00Z"} | WON
    live = course(("2026-04-02T17:00", {"stage": "Won"} | WON), ("2026-05-01", day))
    assert live.closed_at == at("2026-04-02T17:00")
    after_offer = course(("2026-04-02T15:00", {"stage": "Offer"} | OPEN), ("2026-05-01", day))
    assert after_offer.closed_at == at("2026-04-02T15:00")
    own = course(("2026-05-01", day | {"stage_at": "2026-04-02T16:00Z"}))
    assert own.closed_at == at("2026-04-02T16:00")
    other_day = course(("2026-04-03T15:00", {"stage": "Offer"} | OPEN), ("2026-05-01", day))
    assert other_day.closed_at == at("2026-04-02T04:00")
    assert entries(other_day)[-1] == ("Won", "2026-04-03T15:00"), "no stage begins before the one before it"


def test_what_an_export_has_seen_dates_an_entry_that_nothing_else_dates() -> None:
    found = course(
        ("2026-01-01", {"stage": "Prospecting"}),
        ("2026-09-01", {"stage": "Proposal"}),
        ("2026-11-20", {"stage": "Negotiation"}),
    )
    assert entries(found)[1:] == [("Proposal", "2026-09-01T00:00"), ("Negotiation", "2026-11-20T00:00")]


def test_a_later_export_dates_the_stage_that_an_earlier_one_only_saw() -> None:
    found = course(
        ("2026-04-03", {"stage": "Demo"}), ("2026-05-01", {"stage": "Demo", "stage_at": "2026-03-07T10:00Z"})
    )
    assert entries(found) == [("Demo", "2026-03-07T10:00")]
    assert found.first_at == at("2026-03-07T10:00")


def test_the_database_folds_the_same_course(examples: Callable[[int, int], int]) -> None:
    rng = random.Random(7)
    for _ in range(examples(400, 20_000)):
        said, when = [], at("2026-01-01")
        for _ in range(rng.randint(1, 7)):
            when += timedelta(hours=rng.choice([0, 1, 5, 24, 200]))
            fields: dict[str, Any] = {}
            if rng.random() < 0.8:
                fields["stage"] = rng.choice(["Demo", "Offer", "Won", "Lost", "", None])
            for name in ("is_closed", "is_won"):
                if rng.random() < 0.7:
                    fields[name] = rng.choice([True, False, False, None])
            for name in ("stage_at", "stage_day", "closed_at", "closed_day"):
                if rng.random() < 0.25:
                    fields[name] = (when - timedelta(hours=rng.choice([0, 2, 12, 30, 300]))).isoformat()
            said.append((fields, when))
        mine = Course()
        for fields, moment in said:
            mine.add(fields, moment)
        with connection.cursor() as cursor:
            cursor.execute(
                """
                SELECT (c).stages, (c).entered, (c).is_closed, (c).is_won, (c).closed_at, (c).first_at FROM (
                    SELECT alignment_course(fields::jsonb, at ORDER BY n) AS c
                    FROM unnest(%s::text[], %s::timestamptz[]) WITH ORDINALITY AS f(fields, at, n)
                ) folded
                """,
                [[json.dumps(fields) for fields, _ in said], [moment for _, moment in said]],
            )
            stages, entered, *rest = cursor.fetchone()
        assert list(zip(stages or [], entered or [], strict=True)) == mine.entries, said
        assert rest == [mine.is_closed, mine.is_won, mine.closed_at, mine.first_at], said


MAPPING: dict[str, Any] = {
    "object": "opportunity",
    "columns": {
        "external_id": "Id",
        "stage": "Stage",
        "closed_at": "Close Date",
        "opened_at": "Created",
        "is_won": "Won",
        "is_closed": "Closed",
    },
    "zone": "UTC",
}
HEADERS = "Id,Stage,Close Date,Created,Won,Closed\n"


def bring_in(source: Source, body: str, as_of: str, **mapping: Any) -> Opportunity:
    now = at("2026-11-22")
    given = io.BytesIO((HEADERS + body).encode()) if not mapping else io.BytesIO(body.encode())
    found = imports.start_import(
        file=given,
        file_name="deals.csv",
        source=source,
        mapping=mapping or MAPPING,
        as_of=at(as_of),
        by=None,
        at=now,
    )
    assert run_import(found, now=lambda: now).state == "done"
    return Opportunity.objects.get()


def stages(deal: Opportunity) -> list[tuple[str, str]]:
    return [(row.stage, f"{row.entered_at:%m-%d}") for row in deal.stages.order_by("position")]


@pytest.fixture
def crm() -> Source:
    return Source.objects.create(key="crm", name="CRM", kind="standard")


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_the_newer_export_says_how_a_deal_stands(crm: Source, order: tuple[int, int]) -> None:
    files = [
        ("D,Negotiation,2026-12-31,2026-01-01,no,no\n", "2026-04-03"),
        ("D,Closed Won,2026-04-02,2026-01-01,yes,yes\n", "2026-05-01"),
    ]
    for n in order:
        deal = bring_in(crm, *files[n])
    assert (deal.stage, deal.is_won, deal.closed_at) == ("Closed Won", True, at("2026-04-02"))
    assert stages(deal) == [("Negotiation", "04-03"), ("Closed Won", "04-03")]
    deal = bring_in(crm, "D,Negotiation,2026-12-31,2026-01-01,no,no\n", "2026-05-10")
    assert (deal.stage, deal.is_won, deal.closed_at) == ("Negotiation", False, None), "won by mistake"


def test_a_day_of_opening_falsifies_no_stage_history(crm: Source) -> None:
    history = {
        "object": "stage",
        "columns": {"external_id": "Id", "stage": "To", "stage_at": "At"},
        "zone": "UTC",
    }
    bring_in(crm, "Id,To,At\nD,Prospecting,2026-01-01\nD,Proposal,2026-09-01\n", "2026-11-20", **history)
    deal = bring_in(crm, "D,Negotiation,2026-12-31,2026-01-01,no,no\n", "2026-11-20")
    assert deal.stage == "Negotiation"
    assert stages(deal) == [("Prospecting", "01-01"), ("Proposal", "09-01"), ("Negotiation", "11-20")]


def test_a_file_that_is_newer_overrules_what_came_live(world: World) -> None:
    world.deliver(
        event("opportunity.updated", "D", at("2026-11-02T15:00"), id="e1", stage="Offer"), external_id="e1"
    )
    drain(at=at("2026-11-02T15:01"))
    deal = bring_in(world.crm, "D,Closed Won,2026-11-02,2026-01-01,yes,yes\n", "2026-11-10")
    assert (deal.stage, deal.is_won) == ("Closed Won", True)
    assert deal.closed_at == at("2026-11-02T15:00"), "that day, and not before the offer of that day"
