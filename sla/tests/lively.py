"""A world in which much happens, for tests of replays: arrivals, work, late evidence, amendments, sweeps."""

from __future__ import annotations

import random
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any

from alignment.models import Function, Role, Team, User
from alignment.services.calendars import NothingToChange, add_exception, create_calendar
from sla.models import Clock, Decision, Dispute, Outcome
from sla.queries.arbitration import judges
from sla.services import mark_breached, redate_clocks
from sla.services.agreements import put_in_force
from sla.services.disputes import Decided, file_dispute, rule
from testing.world import World, add_rep, add_user, event, terms

HOUR = timedelta(hours=1)
INTENTS = ("demo_request", "pricing", "", "webinar")


def second_team(world: World) -> Team:
    """A team with a calendar of its own, in another zone, and two reps in the pool."""
    calendar = create_calendar(
        name="Lisbon",
        schedule={
            "zone": "America/New_York",
            "weekly": {day: [["08:00", "12:00"], ["13:00", "16:30"]] for day in ("mon", "tue", "thu", "sun")},
        },
        by=None,
        at=world.at - timedelta(days=400),
    )
    team = Team.objects.create(name="Field", function=Function.SALES, calendar=calendar)
    for name in ("Field 1", "Field 2"):
        world.reps.append(add_rep(world, name, team=team))
    return team


def amend(world: World, team: Team, at: datetime, draw: random.Random) -> None:
    found = terms(world.calendar)
    found["tiers"][1]["follow_up_within"] = {
        "amount": draw.choice([4, 8, 30]), "unit": "hours", "time": draw.choice(["business", "elapsed"]),
    }  # fmt: skip
    found["tiers"][0]["when"] = {"field": "intent", "in": draw.sample(["demo_request", "pricing"], 1)}
    found["cadence"] = {
        "attempts": draw.randint(2, 5),
        "gap": {"amount": 6, "unit": "hours", "time": "business"},
    }
    found["assign_within"] = {"amount": draw.choice([3, 45]), "unit": "minutes", "time": "elapsed"}
    found["calendars"] = {"default": world.calendar.pk, "teams": {str(team.pk): team.calendar_id}}
    put_in_force(terms=found, in_force_from=at, note="", by=None, at=at)


def dispute(at: datetime, draw: random.Random) -> None:
    """Have somebody dispute a clock that runs, or rule on what waits for it."""
    waiting = list(Dispute.objects.undecided().order_by("pk"))
    if waiting and draw.random() < 0.6:
        chosen = draw.choice(waiting)
        decided = Decided(
            draw.choice([Decision.UPHELD, Decision.UPHELD, Decision.REJECTED]), "So", "So it is"
        )
        rule(dispute=chosen, decided=decided, by=judges(chosen, at=at)[0], at=at)
        return
    revops = User.objects.filter(role=Role.REVOPS).first()
    clocks = Clock.objects.filter(outcome=Outcome.OPEN, cycle__voided_at__isnull=True, due_at__gt=at)
    open_ones = list(clocks.exclude(disputes__isnull=False).filter(started_at__lte=at).order_by("pk"))
    if revops is not None and open_ones:
        file_dispute(subject=draw.choice(open_ones), text="Away", asked="Hold it", by=revops, at=at)


def live_through(world: World, team: Team, *, seed: int, steps: int, has_disputes: bool = True) -> datetime:
    """Some weeks of random events, each received when it happened or up to four days later; the last moment."""
    draw = random.Random(seed)
    for role in (Role.REVOPS, Role.CRO, Role.CMO):
        add_user(world, role)
    at, leads = world.at, 0
    for step in range(steps):
        at += draw.choice([timedelta(minutes=7), HOUR, 5 * HOUR, 11 * HOUR])
        happened = at - draw.choice([timedelta(0), timedelta(0), HOUR, timedelta(days=2), timedelta(days=4)])
        lead = f"L{draw.randrange(max(leads - 9, 0), leads)}" if leads else ""
        choice = draw.random()
        sent: list[dict[str, Any]] = []
        if choice < 0.35 or not leads:
            fields: dict[str, Any] = {"score": draw.choice([70, 90]), "segment": draw.choice(["smb", "mid"])}
            if draw.random() < 0.7:
                fields["intent"] = draw.choice(INTENTS)
            sent = [event("lead.updated", f"L{leads}", happened, **fields)]
            leads += 1
        elif choice < 0.65:
            sent = [
                event(
                    "touch.recorded", f"T{step}", happened, lead=lead, channel="call", is_attempt=True,
                    is_connected=draw.random() < 0.2,
                )
            ]  # fmt: skip
        elif choice < 0.8:
            tag = draw.choice(
                [{"disposition": "working"}, {"disposition": "recycled", "reason": "bad_timing"}]
            )
            sent = [event("lead.updated", lead, happened, **tag)]
        elif choice < 0.86:
            sent = [event("lead.updated", lead, happened, score=draw.choice([10, 80]))]
        elif choice < 0.88:
            amend(world, team, at, draw)
        elif choice < 0.91:
            calendar = draw.choice([world.calendar, team.calendar or world.calendar])
            day = (at + timedelta(days=draw.randint(1, 6))).date()
            with suppress(NothingToChange):
                add_exception(calendar=calendar, day=day, windows=draw.choice([None, [["10:00", "11:00"]]]),
                              reason="Exception", by=None, at=at)  # fmt: skip
        elif leads > 4 and has_disputes:
            dispute(at, draw)
        if sent:
            world.send(*sent, at=at)
        if draw.random() < 0.5:
            redate_clocks(at=at)
            mark_breached(at=at)
    redate_clocks(at=at)
    mark_breached(at=at)
    late = (
        Clock.objects.filter(kind="follow_up", outcome=Outcome.MISSED, met_at=None)
        .order_by("-due_at")
        .first()
    )
    if late is not None:
        lead, done = late.cycle.lead.external_id, late.due_at - timedelta(minutes=1)
        world.send(event("touch.recorded", "late", done, lead=lead, channel="call", is_attempt=True), at=at)
        mark_breached(at=at)  # the attempt after it may have been due meanwhile
    return at
