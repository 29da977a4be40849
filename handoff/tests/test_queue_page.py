"""A rep's queue: own open MQLs by time left, one tap logs an attempt, and nobody else's MQLs."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
import time_machine
from django.test import Client
from django.utils import timezone

from alignment.models import Function, MqlCycle, Person, Role, Team, Touch
from alignment.pipeline import drain
from handoff.tests.pages import act_on, add_mql, client_of
from sla.models import Clock, ClockKind
from sla.tests.disputing import case
from testing.world import World, add_rep, add_user, build_world, event

HOUR = timedelta(hours=1)


@pytest.fixture
def world(db: None) -> World:
    return build_world(timezone.now() - timedelta(days=1), reps=1)


@pytest.fixture
def rep(world: World) -> Client:
    return client_of(world.users["rep.1"])


def test_what_is_due_first_stands_first(world: World, rep: Client) -> None:
    add_mql(world, "Slow")
    add_mql(world, "Urgent", intent="demo_request")
    page = rep.get("/queue/").content.decode()
    assert page.index("Urgent Inc") < page.index("Slow Inc")
    assert "0 of 6 attempts" in page
    assert "High intent" in page
    assert page.count('class="time-left') == 2
    assert "First follow-up" in page


def test_one_tap_logs_an_attempt_and_a_second_tap_of_the_same_page_adds_none(
    world: World, rep: Client
) -> None:
    cycle = add_mql(world, "Ada")
    act = act_on(rep.get("/queue/").content.decode())
    asked = {"act": act, "attempt": "call.no_answer", "back": "queue"}
    first = rep.post(f"/mqls/{cycle.pk}/attempts/", asked, follow=True)
    assert first.redirect_chain[-1][0] == "/queue/"
    assert "1 of 6 attempts" in first.content.decode()
    again = rep.post(f"/mqls/{cycle.pk}/attempts/", asked, follow=True)
    assert "recorded already" in again.content.decode()
    touch = Touch.objects.get(is_attempt=True)
    assert (touch.channel, touch.outcome, touch.person) == ("call", "no_answer", world.reps[0])
    # another button of that same page is another act
    rep.post(f"/mqls/{cycle.pk}/attempts/", {**asked, "attempt": "email.sent"})
    assert Touch.objects.filter(is_attempt=True).count() == 2


@pytest.mark.parametrize("wrong", [{"attempt": "call.sent"}, {"attempt": ""}, {"act": "1"}, {"act": ""}])
def test_an_attempt_that_makes_no_sense_is_refused(world: World, rep: Client, wrong: dict[str, str]) -> None:
    cycle = add_mql(world, "Ada")
    asked = {"act": str(uuid4()), "attempt": "call.no_answer"} | wrong
    assert rep.post(f"/mqls/{cycle.pk}/attempts/", asked).status_code == 422
    assert not Touch.objects.filter(is_attempt=True).exists()


def test_an_attempt_on_a_closed_mql_is_refused_with_the_reason(world: World, rep: Client) -> None:
    cycle = add_mql(world, "Ada")
    now = timezone.now()
    world.send(event("lead.updated", "lead-Ada", now, disposition="recycled", reason="bad_fit"), at=now)
    answer = rep.post(f"/mqls/{cycle.pk}/attempts/", {"act": str(uuid4()), "attempt": "call.no_answer"})
    assert answer.status_code == 409
    assert "was closed in the meantime" in answer.content.decode()
    assert not Touch.objects.filter(is_attempt=True).exists()


def test_others_mqls_are_not_found_and_get_are_refused(world: World, rep: Client) -> None:
    cycle = add_mql(world, "Ada")
    other = Person.objects.create(name="Other", function=Function.SALES)
    MqlCycle.objects.filter(pk=cycle.pk).update(owner=other)
    asked = {"act": str(uuid4()), "attempt": "call.no_answer"}
    assert rep.post(f"/mqls/{cycle.pk}/attempts/", asked).status_code == 404
    assert rep.post(f"/mqls/{cycle.pk}/disposition/", asked).status_code == 404
    assert "Ada Inc" not in rep.get("/queue/").content.decode()
    assert rep.get(f"/queue/?person={other.pk}").status_code == 404
    assert rep.get(f"/mqls/{cycle.pk}/attempts/").status_code == 405
    for role in (Role.MARKETING, Role.CRO, Role.FINANCE, Role.BOARD_VIEWER):
        stranger = client_of(add_user(world, role))
        assert stranger.get("/queue/").status_code == 403
        assert stranger.post(f"/mqls/{cycle.pk}/attempts/", asked).status_code == 403
    assert not Touch.objects.filter(is_attempt=True).exists()


def test_a_manager_opens_the_queues_of_the_own_people_only(world: World) -> None:
    add_mql(world, "Ada")
    manager = client_of(add_user(world, Role.SALES_MANAGER))
    stranger = Person.objects.create(
        name="Far Away", function=Function.SALES, team=Team.objects.create(name="Elsewhere")
    )
    assert "Ada Inc" in manager.get(f"/queue/?person={world.reps[0].pk}").content.decode()
    assert manager.get(f"/queue/?person={stranger.pk}").status_code == 404
    assert "Far Away" not in manager.get("/queue/").content.decode()
    revops = client_of(add_user(world, Role.REVOPS))
    assert revops.get(f"/queue/?person={stranger.pk}").status_code == 200
    assert revops.get("/queue/?person=999999999999999999999999").status_code == 404


def test_an_empty_queue_says_what_comes(world: World, rep: Client) -> None:
    assert "Nothing waits for you" in rep.get("/queue/").content.decode()
    revops = client_of(add_user(world, Role.REVOPS))
    assert "No open MQL belongs to anybody here" in revops.get("/queue/").content.decode()


def test_a_managers_queue_starts_with_the_whole_team_by_time_left(world: World, rep: Client) -> None:
    add_mql(world, "Slow")
    add_mql(world, "Urgent", intent="demo_request")
    add_mql(world, "Far", owner=None)
    colleague = add_rep(world, "Colleague")
    MqlCycle.objects.filter(lead__external_id="lead-Slow").update(owner=colleague)
    elsewhere = Person.objects.create(
        name="Far Away", function=Function.SALES, team=Team.objects.create(name="Elsewhere")
    )
    MqlCycle.objects.filter(lead__external_id="lead-Far").update(owner=elsewhere)
    manager = client_of(add_user(world, Role.SALES_MANAGER))
    page = manager.get("/queue/").content.decode()
    assert page.index("Urgent Inc") < page.index("Slow Inc")
    assert "2 open MQLs" in page
    assert "Far Inc" not in page
    assert 'name="act"' not in page  # acts stand in the queue of a person and on the lead's page
    assert "<option" in page
    alone = manager.get(f"/queue/?person={colleague.pk}").content.decode()
    assert "Slow Inc" in alone
    assert "Urgent Inc" not in alone
    everybody = client_of(add_user(world, Role.REVOPS)).get("/queue/").content.decode()
    assert "3 open MQLs" in everybody
    assert "<option" not in rep.get("/queue/").content.decode().split('id="queue"')[0]


def test_a_teams_queue_goes_on_where_a_page_ended_and_costs_the_same_for_more(
    world: World, django_assert_max_num_queries: Any
) -> None:
    manager = client_of(add_user(world, Role.SALES_MANAGER))
    add_mql(world, "Ada")
    with django_assert_max_num_queries(30) as few:
        manager.get("/queue/")
    now = timezone.now() - HOUR
    moments = [now - timedelta(minutes=n // 2) for n in range(53)]
    for n, at in enumerate(moments):
        world.deliver(event("lead.updated", f"L{n}", at, score=80), external_id=f"d{n}", received_at=at)
    drain(at=now)
    MqlCycle.objects.filter(lead__external_id__in=["L1", "L2"]).update(disposition="working")
    Clock.objects.filter(cycle__lead__external_id__in=["L1", "L2"]).update(outcome="not_owed", settled_at=now)
    with django_assert_max_num_queries(len(few)):
        first = manager.get("/queue/").content.decode()
    cursor = re.search(r"after=(\d+)", first)
    assert cursor is not None
    second = manager.get(f"/queue/?after={cursor.group(1)}").content.decode()
    shown = [re.findall(r"/leads/(\d+)/", page) for page in (first, second)]
    assert [len(leads) for leads in shown] == [50, 4]
    assert len({*shown[0], *shown[1]}) == 54
    last = set(MqlCycle.objects.filter(lead__external_id__in=["L1", "L2"]).values_list("lead_id", flat=True))
    assert set(map(int, shown[1][-2:])) == last  # nothing is due for them


def test_an_mql_of_closed_hours_says_when_its_clock_starts(world: World, rep: Client) -> None:
    sunday = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
    with time_machine.travel(sunday, tick=False):
        add_mql(world, "Ada", at=sunday - HOUR, intent="demo_request")
        page = client_of(world.users["rep.1"]).get("/queue/").content.decode()
    assert "starts Monday 09:00, then 5 min" in page
    with time_machine.travel(sunday + timedelta(hours=21, minutes=2), tick=False):
        page = client_of(world.users["rep.1"]).get("/queue/").content.decode()
    assert "3 min left" in page


def test_the_lead_can_be_called_and_written_to_from_the_card(world: World, rep: Client) -> None:
    cycle = add_mql(world, "Ada", phone="+49 (30) 12-34", email="ada+x@example.com")
    for path in ("/queue/", f"/leads/{cycle.lead_id}/"):
        page = rep.get(path).content.decode()
        assert 'href="tel:+49301234"' in page, path
        assert 'href="mailto:ada%2Bx@example.com"' in page, path


def test_more_attempts_than_agreed_are_said_as_such(world: World, rep: Client) -> None:
    cycle = add_mql(world, "Ada")
    MqlCycle.objects.filter(pk=cycle.pk).update(attempts=7)
    assert "7 attempts (6 agreed)" in rep.get("/queue/").content.decode()
    assert "7 attempts (6 agreed)" in rep.get(f"/leads/{cycle.lead_id}/").content.decode()


def test_a_record_that_the_crm_closed_without_disposition_says_so(world: World, rep: Client) -> None:
    add_mql(world, "Ada")
    world.crm.mapping = {"closed_statuses": ["Dead"]}
    world.crm.save()
    now = timezone.now()
    world.send(event("lead.updated", "lead-Ada", now, status="Dead"), at=now)
    assert "Closed in the CRM without a disposition" in rep.get("/queue/").content.decode()


def test_names_are_shown_as_text(world: World, rep: Client) -> None:
    hostile = '<script>alert(1)</script>"><img src=x onerror=alert(1)>'
    add_mql(world, "Ada", first_name=hostile, company=hostile, segment="<b>x</b>")
    for path in ("/queue/", "/mqls/", f"/leads/{MqlCycle.objects.get().lead_id}/", "/", "/routing/"):
        page = rep.get(path).content.decode()
        assert "<script>alert" not in page, path
        assert "<img src=x" not in page, path
        assert "<b>x</b>" not in page, path
    assert "&lt;script&gt;alert" in rep.get("/queue/").content.decode()


def test_queries_do_not_grow_with_the_queue(
    world: World, rep: Client, django_assert_max_num_queries: Any
) -> None:
    add_mql(world, "Ada")
    with django_assert_max_num_queries(30) as few:
        rep.get("/queue/")
    for number in range(20):
        add_mql(world, f"More{number}")
    with django_assert_max_num_queries(len(few)):
        page = rep.get("/queue/").content.decode()
    assert "21 open MQLs" in page


def test_a_long_queue_is_paged_by_the_last_mql_seen(world: World, rep: Client) -> None:
    now = timezone.now() - HOUR
    world.send(
        *[event("lead.updated", f"L{n}", now, score=80, company=f"Firm {n}") for n in range(53)], at=now
    )
    first = rep.get("/queue/").content.decode()
    assert len(re.findall(r'id="mql-\d+"', first)) == 50
    cursor = re.search(r"after=(\d+)", first)
    assert cursor is not None
    second = rep.get(f"/queue/?after={cursor.group(1)}").content.decode()
    shown = [re.findall(r'id="mql-(\d+)"', page) for page in (first, second)]
    assert len(shown[1]) == 3
    assert not set(shown[0]) & set(shown[1])


def test_a_refused_disposition_leads_back_to_the_queue_it_came_from(world: World, rep: Client) -> None:
    cycle = add_mql(world, "Ada")
    back = f"queue:{world.reps[0].pk}"
    asked = {"act": str(uuid4()), "disposition": "recycled", "reason": "", "back": back}
    refused = rep.post(f"/mqls/{cycle.pk}/disposition/", asked)
    page = refused.content.decode()
    assert refused.status_code == 422
    assert f'href="/queue/?person={world.reps[0].pk}"' in page
    assert f'name="back" value="{back}"' in page
    mended = rep.post(f"/mqls/{cycle.pk}/disposition/", asked | {"reason": "bad_fit"})
    assert mended["Location"] == f"/queue/?person={world.reps[0].pk}"
    elsewhere = rep.post(f"/mqls/{cycle.pk}/disposition/", asked | {"back": "queue:1&x=//evil"})
    assert "evil" not in elsewhere.content.decode()


def test_what_a_dispute_holds_is_not_overdue_while_it_stands_still(world: World) -> None:
    disputed, late = case(world), add_mql(world, "Late")
    for kind in (ClockKind.FOLLOW_UP, ClockKind.DISPOSITION):
        disputed.file(at=disputed.clock().started_at, subject=disputed.clock(kind))
    with time_machine.travel(timezone.now() + timedelta(days=14), tick=False):
        queue = client_of(disputed.rep).get("/queue/")
        listed = client_of(disputed.revops).get("/mqls/?state=overdue").context["page"].rows
    assert "Held by a dispute" in queue.content.decode()
    assert (queue.context["page"].total, queue.context["page"].overdue) == (2, 1)
    assert [row.cycle for row in listed] == [late]
