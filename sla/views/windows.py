"""Windows being written, with what they come to on the calendars that were chosen beside them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sla.forms.terms import TermsForm
from sla.forms.tiers import OtherTierForm
from sla.queries import agreement_document as document
from sla.queries.agreement_document import CalendarUse
from sla.terms import Window


@dataclass(frozen=True)
class Row:
    """A tier's form with what its windows come to; `place` is its number, 0 for the one that takes all others."""

    place: int
    form: OtherTierForm
    follow_up: list[str]
    disposition: list[str]

    @property
    def name(self) -> str:
        """The tier's lasting name, empty for a new one."""
        return str(self.form["name"].value() or "")


def uses_of_form(form: TermsForm, *, at: datetime) -> list[CalendarUse]:
    """The calendars that are chosen, as far as they can be read."""
    default, of_teams = form.chosen_calendars()
    return document.uses_of(default, of_teams, at=at)


def tier_rows(form: TermsForm, uses: list[CalendarUse]) -> list[Row]:
    """The tiers in the order in which they are tried."""
    return [
        *(_row(n, tier, uses) for n, tier in enumerate(form.tiers, start=1)),
        _row(0, form.others, uses),
    ]


def gap_meanings(form: TermsForm, uses: list[CalendarUse]) -> list[str]:
    return _meaning(form.gap, uses)


def _row(place: int, tier: OtherTierForm, uses: list[CalendarUse]) -> Row:
    return Row(place, tier, _meaning(tier.follow_up, uses), _meaning(tier.disposition, uses))


def _meaning(window: Window | None, uses: list[CalendarUse]) -> list[str]:
    """What a window comes to on the chosen calendars; nothing while either cannot be read."""
    return document.read_window(window, uses).meanings if window else []
