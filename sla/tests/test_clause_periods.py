"""Which periods the follow-up clause judges: those that are over and settled, under a signed SLA, each once."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from django.db import IntegrityError, transaction

from alignment.models import DirtyDay, MqlCycle
from sla.models import (
    Agreement,
    ClauseKind,
    ClausePeriod,
    Consequence,
)
from sla.queries.agreements import AgreementBook, InForce
from sla.queries.consequence_pages import period_rows
from sla.queries.follow_up_clause import CUT_SHORT, clause_periods
from sla.services import execute_consequences, mark_breached, roll_up
from sla.tests.october import AFTER, CROSSED, attempt, october
from testing.sla import amended, clauses, judging, revoke_sla, signed_sla
from testing.world import World, event, terms


@pytest.mark.parametrize("why", ["not over", "inbox", "dirty", "running"])
def test_a_period_that_is_not_settled_is_not_judged(world: World, why: str) -> None:
    october(world, missed=2, met=0)
    at = AFTER
    if why == "not over":
        at = datetime(2026, 10, 31, 23, 59, tzinfo=UTC)
    elif why == "inbox":
        world.deliver(event("lead.updated", "L9", CROSSED), external_id="x", received_at=CROSSED)
    elif why == "dirty":
        DirtyDay.objects.create(metric="compliance", day="2026-10-09")
    else:  # fell due on 29 October, and no sweep has come by
        late = CROSSED + timedelta(days=20)
        world.send(event("lead.updated", "L8", late, score=80), at=late)
        roll_up(at=at)
    execute_consequences(at=at)
    assert not ClausePeriod.objects.filter(first="2026-10-01").exists()


def test_what_was_over_when_the_sla_was_revoked_is_judged_and_executed_as_signed(world: World) -> None:
    october(world, missed=4, met=0)
    revoke_sla(judging(CROSSED), at=datetime(2026, 11, 1, tzinfo=UTC))  # at the very end of October
    assert execute_consequences(at=AFTER) == 4
    assert Consequence.objects.get().judged.agreement == judging(CROSSED)


def test_nothing_is_judged_of_a_period_that_a_revocation_cut_short_until_another_sla_is_signed(
    world: World,
) -> None:
    october(world, missed=4, met=0)
    revoke_sla(judging(CROSSED), at=datetime(2026, 10, 31, 23, tzinfo=UTC))
    assert execute_consequences(at=AFTER) == 0
    assert not ClausePeriod.objects.filter(first__gte="2026-10-01").exists()
    assert [row.now.unsettled for row in period_rows(at=AFTER) if row.now] == [CUT_SHORT]
    with pytest.raises(IntegrityError, match="was not over when its SLA was revoked"), transaction.atomic():
        ClausePeriod.objects.create(
            kind=ClauseKind.FOLLOW_UP, unit="month", first="2026-10-01", end="2026-11-01", agreement=judging(CROSSED),
            part=4, whole=4, percent=15, is_missed=True, evidence={}, evidence_digest="0" * 64, judged_at=AFTER,
        )  # fmt: skip
    # between the two: on terms that nobody has signed any more
    between, again, end = (datetime(2026, 11, day, 9, tzinfo=UTC) for day in (3, 10, 30))
    world.send(event("lead.updated", "B", between, score=80), at=between)
    signed = amended(at=datetime(2026, 11, 9, tzinfo=UTC))
    world.send(event("lead.updated", "N", again, score=80), at=again)
    assert execute_consequences(at=end) == 0
    over = end + timedelta(days=1)
    mark_breached(at=over)
    roll_up(at=over)
    assert execute_consequences(at=over) == 1
    judged = Consequence.objects.get().judged
    assert (judged.agreement, judged.period.name, judged.part, judged.whole) == (
        signed,
        "November 2026",
        1,
        1,
    )
    assert MqlCycle.objects.get(is_by_clause=True).lead.external_id == "N"


def test_of_periods_that_revocations_cut_short_those_before_the_next_judged_one_are_shown(
    world: World,
) -> None:
    def version(number: int, day: int, unit: str, revoked: int) -> InForce:
        consequences = {"volume_months": 2, "missed_percent": 15, "period": unit}
        agreement = Agreement(
            number=number,
            is_signed=True,
            terms=terms(world.calendar),
            clauses=clauses(at=AFTER, consequences=consequences),
            in_force_from=datetime(2026, 11, day, 9, tzinfo=UTC),
        )
        at = datetime(2026, 11, revoked, 9, tzinfo=UTC) if revoked else None
        return InForce(agreement, agreement.parsed(), agreement.parsed_clauses(), at)

    def shown(*given: tuple[int, str, int]) -> list[tuple[str, bool]]:
        book = AgreementBook(version(number, *each) for number, each in enumerate(given, start=1))
        at = datetime(2026, 11, 28, tzinfo=UTC)
        return [(each.period.name, each.is_cut_short) for each in clause_periods(at=at, book=book)]

    quarter, month = (2, "quarter", 3), (4, "month", 5)
    assert shown(quarter, (6, "month", 0)) == [("Q4 2026", True), ("November 2026", False)]
    assert shown(quarter, month) == [("Q4 2026", True), ("November 2026", True)]
    assert shown(quarter, month, (6, "quarter", 0)) == [("Q4 2026", False)]


def test_clocks_on_an_unsigned_version_count_for_nothing(world: World) -> None:
    before = datetime(2026, 10, 1, 9, tzinfo=UTC)
    world.send(event("lead.updated", "L0", before, score=80), at=before)
    signed_sla(terms(world.calendar), at=datetime(2026, 10, 2, tzinfo=UTC))
    world.send(event("lead.updated", "L1", CROSSED, score=80), at=CROSSED)
    world.send(attempt(1, CROSSED + timedelta(hours=1)), at=CROSSED + timedelta(hours=1))
    mark_breached(at=AFTER)
    roll_up(at=AFTER)
    execute_consequences(at=AFTER)
    judged = ClausePeriod.objects.get(first="2026-10-01")
    assert (judged.part, judged.whole, judged.is_missed) == (0, 1, False)


def test_without_a_signed_sla_nothing_is_judged(world: World) -> None:
    world.send(event("lead.updated", "OLD", CROSSED, score=80), at=CROSSED)
    mark_breached(at=AFTER)
    roll_up(at=AFTER)
    assert execute_consequences(at=AFTER) == 0
    assert not ClausePeriod.objects.exists()


def test_a_quarter_is_judged_whole_where_the_sla_says_so(world: World) -> None:
    october(
        world, missed=2, met=0, consequences={"volume_months": 2, "missed_percent": 15, "period": "quarter"}
    )
    execute_consequences(at=AFTER)
    assert not ClausePeriod.objects.filter(
        kind=ClauseKind.FOLLOW_UP, unit="quarter", first="2026-10-01"
    ).exists()
    execute_consequences(at=datetime(2027, 1, 1, 1, tzinfo=UTC))
    found = ClausePeriod.objects.filter(kind=ClauseKind.FOLLOW_UP).values_list("first", "unit", "part")
    assert [(str(first), unit, part) for first, unit, part in found] == [
        ("2026-07-01", "quarter", 0),
        ("2026-10-01", "quarter", 2),
    ]
