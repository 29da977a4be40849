"""An MQL with its clocks, people who dispute and rule, for the tests of arbitration."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from alignment.models import MqlCycle, Role, User
from sla.models import Clock, ClockKind, Decision, Dispute, Ruling
from sla.services import mark_breached
from sla.services.disputes import Decided, file_dispute, rule
from testing.world import World, add_user, event

DAY = timedelta(days=1)
WEEK = timedelta(days=7)


@dataclass
class Case:
    """`rep` owns the MQL; its follow-up is due on the third business day at 10:00."""

    world: World
    cycle: MqlCycle
    rep: User
    revops: User

    @property
    def at(self) -> datetime:
        return self.world.at

    def clock(self, kind: str = ClockKind.FOLLOW_UP) -> Clock:
        return Clock.objects.select_related("cycle__lead", "owner").get(
            cycle=self.cycle, kind=kind, ordinal=1
        )

    def file(self, *, at: datetime, by: User | None = None, subject: Any = None, **given: Any) -> Dispute:
        texts = {"text": "The CRM was down all morning.", "asked": "Leave it out."} | given
        return file_dispute(subject=subject or self.clock(), by=by or self.rep, at=at, **texts)

    def rule(
        self,
        dispute: Dispute,
        decision: str = Decision.UPHELD,
        *,
        at: datetime,
        by: User | None = None,
        **given: Any,
    ) -> Ruling:
        said = {
            "summary": "An outage stops the clock",
            "reason": "Nobody could have called.",
            "tags": "CRM outage",
        }
        decided = Decided(decision, **(said | given))
        return rule(dispute=dispute, decided=decided, by=by or self.revops, at=at)

    def breached(self) -> datetime:
        """Let the follow-up fall due and be stamped; the instant after it."""
        after = self.clock().due_at + timedelta(minutes=1)
        mark_breached(at=after)
        return after


def case(world: World, name: str = "disputed") -> Case:
    """An MQL of the first rep, assigned at once."""
    rep = world.reps[0]
    world.send(
        event(
            "lead.updated",
            name,
            world.at,
            score=80,
            owner=rep.email,
            last_name="Lovelace",
            email="ada@ex.com",
        )
    )
    revops = world.users.get(Role.REVOPS) or add_user(world, Role.REVOPS)
    if rep.user is None:
        raise AssertionError("a rep has a login here")
    return Case(world, MqlCycle.objects.get(lead__external_id=name), rep.user, revops)
