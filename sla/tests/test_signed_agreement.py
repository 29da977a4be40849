"""The SLA is in force by signature only: its terms run for what crosses afterwards, and a draft changes nothing."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from django.db import IntegrityError, transaction

from alignment.models import MqlCycle, VersionState
from sla.kinds import SLA
from sla.models import Agreement, Clock, ClockKind
from sla.queries.agreements import load_book
from sla.services.agreements import SignedIsThere, put_in_force
from sla.services.versions import take_over_cycles
from testing.artifacts import sign_all
from testing.sla import amended, judging, sent_sla, signed_sla
from testing.world import NOW, World, event, terms

HOUR = timedelta(hours=1)


def test_a_draft_or_a_sent_version_changes_nothing(world: World) -> None:
    waiting = sent_sla(terms(world.calendar, warn_at_percent=50), at=NOW)
    assert judging(NOW + HOUR) == world.agreement
    assert len(load_book().every()) == 1
    sign_all(waiting, at=NOW + HOUR)
    found = load_book().at(NOW + HOUR)
    assert found is not None
    assert found.agreement.version == waiting
    assert found.agreement.is_signed
    assert found.terms.warn_at_percent == 50
    assert found.clauses is not None
    assert found.clauses.marketing.mqls == 100
    assert judging(NOW + HOUR - timedelta(microseconds=1)) == world.agreement


def test_only_what_crosses_after_both_signatures_runs_on_the_new_window(world: World) -> None:
    world.send(event("lead.updated", "L1", NOW, score=80))
    shorter = terms(world.calendar)
    shorter["tiers"][1]["follow_up_within"]["amount"] = 4
    agreement = signed_sla(shorter, at=NOW + HOUR)
    world.send(event("lead.updated", "L2", NOW + 2 * HOUR, score=80), at=NOW + 2 * HOUR)
    world.send(event("lead.updated", "L1", NOW + 2 * HOUR, score=90), at=NOW + 2 * HOUR)
    numbers = dict(MqlCycle.objects.values_list("lead__external_id", "agreement_number"))
    assert numbers == {"L1": world.agreement.number, "L2": agreement.number}
    budgets = dict(
        Clock.objects.filter(kind=ClockKind.FOLLOW_UP).values_list(
            "cycle__lead__external_id", "budget_seconds"
        )
    )
    assert budgets == {"L1": 24 * 3600, "L2": 4 * 3600}


def test_what_crossed_while_the_signature_was_written_runs_on_it(world: World) -> None:
    """Read before the signing was committed, though it crossed after the instant of the last signature."""
    second = timedelta(seconds=1)
    world.send(event("lead.updated", "L0", NOW - second, score=80), at=NOW)
    world.send(event("lead.updated", "L1", NOW + second, score=80), at=NOW + second)
    agreement = signed_sla(terms(world.calendar), at=NOW)
    assert set(MqlCycle.objects.values_list("agreement_number", flat=True)) == {world.agreement.number}
    assert take_over_cycles(at=NOW + 15 * second) == 1
    assert take_over_cycles(at=NOW + 30 * second) == 0
    numbers = dict(MqlCycle.objects.values_list("lead__external_id", "agreement_number"))
    assert numbers == {"L0": world.agreement.number, "L1": agreement.number}
    assert set(Clock.objects.filter(cycle__lead__external_id="L1").values_list("agreement", flat=True)) == {
        agreement.pk
    }


def test_after_the_first_signature_no_unsigned_version_is_taken(world: World) -> None:
    signed_sla(terms(world.calendar), at=NOW)
    with pytest.raises(SignedIsThere):
        put_in_force(terms=terms(world.calendar), in_force_from=NOW + HOUR, by=None, at=NOW + HOUR)
    with pytest.raises(IntegrityError, match="by signature only"), transaction.atomic():
        Agreement.objects.create(
            number=9, terms=terms(world.calendar), in_force_from=NOW + HOUR, entered_at=NOW
        )


def test_the_database_takes_no_terms_that_were_not_signed(world: World) -> None:
    waiting = sent_sla(terms(world.calendar), at=NOW)
    row = {
        "number": 9,
        "version": waiting,
        "terms": waiting.content["terms"],
        "clauses": waiting.content["clauses"],
        "in_force_from": NOW,
        "is_signed": True,
        "entered_at": NOW,
    }
    with pytest.raises(IntegrityError, match="signed and in force"), transaction.atomic():
        Agreement.objects.create(**row)
    other = amended(at=NOW + HOUR)
    with pytest.raises(IntegrityError, match="not those that were signed"), transaction.atomic():
        Agreement.objects.create(
            **row
            | {"version": other.version, "terms": terms(world.calendar, warn_at_percent=10), "number": 10}
        )


def test_an_amendment_supersedes_and_both_keep_their_number(world: World) -> None:
    first = signed_sla(terms(world.calendar), at=NOW)
    second = amended(at=NOW + HOUR, terms={"warn_at_percent": 60})
    assert (first.number, second.number) == (2, 3)
    assert first.version is not None
    first.version.refresh_from_db()
    assert first.version.state == VersionState.SUPERSEDED


def test_the_usual_sla_fits_two_pages(world: World) -> None:
    version = sent_sla(terms(world.calendar), at=NOW)
    assert SLA.page_limit == 2
    rendition = version.renditions.get()
    assert rendition.pages <= 2


def test_an_amendment_may_begin_on_the_very_day_of_what_it_replaces(world: World) -> None:
    day = (NOW + timedelta(days=10)).date()
    begins = datetime(day.year, day.month, day.day, tzinfo=UTC)
    put_in_force(terms=terms(world.calendar), in_force_from=begins, by=None, at=NOW)
    signed_sla(terms(world.calendar), at=NOW + HOUR, begins_on=day.isoformat())
    amendment = amended(at=NOW + 2 * HOUR, begins_on=day.isoformat(), terms={"warn_at_percent": 50})
    book = load_book()
    before, after = book.at(begins - timedelta(microseconds=1)), book.at(begins)
    assert before is not None and before.agreement == world.agreement
    assert after is not None and after.agreement == amendment
