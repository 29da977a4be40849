"""The page of a lead: owner and why, clocks, acts with their refusals, and what happened."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.test import Client
from django.utils import timezone

from alignment.models import Function, MqlCycle, Opportunity, Person, Role, Team
from alignment.services.erasure import erase_person
from alignment.wording import local_time
from handoff.models import Assignment, PoolMember
from handoff.tests.pages import add_mql, client_of
from testing.world import World, add_rep, add_user, build_world, event

HOUR = timedelta(hours=1)


@pytest.fixture
def world(db: None) -> World:
    return build_world(timezone.now() - timedelta(days=1), reps=2)


@pytest.fixture
def rep(world: World) -> Client:
    return client_of(world.users["rep.1"])


@pytest.fixture
def cycle(world: World) -> MqlCycle:
    return add_mql(world, "Ada", segment="enterprise")


def lead_page(client: Client, cycle: MqlCycle) -> str:
    answer = client.get(f"/leads/{cycle.lead_id}/")
    assert answer.status_code == 200
    return answer.content.decode()


def dispose(client: Client, cycle: MqlCycle, **typed: str) -> Any:
    return client.post(f"/mqls/{cycle.pk}/disposition/", {"act": str(uuid4()), **typed})


def test_the_page_says_who_owns_the_lead_and_why(rep: Client, cycle: MqlCycle) -> None:
    page = lead_page(rep, cycle)
    assert "Routed by a pool" in page
    assert "no pool for this segment: default pool" in page
    assert "Everyone considered" in page
    assert "Rep 2" in page
    assert "Crossing to receipt" in page
    assert "Receipt to assignment" in page
    assert "SLA v1" in page
    assert "Office hours v1" in page
    assert "elapsed time" in page


def test_who_was_skipped_stays_readable_with_the_reason(world: World) -> None:
    PoolMember.objects.filter(person=world.reps[0]).update(is_paused=True)
    cycle = add_mql(world, "Ada")
    assert cycle.owner == world.reps[1]
    assert "skipped: paused" in lead_page(client_of(world.users["rep.2"]), cycle)


def test_an_owner_set_in_the_crm_is_shown_as_such(world: World, cycle: MqlCycle) -> None:
    at = timezone.now() - timedelta(minutes=30)
    world.send(event("lead.updated", "lead-Ada", at, owner="rep.2@example.com"), at=at)
    cycle.refresh_from_db()
    assert cycle.owner == world.reps[1]
    page = lead_page(client_of(world.users["rep.2"]), cycle)
    assert "Owner set in the CRM" in page
    assert f"{at:%H:%M} (UTC)" in page.partition("Owner set in the CRM")[2][:200]
    assert "All assignments made here (1)" in page


def test_a_lead_out_of_scope_is_not_found(world: World, cycle: MqlCycle) -> None:
    assert client_of(world.users["rep.2"]).get(f"/leads/{cycle.lead_id}/").status_code == 404
    manager = add_user(world, Role.SALES_MANAGER)
    assert client_of(manager).get(f"/leads/{cycle.lead_id}/").status_code == 200
    world.team.managers.clear()
    assert client_of(manager).get(f"/leads/{cycle.lead_id}/").status_code == 404
    for role, status in ((Role.MARKETING, 200), (Role.FINANCE, 403), (Role.BOARD_VIEWER, 403)):
        assert client_of(add_user(world, role)).get(f"/leads/{cycle.lead_id}/").status_code == status


def test_marketing_reads_and_has_nothing_to_press(world: World, cycle: MqlCycle) -> None:
    page = lead_page(client_of(add_user(world, Role.MARKETING)), cycle)
    assert "Log an attempt" not in page
    assert "Assign by hand" not in page


def test_a_disposition_closes_the_cycle_once(rep: Client, cycle: MqlCycle) -> None:
    typed = {"disposition": "recycled", "reason": "bad_timing", "act": str(uuid4())}
    first = rep.post(f"/mqls/{cycle.pk}/disposition/", typed, follow=True)
    assert "Recycled to nurture, bad timing." in first.content.decode()
    cycle.refresh_from_db()
    assert cycle.is_tagged
    closed_at = cycle.closed_at
    again = rep.post(f"/mqls/{cycle.pk}/disposition/", typed, follow=True)
    assert "recorded already" in again.content.decode()
    cycle.refresh_from_db()
    assert cycle.closed_at == closed_at


@pytest.mark.parametrize(
    ("typed", "status", "said"),
    [
        ({"disposition": "disqualified"}, 422, "Choose a reason"),
        ({"disposition": "recycled", "reason": ""}, 422, "Choose a reason"),
        ({"disposition": "converted"}, 422, "Converted means linked to an opportunity"),
        ({"disposition": "won"}, 422, "won is not one of the available choices"),
        ({"disposition": "disqualified", "reason": "no_response"}, 409, "needs 6 attempts; 0 recorded"),
    ],
)
def test_a_disposition_without_what_it_requires_is_refused_and_keeps_the_form(
    rep: Client, cycle: MqlCycle, typed: dict[str, str], status: int, said: str
) -> None:
    answer = dispose(rep, cycle, **typed)
    page = answer.content.decode()
    assert (answer.status_code, said in page) == (status, True)
    if typed["disposition"] != "won":
        assert f'<option value="{typed["disposition"]}" selected>' in page
    cycle.refresh_from_db()
    assert cycle.disposition == ""


def test_converted_links_an_opportunity_of_this_lead_only(world: World, rep: Client, cycle: MqlCycle) -> None:
    now = timezone.now()
    add_mql(world, "Bea")
    world.send(
        event("opportunity.created", "O1", now, lead="lead-Ada", name="Ada's deal", stage="New"),
        event("opportunity.created", "O2", now, lead="lead-Bea", name="Another's deal", stage="New"),
        at=now,
    )
    mine, others = Opportunity.objects.order_by("external_id")
    assert "Ada&#x27;s deal (New)" in lead_page(rep, cycle)
    assert dispose(rep, cycle, disposition="converted", opportunity=str(others.pk)).status_code == 422
    assert dispose(rep, cycle, disposition="converted", opportunity=str(mine.pk)).status_code == 302
    cycle.refresh_from_db()
    assert cycle.opportunity == mine


def test_working_keeps_the_cycle_open(rep: Client, cycle: MqlCycle) -> None:
    assert dispose(rep, cycle, disposition="working", reason="bad_fit").status_code == 302
    cycle.refresh_from_db()
    assert cycle.is_open
    assert (cycle.disposition, cycle.reason) == ("working", "")


def test_what_somebody_else_closed_meanwhile_is_refused(world: World, rep: Client, cycle: MqlCycle) -> None:
    dispose(client_of(add_user(world, Role.REVOPS)), cycle, disposition="disqualified", reason="bad_fit")
    answer = dispose(rep, cycle, disposition="recycled", reason="bad_timing")
    assert answer.status_code == 409
    assert "closed in the meantime" in answer.content.decode()


class TestAssigningByHand:
    def test_a_manager_gives_a_lead_to_somebody_of_the_team(self, world: World, cycle: MqlCycle) -> None:
        manager = client_of(add_user(world, Role.SALES_MANAGER, "Max"))
        typed = {"person": str(world.reps[1].pk), "note": "knows the account"}
        assigned_at = cycle.assigned_at
        for _ in range(2):
            manager.post(f"/mqls/{cycle.pk}/owner/", typed)
        cycle.refresh_from_db()
        assert (cycle.owner, cycle.assigned_at) == (world.reps[1], assigned_at)
        assert Assignment.objects.filter(origin="manual").count() == 1
        page = lead_page(manager, cycle)
        assert "Assigned by hand, by Max" in page
        assert "knows the account" in page

    def test_a_manager_cannot_choose_people_of_other_teams(self, world: World, cycle: MqlCycle) -> None:
        far = add_rep(world, "Far Away", team=Team.objects.create(name="Elsewhere"))
        manager = client_of(add_user(world, Role.SALES_MANAGER))
        assert (
            "Far Away" not in lead_page(manager, cycle).partition("Assign by hand")[2].partition("</form>")[0]
        )
        assert manager.post(f"/mqls/{cycle.pk}/owner/", {"person": str(far.pk)}).status_code == 422
        revops = client_of(add_user(world, Role.REVOPS))
        assert revops.post(f"/mqls/{cycle.pk}/owner/", {"person": str(far.pk)}).status_code == 302
        assert manager.post(f"/mqls/{cycle.pk}/owner/", {"person": str(far.pk)}).status_code == 404

    def test_a_rep_cannot_assign(self, rep: Client, cycle: MqlCycle, world: World) -> None:
        assert "Assign by hand" not in lead_page(rep, cycle)
        typed = {"person": str(world.reps[1].pk)}
        assert rep.post(f"/mqls/{cycle.pk}/owner/", typed).status_code == 403

    def test_a_manager_takes_what_nobody_owns(self, world: World) -> None:
        PoolMember.objects.update(is_paused=True)
        cycle = add_mql(world, "Ada")
        assert cycle.owner is None
        manager = client_of(add_user(world, Role.SALES_MANAGER))
        assert "nobody" in lead_page(manager, cycle).lower()
        # to work on it, it must be somebody's first
        asked = {"act": str(uuid4()), "attempt": "call.no_answer"}
        assert manager.post(f"/mqls/{cycle.pk}/attempts/", asked).status_code == 403
        manager.post(f"/mqls/{cycle.pk}/owner/", {"person": str(world.reps[1].pk)})
        cycle.refresh_from_db()
        assert cycle.owner == world.reps[1]

    def test_a_closed_mql_is_not_assigned(self, world: World, rep: Client, cycle: MqlCycle) -> None:
        dispose(rep, cycle, disposition="disqualified", reason="bad_fit")
        revops = client_of(add_user(world, Role.REVOPS))
        answer = revops.post(f"/mqls/{cycle.pk}/owner/", {"person": str(world.reps[1].pk)})
        assert answer.status_code == 409
        assert "nothing to assign" in answer.content.decode()


def test_what_reached_us_late_says_when(world: World, rep: Client, cycle: MqlCycle) -> None:
    then, now = timezone.now() - 20 * timedelta(minutes=1), timezone.now()
    world.send(event("touch.recorded", "T1", then, lead="lead-Ada", channel="call", is_attempt=True), at=now)
    page = lead_page(rep, cycle)
    attempt = page.partition("<strong>Attempt")[2]
    assert f"{now:%H:%M} (UTC)" in attempt.partition("reached us")[2][:200]


def test_the_origin_of_each_field_is_told(rep: Client, cycle: MqlCycle) -> None:
    page = lead_page(rep, cycle).partition("Where each field comes from")[2]
    assert "enterprise" in page
    assert "CRM, received" in page


def test_who_called_is_named_once(world: World, rep: Client, cycle: MqlCycle) -> None:
    asked = {"act": str(uuid4()), "attempt": "call.no_answer", "back": "lead"}
    page = rep.post(f"/mqls/{cycle.pk}/attempts/", asked, follow=True).content.decode()
    attempt = page.partition("<strong>Attempt")[2].partition("</li>")[0]
    assert attempt.count(world.reps[0].name) == 1


def test_the_order_of_turns_is_said_instead_of_the_counter(
    world: World, rep: Client, cycle: MqlCycle
) -> None:
    decision = cycle.assignments.get()
    assert {row["place"] for row in decision.considered} == set(
        range(1, len(decision.explanation["considered"]) + 1)
    )
    chosen = next(row for row in decision.considered if row["person_id"] == decision.person_id)
    assert chosen["place"] == 1
    page = lead_page(rep, cycle)
    assert "1st" in page.partition("Everyone considered")[2]


def test_earlier_cycles_stay_readable(world: World, rep: Client, cycle: MqlCycle) -> None:
    dispose(rep, cycle, disposition="recycled", reason="bad_timing")
    now = timezone.now()
    world.send(event("lead.updated", "lead-Ada", now, score=10), at=now)
    world.send(event("lead.updated", "lead-Ada", now + timedelta(seconds=1), score=90), at=now)
    owner = MqlCycle.objects.get(lead=cycle.lead, closed_at__isnull=True).owner
    assert owner is not None
    page = lead_page(client_of(owner.user), cycle)  # type: ignore[arg-type]
    assert "MQL cycle 2" in page
    assert "Cycle 1, " in page.partition("Other cycles")[2]
    assert "bad timing" in page


def test_queries_do_not_grow_with_what_happened(
    world: World, rep: Client, cycle: MqlCycle, django_assert_max_num_queries: Any
) -> None:
    at = timezone.now() - timedelta(minutes=30)

    def happen(number: int) -> None:
        moment = at + timedelta(minutes=number)
        world.send(
            event("touch.recorded", f"T{number}", moment, lead="lead-Ada", channel="call", is_attempt=True),
            event("lead.updated", "lead-Ada", moment, score=80 + number, owner="rep.1@example.com"),
            event("opportunity.created", f"O{number}", moment, lead="lead-Ada", name=f"Deal {number}"),
            at=moment,
        )

    happen(0)
    with django_assert_max_num_queries(40) as few:
        lead_page(rep, cycle)
    for number in range(1, 20):
        happen(number)
    with django_assert_max_num_queries(len(few)):
        page = lead_page(rep, cycle)
    assert "Deal 19" in page


def test_people_whom_a_crm_named_can_be_chosen_and_those_of_other_functions_not(
    world: World, cycle: MqlCycle
) -> None:
    Person.objects.create(name="Found by CRM")
    Person.objects.create(name="Mark Eting", function=Function.MARKETING)
    Person.objects.create(name="Has Left", function=Function.SALES, is_active=False)
    page = lead_page(client_of(add_user(world, Role.REVOPS)), cycle)
    assert "Found by CRM" in page
    assert "Mark Eting" not in page
    assert "Has Left" not in page


def test_the_page_of_somebody_erased_says_so_when_who_asked_and_what_remains(
    world: World, rep: Client, cycle: MqlCycle
) -> None:
    PoolMember.objects.update(is_paused=False)
    revops = add_user(world, Role.REVOPS, "Rhea")
    page = lead_page(client_of(revops), cycle)
    assert "was erased" not in page and "Erase this person" in page
    at = timezone.now()
    given = {"asked_by": "person", "reason": "Asked by letter", "reference": "DSR-7"}
    erase_person(leads=[cycle.lead], **given, by=revops, at=at)
    world.send(event("lead.updated", cycle.lead.external_id, at, last_name="Ada"), at=at)
    page = lead_page(client_of(revops), cycle)
    for words in (
        "This person was erased",
        local_time(at),
        "Asked by: the person; done by Rhea",
        "What remains: this record's id and source",
        "1 message about the record came since; it lost the person",
        "Reason: Asked by letter (DSR-7)",
        "Erase again what came since",
    ):
        assert words in page, words
    assert "earlier time" not in page and "Ada Inc" not in page.partition("What happened")[0]
    erase_person(leads=[cycle.lead], **given, by=None, at=at + HOUR)
    page = lead_page(client_of(revops), cycle)
    assert "done by the command line, after 1 earlier time" in page
    owner = next(p for p in world.reps if p.pk == MqlCycle.objects.get().owner_id)
    page = lead_page(client_of(owner.user), cycle)  # type: ignore[arg-type]
    assert "This person was erased" in page and "Asked by letter" not in page and "/erasure/" not in page
