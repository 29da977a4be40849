"""How long raw content from outside is kept, and emptying what is older."""

from __future__ import annotations

from datetime import datetime

from django.core.exceptions import ValidationError
from django.db import transaction

from alignment import retention
from alignment.models import Organisation, RetentionRun, User
from alignment.retention import Amount
from alignment.services.authority import require_revops
from alignment.services.history import save_with_history
from alignment.services.organisation import NothingChanged

SHORTEST, LONGEST = 1, 120
BATCH = 2000


@transaction.atomic
def change_retention(*, months: int, reason: str, by: User | None, at: datetime) -> Organisation:
    """Keep raw content for `months` months (1 to 120) from its receipt.

    Raises OnlyRevOps, NothingChanged, or ValidationError (out of range, no reason).
    """
    require_revops(by, "How long raw content is kept")
    if not SHORTEST <= months <= LONGEST:
        raise ValidationError({"months": f"Raw content is kept for {SHORTEST} to {LONGEST} months."})
    if not reason.strip():
        raise ValidationError({"reason": "Say why: what is removed does not come back."})
    Organisation.objects.bulk_create([Organisation(pk=1)], ignore_conflicts=True)  # a row to lock
    organisation = Organisation.objects.select_for_update(of=("self",), no_key=True).get(pk=1)
    if organisation.body_months == months:
        raise NothingChanged(f"It is {months} months already.")
    organisation.body_months = months
    save_with_history(organisation, reason=reason.strip(), by=by, at=at)
    return organisation


def due_now(*, months: int, at: datetime) -> list[tuple[str, Amount]]:
    """Per part, what a run at `at` would empty if content were kept for `months` months."""
    cut_off = retention.months_before(at, months)
    return [(part.name, part.count(cut_off)) for part in retention.parts()]


def expire_bodies(*, at: datetime, by: User | None = None) -> list[RetentionRun]:
    """Empty what is older than the organisation keeps it; one row of evidence per part, also where nothing was due.

    Each batch is one transaction. A run that is killed leaves whole batches, and the next run goes on.
    """
    months = Organisation.get().body_months
    cut_off = retention.months_before(at, months)
    runs = []
    for part in retention.parts():
        rows = size = 0
        while True:
            with transaction.atomic():
                emptied = part.empty(cut_off, BATCH, at)
            rows, size = rows + emptied.rows, size + emptied.size
            if not emptied.rows:
                break
        runs.append(
            RetentionRun.objects.create(
                part=part.name, ran_at=at, months=months, cut_off=cut_off, rows=rows, size=size, by=by
            )
        )
    return runs
