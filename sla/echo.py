"""Telling the CRM's own decisions from our write-back coming back.

What was decided here goes to the CRM, which then reports it as a change of its own record. Such an echo is no
statement of the CRM. It is recognised by value: the CRM says what we had decided, after we had, and without having
said anything else of its own in between. To have emptied the field is to have said something. What came back once
does not come back for the next cycle. This needs no record of deliveries, so it stays a function of the ledger and
the assignments.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

# The CRM's clock may run behind ours, or tell whole seconds only.
CLOCKS_DIFFER_BY = timedelta(seconds=60)
# How long after a newer decision an older one may still come back; the CRM meets them in order.
OLDER_ECHOES_WITHIN = timedelta(hours=1)


@dataclass(frozen=True)
class Decision:
    """What was decided here at `at`; nothing that reached us before `known_from` can be its echo.

    `is_provisional`: it gives way to whatever the CRM said, even before (our routing).
    """

    value: Any
    at: datetime
    known_from: datetime
    is_provisional: bool = False


class Echoes:
    """Walks beside the statements of one record of a CRM in order of time; `ours` may come in any order."""

    def __init__(self, ours: Iterable[Decision]) -> None:
        self._ours = sorted(ours, key=lambda decision: decision.at)
        self._reached = 0
        self._given_back_at: datetime | None = None  # when the one reached came back last
        self._overruled_at: datetime | None = None
        self._begun_at: datetime | None = None
        self._may_empty = False

    def gives_back(self, is_same: Callable[[Any], bool], *, at: datetime, received_at: datetime) -> bool:
        """Whether the CRM only repeats one of our decisions: the last that came back, or a later one."""
        for number, decision in enumerate(self._ours):
            if (
                number >= self._reached
                and self._stands(number, decision, at)
                and decision.at <= at + CLOCKS_DIFFER_BY
                and decision.known_from <= received_at
                and is_same(decision.value)
            ):
                self._reached, self._given_back_at = number, at
                self._may_empty = self._may_empty and self._is_of_before(decision)
                return True
        return False

    def overrule(self, *, at: datetime) -> None:
        """The CRM decided something of its own: what we had decided before can no longer come back."""
        self._overruled_at = max(at, self._overruled_at or at)

    def empty(self, *, at: datetime) -> None:
        """The CRM emptied the field. The message about a new cycle asks for that, once: then only what was decided
        before the cycle is over."""
        self.overrule(at=self._begun_at if self._may_empty and self._begun_at else at)
        self._may_empty = False

    def begin(self, *, at: datetime) -> None:
        """A new cycle began: what was decided in the one before comes back only for a while, and only once."""
        self._begun_at, self._may_empty = at, True

    def _stands(self, number: int, decision: Decision, at: datetime) -> bool:
        if self._overruled_at is not None and (decision.is_provisional or decision.at <= self._overruled_at):
            return False
        if self._begun_at is not None and decision.at <= self._begun_at:
            # the very same report may have been sent twice
            is_used = number == self._reached and self._given_back_at not in (None, at)
            return not is_used and at <= self._begun_at + OLDER_ECHOES_WITHIN
        later = self._ours[number + 1 : number + 2]
        return not later or at <= later[0].at + OLDER_ECHOES_WITHIN

    def _is_of_before(self, decision: Decision) -> bool:
        return self._begun_at is not None and decision.at <= self._begun_at
