"""Whatever is filed, ruled and withdrawn: before a ruling compliance is never better, and no other clock changes."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, timedelta
from random import Random
from typing import Any

import pytest
from django.db import transaction

from alignment.access import Scope
from alignment.models import Role, User
from sla.models import Clock, ClockKind, Decision, Dispute, Outcome, Override
from sla.queries.disputes import adjustments
from sla.services import mark_breached
from sla.services.disputes import Decided, file_dispute, mark_overdue, rule, withdraw
from sla.services.disputes.refusals import Refused
from sla.tests.disputing import case
from testing.at_once import at_once
from testing.world import World, add_user, event

STEP = timedelta(hours=7)
Key = tuple[str, str, int]


class Undone(Exception):
    """Ends a try, so that the next one begins with the same world."""


def run(
    world: World, seed: int, *, disputes: bool
) -> tuple[dict[Key, tuple[Any, ...]], tuple[int, int], set[Key]]:
    """Some MQLs worked late or never; with or without disputes filed, withdrawn and rejected. What became of each
    clock, (met, due) of the follow-ups with what disputes add, and which clocks were disputed."""
    random, chance = Random(seed), Random(seed + 1)
    found = case(world, "A")
    names = ["A", *(f"L{n}" for n in range(3))]
    world.send(*(event("lead.updated", name, world.at, score=80) for name in names[1:]))
    at: datetime = world.at
    for step in range(14):
        at += STEP
        if random.random() < 0.3:
            name = random.choice(names)
            touch = event("touch.recorded", f"T{seed}-{step}", at, lead=name, channel="call", is_attempt=True)
            world.send(touch, at=at)
        if disputes:
            act(found.revops, chance, at)
        mark_breached(at=at)
        mark_overdue(at=at)
    assert not Override.objects.exists()
    added = adjustments(
        world.at.date(), world.at.date() + timedelta(days=60), ClockKind.FOLLOW_UP, Scope(is_all=True)
    )
    clocks = Clock.objects.filter(kind=ClockKind.FOLLOW_UP)
    met = clocks.filter(outcome__in=[Outcome.MET, Outcome.RESTATED]).count() + added.set_aside
    due = clocks.filter(outcome__in=[Outcome.MET, Outcome.MISSED, Outcome.RESTATED]).count() + added.held
    keys = ("cycle__lead__external_id", "kind", "ordinal")
    rows = Clock.objects.values_list(*keys, "due_at", "outcome", "breached_at", "met_at")
    disputed = set(Dispute.objects.values_list(*(f"clock__{key}" for key in keys)))
    return {row[:3]: row[3:] for row in rows}, (met, due), disputed


def act(revops: User, chance: Random, at: datetime) -> None:
    """File on some clock as its owner, or withdraw or reject some dispute; never uphold."""
    undecided = list(Dispute.objects.undecided().order_by("pk"))
    if undecided and chance.random() < 0.2:
        dispute = chance.choice(undecided)
        if chance.random() < 0.5:
            withdraw(dispute=dispute, by=dispute.filed_by, at=at)
        else:
            decided = Decided(Decision.REJECTED, "No", "No reason given.")
            rule(dispute=dispute, decided=decided, by=revops, at=at)
        return
    rows = Clock.objects.select_related("cycle__lead", "owner__user")
    if chance.random() < 0.7:  # what compliance counts
        rows = rows.filter(kind=ClockKind.FOLLOW_UP)
    clock = chance.choice(list(rows.order_by("cycle__lead__external_id", "kind", "ordinal")))
    if clock.owner is not None and clock.owner.user is not None:
        texts = {"text": "The CRM was down.", "asked": "Set it aside."}
        with suppress(Refused):
            file_dispute(subject=clock, **texts, by=clock.owner.user, at=at)


def test_disputes_without_a_ruling_in_their_favour_never_raise_compliance(
    world: World, examples: Callable[[int, int], int]
) -> None:
    add_user(world, Role.REVOPS)
    filed = 0
    for seed in range(examples(2, 60)):
        results = []
        for disputes in (False, True):
            with suppress(Undone), transaction.atomic():
                results.append(run(world, seed, disputes=disputes))
                raise Undone
        (plain, (met, due), _), (disputed, (met_then, due_then), touched) = results
        assert met_then * due <= met * due_then, f"seed {seed}: compliance rose"
        others = plain.keys() - touched
        assert {key: disputed[key] for key in others} == {key: plain[key] for key in others}, f"seed {seed}"
        filed += len(touched)
    assert filed


@pytest.mark.django_db(transaction=True)
def test_of_two_rulings_at_once_one_counts_and_of_two_filings_one_is_taken(world: World) -> None:
    found = case(world)
    clock, at = found.clock(), found.at + timedelta(hours=1)

    def file() -> Dispute:
        return file_dispute(
            subject=clock, text="The CRM was down.", asked="Set it aside.", by=found.rep, at=at
        )

    filed = at_once(file, file, refusals=(Refused,))
    assert sorted(isinstance(one, Dispute) for one in filed) == [False, True]
    dispute = Dispute.objects.get()

    def decide(decision: str) -> Any:
        return rule(
            dispute=dispute, decided=Decided(decision, "So", "It is so."), by=found.revops, at=at + STEP
        )

    ruled = at_once(lambda: decide("upheld"), lambda: decide("rejected"), refusals=(Refused,))
    assert sum(isinstance(one, Refused) for one in ruled) == 1
    dispute.refresh_from_db()
    assert dispute.ruling.decision in ("upheld", "rejected")
