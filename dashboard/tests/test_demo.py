"""The demo company is added once, tells the same story for the same instant, and gives every role something to do."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import transaction
from django.db.models import Q
from django.test import Client, TestCase

from alignment.models import (
    DeadEvent,
    Delivery,
    DeliveryState,
    Fact,
    Import,
    MqlCycle,
    Opportunity,
    Role,
    User,
)
from dashboard.demo import company, history, people
from dashboard.demo.past import bring_in
from dashboard.services.first_defaults import add_defaults
from handoff.models import Leave, PoolMember
from sla.models import Breach, Clock, ClockKind, Outcome
from sla.queries.agreements import load_book
from sla.services import compare_roll_up
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


@pytest.mark.xdist_group("three weeks of the demo")  # set up once, not once in each process
class ThreeWeeksOfTheDemo(TestCase):
    told: history.Told

    @classmethod
    def setUpTestData(cls) -> None:
        cls.told = build(days=21)

    def test_every_queue_has_work_and_the_team_that_never_closes_is_about_to_be_late(self) -> None:
        for rep in people.REPS:
            assert 2 <= MqlCycle.objects.open().filter(owner__email=rep.email).count() <= 10, rep.name
        assert MqlCycle.objects.unassigned().count() == len(history.OWNERLESS)
        soon = Clock.objects.filter(
            kind=ClockKind.FOLLOW_UP, outcome=Outcome.OPEN, due_at__range=(AT, AT + timedelta(hours=1))
        )
        assert soon.filter(team__name=people.DESK).count() >= 3
        assert Breach.objects.filter(clock__cycle__closed_at=None, clock__met_at=None).exists()
        assert Leave.objects.filter(
            person__name=people.ON_LEAVE.name, starts_at__lt=AT, ends_at__gt=AT
        ).exists()
        assert PoolMember.objects.filter(person__name=people.PAUSED.name, is_paused=True).exists()

    def test_the_history_holds_together(self) -> None:
        assert self.told.mqls == MqlCycle.objects.count() > 50
        assert not Delivery.objects.pending().exists()
        assert not MqlCycle.objects.filter(clocks=None).exists()
        assert not Clock.objects.filter(outcome=Outcome.OPEN, due_at__lt=AT).exists()
        assert not Clock.objects.filter(breach=None, outcome=Outcome.MISSED).exists()
        assert not Fact.objects.filter(received_at__gt=AT).exists()
        assert compare_roll_up(at=AT) == []
        assert set(MqlCycle.objects.values_list("assigned_by", flat=True)) >= {"routed", "crm", ""}
        assert set(MqlCycle.objects.values_list("disposition", flat=True)) == {
            "", "working", "disqualified", "recycled", "converted",
        }  # fmt: skip
        assert Opportunity.objects.filter(stages__position=2).exists()

    def test_compliance_differs_by_rep_and_is_believable(self) -> None:
        follow_ups = Clock.objects.filter(kind=ClockKind.FOLLOW_UP).exclude(outcome__in=["open", "not_owed"])
        met = follow_ups.filter(outcome=Outcome.MET).count()
        assert 0.6 < met / follow_ups.count() < 0.95
        diligent, hasty = "Lena Hoffmann", "Piotr Nowak"
        share = {
            name: follow_ups.filter(owner__name=name, outcome=Outcome.MET).count()
            / follow_ups.filter(owner__name=name).count()
            for name in (diligent, hasty)
        }
        assert share[diligent] > share[hasty]

    def test_a_breach_is_stamped_soon_after_its_due_time_or_after_we_heard_what_was_owed(self) -> None:
        breaches = Breach.objects.select_related("clock__cycle__lead")
        late = [found for found in breaches if found.stamped_at - found.breached_at > QUARTER]
        assert len(late) < breaches.count() / 4
        for found in late:
            lead = found.clock.cycle.lead.external_id
            heard = Fact.objects.filter(Q(subject="lead", external_id=lead) | Q(fields__lead=lead))
            assert heard.filter(
                received_at__gt=found.breached_at,
                received_at__range=(found.stamped_at - QUARTER, found.stamped_at),
            ).exists(), found
