"""Whether the pipeline target is under renegotiation, and what ends that."""

from __future__ import annotations

from datetime import date, datetime

from django.db.models import QuerySet
from django.urls import reverse

from alignment.models import ArtifactVersion, Organisation
from alignment.target_notes import TargetNote
from sla.content import KIND
from sla.models import RenegotiationCase

SPONSORSHIP = "sponsorship"


def signed_since(instant: datetime) -> QuerySet[ArtifactVersion]:
    """Sponsorships and SLAs that were signed after an instant, the first one first: any of them ends a case."""
    found = ArtifactVersion.objects.filter(artifact__kind__in=[SPONSORSHIP, KIND], signed_at__gt=instant)
    return found.order_by("signed_at", "pk")


def open_case() -> RenegotiationCase | None:
    """The case that is open; None as well where a signature has ended it and no tick has marked that yet."""
    case = RenegotiationCase.objects.filter(closed_at__isnull=True).first()
    return None if case is None or signed_since(case.opened_at).exists() else case


def counted_since() -> date | None:
    """The local day on which the last case closed: months that began later count towards the next. None: all count."""
    closed = RenegotiationCase.objects.filter(closed_at__isnull=False).order_by("-closed_at").first()
    if closed is None or closed.closed_at is None:
        return None
    return closed.closed_at.astimezone(Organisation.get().tz).date()


def target_note() -> TargetNote | None:
    """What is said wherever the pipeline target is shown."""
    case = open_case()
    if case is None:
        return None
    missed = len(case.months)
    return TargetNote(
        "The pipeline target is under renegotiation: marketing's MQL volume was missed "
        f"{missed} months running. It stands again with the next signed sponsorship or SLA.",
        reverse("sla:consequences"),
    )
