"""Quarters, months and days begin on the clocks of the organisation, east and west of UTC."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from alignment.models import Organisation
from alignment.queries.prerequisites import FIGURES, history
from scorecard.queries.attribution import measure_attribution
from scorecard.queries.conversion import measure_conversion
from scorecard.queries.hygiene import measure_hygiene
from scorecard.queries.window import diagnosis_of, follow_up_window, window_of
from scorecard.services.diagnosis import declare
from scorecard.services.scorecards import measure
from scorecard.tests.company import Company, revops
from testing.world import NOW

BERLIN, LOS_ANGELES = "Europe/Berlin", "America/Los_Angeles"
HALF = timedelta(minutes=30)


@pytest.fixture(params=[BERLIN, LOS_ANGELES])
def zone(request: pytest.FixtureRequest, company: Company) -> str:
    Organisation.objects.update(zone=request.param)
    return str(request.param)


def midnight(zone: str, year: int, month: int, day: int = 1) -> datetime:
    return datetime(year, month, day, tzinfo=ZoneInfo(zone)).astimezone(UTC)


def around(zone: str, year: int, month: int) -> tuple[datetime, datetime]:
    """Half an hour before a month begins there, and half an hour after."""
    turn = midnight(zone, year, month)
    return turn - HALF, turn + HALF


def test_the_window_of_four_quarters_begins_and_ends_at_midnight_there(company: Company, zone: str) -> None:
    before, first = around(zone, 2025, 10)
    last, after = around(zone, 2026, 10)
    for instant in (before, first, last, after):
        lead = company.lead(instant)
        company.mql(lead, instant)
        company.opportunity(lead, instant, amount=100)
    window = window_of(diagnosis_of(company.program), at=NOW)
    assert window.words == "Q4 2025 to Q3 2026"
    hygiene = measure_hygiene(window, follow_up_window(diagnosis_of(company.program)), at=NOW)
    assert (hygiene.crossed, hygiene.pipeline) == (2, {"USD": 200})
    conversion = measure_conversion(window, at=NOW)
    assert (conversion.leads, conversion.mqls) == (2, 2)
    assert measure_attribution(window, {}).pipeline == {"USD": 200}


def test_the_last_full_quarter_is_over_when_it_is_over_there(company: Company, zone: str) -> None:
    still, over = around(zone, 2027, 1)
    diagnosis = diagnosis_of(company.program)
    assert window_of(diagnosis, at=still).words == "Q4 2025 to Q3 2026"
    assert window_of(diagnosis, at=over).words == "Q1 2026 to Q4 2026"


def test_days_to_the_board_deck_and_the_day_of_measuring_are_counted_there(
    company: Company, zone: str
) -> None:
    declare(
        program=company.program, by=revops(), at=NOW,
        changes={"board_deck_on": date(2026, 12, 18), "pipeline_short_percent": 31},
    )  # fmt: skip
    eve, morning = around_day(zone)
    too_far = measure(program=company.program, by=revops(), at=eve).content
    assert (too_far["as_of_on"], too_far["sequence"]["rule"]) == ("2026-11-17", "in_order")
    near = measure(program=company.program, by=revops(), at=morning).content
    assert (near["as_of_on"], near["sequence"]["rule"]) == ("2026-11-18", "parallel")
    assert "in 30 days" in near["sequence"]["sentence"]


def around_day(zone: str) -> tuple[datetime, datetime]:
    """Half past eleven on 17 November there, and half past midnight."""
    turn = midnight(zone, 2026, 11, 18)
    return turn - HALF, turn + HALF


def test_the_months_of_the_history_begin_at_midnight_there(company: Company, zone: str) -> None:
    for month in (2, 7):  # in winter and in summer
        for instant in around(zone, 2026, month):
            lead = company.lead(instant)
            company.mql(lead, instant)
            company.opportunity(lead, instant, is_won=True, is_closed=True, closed_at=instant, stage="Won")
    for instant in (around(zone, 2025, 10)[0], around(zone, 2026, 10)[1]):  # before and after the twelve
        company.mql(crossed_at=instant)
    for figure in FIGURES.values():
        found = {month.key: month.total for month in history(figure, at=NOW, zone=zone) if month.total}
        assert found == {"2026-01": 1, "2026-02": 1, "2026-06": 1, "2026-07": 1}
