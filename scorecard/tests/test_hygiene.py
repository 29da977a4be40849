"""Handoff hygiene: which MQLs count, when each was due, and whether it was followed up by then."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from unittest.mock import patch

import pytest

from alignment.models import Function, Person, Team
from alignment.services.calendars import create_calendar
from scorecard.models import FollowUpTime
from scorecard.queries.hygiene import hygiene_rows, measure_hygiene
from scorecard.queries.window import NoCalendar, diagnosis_of, follow_up_window, window_of
from scorecard.services.diagnosis import CannotDeclare, declare
from scorecard.tests.company import DAY, HOUR, MONDAY, Company, revops
from testing.world import NOW, WEEKDAYS

FRIDAY = datetime(2026, 3, 6, 16, 0, tzinfo=UTC)


def measured(company: Company, at: datetime = NOW):
    diagnosis = diagnosis_of(company.program)
    return measure_hygiene(window_of(diagnosis, at=at), follow_up_window(diagnosis), at=at)


def test_the_default_window_is_the_last_four_full_quarters(company: Company) -> None:
    window = window_of(diagnosis_of(company.program), at=NOW)
    assert (window.first.key, window.last.key, window.quarters) == ("2025-Q4", "2026-Q3", 4)
    assert window.starts_at == datetime(2025, 10, 1, tzinfo=UTC)
    assert window.ends_at == datetime(2026, 10, 1, tzinfo=UTC)
    assert window_of(diagnosis_of(company.program), at=datetime(2026, 1, 1, tzinfo=UTC)).last.key == "2025-Q4"
    assert (
        window_of(diagnosis_of(company.program), at=datetime(2026, 1, 1, tzinfo=UTC)).first.key == "2025-Q1"
    )


def test_only_mqls_that_crossed_in_the_window_count(company: Company) -> None:
    for crossed_at in (
        datetime(2025, 9, 30, 23, 59, 59, tzinfo=UTC),
        datetime(2025, 10, 1, tzinfo=UTC),
        datetime(2026, 9, 30, 23, 59, 59, tzinfo=UTC),
        datetime(2026, 10, 1, tzinfo=UTC),
    ):
        company.mql(crossed_at=crossed_at, follow_up=crossed_at + HOUR)
    company.mql(follow_up=MONDAY, voided_at=MONDAY, void_reason="disproved")
    assert measured(company).crossed == 2


@pytest.mark.parametrize(
    ("crossed_at", "follow_up", "is_met"),
    [
        (MONDAY, MONDAY + 2 * DAY + 8 * HOUR, True),  # 24 business hours of 8 a day end on Wednesday at 17:00
        (MONDAY, MONDAY + 2 * DAY + 8 * HOUR + timedelta(microseconds=1), False),
        (FRIDAY, datetime(2026, 3, 11, 16, 0, tzinfo=UTC), True),  # over a weekend
        (FRIDAY, datetime(2026, 3, 11, 16, 0, 1, tzinfo=UTC), False),
    ],
)
def test_business_hours_are_those_of_the_calendar(
    company: Company, crossed_at: datetime, follow_up: datetime, is_met: bool
) -> None:
    company.mql(crossed_at=crossed_at, follow_up=follow_up)
    found = measured(company)
    assert (found.met, found.missed) == ((1, 0) if is_met else (0, 1))
    assert found.within == "24 business hours (Office hours)"


def test_each_mql_is_judged_by_the_calendar_of_its_owners_team(company: Company) -> None:
    monday = {"zone": "UTC", "weekly": {"mon": [["09:00", "17:00"]]}}
    calendar = create_calendar(name="Mondays", schedule=monday, by=None, at=NOW - 900 * DAY)
    other = Team.objects.create(name="Outbound", function=Function.SALES, calendar=calendar)
    slow = Person.objects.create(name="Slow", function=Function.SALES, team=other)
    within_three_weeks = MONDAY + 14 * DAY + 8 * HOUR
    ours = company.mql(follow_up=within_three_weeks)
    theirs = company.mql(follow_up=within_three_weeks)
    nobodys = company.mql(follow_up=within_three_weeks, is_assigned=False)
    type(theirs).objects.filter(pk=theirs.pk).update(owner=slow)
    found = measured(company)
    assert (found.met, found.missed) == (1, 2)
    assert found.within == "24 business hours (Mondays, Office hours)"
    diagnosis = diagnosis_of(company.program)
    rows = hygiene_rows(window_of(diagnosis, at=NOW), follow_up_window(diagnosis), at=NOW)
    assert {row.pk: row.outcome for row in rows} == {
        ours.pk: "missed", theirs.pk: "met", nobodys.pk: "missed",
    }  # fmt: skip
    declare(program=company.program, changes={"calendar": calendar}, by=revops(), at=NOW)
    found = measured(company)
    assert (found.met, found.missed, found.within) == (3, 0, "24 business hours (Mondays)")


def test_holidays_of_the_years_that_history_reaches_are_closed(company: Company) -> None:
    schedule = {"zone": "UTC", "weekly": WEEKDAYS}
    calendar = create_calendar(name="Germany", schedule=schedule, country="DE", by=None, at=NOW)
    declare(
        program=company.program, changes={"calendar": calendar, "follow_up_hours": 8}, by=revops(), at=NOW
    )
    eve = datetime(2025, 12, 24, 9, 0, tzinfo=UTC)
    within = follow_up_window(diagnosis_of(company.program))
    assert within.due(eve + HOUR) == datetime(2025, 12, 29, 10, 0, tzinfo=UTC)
    assert within.due(datetime(2023, 5, 1, 9, 0, tzinfo=UTC)) == datetime(2023, 5, 2, 17, 0, tzinfo=UTC)


def test_elapsed_hours_know_no_calendar(company: Company) -> None:
    declare(
        program=company.program,
        changes={"follow_up_hours": 24, "follow_up_time": FollowUpTime.ELAPSED},
        by=revops(),
        at=NOW,
    )
    company.mql(crossed_at=FRIDAY, follow_up=FRIDAY + DAY)
    company.mql(crossed_at=FRIDAY, follow_up=FRIDAY + DAY + timedelta(seconds=1))
    found = measured(company)
    assert (found.met, found.missed, found.within) == (1, 1, "24 elapsed hours")


def test_an_mql_without_an_owner_counts_as_missed(company: Company) -> None:
    company.mql(follow_up=MONDAY + HOUR)
    company.mql(is_assigned=False)
    company.mql()
    found = measured(company)
    assert (found.met, found.missed, found.unassigned) == (1, 2, 1)


def test_an_mql_that_is_not_due_yet_is_counted_and_left_out(company: Company) -> None:
    at = MONDAY + HOUR
    declare(
        program=company.program,
        changes={"first_quarter": "2025-Q4", "last_quarter": "2025-Q4"},
        by=revops(),
        at=at,
    )
    late = datetime(2025, 12, 31, 16, 0, tzinfo=UTC)
    company.mql(crossed_at=late, follow_up=late + HOUR)
    company.mql(crossed_at=late)
    at_once = measured(company, at=late + 2 * HOUR)
    assert (at_once.met, at_once.missed, at_once.running, at_once.due) == (1, 0, 1, 1)
    later = measured(company, at=MONDAY)
    assert (later.met, later.missed, later.running) == (1, 1, 0)


def test_a_follow_up_after_the_window_is_missed_though_it_came(company: Company) -> None:
    company.mql(follow_up=MONDAY + 30 * DAY)
    [row] = hygiene_rows(
        window_of(diagnosis_of(company.program), at=NOW),
        follow_up_window(diagnosis_of(company.program)),
        at=NOW,
    )
    assert (row.outcome, row.due_at) == ("missed", MONDAY + 2 * DAY + 8 * HOUR)


def test_pipeline_counts_opportunities_of_leads_that_crossed_merged_records_included(
    company: Company,
) -> None:
    lead = company.lead()
    company.mql(lead, follow_up=MONDAY)
    merged = company.lead(merged_into=lead)
    company.opportunity(merged, amount=500)
    company.opportunity(lead, amount=700, currency="eur")
    company.opportunity(company.lead(), amount=900)  # its lead never crossed
    company.opportunity(lead, datetime(2026, 10, 1, tzinfo=UTC), amount=900)  # after the window
    company.opportunity(lead, amount=900, is_deleted=True)
    assert measured(company).pipeline == {"EUR": 700, "USD": 500}


def test_a_voided_cycle_brings_no_pipeline_and_is_no_mql(company: Company) -> None:
    cycle = company.mql(follow_up=MONDAY, voided_at=NOW, void_reason="disproved")
    company.opportunity(cycle.lead, amount=500)
    found = measured(company)
    assert (found.crossed, found.pipeline, found.with_any_deal) == (0, {}, 0)


def test_cycles_of_leads_with_deals_in_other_currencies_alone_are_told_apart(company: Company) -> None:
    dollars, euros, both, unpriced = (company.mql(follow_up=MONDAY).lead for _ in range(4))
    company.mql(euros, MONDAY + 90 * DAY)
    company.opportunity(dollars)
    company.opportunity(euros, currency="EUR")
    company.opportunity(both)
    company.opportunity(both, currency="EUR")
    company.opportunity(unpriced, amount=None)
    found = measured(company)
    assert (found.with_deals, found.with_any_deal) == ({"EUR": 3, "USD": 2}, 4)
    assert (found.crossed, found.crossed_of("USD"), found.crossed_of("EUR")) == (5, 3, 4)


def test_without_a_calendar_business_hours_cannot_be_counted(company: Company) -> None:
    with patch("scorecard.queries.window.default_calendar", return_value=None), pytest.raises(NoCalendar):
        follow_up_window(diagnosis_of(company.program))


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"first_quarter": "2026-Q1"}, "first_quarter"),
        ({"first_quarter": "2026-Q2", "last_quarter": "2026-Q1"}, "last_quarter"),
        ({"first_quarter": "2026-Q4", "last_quarter": "2026-Q4"}, "last_quarter"),
        ({"first_quarter": "2020-Q1", "last_quarter": "2026-Q1"}, "first_quarter"),
        ({"follow_up_hours": 0}, "follow_up_hours"),
        ({"follow_up_hours": 721}, "follow_up_hours"),
        ({"pipeline_short_percent": 101}, "pipeline_short_percent"),
        ({"shoe_size": 44}, "shoe_size"),
    ],
)
def test_what_cannot_be_declared_is_refused_by_field(
    company: Company, changes: dict[str, object], field: str
) -> None:
    with pytest.raises(CannotDeclare) as refusal:
        declare(program=company.program, changes=changes, by=revops(), at=NOW)
    assert refusal.value.field == field
