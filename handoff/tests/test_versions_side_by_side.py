"""Whatever the order in which SLAs are drafted, signed and amended, MQLs arrive, are worked, change hands and are told
of late, and exceptions are entered: a draft changes nothing, each MQL keeps the version in force when it started, and
no closed clock moves. Late evidence restates a miss, beside its breach, which stays."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from alignment.models import ArtifactVersion, MqlCycle, Role
from alignment.services.artifacts import renditions
from alignment.services.calendars import NothingToChange, NoWorkingTime, add_exception
from handoff.services.acts import assign_by_hand
from sla.content import KEY, KIND
from sla.models import Agreement, Clock, Outcome
from sla.queries.agreements import load_book
from sla.services import mark_breached, mark_warned, redate_clocks
from sla.services.drafts import start_draft
from testing.artifacts import sign_all, user_with
from testing.sla import sent_sla
from testing.world import NOW, World, build_world, event, terms

STEPS = (
    "draft", "send", "sign", "arrive", "arrive", "attempt", "close", "cross again", "exception", "wait",
    "arrive late", "attempt late", "close late", "change hands",
)  # fmt: skip
Step = tuple[str, int, int]
"""What happens, after how many minutes, and a number that says to whom or how."""


class Company:
    """A company in the middle of things, and what has to stay as it was."""

    def __init__(self) -> None:
        self.world: World = build_world(reps=2)
        self.at = NOW
        self.leads = 0
        self.serial = 0
        self.judges: list[tuple[datetime, int]] = [(self.world.agreement.in_force_from, 1)]
        self.runs_on: dict[int, int] = {}
        self.closed: dict[int, tuple[Any, ...]] = {}
        self.was_late = False

    def step(self, name: str, minutes: int, which: int) -> None:
        self.at += timedelta(minutes=minutes)
        before = state() if name in ("draft", "send") else None
        getattr(self, name.replace(" ", "_"))(which)
        if before is not None:
            assert state() == before
        self.look()

    def look(self) -> None:
        """What holds after every step."""
        book = load_book()
        assert [agreement.number for agreement in Agreement.objects.all()] == [n for _, n in self.judges]
        for cycle in MqlCycle.objects.all():
            expected = max(number for since, number in self.judges if since <= cycle.started_at)
            assert cycle.agreement_number == expected
            assert self.runs_on.setdefault(cycle.pk, expected) == expected
            clocks = Clock.objects.filter(cycle=cycle)
            assert set(clocks.values_list("agreement__number", flat=True)) == {expected}
            [budget] = clocks.filter(kind="follow_up").values_list("budget_seconds", flat=True)
            assert budget == book.by_number(expected).terms.tier(cycle.tier).follow_up_within.seconds
        closed = closed_clocks()
        for pk, was in self.closed.items():
            if self.was_late:
                assert may_follow(was, closed.get(pk))
            else:
                assert closed[pk] == was
        self.closed, self.was_late = closed, False

    # --- what may happen -----------------------------------------------------------------------------

    def draft(self, which: int) -> None:
        start_draft(terms=self.terms_with(which), by=user_with(Role.REVOPS), at=self.at)

    def send(self, which: int) -> None:
        sent_sla(self.terms_with(which), at=self.at, channels=1)

    def sign(self, which: int) -> None:
        waiting = ArtifactVersion.objects.of(KIND, KEY).sent().first()
        if waiting is None or any(since == self.at for since, _ in self.judges):
            return
        sign_all(waiting, at=self.at)
        self.judges.append((self.at, waiting.number))

    def arrive(self, which: int) -> None:
        self.leads += 1
        intent = ("demo_request", "content")[which % 2]
        self.tell("lead.created", f"L{self.leads}", score=90, intent=intent)

    def attempt(self, which: int) -> None:
        if lead := self.some_lead(which):
            self.tell("touch.recorded", f"T{self.serial}", lead=lead, channel="call", is_attempt=True)

    def close(self, which: int) -> None:
        if lead := self.some_lead(which):
            self.tell("lead.dispositioned", lead, disposition="disqualified", reason="bad_fit")

    def cross_again(self, which: int) -> None:
        if lead := self.some_lead(which):
            self.tell("lead.updated", lead, score=10)
            self.tell("lead.updated", lead, score=95)

    def arrive_late(self, which: int) -> None:
        self.leads += 1
        self.tell("lead.created", f"L{self.leads}", hours_ago=5 * which, score=90)

    def attempt_late(self, which: int) -> None:
        if lead := self.some_lead(which):
            self.tell(
                "touch.recorded",
                f"T{self.serial}",
                hours_ago=3 * which,
                lead=lead,
                channel="call",
                is_attempt=True,
            )

    def close_late(self, which: int) -> None:
        if lead := self.some_lead(which):
            self.tell(
                "lead.dispositioned", lead, hours_ago=3 * which, disposition="disqualified", reason="bad_fit"
            )

    def change_hands(self, which: int) -> None:
        if lead := self.some_lead(which):
            before = dict(Clock.objects.exclude(owner=None).values_list("pk", "due_at"))
            rep = self.world.reps[which % 2]
            cycle = MqlCycle.objects.filter(
                lead__external_id=lead, closed_at=None, crm_closed_at=None
            ).first()
            if which % 3 and cycle is not None:
                assign_by_hand(cycle=cycle, person=rep, by=user_with(Role.REVOPS), at=self.at)
            else:
                self.tell("lead.updated", lead, owner=rep.email)
            assert dict(Clock.objects.filter(pk__in=before).values_list("pk", "due_at")) == before

    def exception(self, which: int) -> None:
        day = (self.at + timedelta(days=which % 4)).date()
        windows = None if which % 3 else [("11:00", "13:00")]
        try:
            add_exception(
                calendar=self.world.calendar, day=day, windows=windows, reason="Snow", by=None, at=self.at
            )
        except (NothingToChange, NoWorkingTime):
            return
        assert closed_clocks() == self.closed
        redate_clocks(at=self.at)
        assert closed_clocks() == self.closed

    def wait(self, which: int) -> None:
        self.at += timedelta(hours=which)
        self.tell()
        mark_warned(at=self.at)
        mark_breached(at=self.at)

    # -------------------------------------------------------------------------------------------------

    def terms_with(self, hours: int) -> dict[str, Any]:
        own = terms(self.world.calendar)
        own["tiers"][-1]["follow_up_within"]["amount"] = hours + 1
        return own

    def some_lead(self, which: int) -> str:
        return f"L{which % self.leads + 1}" if self.leads else ""

    def tell(self, *what: str, hours_ago: int = 0, **data: Any) -> None:
        """Deliver an event of now, or of some hours ago, and drain; without one, only drain."""
        self.serial += 1
        self.was_late = hours_ago > 0
        told = [event(what[0], what[1], self.at - timedelta(hours=hours_ago), **data)] if what else []
        self.world.send(*told, at=self.at)
        self.at += timedelta(seconds=1)


def state() -> tuple[Any, ...]:
    """All that runs."""
    return (
        list(Agreement.objects.order_by("pk").values()),
        list(MqlCycle.objects.order_by("pk").values()),
        list(Clock.objects.order_by("pk").values()),
    )


def may_follow(was: tuple[Any, ...], now: tuple[Any, ...] | None) -> bool:
    """Whether late evidence may leave a closed clock so: a breach stays as it was stamped, its miss may be restated;
    a follow-up that was made stays made. What was not owed, or an attempt, is folded anew."""
    kind, due_at, outcome, breached_at = was
    if breached_at is not None:
        return now in (was, (kind, due_at, Outcome.RESTATED, breached_at))
    return kind != "follow_up" or outcome != Outcome.MET or now == was


def closed_clocks() -> dict[int, tuple[Any, ...]]:
    """What a settled clock came to, by its id."""
    settled = Clock.objects.exclude(settled_at=None).values_list(
        "pk", "kind", "due_at", "outcome", "breached_at"
    )
    return {pk: tuple(rest) for pk, *rest in settled}


@pytest.mark.django_db
def test_versions_run_side_by_side_whatever_happens(
    examples: Callable[[int, int], int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(renditions, "make", lambda *args, **more: None)  # the type is set elsewhere
    monkeypatch.setattr(renditions, "overflow", lambda *args, **more: None)
    steps = st.tuples(st.sampled_from(STEPS), st.integers(1, 900), st.integers(0, 40))

    @settings(
        max_examples=examples(3, 60), deadline=None, database=None, suppress_health_check=list(HealthCheck)
    )
    @given(taken=st.lists(steps, min_size=examples(12, 20), max_size=examples(20, 60)))
    def hold(taken: list[Step]) -> None:
        with transaction.atomic():
            company = Company()
            for name, minutes, which in taken:
                company.step(name, minutes, which)
            transaction.set_rollback(True)

    hold()
