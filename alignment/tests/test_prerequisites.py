"""Gate 0: each prerequisite with its evidence, its boundary, and the blocker with which it fails."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from fractions import Fraction
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.core.exceptions import ValidationError
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from alignment.blockers import Blocker
from alignment.gates import Evidence, examine, find_blockers
from alignment.models import Opportunity, Organisation, Program, Role, Step
from alignment.queries.prerequisites import (
    FIGURES,
    Month,
    history,
    last_events,
    last_quarters,
    missing_of,
    unfilled,
)
from alignment.services.artifacts import decline, revoke
from alignment.services.programs import change_program
from testing.artifacts import user_with
from testing.programs import (
    cycle,
    define_opportunity,
    fact,
    fill_history,
    meet_prerequisites,
    months,
    noon,
    open_one,
    opportunity,
    sponsor,
    won,
)

NOW = datetime(2026, 11, 23, 10, tzinfo=UTC)
pytestmark = pytest.mark.django_db


def blockers(program: Program, at: datetime = NOW) -> dict[str, Blocker]:
    program.refresh_from_db()
    return {blocker.code: blocker for blocker in find_blockers(Step.PREREQUISITES, program, at=at)}


def evidence(program: Program, what: str, at: datetime = NOW) -> Evidence:
    program.refresh_from_db()
    (found,) = [e for e in examine(Step.PREREQUISITES, program, at=at).evidence if what in e.what]
    return found


def test_a_new_program_lacks_all_that_was_not_declared() -> None:
    program = open_one(NOW)
    assert set(blockers(program)) == {
        "sponsorship",
        "no-events-lead",
        "no-events-opportunity",
        "no-events-campaign",
        "history-pipeline",
        "history-mql-to-sql",
        "history-closed-won",
        "opportunity-definition",
        "calendar",
    }


def test_with_every_prerequisite_met_the_gate_is_open_and_shows_its_evidence() -> None:
    program = open_one(NOW)
    meet_prerequisites(program, NOW)
    assert blockers(program) == {}
    found = examine(Step.PREREQUISITES, program, at=NOW).evidence
    assert len(found) == 12
    assert all(each.is_met and each.found for each in found)
    assert {each.basis for each in found} == {"measured", "declared", "signed"}


class TestOwner:
    def test_nobody_named(self) -> None:
        assert "owner" in blockers(open_one(NOW, owner=None))

    def test_a_login_that_is_switched_off(self) -> None:
        program = open_one(NOW)
        owner = user_with(Role.REVOPS)
        owner.is_active = False
        owner.save()
        assert "owner-inactive" in blockers(program)

    @pytest.mark.parametrize("role", Role)
    def test_is_somebody_whose_work_it_can_be(self, role: Role) -> None:
        person = user_with(role)
        may = role in {Role.REVOPS, Role.MARKETING, Role.SALES_MANAGER}
        if may:
            assert "owner-role" not in blockers(open_one(NOW, owner=person))
            return
        with pytest.raises(ValidationError, match="RevOps, marketing or sales management"):
            open_one(NOW, owner=person)
        program = open_one(NOW)
        Program.objects.filter(pk=program.pk).update(owner=person)  # another role since
        assert "cannot run a program" in blockers(program)["owner-role"].message

    @pytest.mark.parametrize(("hours", "is_enough"), [(None, False), (19, False), (20, True), (40, True)])
    def test_twenty_hours_a_week_are_enough(self, hours: int | None, is_enough: bool) -> None:
        found = blockers(open_one(NOW, hours_per_week=hours))
        assert ("hours" not in found) is is_enough
        if not is_enough:
            assert (found["hours"].actual, found["hours"].required) == (Fraction(hours or 0), Fraction(20))

    def test_admin_access_must_be_declared(self) -> None:
        program = open_one(NOW, has_admin_access=False)
        assert "admin-access" in blockers(program)
        assert evidence(program, "Admin access").basis == "declared"


class TestLastEvents:
    def test_the_newest_of_each_object_by_the_ledger(self) -> None:
        for hours in (5, 3):
            fact("campaign", NOW - timedelta(hours=hours))
        fact("touch", NOW)
        assert last_events() == {"lead": None, "opportunity": None, "campaign": NOW - timedelta(hours=3)}

    def test_it_is_shown_even_when_met(self) -> None:
        program = open_one(NOW)
        fact("lead", NOW - timedelta(hours=2))
        shown = evidence(program, "event about leads")
        assert shown.is_met and shown.as_of == NOW - timedelta(hours=2)
        assert {"no-events-opportunity", "no-events-campaign"} <= set(blockers(program))

    @pytest.mark.parametrize(
        ("age", "is_met"), [(timedelta(days=30), True), (timedelta(days=30, seconds=1), False)]
    )
    def test_one_of_more_than_thirty_days_ago_is_no_sign_of_life(self, age: timedelta, is_met: bool) -> None:
        program = open_one(NOW)
        fact("lead", NOW - age)
        assert evidence(program, "event about leads").is_met is is_met
        assert ("old-events-lead" not in blockers(program)) is is_met
        if not is_met:
            assert "was received on 24 October 2026" in blockers(program)["old-events-lead"].message


class TestSponsorship:
    def test_it_holds_from_the_last_signature_until_it_is_revoked(self) -> None:
        program = open_one(NOW)
        version = sponsor(program, NOW)
        assert "sponsorship" not in blockers(program)
        assert "Q1 2027 to Q4 2027" in evidence(program, "Sponsorship").found
        cro = user_with(Role.CRO)
        revoke(version=version, role=Role.CRO, reason="New budget", by=cro, at=NOW)
        assert "sponsorship" in blockers(program)

    def test_what_is_sent_names_whom_it_waits_for_and_what_was_declined_says_so(self) -> None:
        program = open_one(NOW)
        assert "enter it, send it" in blockers(program)["sponsorship"].message
        version = sponsor(program, NOW, is_signed=False)
        assert evidence(program, "Sponsorship").found == "Version 1: waiting for signatures"
        message = blockers(program)["sponsorship"].message
        assert "version 1 waits for" in message and "(CRO)" in message and "enter it" not in message
        decline(version=version, role=Role.CRO, reason="Too low", by=user_with(Role.CRO), at=NOW)
        message = blockers(program)["sponsorship"].message
        assert "(version 1 is declined): enter it" in message

    def test_that_of_another_program_does_not_count(self) -> None:
        first = open_one(NOW)
        sponsor(first, NOW)
        Program.objects.filter(pk=first.pk).update(closed_at=NOW)
        assert "sponsorship" in blockers(open_one(NOW))

    @pytest.mark.parametrize(
        ("at", "is_outdated"),
        [
            (datetime(2027, 3, 31, 23, 59, tzinfo=UTC), False),
            (datetime(2027, 4, 1, tzinfo=UTC), True),
        ],
    )
    def test_its_first_quarter_may_run_but_not_be_over(self, at: datetime, is_outdated: bool) -> None:
        program = open_one(NOW)
        sponsor(program, NOW)
        assert ("sponsorship-outdated" in blockers(program, at)) is is_outdated


def test_a_definition_that_is_signed_is_evidence() -> None:
    program = open_one(NOW)
    define_opportunity(NOW)
    assert "opportunity-definition" not in blockers(program)
    assert evidence(program, "Definition").as_of == NOW


def test_other_dates_must_go_to_the_calendars_again() -> None:
    program = open_one(NOW)
    meet_prerequisites(program, NOW)
    change_program(
        program=program,
        name=program.name,
        owner=program.owner,
        hours_per_week=30,
        has_admin_access=True,
        starts_on=program.starts_on,
        weeks=8,
        reason="More time",
        by=user_with(Role.REVOPS),
        at=NOW,
    )
    assert blockers(program) == {}
    change_program(
        program=program,
        name=program.name,
        owner=program.owner,
        hours_per_week=30,
        has_admin_access=True,
        starts_on=program.starts_on,
        weeks=9,
        reason="Holidays",
        by=user_with(Role.REVOPS),
        at=NOW,
    )
    assert set(blockers(program)) == {"calendar"}


class TestHistory:
    def test_it_is_of_the_four_quarters_before_the_present_one(self) -> None:
        assert [q.key for q in last_quarters(NOW, "UTC")] == ["2025-Q4", "2026-Q1", "2026-Q2", "2026-Q3"]
        assert (months(NOW)[0], months(NOW)[-1]) == (date(2025, 10, 1), date(2026, 9, 1))
        first = datetime(2027, 1, 1, 4, 59, tzinfo=UTC)
        assert last_quarters(first, "America/New_York")[-1].key == "2026-Q3"
        assert last_quarters(first + timedelta(minutes=1), "America/New_York")[-1].key == "2026-Q4"

    def test_an_empty_month_fails(self) -> None:
        program = open_one(NOW)
        fill_history(NOW, [first for first in months(NOW) if first != date(2026, 3, 1)])
        found = blockers(program)["history-pipeline"]
        assert "March 2026 (no records)" in found.message
        assert (found.actual, found.required) == (Fraction(0), Fraction(9, 10))
        assert {"history-mql-to-sql", "history-closed-won"} <= set(blockers(program))

    @pytest.mark.parametrize(("filled", "total", "is_enough"), [(9, 10, True), (8, 9, False), (0, 1, False)])
    def test_nine_of_ten_are_enough(self, filled: int, total: int, is_enough: bool) -> None:
        program = open_one(NOW)
        fill_history(NOW, [first for first in months(NOW) if first != date(2026, 3, 1)])
        cycle(noon(date(2026, 3, 3)))
        for number in range(total):
            gap = {} if number < filled else {"stage": ""}
            opportunity(noon(date(2026, 3, 5)), **gap)
        found = blockers(program)
        assert ("history-pipeline" not in found) is is_enough
        if not is_enough:
            assert found["history-pipeline"].actual == Fraction(filled, total)
            assert f"March 2026 ({filled} of {total} filled)" in found["history-pipeline"].message

    def test_just_under_nine_of_ten_is_not_enough(self) -> None:
        assert Month(date(2026, 3, 1), 10_000, 9_000).is_enough
        assert not Month(date(2026, 3, 1), 10_000, 8_999).is_enough
        assert not Month(date(2026, 3, 1), 0, 0).is_enough

    @pytest.mark.parametrize(
        ("key", "made", "lacks"),
        [
            ("pipeline", lambda at: opportunity(at, amount_minor=None), ["amount"]),
            ("pipeline", lambda at: opportunity(at, currency="", stage=""), ["currency", "stage"]),
            ("pipeline", lambda at: opportunity(None, first_seen_at=at), ["date of opening"]),
            ("pipeline", lambda at: opportunity(None, close_on=at.date()), ["date of opening"]),
            ("closed-won", lambda at: won(None, at, close_on=at.date()), ["date of closing"]),
            ("closed-won", lambda at: won(at, at, amount_minor=None), ["amount"]),
            ("mql-to-sql", lambda at: cycle(at, owner=None, assigned_by=""), ["owner"]),
            ("mql-to-sql", lambda at: cycle(at, is_tagged=False), ["complete disposition"]),
        ],
    )
    def test_what_a_record_lacks_is_named(self, key: str, made: Any, lacks: list[str]) -> None:
        record = made(noon(date(2026, 3, 5)))
        (found,) = unfilled(FIGURES[key], date(2026, 3, 1), zone="UTC")
        assert found.pk == record.pk
        assert missing_of(FIGURES[key], found) == lacks
        (month,) = [m for m in history(FIGURES[key], at=NOW, zone="UTC") if m.total]
        assert (month.key, month.total, month.filled) == ("2026-03", 1, 0)

    def test_what_the_crm_deleted_and_what_was_voided_does_not_count(self) -> None:
        at = noon(date(2026, 3, 5))
        opportunity(at, is_deleted=True)
        won(at, at, is_deleted=True)
        cycle(at, voided_at=NOW, void_reason="Disproved")
        cycle(at).lead.__class__.objects.update(is_deleted=True)
        for figure in FIGURES.values():
            assert sum(month.total for month in history(figure, at=NOW, zone="UTC")) == 0

    def test_months_are_cut_in_the_organisation_s_zone(self) -> None:
        opportunity(datetime(2026, 4, 1, 3, 30, tzinfo=UTC))
        by_month = {m.key: m.total for m in history(FIGURES["pipeline"], at=NOW, zone="America/New_York")}
        assert by_month["2026-03"] == 1
        assert [m.total for m in history(FIGURES["pipeline"], at=NOW, zone="UTC") if m.key == "2026-04"] == [
            1
        ]

    def test_each_figure_costs_one_statement(self, django_assert_num_queries: Any) -> None:
        fill_history(NOW)
        with django_assert_num_queries(3):
            for figure in FIGURES.values():
                history(figure, at=NOW, zone="UTC")


ROWS = st.lists(
    st.tuples(
        st.one_of(
            st.none(),
            st.datetimes(datetime(2025, 9, 1), datetime(2026, 11, 20)),
        ),
        st.booleans(),
        st.booleans(),
        st.sampled_from(["", "Discovery"]),
    ),
    max_size=12,
)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=ROWS, zone=st.sampled_from(["UTC", "America/New_York", "Asia/Tokyo"]))
def test_months_are_those_that_a_count_by_hand_gives(rows: Iterable[Any], zone: str) -> None:
    Opportunity.objects.all().delete()
    tz = ZoneInfo(zone)
    expected: dict[str, list[int]] = {}
    for opened, has_amount, has_currency, stage in rows:
        at = opened.replace(tzinfo=UTC) if opened else None
        made = opportunity(
            at,
            amount_minor=5 if has_amount else None,
            currency="USD" if has_currency else "",
            stage=stage,
            first_seen_at=datetime(2026, 5, 31, 23, 30, tzinfo=UTC),
        )
        day = (at or made.first_seen_at).astimezone(tz).date()
        counts = expected.setdefault(f"{day:%Y-%m}", [0, 0])
        counts[0] += 1
        counts[1] += bool(at and has_amount and has_currency and stage)
    found = history(FIGURES["pipeline"], at=NOW, zone=zone)
    assert {m.key: [m.total, m.filled] for m in found if m.total} == {
        key: counts for key, counts in expected.items() if "2025-10" <= key <= "2026-09"
    }


def test_the_organisation_s_zone_is_what_the_gate_uses() -> None:
    Organisation.objects.create(pk=1, zone="Asia/Tokyo")
    program = open_one(NOW)
    fill_history(NOW)
    assert {"history-pipeline", "history-closed-won", "history-mql-to-sql"}.isdisjoint(blockers(program))
