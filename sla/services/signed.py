"""What the signed SLA does when it comes in force: its terms become the next version of the agreement, and its review
date goes to both leaders' calendars."""

from __future__ import annotations

from datetime import datetime

from alignment.business_time.zones import start_of_day
from alignment.models import ArtifactVersion, Organisation, VersionState
from sla.content import KEY, Sla
from sla.models import Agreement
from sla.services.agreements import queue_up
from sla.services.review import send_date


class NotTheSla(ValueError):
    """There is one SLA of the company; a document of its kind under another key is none."""


def follow(version: ArtifactVersion, *, at: datetime) -> None:
    """A hook of its kind, within the transaction of the act. Whatever ends a version changes no agreement: its cycles
    are judged by it to their end, and new ones as well until another is signed. Raises NotTheSla."""
    if version.state != VersionState.IN_FORCE or Agreement.objects.filter(version=version).exists():
        return
    if version.artifact.key != KEY:
        raise NotTheSla(f"The SLA is the document “{KEY}”; there is no other one.")
    enter_signed(version, at=at)
    send_date(version, at=at)


def enter_signed(version: ArtifactVersion, *, at: datetime) -> Agreement:
    """The next version of the agreement, with the terms of a signed SLA and its number. It judges MQL cycles that start
    from the instant of the last signature on, or from the beginning of a later day that it names."""
    queue_up()
    sla = Sla.from_json(version.content)
    begins = at
    if sla.begins_on is not None:
        begins = max(at, start_of_day(sla.begins_on, Organisation.get().zone))
    last = Agreement.objects.order_by("-number").first()
    return Agreement.objects.create(
        # a draft of before may bear a number that an unsigned version took meanwhile
        number=version.number if last is None or version.number > last.number else last.number + 1,
        terms=version.content["terms"],
        clauses=version.content["clauses"],
        version=version,
        in_force_from=begins,
        is_signed=True,
        note=version.content["note"],
        entered_at=at,
        entered_by=version.sent_by,
    )
