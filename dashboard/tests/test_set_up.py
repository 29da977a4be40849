"""A new installation works at once: defaults are added once, and nothing that exists is changed."""

from __future__ import annotations

import sys
from datetime import UTC, datetime, timedelta
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from alignment.models import Calendar, Organisation, Role, User
from alignment.queries.calendars import compiled
from alignment.services.calendars import create_calendar
from dashboard.management.commands import set_up
from dashboard.services.first_defaults import add_defaults
from handoff.models import Pool
from sla.models import Agreement
from sla.queries.agreements import load_book

pytestmark = pytest.mark.django_db
AT = datetime(2026, 3, 2, 10, tzinfo=UTC)
PASSWORD = "four cheerful otters"


def run(*arguments: str) -> str:
    out = StringIO()
    call_command("set_up", *arguments, stdout=out)
    return out.getvalue()


def test_a_new_installation_gets_what_it_needs() -> None:
    assert len(add_defaults(at=AT)) == 4
    assert Organisation.objects.get().zone == "UTC"
    calendar = Calendar.objects.get(name="Office hours")
    open_time = compiled([calendar.pk])[calendar.pk].calendar
    assert open_time.open_seconds_on(AT.date()) == 8 * 3600
    assert open_time.open_seconds_on((AT - timedelta(days=1)).date()) == 0
    pool = Pool.objects.get()
    assert (pool.segment, pool.members.count()) == ("", 0)


def test_the_first_agreement_has_the_usual_figures_and_is_not_signed() -> None:
    add_defaults(at=AT)
    version = load_book().at(AT)
    assert version is not None
    assert load_book().at(AT - timedelta(seconds=1)) is None
    assert (version.agreement.number, version.agreement.is_signed) == (1, False)
    assert version.agreement.note == "Defaults; not signed yet"
    terms = version.terms
    assert str(terms.trigger) == "score reaches 65"
    assert str(terms.assign_within) == "5 minutes"
    fast, standard = terms.tier_of({"intent": "Pricing"}), terms.tier_of({"intent": "newsletter"})
    assert [str(fast.follow_up_within), str(fast.disposition_within)] == [
        "5 business minutes",
        "24 business hours",
    ]
    assert {str(standard.follow_up_within), str(standard.disposition_within)} == {"24 business hours"}
    assert (terms.attempts, str(terms.attempt_gap), terms.warn_at_percent) == (6, "16 business hours", 75)
    assert terms.default_calendar == Calendar.objects.get().pk


def test_running_it_again_adds_nothing() -> None:
    assert run().count("Added") == 4
    assert run() == "Added nothing: everything is there already\n"
    assert (Agreement.objects.count(), Pool.objects.count(), Calendar.objects.count()) == (1, 1, 1)


def test_what_exists_is_left_as_it_is() -> None:
    Organisation.objects.create(pk=1, name="Northwind", zone="Europe/Berlin")
    own = create_calendar(
        name="Ours", schedule={"zone": "Europe/Berlin", "weekly": set_up_hours()}, by=None, at=AT
    )
    add_defaults(zone="America/New_York", at=AT)
    assert Organisation.objects.get().zone == "Europe/Berlin"
    assert load_book().by_number(1).terms.default_calendar == own.pk
    assert Calendar.objects.count() == 1


def set_up_hours() -> dict[str, list[list[str]]]:
    return {"mon": [["08:00", "16:00"]]}


def test_zone_and_holidays_can_be_chosen() -> None:
    run("--zone", "Europe/Berlin", "--country", "de-be")
    version = Calendar.objects.get().versions.get()
    assert (version.schedule["zone"], version.country) == ("Europe/Berlin", "DE-BE")
    assert any(day.endswith("-12-25") for day in version.schedule["holidays"])
    assert Organisation.objects.get().zone == "Europe/Berlin"


@pytest.mark.parametrize("wrong", [("--zone", "Mars/Base"), ("--country", "ZZ")])
def test_a_wrong_choice_adds_nothing_and_says_what_to_write(wrong: tuple[str, str]) -> None:
    with pytest.raises(CommandError, match="write"):
        run(*wrong)
    assert not Organisation.objects.exists()
    assert not Calendar.objects.exists()


def test_the_first_login_is_revops_with_the_password_of_the_environment(monkeypatch) -> None:
    monkeypatch.setenv(set_up.PASSWORD_VARIABLE, PASSWORD)
    assert "Added login olga.meier@example.com" in run("--admin", "Olga.Meier@example.com")
    user = User.objects.get()
    assert (user.role, user.is_staff, user.name) == (Role.REVOPS, True, "Olga Meier")
    assert user.check_password(PASSWORD)
    monkeypatch.setenv(set_up.PASSWORD_VARIABLE, "another cheerful otter")
    assert "left as it is" in run("--admin", "olga.meier@EXAMPLE.com")
    assert User.objects.get().check_password(PASSWORD)


def test_a_password_is_asked_for_twice_in_a_terminal(monkeypatch) -> None:
    monkeypatch.delenv(set_up.PASSWORD_VARIABLE, raising=False)
    monkeypatch.setattr(sys.stdin, "isatty", lambda: True, raising=False)
    answers = iter([PASSWORD, "something else", PASSWORD, PASSWORD])
    monkeypatch.setattr(set_up, "getpass", lambda prompt: next(answers))
    with pytest.raises(CommandError, match="differ"):
        run("--admin", "olga@example.com")
    run("--admin", "olga@example.com")
    assert User.objects.get().check_password(PASSWORD)


def test_without_a_terminal_the_password_must_be_in_the_environment(monkeypatch) -> None:
    monkeypatch.delenv(set_up.PASSWORD_VARIABLE, raising=False)
    monkeypatch.setattr(sys.stdin, "isatty", lambda: False, raising=False)
    with pytest.raises(CommandError, match=set_up.PASSWORD_VARIABLE):
        run("--admin", "olga@example.com")


@pytest.mark.parametrize(("email", "password"), [("olga@example.com", "short"), ("nonsense", PASSWORD)])
def test_a_weak_password_or_a_malformed_address_makes_no_login(
    monkeypatch, email: str, password: str
) -> None:
    monkeypatch.setenv(set_up.PASSWORD_VARIABLE, password)
    with pytest.raises(CommandError):
        run("--admin", email)
    assert not User.objects.exists()


@pytest.mark.usefixtures("as_application_role")
def test_the_application_role_can_set_up(monkeypatch) -> None:
    monkeypatch.setenv(set_up.PASSWORD_VARIABLE, PASSWORD)
    assert run("--admin", "olga@example.com").count("Added") == 5
