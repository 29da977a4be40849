"""Changing what the organisation is called and in which zone its days and weeks are cut."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from django.core.exceptions import ValidationError
from django.db import transaction

from alignment.models import Organisation, User
from alignment.services.authority import require_revops
from alignment.services.history import save_with_history

Recut = Callable[[], object]
_recuts: list[Recut] = []


class NothingChanged(ValueError):
    """All that was given is as it is already."""


def on_zone_change(recut: Recut) -> Recut:
    """Register what marks days as out of date once they are cut in another zone; called in that change's
    transaction. Apps do so when they are ready."""
    _recuts.append(recut)
    return recut


@transaction.atomic
def change_organisation(
    *,
    name: str,
    zone: str,
    currency: str,
    weekly_minimum: int,
    reason: str = "",
    by: User | None,
    at: datetime,
) -> Organisation:
    """Name, IANA zone, ISO 4217 currency, and how many MQLs due make a week count.

    With another zone every figure that is kept by local days is counted anew. Calendars keep zones of their own.
    Raises OnlyRevOps, NothingChanged, or ValidationError (no name, no such zone, no currency code).
    """
    require_revops(by, "The organisation's settings")
    Organisation.objects.bulk_create([Organisation(pk=1)], ignore_conflicts=True)  # a row to lock
    organisation = Organisation.objects.select_for_update(of=("self",), no_key=True).get(pk=1)
    given: dict[str, object] = {
        "name": name.strip(),
        "zone": zone.strip(),
        "currency": currency.strip().upper(),
        "weekly_minimum": weekly_minimum,
    }
    before = {field: getattr(organisation, field) for field in given}
    changed = [field for field, value in given.items() if value != before[field]]
    if not changed:
        raise NothingChanged("Nothing is different from what is set already.")
    vars(organisation).update(given)
    _check(organisation)
    said = "; ".join(f"{field.replace('_', ' ')}: {before[field]} → {given[field]}" for field in changed)
    save_with_history(organisation, reason=reason.strip() or said, by=by, at=at)
    if "zone" in changed:
        for recut in _recuts:
            recut()
    return organisation


def _check(organisation: Organisation) -> None:
    organisation.clean_fields()
    code = organisation.currency
    if not (len(code) == 3 and code.isascii() and code.isalpha()):
        raise ValidationError({"currency": "A currency has three letters, such as EUR or USD."})
