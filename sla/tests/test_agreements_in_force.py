"""The version in force at an instant judges what starts then; none reaches back, none is renumbered."""

from __future__ import annotations

import copy
import threading
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection

from alignment.models import Role, Team, User
from alignment.services.authority import OnlyRevOps
from alignment.services.calendars import create_calendar
from sla.models import Agreement
from sla.queries.agreements import AgreementBook, InForce, UnknownAgreement, load_book
from sla.services.agreements import StartsInThePast, StartTaken, put_in_force
from sla.terms import InvalidTerms
from testing.world import WEEKDAYS

AT = datetime(2026, 3, 2, 10, tzinfo=UTC)
DAY = timedelta(days=1)


@pytest.fixture
def terms(db: None) -> dict[str, Any]:
    office = create_calendar(name="Office", schedule={"zone": "UTC", "weekly": WEEKDAYS}, by=None, at=AT)
    window = {"amount": 24, "unit": "hours", "time": "business"}
    return {
        "trigger": {"kind": "score", "threshold": 65},
        "assign_within": {"amount": 5, "unit": "minutes", "time": "elapsed"},
        "tiers": [
            {
                "name": "standard",
                "label": "Standard",
                "when": None,
                "follow_up_within": window,
                "disposition_within": window,
            }
        ],
        "cadence": {"attempts": 6, "gap": window},
        "warn_at_percent": 75,
        "calendars": {"default": office.pk, "teams": {}},
    }


def enter(
    terms: dict[str, Any], start: datetime = AT, *, at: datetime = AT, by: User | None = None
) -> Agreement:
    return put_in_force(terms=terms, in_force_from=start, note="", by=by, at=at)


def judging(book: AgreementBook, instant: datetime) -> InForce:
    """The version in force at an instant at which there is one."""
    version = book.at(instant)
    assert version is not None
    return version


def test_nothing_judges_before_the_first_version(terms: dict[str, Any]) -> None:
    assert load_book().at(AT) is None
    agreement = enter(terms)
    assert agreement.number == 1
    book = load_book()
    assert book.at(AT - timedelta(microseconds=1)) is None
    assert judging(book, AT).agreement == agreement
    assert judging(book, AT).terms.trigger.threshold == 65


def test_each_version_judges_from_its_start(terms: dict[str, Any]) -> None:
    enter(terms)
    changed = copy.deepcopy(terms)
    changed["trigger"]["threshold"] = 80
    second = enter(changed, AT + DAY)
    book = load_book()
    assert [judging(book, AT + hours * DAY / 24).terms.trigger.threshold for hours in (0, 23, 24, 48)] == [
        65,
        65,
        80,
        80,
    ]
    assert book.by_number(2).agreement == second
    assert len(book.every()) == 2


def test_a_later_version_replaces_one_that_has_not_begun(terms: dict[str, Any]) -> None:
    enter(terms)
    enter(terms, AT + 30 * DAY)
    third = enter(terms, AT + 5 * DAY, at=AT + DAY)
    book = load_book()
    assert judging(book, AT + 4 * DAY).agreement.number == 1
    assert judging(book, AT + 5 * DAY).agreement == third
    assert judging(book, AT + 31 * DAY).agreement == third
    assert book.by_number(2).agreement.in_force_from == AT + 30 * DAY


def test_only_the_first_version_may_reach_back(terms: dict[str, Any]) -> None:
    assert enter(terms, AT - 400 * DAY).number == 1
    with pytest.raises(StartsInThePast):
        enter(terms, AT - timedelta(seconds=1))
    assert Agreement.objects.count() == 1


def test_two_versions_cannot_begin_at_one_instant(terms: dict[str, Any]) -> None:
    enter(terms)
    with pytest.raises(StartTaken):
        enter(terms)


def test_unusable_terms_are_refused(terms: dict[str, Any]) -> None:
    with pytest.raises(InvalidTerms, match="tiers"):
        enter({**terms, "tiers": []})
    with pytest.raises(InvalidTerms, match="no calendar 987654"):
        enter({**terms, "calendars": {"default": 987654, "teams": {}}})
    default = terms["calendars"]["default"]
    with pytest.raises(InvalidTerms, match="no team 987654"):
        enter({**terms, "calendars": {"default": default, "teams": {"987654": default}}})
    team = Team.objects.create(name="East")
    assert enter({**terms, "calendars": {"default": default, "teams": {str(team.pk): default}}}).number == 1


def test_only_revops_enters_agreements(terms: dict[str, Any]) -> None:
    rep = User.objects.create(email="ann@example.com", name="Ann", role=Role.REP)
    with pytest.raises(OnlyRevOps):
        enter(terms, by=rep)


def test_a_number_nobody_gave_is_named(terms: dict[str, Any]) -> None:
    with pytest.raises(UnknownAgreement, match="version 7"):
        load_book().by_number(7)


@pytest.mark.parametrize("count", [1, 4])
def test_the_book_is_one_query_however_many_versions(
    terms: dict[str, Any], count: int, django_assert_num_queries
) -> None:
    for number in range(count):
        enter(terms, AT + number * DAY)
    with django_assert_num_queries(1):
        book = load_book()
        assert judging(book, AT + 10 * DAY).agreement.number == count
    assert judging(load_book(), AT).terms is judging(book, AT).terms


@pytest.mark.usefixtures("as_application_role")
def test_the_application_role_can_enter_versions(terms: dict[str, Any]) -> None:
    enter(terms)
    assert enter(terms, AT + DAY).number == 2


@pytest.mark.django_db(transaction=True)
def test_two_versions_at_once_get_two_numbers(terms: dict[str, Any]) -> None:
    enter(terms)
    ready, problems = threading.Barrier(2), []

    def one(days: int) -> None:
        try:
            ready.wait(10)
            enter(terms, AT + days * DAY)
        except BaseException as problem:
            problems.append(problem)
        finally:
            connection.close()

    threads = [threading.Thread(target=one, args=(days,)) for days in (1, 2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert not problems
    assert list(Agreement.objects.values_list("number", flat=True)) == [1, 2, 3]


def test_a_window_that_no_calendar_can_fill_is_refused(terms: dict[str, Any]) -> None:
    terms["cadence"]["gap"] = {"amount": 9_000, "unit": "hours", "time": "business"}
    with pytest.raises(InvalidTerms, match="9000 business hours is more open time than Office has"):
        enter(terms)
