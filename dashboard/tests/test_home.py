"""The home page: for every role what needs it, this week's figures, and whether the machinery runs."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.test import Client
from django.utils import timezone

from alignment.models import (
    DeadEvent,
    Delivery,
    DeliveryState,
    Endpoint,
    Function,
    Heartbeat,
    MqlCycle,
    Person,
    PersonIdentity,
    Role,
    Scheme,
    Source,
    User,
)
from dashboard.queries.needs import SOURCES_SHOWN
from handoff.models import Leave, Pool, PoolMember
from handoff.tests.pages import add_mql, client_of
from sla.models import ComplianceDay
from sla.queries.agreements import AgreementBook
from sla.services import mark_breached, roll_up
from testing.world import World, add_rep, add_user, build_world, event

DAY = timedelta(days=1)


@pytest.fixture
def world(db: None) -> Iterator[World]:
    """On a Wednesday noon by the organisation's clocks, so that the week has a before and an after."""
    with time_machine.travel("2026-11-18T12:00:00+00:00", tick=False):
        yield build_world(timezone.now() - 10 * DAY, reps=2)


def home(user: User) -> str:
    answer = client_of(user).get("/")
    assert answer.status_code == 200
    return answer.content.decode()


def needs(page: str) -> str:
    return page.partition('id="needs"')[2].partition("</section>")[0]


def to_know(said: str) -> str:
    """The part of what needs somebody that others have to do."""
    return said.partition("Good to know")[2]


def settle() -> None:
    mark_breached(at=timezone.now())
    roll_up(at=timezone.now())


@pytest.mark.parametrize("role", list(Role))
def test_every_role_has_a_home(world: World, role: Role) -> None:
    add_mql(world, "Ada")
    page = home(add_user(world, role))
    assert "Good to see you" in page
    assert ("This week" in page) == (role != Role.BOARD_VIEWER)


def test_a_rep_sees_what_is_overdue_and_due_today(world: World) -> None:
    rep = world.users["rep.1"]
    add_mql(world, "Late", at=timezone.now() - 8 * DAY)
    add_mql(world, "Theirs")
    add_mql(world, "Now", intent="demo_request", at=timezone.now() - timedelta(minutes=1))
    page = home(rep)
    assert '<strong>1</strong> <a href="/queue/">MQL overdue</a>' in needs(page)
    assert "due before the day ends" in needs(page)
    assert page.index("Late Inc") < page.index("Now Inc")
    assert "Theirs Inc" not in page
    assert "Open my queue" in page


def test_a_rep_reads_open_hours_as_in_the_queue(world: World) -> None:
    sunday = timezone.now() + 4 * DAY
    with time_machine.travel(sunday, tick=False):
        add_mql(world, "Ada", at=sunday - timedelta(hours=1), intent="demo_request")
        assert "starts Monday 09:00, then 5 min" in home(world.users["rep.1"])


def test_nothing_to_do_is_said(world: World) -> None:
    add_mql(world, "Ada")
    assert "Nothing waits for you" in needs(home(world.users["rep.2"]))


def test_a_manager_sees_the_team_s_overdue_unassigned_and_untagged(world: World) -> None:
    add_mql(world, "Late", at=timezone.now() - 8 * DAY)
    world.crm.mapping = {"closed_statuses": ["Dead"]}
    world.crm.save()
    add_mql(world, "Shut")
    world.send(event("lead.updated", "lead-Shut", timezone.now(), status="Dead"), at=timezone.now())
    PoolMember.objects.update(is_paused=True)
    add_mql(world, "Nobodys")
    settle()
    manager = add_user(world, Role.SALES_MANAGER)
    page = home(manager)
    assert 'state=overdue">MQL overdue' in needs(page)
    assert 'state=unassigned">MQL without an owner' in needs(page)
    assert 'state=untagged">MQL closed without a complete disposition' in needs(page)
    assert "This week by rep" in page
    world.team.managers.clear()
    page = home(manager)
    assert "overdue" not in needs(page)


def test_revops_sees_what_is_wrong_with_the_machinery(world: World) -> None:
    revops = add_user(world, Role.REVOPS)
    add_mql(world, "Ada")
    said = needs(home(revops))
    assert "SLA v1 is in force unsigned: no consequence follows from it" in to_know(said)
    assert said.count("<li>") == 1
    assert "Nothing waits for you" in said
    now = timezone.now()
    delivery = Delivery.objects.get()
    DeadEvent.objects.create(delivery=delivery, position=0, code="x", message="x", failed_at=now)
    world.deliver({}, external_id="waits", received_at=now - timedelta(minutes=10))
    Endpoint.objects.create(source=world.crm, scheme=Scheme.ESPOCRM, event="Lead.update")
    stub = Person.objects.create(name="Found")
    PersonIdentity.objects.create(source=world.crm, external_id="u1", person=stub)
    PoolMember.objects.update(is_paused=True)
    said = needs(home(revops))
    for words in (
        '<a href="/sources/crm/dead/">event from CRM that could not be applied</a>',
        "The oldest delivery that waits in the inbox came 10 min ago",
        '<a href="/sources/crm/">endpoint of CRM that never delivered</a>',
        "person named by a CRM and not set up",
        "Everyone: nobody is eligible and there is no fallback person",
        "SLA v1 is in force unsigned",
    ):
        assert words in said, words
    assert "silent for a day" not in said
    quiet = Endpoint.objects.create(source=world.crm, scheme=Scheme.ESPOCRM, event="Lead.create")
    world.deliver({}, external_id="old", received_at=now - 2 * DAY, endpoint=quiet)
    Delivery.objects.update(state=DeliveryState.DONE)
    Pool.objects.all().update(segment="enterprise")
    DeadEvent.objects.update(replayed_at=now)
    said = needs(home(revops))
    assert '<a href="/sources/crm/">endpoint of CRM silent for a day</a>' in said
    assert "There is no default pool" in said
    assert "could not be applied" not in said
    assert "waits in the inbox" not in said


def test_silent_endpoints_of_many_sources_are_one_line(world: World) -> None:
    add_mql(world, "Ada")
    for number in range(SOURCES_SHOWN + 1):
        source = Source.objects.create(key=f"s{number}", name=f"Source {number}", kind="standard")
        Endpoint.objects.create(source=source, scheme=Scheme.STANDARD_WEBHOOKS)
    said = needs(home(add_user(world, Role.REVOPS)))
    assert '<a href="/sources/">endpoints that never delivered</a>' in said
    assert "/sources/s1/" not in said


def test_without_an_agreement_in_force_revops_and_both_leaders_are_told(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    add_mql(world, "Ada")
    monkeypatch.setattr("dashboard.queries.figures.load_book", lambda: AgreementBook([]))
    for role in (Role.REVOPS, Role.CRO, Role.CMO):
        page = home(add_user(world, role))
        assert "No SLA is in force" in needs(page)
        assert "None in force" in page


def test_the_figures_are_those_of_the_viewer_s_scope_and_lead_to_their_rows(world: World) -> None:
    at = timezone.now() - 2 * DAY
    for name in ("A", "B", "C", "D"):
        add_mql(world, name, at=at, intent="demo_request")
    for n, lead in enumerate(("A", "B", "C")):
        world.send(event("touch.recorded", f"T{n}", at + timedelta(minutes=2), lead=f"lead-{lead}", is_attempt=True),
                   at=at + timedelta(minutes=2))  # fmt: skip
    settle()
    page = home(add_user(world, Role.CRO))
    assert "75.0% (3 of 4)" in page
    assert "/compliance/rows/?week=2026-11-16&amp;kind=follow_up&amp;outcome=due" in page
    mine = home(world.users["rep.2"])
    assert "50.0% (1 of 2)" in mine
    assert "your MQLs" in mine
    finance = home(add_user(world, Role.FINANCE))
    assert "75.0% (3 of 4)" in finance
    # what finance signs stands before the figures
    assert finance.index("/definitions/qualified-pipeline/") < finance.index("75.0% (3 of 4)")
    assert "/compliance/rows/" not in finance


def test_late_evidence_is_shown_as_restated_beside_what_was_known(world: World) -> None:
    at = timezone.now() - 2 * DAY
    add_mql(world, "Ada", at=at, intent="demo_request")
    settle()
    world.send(event("touch.recorded", "T1", at + timedelta(minutes=2), lead="lead-Ada", is_attempt=True),
               at=timezone.now())  # fmt: skip
    settle()
    page = home(add_user(world, Role.CMO))
    assert "0.0% (0 of 1)" in page
    assert "restated: 1 of 1 met" in page


def test_the_loops_say_whether_they_run(world: World) -> None:
    add_mql(world, "Ada")
    Heartbeat.objects.all().delete()
    revops = add_user(world, Role.REVOPS)
    assert home(revops).count("Has never run") == 3
    now = timezone.now()
    Heartbeat.objects.create(name="drain", beat_at=now, period=timedelta(seconds=2))
    Heartbeat.objects.create(name="sweep", beat_at=now - timedelta(minutes=5), period=timedelta(seconds=5))
    page = home(revops)
    assert page.count("Has never run") == page.count("Stands still") == page.count("Running") == 1


def test_who_is_not_revops_reads_only_whether_all_is_up_to_date_and_what_stands_still(world: World) -> None:
    add_mql(world, "Ada")
    now, rep = timezone.now(), world.users["rep.1"]
    for name in ("drain", "sweep", "roll-up"):
        Heartbeat.objects.update_or_create(
            name=name, defaults={"beat_at": now, "period": timedelta(seconds=5)}
        )
    page = home(rep)
    assert "Up to date" in page and "Applying events" not in page and "Adding up" not in page
    assert "Applying events" in home(add_user(world, Role.REVOPS))
    Heartbeat.objects.filter(name="sweep").update(beat_at=now - timedelta(minutes=5))
    page = home(rep)
    assert "Judging clocks" in page and "Stands still" in page
    assert "Up to date" not in page and "Adding up" not in page


def test_what_waits_unread_is_not_called_up_to_date(world: World) -> None:
    add_mql(world, "Ada")
    now = timezone.now()
    for name in ("drain", "sweep", "roll-up"):
        Heartbeat.objects.update_or_create(
            name=name, defaults={"beat_at": now, "period": timedelta(seconds=5)}
        )
    world.deliver(event("lead.updated", "lead-B", now), received_at=now - timedelta(minutes=10))
    page = home(world.users["rep.1"])
    assert "Catching up" in page and "Up to date" not in page


def test_marketing_reads_what_it_delivered_and_what_came_back(world: World) -> None:
    for name in ("A", "B", "C"):
        add_mql(world, name)
    now = timezone.now()
    world.send(event("lead.updated", "lead-A", now, disposition="recycled", reason="bad_timing"),
               event("lead.updated", "lead-B", now, disposition="disqualified", reason="bad_fit"), at=now)  # fmt: skip
    page = home(add_user(world, Role.MARKETING))
    assert "2 of 2 MQLs closed since 26 Oct 2026 were disqualified or recycled" in page
    assert "Bad timing: 1" in page
    assert "16 Nov: 3" in page
    assert "What sales sent back" not in home(add_user(world, Role.CRO))


def test_a_board_viewer_reads_that_nothing_is_signed(world: World) -> None:
    add_mql(world, "Ada")
    page = home(add_user(world, Role.BOARD_VIEWER))
    assert "No snapshot has been signed" in page
    assert "Ada" not in page
    assert "%" not in page.partition("<main")[2].partition("</main>")[0]


def test_a_segment_reads_as_in_the_lists(world: World) -> None:
    add_mql(world, "Ada", at=timezone.now() - 2 * DAY, intent="demo_request", segment="mid_market")
    settle()
    page = home(add_user(world, Role.MARKETING))
    assert '<th scope="row">Mid market</th>' in page and "mid_market" not in page


@pytest.mark.parametrize("role", [Role.CRO, Role.CMO, Role.MARKETING])
def test_what_a_role_cannot_act_on_is_told_apart_from_what_it_has_to_do(world: World, role: Role) -> None:
    PoolMember.objects.update(is_paused=True)
    add_mql(world, "Nobodys")
    said = needs(home(add_user(world, role)))
    assert "MQL without an owner" in to_know(said)
    assert "<li>" not in said.partition("Good to know")[0]
    assert "Nothing waits for you" in said
    by_manager = needs(home(add_user(world, Role.SALES_MANAGER)))
    assert "MQL without an owner" in by_manager
    assert not to_know(by_manager)


def test_open_mqls_of_somebody_away_are_named_to_manager_and_revops(world: World) -> None:
    now, rep = timezone.now(), world.reps[0]
    add_mql(world, "A")
    add_mql(world, "B")
    add_mql(world, "C")
    held = MqlCycle.objects.filter(owner=rep).count()
    assert held == 2
    Leave.objects.create(person=rep, starts_at=now, ends_at=now + DAY)
    line = f'<strong>{held}</strong> <a href="/queue/?person={rep.pk}">MQLs with Rep 1, who is away</a>'
    manager, revops = add_user(world, Role.SALES_MANAGER), add_user(world, Role.REVOPS)
    assert line in needs(home(manager))
    assert line in needs(home(revops))
    assert "who is away" not in needs(home(world.users["rep.1"]))
    Leave.objects.update(starts_at=now + timedelta(hours=1))
    assert "who is away" not in needs(home(manager))
    Leave.objects.update(starts_at=now - DAY, ends_at=now)
    assert "who is away" not in needs(home(manager))


def test_many_people_away_are_one_line(world: World) -> None:
    add_mql(world, "Ada")
    now = timezone.now()
    for number in range(6):
        rep = add_rep(world, f"Away {number}")
        Leave.objects.create(person=rep, starts_at=now - DAY, ends_at=now + DAY)
        cycle = add_mql(world, f"L{number}")
        cycle.owner = rep
        cycle.save(update_fields=["owner"])
    assert '<strong>6</strong> <a href="/routing/">MQLs with an owner who is away</a>' in needs(
        home(add_user(world, Role.REVOPS))
    )


def by_rep(page: str) -> str:
    return page.partition('id="groups"')[2].partition("</section>")[0]


def test_the_table_of_reps_says_how_many_more_there_are_and_leaves_out_who_has_no_figure(
    world: World,
) -> None:
    def add_figure(owner: Person, kind: str, **counts: int) -> None:
        figure = {"met": 0, "missed": 0, "restated": 0, "running": 0} | counts
        ComplianceDay.objects.create(day="2026-11-18", kind=kind, owner=owner, **figure)

    add_mql(world, "Ada")
    ComplianceDay.objects.all().delete()
    add_figure(world.reps[0], "follow_up", running=3)
    cro = add_user(world, Role.CRO)
    page = by_rep(home(cro))
    assert "Rep 1" not in page
    assert "No clock has come due this week yet" in page
    for number in range(9):
        add_figure(add_rep(world, f"Due {number}"), "follow_up", met=1)
    page = by_rep(home(cro))
    assert page.count("100.0% (1 of 1)") == 8
    assert '<a href="/compliance/?week=2026-11-16&amp;group=rep">1 more rep</a>' in page
    add_figure(world.reps[1], "disposition", met=1)
    assert "2 more reps</a>" in by_rep(home(cro))


def test_home_asks_for_a_login(db: None) -> None:
    answer = Client().get("/")
    assert answer.status_code == 302
    assert answer["Location"].startswith("/accounts/login/")


@pytest.mark.parametrize("role", [Role.REVOPS, Role.SALES_MANAGER, Role.CMO])
def test_queries_do_not_grow_with_the_data(
    world: World, role: Role, django_assert_max_num_queries: Any
) -> None:
    client = client_of(add_user(world, role))
    add_mql(world, "Ada", at=timezone.now() - 8 * DAY)
    settle()
    with django_assert_max_num_queries(63) as few:
        client.get("/")
    for number in range(20):
        add_mql(world, f"More{number}", at=timezone.now() - 8 * DAY)
        Pool.objects.create(name=f"P{number}", segment=f"s{number}")
        Person.objects.create(name=f"Stub {number}", function=Function.UNKNOWN)
    settle()
    with django_assert_max_num_queries(len(few)):
        client.get("/")


def test_cycles_of_imported_history_wait_for_nobody(world: World) -> None:
    """A file may leave a cycle open and without an owner: it is on no list of what to do, and so counted in none."""
    add_mql(world, "Ada")
    add_mql(world, "Old")
    MqlCycle.objects.filter(lead__last_name="Old").update(
        is_history=True, agreement_number=None, tier="", owner=None, assigned_at=None, assigned_by=""
    )
    for role in (Role.REVOPS, Role.MARKETING, Role.CMO):
        said = home(add_user(world, role))
        assert "Good to see you" in said and "without an owner" not in needs(said)
    MqlCycle.objects.update(is_history=False, agreement_number=1, tier="standard")
    assert "without an owner" in needs(home(world.users[Role.REVOPS]))
