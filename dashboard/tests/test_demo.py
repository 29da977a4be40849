"""The demo company is added once, tells the same story for the same instant, and gives every role something to do."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import transaction
from django.test import Client

from alignment.models import (
    DeadEvent,
    Delivery,
    DeliveryState,
    Fact,
    Import,
    MqlCycle,
    Role,
    User,
)
from dashboard.demo import company, history, people
from dashboard.demo.past import bring_in
from dashboard.services.first_defaults import add_defaults
from sla.models import Clock
from sla.queries.agreements import load_book
from testing.world import World

pytestmark = pytest.mark.django_db

# A Thursday, 15:00 in Berlin and 9:00 in New York: every team is open.
AT = datetime(2026, 11, 19, 14, 0, tzinfo=UTC)
DAYS = 4
QUARTER = timedelta(minutes=15)


def build(days: int = DAYS, at: datetime = AT) -> history.Told:
    made = company.set_up(at=at - company.IN_FORCE_FOR)
    return history.tell(made, at=at, days=days, say=lambda line: None)


def run(*arguments: str) -> str:
    out = StringIO()
    call_command("demo", *arguments, stdout=out)
    return out.getvalue()


def story() -> list[tuple[Any, ...]]:
    """What happened, without the database's own ids."""
    cycles = MqlCycle.objects.order_by("lead__external_id", "number").values_list(
        "lead__external_id",
        "number",
        "lead__email",
        "started_at",
        "owner__name",
        "assigned_at",
        "disposition",
        "reason",
        "attempts",
    )
    clocks = Clock.objects.order_by("cycle__lead__external_id", "cycle__number", "kind", "ordinal")
    return [*cycles, *clocks.values_list("kind", "due_at", "met_at", "outcome")]


def test_starting_twice_adds_it_once_and_prints_the_logins_both_times() -> None:
    first = run("--days", "1", "--quarters", "0")
    facts = Fact.objects.count()
    second = run()
    assert facts == Fact.objects.count() > 0
    assert "is there already" in second and "is there already" not in first
    for _, _, _, email in people.logins():
        assert email in first and email in second
    assert people.PASSWORD in first and people.PASSWORD in second


def test_a_database_with_data_of_its_own_is_left_alone(world: World) -> None:
    with pytest.raises(CommandError, match=r"data of its own \(.*people.*\)"):
        run()
    assert not company.is_present()
    assert User.objects.count() == len(world.users)


def test_it_is_not_added_to_a_production_installation(settings: Any) -> None:
    settings.PRODUCTION = True
    with pytest.raises(CommandError, match="password is public"):
        run()
    assert not company.is_present()


def test_what_goes_wrong_half_way_is_gone_on_with_by_the_next_try(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*args: Any, **kwargs: Any) -> None:
        raise RuntimeError("half way")

    def try_once(module: Any, name: str) -> None:
        with monkeypatch.context() as patched:
            patched.setattr(module, name, fail)
            with pytest.raises(RuntimeError, match="half way"):
                run("--days", "1", "--quarters", "1")

    try_once(bring_in, "start_import")
    assert not company.is_present() and not User.objects.exists() and not Fact.objects.exists()
    try_once(history, "roll_up")
    assert Import.objects.exists() and not Delivery.objects.exists()
    said = run("--days", "1", "--quarters", "1")
    assert "live MQLs" in said and "imported" not in said
    assert MqlCycle.objects.live().exists()


def test_one_instant_and_one_seed_tell_one_story() -> None:
    stories = []
    for _ in range(2):
        with transaction.atomic():
            build(days=2)
            stories.append(story())
            transaction.set_rollback(True)
    assert stories[0] == stories[1]
    assert len(stories[0]) > 50


def test_after_the_set_up_the_demos_own_agreement_is_in_force() -> None:
    add_defaults(at=AT)
    build(days=1)
    in_force = load_book().at(AT - timedelta(days=1))
    assert in_force is not None and in_force.agreement.note.startswith("Agreed by sales and marketing")
    assert load_book().at(AT + timedelta(days=1)) == in_force


def test_every_role_can_sign_in_with_the_printed_password(client: Client) -> None:
    made = company.set_up(at=AT)
    assert {user.role for user in made.users.values()} == set(Role.values)
    assert len({user.password for user in User.objects.all()}) == 1
    mira = people.logins()[0][3]
    answer = client.post("/accounts/login/", {"login": mira, "password": people.PASSWORD})
    assert answer.status_code == 302
    assert client.session["_auth_user_id"] == str(User.objects.get(email=mira).pk)


def test_the_sources_page_has_something_to_mend() -> None:
    build(days=1)
    assert set(DeadEvent.objects.values_list("code", flat=True)) == {"unknown_type", "bad_field"}
    assert Delivery.objects.filter(state=DeliveryState.CONFLICT).count() == 1


def test_the_applications_own_role_can_add_it(as_application_role: str) -> None:
    build(days=1)
    assert MqlCycle.objects.exists()
