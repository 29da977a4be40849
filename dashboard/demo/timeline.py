"""The simulated weeks as a timeline: what was sent waits for the next drain, and everything happens in its order."""

from __future__ import annotations

import hashlib
import heapq
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.db import connection
from django.db.models import Min

from alignment.models import Delivery
from alignment.pipeline import drain
from dashboard.demo.events import Post
from sla.models import Clock
from sla.services import mark_breached, mark_warned

Step = Callable[..., None]
LOOKS_EVERY = timedelta(hours=6)  # an attempt logged here starts a clock, but none that is due sooner
SWEPT_AFTER = timedelta(seconds=20)  # clocks that fall due together are judged together


@dataclass
class Timeline:
    """Steps in order of time, and the posts received since the last drain.

    `after_drain(at)` is called whenever a drain has applied something.
    """

    after_drain: Callable[[datetime], None]
    _steps: list[tuple[datetime, int, Step, dict[str, Any]]] = field(default_factory=list)
    _received: list[Delivery] = field(default_factory=list)
    _waiting: set[str] = field(default_factory=set)
    _count: int = 0
    _looked_at: datetime | None = None
    _next_due: datetime | None = None

    def plan(self, at: datetime, step: Step, **given: Any) -> None:
        """Call `step(at, **given)` when its time has come."""
        self._count += 1
        heapq.heappush(self._steps, (at, self._count, step, given))

    def post(self, at: datetime, post: Post) -> None:
        """A request that reaches us at `at`."""
        self.plan(at, self._receive, post=post)

    def run(self, until: datetime) -> None:
        """Everything planned up to and including `until`, in order, and a sweep whenever a clock falls due."""
        while self._steps and self._steps[0][0] <= until:
            self._sweep_what_falls_due(self._steps[0][0])
            at, _, step, given = heapq.heappop(self._steps)
            step(at, **given)

    def drain(self, at: datetime) -> None:
        """Put what was received into the inbox, dated as received, and apply it."""
        if not self._received:
            return
        Delivery.objects.bulk_create(self._received)
        self._received, self._waiting = [], set()
        drain(at=at)
        self._looked_at = None
        self.after_drain(at)

    def settle(self, lead: str, at: datetime) -> None:
        """Drain if anything about this lead waits: an act is judged by what is known."""
        if lead in self._waiting:
            self.drain(at)

    def sweep(self, at: datetime) -> None:
        """Apply what was received, and judge the clocks that are due by now."""
        self.drain(at)
        self._judge(at)

    def _judge(self, at: datetime) -> None:
        mark_warned(at=at)
        mark_breached(at=at)
        self._looked_at = None
        connection.check_constraints()  # else every foreign key of five weeks is checked at the commit

    def _sweep_what_falls_due(self, before: datetime) -> None:
        """Sweep at the due times before this instant."""
        if self._looked_at is None or self._looked_at + LOOKS_EVERY < before:
            self._look(before)
        while self._next_due is not None and self._next_due + SWEPT_AFTER < before:
            due, at = self._next_due, self._next_due + SWEPT_AFTER
            overdue = Clock.objects.overdue(at).values_list("cycle__lead__external_id", flat=True)
            if self._waiting.intersection(overdue):
                self.drain(at)  # what was received may have met a clock in time; of others it can wait
            self._judge(at)
            self._look(before)
            if self._next_due == due:
                return  # judged once what is on its way has reached us

    def _look(self, at: datetime) -> None:
        """When the next running clock falls due."""
        found = Clock.objects.running().aggregate(due=Min("due_at"))
        self._looked_at, self._next_due = at, found["due"]

    def _receive(self, at: datetime, *, post: Post) -> None:
        self._received.append(
            Delivery(
                source_id=post.endpoint.source_id,
                endpoint=post.endpoint,
                external_id=post.event_id,
                body=post.body,
                body_sha256=hashlib.sha256(post.body).digest(),
                received_at=at,
                state="pending",
                items=0,
            )
        )
        self._waiting.add(post.lead)
