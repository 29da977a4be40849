"""The case of a volume missed month after month: it opens once a run, and closes by a signature or a ruling."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction

from alignment.artifacts.canonical import canonical, digest
from sla.models import ClauseKind, ClausePeriod, RenegotiationCase, Ruling
from sla.queries.renegotiation import counted_since, signed_since
from sla.services import telling


class CaseIsClosed(Exception):
    """The case was closed before; it stays as it is."""


def open_case(judged: ClausePeriod, *, at: datetime) -> RenegotiationCase | None:
    """Open a case where this month is the last of as many missed ones running as its SLA says. While one is open there
    is no second; after one closed, months count that began later."""
    clauses = judged.agreement.parsed_clauses()
    if not judged.is_missed or clauses is None or RenegotiationCase.objects.filter(closed_at=None).exists():
        return None
    run = _run(judged)
    if len(run) < clauses.consequences.volume_months:
        return None
    months = [
        {"month": month.first.isoformat(), "promised": month.whole, "delivered": month.part} for month in run
    ]
    case, is_new = RenegotiationCase.objects.get_or_create(
        first=run[0].first,
        defaults={
            "last": judged.first,
            "agreement": judged.agreement,
            "months": months,
            "evidence_digest": digest(canonical(months)),
            "opened_at": at,
        },
    )
    if not is_new:
        return None
    telling.of_case(case, at=at)
    return case


def close_by_signature(*, at: datetime) -> RenegotiationCase | None:
    """Close the open case where a sponsorship or an SLA was signed since it opened; the first such one closes it."""
    with transaction.atomic():
        case = _open()
        if case is None:
            return None
        signed = signed_since(case.opened_at).filter(signed_at__lte=at).first()
        if signed is None or signed.signed_at is None:
            return None
        case.closed_at, case.closed_by = signed.signed_at, signed
        case.save(update_fields=["closed_at", "closed_by"])
        telling.of_closed_case(case, at=at)
        return case


@transaction.atomic
def close_by_ruling(*, case: RenegotiationCase, ruling: Ruling, at: datetime) -> RenegotiationCase:
    """End a case by a ruling of arbitration. Raises CaseIsClosed."""
    locked = RenegotiationCase.objects.select_for_update().get(pk=case.pk)
    if not locked.is_open:
        raise CaseIsClosed("This case is closed already; nothing was changed.")
    locked.closed_at, locked.ruling = at, ruling
    locked.save(update_fields=["closed_at", "ruling"])
    telling.of_closed_case(locked, at=at)
    return locked


def _open() -> RenegotiationCase | None:
    return RenegotiationCase.objects.select_for_update().filter(closed_at__isnull=True).first()


def _run(judged: ClausePeriod) -> list[ClausePeriod]:
    """The missed months without a gap that end with this one, oldest first."""
    found = ClausePeriod.objects.filter(kind=ClauseKind.VOLUME, first__lte=judged.first)
    since = counted_since()
    if since is not None:
        found = found.filter(first__gt=since)
    run: list[ClausePeriod] = []
    for month in found.select_related("agreement").order_by("-first"):
        if not month.is_missed or (run and month.end != run[0].first):
            break
        run.insert(0, month)
    return run
