"""Merging leads: one history for one person, counted once, and parted again without a trace in the state."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable
from datetime import datetime, timedelta
from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command
from django.db import IntegrityError, connection, connections, transaction

from alignment.models import (
    DeadEvent,
    Endpoint,
    Lead,
    LeadMerge,
    MqlCycle,
    Opportunity,
    Role,
    Scheme,
    Source,
    User,
)
from alignment.pipeline import drain, refold_leads
from alignment.services import merges
from alignment.services.merges import (
    AlreadyUndone,
    CannotMerge,
    NotForYou,
    ReasonNeeded,
    merge_leads,
    undo_merge,
)
from handoff.tests.test_order_of_arrival import history
from sla.models import Breach, Clock, Outcome
from sla.services import mark_breached
from sla.services.cycles import MERGED
from testing.state import end_state
from testing.world import World, add_user, build_world, event

WHY = "Same person, two forms"


@pytest.fixture
def revops(world: World) -> User:
    return add_user(world, Role.REVOPS)


@pytest.fixture
def other_crm(world: World) -> Endpoint:
    source = Source.objects.create(key="second", name="Second CRM", kind="standard")
    return Endpoint.objects.create(source=source, scheme=Scheme.STANDARD_WEBHOOKS)


def lead(name: str) -> Lead:
    return Lead.objects.get(external_id=name)


def merge(survivor: str, merged: str, by: User, at: datetime) -> LeadMerge:
    return merge_leads(survivor=lead(survivor), merged=lead(merged), reason=WHY, by=by, at=at)


def crossing(name: str, at: datetime, **fields: Any) -> dict[str, Any]:
    return event("lead.updated", name, at, **({"score": 80} | fields))


def whole_state() -> dict[str, Any]:
    """The end state, and what is known of each cycle and clock by its id."""
    cycles = MqlCycle.objects.standing().order_by("pk")
    clocks = Clock.objects.filter(cycle__voided_at__isnull=True).order_by("pk")
    return end_state() | {
        "rows": list(cycles.values_list("pk", "lead", "number", "opened_by", "owner", "assigned_by", "team")),
        "clock rows": list(
            clocks.exclude(outcome="not_owed").values_list(
                "pk", "cycle", "due_at", "outcome", "breached_at", "owner"
            )
        ),
        "merged": list(
            Lead.objects.exclude(merged_into=None).order_by("pk").values_list("pk", "merged_into")
        ),
        "breaches": list(Breach.objects.order_by("pk").values_list("pk", "breached_at", "owner")),
    }


def deliver(world: World, events: list[dict[str, Any]], other: Endpoint) -> None:
    """Odd leads, with their touches and deals, are records of the second CRM."""
    for body in events:
        name = str(body["data"].get("lead") or body["data"]["external_id"])
        digits = name.split("-")[-1] if name.startswith("L") else name.split("-")[2]
        world.deliver(body, external_id=body["id"], endpoint=other if int(digits) % 2 else world.crm_endpoint)


@pytest.mark.parametrize("seed", range(6))
def test_merged_and_undone_is_as_before(
    world: World, other_crm: Endpoint, revops: User, seed: int, examples: Callable[[int, int], int]
) -> None:
    for part in range(examples(1, 6)):
        rng = random.Random(seed * 100 + part)
        events = history(world, 1000 + seed * 100 + part, 6)
        deliver(world, events, other_crm)
        drain(at=world.at)
        mark_breached(at=world.at)
        before = whole_state()
        names = [row[0] for row in before["leads"] if row[0].startswith(f"L{1000 + seed * 100 + part}-")]
        rng.shuffle(names)
        made = []
        for survivor, merged in ((0, 1), (2, 3), (0, 4)):
            made.append(merge(names[survivor], names[merged], revops, world.at))
        assert whole_state()["merged"] and end_state()["cycles"] != before["cycles"]
        assert not MqlCycle.objects.standing().filter(lead__merged_into__isnull=False).exists()
        mark_breached(at=world.at)
        rng.shuffle(made)
        for row in made:
            undo_merge(merge=row, reason="Two after all", by=revops, at=world.at)
        mark_breached(at=world.at)
        assert whole_state() == before


@pytest.mark.parametrize("seed", range(6))
def test_merging_before_after_or_amid_the_events_gives_one_state(
    world: World, other_crm: Endpoint, revops: User, seed: int
) -> None:
    events = history(world, 50 + seed, 4)
    names = [f"L{50 + seed}-{n}" for n in range(4)]
    stubs = [event("lead.updated", name, world.at - timedelta(days=30), status="new") for name in names]
    states = []
    for variant in range(4):
        rng = random.Random(variant)
        mixed = list(events)
        if variant:
            rng.shuffle(mixed)
        merge_at = [len(mixed), 0, len(mixed) // 2, len(mixed) // 3][variant]
        point = transaction.savepoint()
        deliver(world, stubs + mixed[:merge_at], other_crm)
        drain(at=world.at)
        merge(names[0], names[1], revops, world.at)
        merge(names[0], names[2], revops, world.at)
        deliver(world, mixed[merge_at:], other_crm)
        drain(at=world.at)
        assert not DeadEvent.objects.exists()
        states.append(end_state())
        transaction.savepoint_rollback(point)
    assert len(states[0]["cycles"]) > 1
    for state in states[1:]:
        assert state == states[0]


def test_a_rebuild_gives_the_same_merged_state(world: World, other_crm: Endpoint, revops: User) -> None:
    deliver(world, history(world, 9, 6), other_crm)
    drain(at=world.at)
    mark_breached(at=world.at)
    merge("L9-0", "L9-1", revops, world.at)
    merge("L9-2", "L9-5", revops, world.at)
    before = whole_state()
    Lead.objects.update(merged_into=None, first_name="")
    MqlCycle.objects.filter(closed_at__isnull=True).update(attempts=0)
    call_command("rebuild", verbosity=0, stdout=StringIO())
    assert whole_state() == before


def test_one_of_two_open_cycles_is_voided_and_comes_back_with_its_clocks_and_breaches(
    world: World, revops: User
) -> None:
    early, late = world.at - timedelta(hours=40), world.at - timedelta(hours=39)
    world.send(
        crossing("A", late, intent="demo_request"), crossing("B", early, intent="demo_request"), at=world.at
    )
    mark_breached(at=world.at)
    of_a, of_b = MqlCycle.objects.get(lead=lead("A")), MqlCycle.objects.get(lead=lead("B"))
    breaches = set(Breach.objects.values_list("pk", "breached_at", "stamped_at"))
    clocks = set(Clock.objects.values_list("pk", "cycle", "due_at", "outcome", "breached_at"))
    assert {row[1] for row in clocks} == {of_a.pk, of_b.pk} and breaches

    made = merge("A", "B", revops, world.at)
    of_a.refresh_from_db()
    of_b.refresh_from_db()
    assert (of_b.lead, of_b.is_open) == (lead("A"), True)
    assert (of_a.lead, of_a.void_reason) == (lead("A"), MERGED)
    assert not Clock.objects.filter(cycle=of_a).exclude(outcome=Outcome.NOT_OWED).exists()
    assert MqlCycle.objects.open().count() == 1

    undo_merge(merge=made, reason="Twins", by=revops, at=world.at)
    assert set(Clock.objects.values_list("pk", "cycle", "due_at", "outcome", "breached_at")) == clocks
    assert set(Breach.objects.values_list("pk", "breached_at", "stamped_at")) == breaches
    assert set(MqlCycle.objects.open().values_list("pk", "lead__external_id")) == {
        (of_a.pk, "A"),
        (of_b.pk, "B"),
    }


def test_later_facts_of_the_merged_lead_reach_the_survivor_s_cycle(world: World, revops: User) -> None:
    hour = timedelta(hours=1)
    world.send(crossing("A", world.at - 5 * hour), crossing("B", world.at - 4 * hour))
    merge("A", "B", revops, world.at)
    call = {"lead": "B", "channel": "call", "is_attempt": True}
    world.send(
        event("touch.recorded", "T1", world.at - 3 * hour, **call),
        event("lead.dispositioned", "B", world.at - 2 * hour, disposition="disqualified", reason="bad_fit"),
    )
    cycle = MqlCycle.objects.standing().get()
    assert (cycle.lead, cycle.attempts, cycle.disposition) == (lead("A"), 1, "disqualified")
    assert cycle.first_follow_up_at == world.at - 3 * hour
    assert lead("A").first_touch == lead("B").first_touch is not None


def test_each_record_crosses_for_itself_so_two_scores_do_not_flap(world: World, revops: User) -> None:
    hour = timedelta(hours=1)
    world.send(crossing("A", world.at - 9 * hour), event("lead.updated", "B", world.at - 9 * hour, score=10))
    merge("A", "B", revops, world.at)
    world.send(
        event("lead.dispositioned", "A", world.at - 8 * hour, disposition="recycled", reason="bad_timing"),
        event("lead.updated", "B", world.at - 7 * hour, score=12),
        crossing("A", world.at - 6 * hour, score=81),
    )
    assert MqlCycle.objects.count() == 1


def test_gaps_in_who_the_survivor_is_are_filled_and_its_own_fields_stay(world: World, revops: User) -> None:
    world.send(
        event("lead.updated", "A", world.at, first_name="Ann", email="", score=3),
        event(
            "lead.updated", "B", world.at, first_name="Anna", email="ann@acme.com", company="Acme", score=9
        ),
    )
    made = merge("A", "B", revops, world.at)
    found = lead("A")
    assert (found.first_name, found.email, found.company, found.score) == ("Ann", "ann@acme.com", "Acme", 3)
    undo_merge(merge=made, reason="No", by=revops, at=world.at)
    assert lead("A").email == "" and lead("B").email == "ann@acme.com"


def test_a_record_that_the_crm_deletes_as_one_too_many_closes_nothing(world: World, revops: User) -> None:
    world.send(crossing("A", world.at), crossing("B", world.at))
    merge("A", "B", revops, world.at)
    world.send(event("lead.deleted", "B", world.at + timedelta(minutes=1)))
    cycle = MqlCycle.objects.standing().get()
    assert cycle.crm_closed_at is None and lead("B").is_deleted and not lead("A").is_deleted


def test_an_owner_and_a_deal_named_by_another_source_are_found_there(
    world: World, other_crm: Endpoint, revops: User
) -> None:
    rep = world.reps[1]
    world.send(crossing("A", world.at - timedelta(hours=2)))
    world.deliver(event("lead.updated", "B", world.at - timedelta(hours=2), status="x"), endpoint=other_crm)
    drain(at=world.at)
    merge("A", "B", revops, world.at)
    for body in (
        event("lead.updated", "B", world.at - timedelta(hours=1), owner=rep.email),
        event("opportunity.created", "D", world.at, name="Deal", stage="x", lead="B"),
        event("lead.updated", "B", world.at, disposition="converted", opportunity="D"),
    ):
        world.deliver(body, endpoint=other_crm)
    drain(at=world.at)
    cycle = MqlCycle.objects.get()
    assert (cycle.owner, cycle.opportunity) == (rep, Opportunity.objects.get(source=other_crm.source))
    assert cycle.is_tagged


def test_what_cannot_be_merged_is_refused_with_what_to_do(world: World, revops: User) -> None:
    world.send(*(event("lead.updated", name, world.at, last_name=name) for name in "ABC"))
    made = merge("A", "B", revops, world.at)
    with pytest.raises(CannotMerge, match="into itself"):
        merge("A", "A", revops, world.at)
    with pytest.raises(CannotMerge, match="already"):
        merge("A", "B", revops, world.at)
    with pytest.raises(CannotMerge, match="B is merged into another lead already"):
        merge("C", "B", revops, world.at)
    with pytest.raises(CannotMerge, match="B is merged into another lead already"):
        merge("B", "C", revops, world.at)
    with pytest.raises(CannotMerge, match="Keep that one and merge C into it"):
        merge("C", "A", revops, world.at)
    with pytest.raises(ReasonNeeded):
        merge_leads(survivor=lead("A"), merged=lead("C"), reason=" ", by=revops, at=world.at)
    undo_merge(merge=made, reason="x", by=revops, at=world.at)
    with pytest.raises(AlreadyUndone):
        undo_merge(merge=made, reason="x", by=revops, at=world.at)
    assert merge("C", "B", revops, world.at).is_live


@pytest.mark.parametrize("role", [role for role in Role if role != Role.REVOPS])
def test_only_revops_merges(world: World, role: Role) -> None:
    world.send(*(event("lead.updated", name, world.at) for name in "AB"))
    user = User.objects.create_user("x@example.com", "x", name="X", role=role)
    with pytest.raises(NotForYou):
        merge("A", "B", user, world.at)


def test_the_database_itself_refuses_what_no_merge_may_be(world: World, revops: User) -> None:
    world.send(*(event("lead.updated", name, world.at) for name in "ABC"))
    a, b, c = lead("A"), lead("B"), lead("C")
    made = merge("A", "B", revops, world.at)

    def add(survivor: Lead, merged: Lead, reason: str = WHY) -> Callable[[], object]:
        fields = {"reason": reason, "merged_by": revops, "merged_at": world.at}
        return lambda: LeadMerge.objects.create(survivor=survivor, merged=merged, **fields)

    def change(**fields: Any) -> Callable[[], object]:
        return lambda: LeadMerge.objects.filter(pk=made.pk).update(**fields)

    undone = {"undone_at": world.at, "undone_by": revops, "undone_reason": "x"}
    for act in (
        add(c, c), add(c, b), add(b, c), add(c, a), add(a, c, ""), change(reason="other"), change(survivor=c),
        change(undone_at=world.at), made.delete, lambda: Lead.objects.filter(pk=a.pk).update(merged_into=a),
    ):  # fmt: skip
        with pytest.raises(IntegrityError), transaction.atomic():
            act()
    change(**undone)()
    with pytest.raises(IntegrityError), transaction.atomic():
        change(undone_reason="y")()


def test_a_merge_takes_as_many_statements_for_many_facts_as_for_few(
    world: World, revops: User, django_assert_max_num_queries: Any
) -> None:
    for name, count in (("A", 1), ("B", 1), ("C", 30), ("D", 30)):
        world.send(*(crossing(name, world.at - timedelta(minutes=n), score=80 + n) for n in range(count)))
    with django_assert_max_num_queries(70):
        merge("C", "D", revops, world.at)


@pytest.mark.django_db(transaction=True)
class TestAtOnce:
    @pytest.fixture(autouse=True)
    def company(self, transactional_db: None) -> None:
        self.world = build_world()
        self.revops = add_user(self.world, Role.REVOPS)

    def at_once(self, *acts: Callable[[], object]) -> list[Exception]:
        start, problems = threading.Barrier(len(acts)), []

        def run(act: Callable[[], object]) -> None:
            try:
                start.wait()
                act()
            except Exception as problem:
                problems.append(problem)
            finally:
                connections.close_all()

        threads = [threading.Thread(target=run, args=(act,)) for act in acts]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return problems

    def test_two_merges_crosswise_leave_one(self) -> None:
        world = self.world
        world.send(crossing("A", world.at), crossing("B", world.at))
        problems = self.at_once(
            lambda: merge("A", "B", self.revops, world.at), lambda: merge("B", "A", self.revops, world.at)
        )
        assert [type(problem) for problem in problems] == [CannotMerge]
        assert LeadMerge.objects.count() == 1 and MqlCycle.objects.open().count() == 1

    def test_a_merge_and_a_drain_lose_nothing(self) -> None:
        world = self.world
        for turn in range(6):
            one, other = f"A{turn}", f"B{turn}"
            stub = world.at - timedelta(days=2)
            world.send(*(event("lead.updated", name, stub, status="new") for name in (one, other)))
            for n in range(8):
                at = world.at - timedelta(minutes=60 - n)
                call = {"lead": other if n % 2 else one, "channel": "call", "is_attempt": True}
                world.deliver(crossing(one if n % 2 else other, at), external_id=f"x{turn}-{n}")
                world.deliver(event("touch.recorded", f"T{turn}-{n}", at, **call), external_id=f"t{turn}-{n}")
            problems = self.at_once(
                lambda one=one, other=other: merge(one, other, self.revops, world.at),
                lambda: drain(at=world.at, batch_size=3),
                lambda: drain(at=world.at, batch_size=3),
            )
            assert problems == [] and not DeadEvent.objects.exists()
            drain(at=world.at)
            cycle = MqlCycle.objects.standing().get(lead__external_id__in=[one, other])
            assert (cycle.lead.external_id, cycle.attempts) == (one, 8)
        before = end_state()
        with transaction.atomic():
            refold_leads(
                {(lead.source_id, lead.external_id) for lead in Lead.objects.all()}, at=world.at, reason="x"
            )
        assert end_state() == before


def test_damaged_merges_are_restored(world: World, revops: User) -> None:
    world.send(*(event("lead.updated", name, world.at) for name in "AB"))
    merge("A", "B", revops, world.at)
    Lead.objects.update(merged_into=None)
    assert merges.restore_merges() == 1 and lead("B").merged_into == lead("A")
    assert merges.restore_merges() == 0


def test_the_application_role_can_merge_and_undo(
    world: World, revops: User, as_application_role: str
) -> None:
    world.send(crossing("A", world.at), crossing("B", world.at))
    undo_merge(merge=merge("A", "B", revops, world.at), reason="x", by=revops, at=world.at)
    with (
        pytest.raises(Exception, match="permission denied"),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute("DELETE FROM alignment_leadmerge")
