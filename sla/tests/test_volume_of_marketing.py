"""What marketing promised and delivered in a calendar month, by the SLA that was in force when the month began."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

from alignment.models import MqlCycle, Organisation
from sla.periods import Period
from sla.queries.volume import (
    NONE_SIGNED,
    REVOKED_MEANWHILE,
    SIGNED_MEANWHILE,
    delivered_of_line,
    months_of_volume,
    volumes,
)
from testing.sla import amended, clauses, judging, revoke_sla, signed_sla
from testing.world import World, event, terms

SIGNED = datetime(2026, 9, 10, 12, 0, tzinfo=UTC)
LATER = datetime(2026, 12, 2, 9, 0, tzinfo=UTC)
OCTOBER, SEPTEMBER, AUGUST = Period(date(2026, 10, 1)), Period(date(2026, 9, 1)), Period(date(2026, 8, 1))


def promising(world: World, *lines: tuple[str, int], at: datetime = SIGNED) -> None:
    marketing = clauses(at=at)["marketing"] | {
        "volumes": [{"segment": segment, "mqls": mqls} for segment, mqls in lines]
    }
    signed_sla(terms(world.calendar), at=at, marketing=marketing)


def arrive(
    world: World, name: str, at: datetime, *, segment: str = "", received_at: datetime | None = None
) -> None:
    world.send(
        event("lead.updated", name, at, score=80, segment=segment, email=f"{name}@example.org"),
        at=received_at or at,
        received_at=received_at or at,
    )


def test_each_line_counts_its_segment_and_the_total_judges(world: World) -> None:
    promising(world, ("Enterprise", 2), ("", 2))
    for name, day, segment in (
        ("A", 1, "enterprise"), ("B", 5, "smb"), ("C", 20, ""), ("D", 31, "smb"),
    ):  # fmt: skip
        arrive(world, name, datetime(2026, 10, day, 9, 0, tzinfo=UTC), segment=segment)
    found = months_of_volume([OCTOBER], at=LATER)[0]
    assert [(line.segment, line.promised, line.delivered, line.is_missed) for line in found.lines] == [
        ("Enterprise", 2, 1, True),
        ("", 2, 3, False),
    ]
    assert (found.promised, found.delivered, found.is_missed) == (4, 4, False)
    assert volumes(date(2026, 10, 14), at=LATER) == found.lines
    assert found.version is not None
    assert found.version.clauses is not None
    marketing = found.version.clauses.marketing
    behind = delivered_of_line(OCTOBER, marketing, "", at=LATER)
    assert sorted(behind.values_list("lead__external_id", flat=True)) == ["B", "C", "D"]
    assert delivered_of_line(OCTOBER, marketing, "Enterprise", at=LATER).count() == 1


def test_segments_of_no_line_are_shown_beside_and_count_for_none(world: World) -> None:
    promising(world, ("enterprise", 1))
    arrive(world, "A", datetime(2026, 10, 2, tzinfo=UTC), segment="smb")
    found = months_of_volume([OCTOBER], at=LATER)[0]
    assert (found.delivered, found.outside, found.is_missed) == (0, 1, True)


def test_the_month_is_local_to_the_organisation(world: World) -> None:
    Organisation.objects.update(zone="America/New_York")
    promising(world, ("", 1))
    arrive(world, "A", datetime(2026, 10, 1, 3, 59, tzinfo=UTC))  # still 30 September there
    arrive(world, "B", datetime(2026, 10, 1, 4, 0, tzinfo=UTC))
    found = months_of_volume([SEPTEMBER, OCTOBER], at=LATER)
    assert [month.delivered for month in found] == [1, 1]


def test_a_month_in_which_the_first_sla_was_signed_is_not_judged(world: World) -> None:
    promising(world, ("", 5))
    found = months_of_volume([AUGUST, SEPTEMBER, OCTOBER], at=LATER)
    assert [month.not_judged for month in found] == [NONE_SIGNED, SIGNED_MEANWHILE, ""]
    assert [month.is_missed for month in found] == [None, None, True]
    assert volumes(SEPTEMBER.first, at=LATER) == []


def test_no_month_is_judged_that_was_not_over_when_the_sla_was_revoked_until_another_is_signed(
    world: World,
) -> None:
    promising(world, ("", 5))
    revoke_sla(judging(SIGNED), at=datetime(2026, 11, 1, 1, tzinfo=UTC))
    amended(at=datetime(2026, 12, 20, tzinfo=UTC))
    months = [OCTOBER]
    while len(months) < 4:
        months.append(months[-1].next())
    found = months_of_volume(months, at=datetime(2027, 3, 1, tzinfo=UTC))
    assert [month.not_judged for month in found] == ["", REVOKED_MEANWHILE, SIGNED_MEANWHILE, ""]
    assert [month.is_missed for month in found] == [True, None, None, True]


def test_the_sla_of_the_months_first_instant_judges_it_whatever_is_signed_within(world: World) -> None:
    promising(world, ("", 5))
    midway = datetime(2026, 10, 15, tzinfo=UTC)
    amended(at=midway, marketing=clauses(at=midway)["marketing"] | {"volumes": [{"segment": "", "mqls": 9}]})
    found = months_of_volume([OCTOBER, OCTOBER.next()], at=LATER)
    assert [month.promised for month in found] == [5, 9]


def test_a_month_under_way_is_not_missed_yet(world: World) -> None:
    promising(world, ("", 5))
    found = months_of_volume([OCTOBER], at=datetime(2026, 10, 31, 23, 59, tzinfo=UTC))[0]
    assert found.is_missed is None
    assert months_of_volume([OCTOBER], at=datetime(2026, 11, 1, tzinfo=UTC))[0].is_missed is True


def test_what_is_told_late_or_disproved_later_restates_the_month(world: World) -> None:
    promising(world, ("", 2))
    crossed, told = datetime(2026, 10, 31, 12, tzinfo=UTC), datetime(2026, 11, 2, 9, tzinfo=UTC)
    arrive(world, "A", crossed, received_at=told)
    assert volumes(OCTOBER.first, at=told - timedelta(seconds=1))[0].delivered == 0
    assert volumes(OCTOBER.first, at=told)[0].delivered == 1
    MqlCycle.objects.update(voided_at=LATER, void_reason="disproved")
    assert volumes(OCTOBER.first, at=told)[0].delivered == 1
    assert volumes(OCTOBER.first, at=LATER)[0].delivered == 0


def test_completeness_is_judged_by_the_definition_that_the_sla_cites(world: World) -> None:
    promising(world, ("", 2))
    arrive(world, "A", datetime(2026, 10, 2, tzinfo=UTC))
    found = months_of_volume([OCTOBER, OCTOBER.next()], at=LATER)
    standard, empty = found[0].standard, found[1].standard
    assert standard is not None
    assert empty is not None
    assert (standard.mqls, standard.percent) == (1, 90)
    assert standard.is_met is (standard.complete == 1)
    assert empty.is_met is None


def test_periods_follow_each_other_over_the_year() -> None:
    december = Period(date(2026, 12, 1))
    assert december.next().first == date(2027, 1, 1)
    assert december.next().previous() == december
    quarter = Period.of(date(2026, 11, 30), "quarter")
    assert (quarter.first, quarter.end, quarter.name) == (date(2026, 10, 1), date(2027, 1, 1), "Q4 2026")
    assert quarter.next().previous() == quarter
