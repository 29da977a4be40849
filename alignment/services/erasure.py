"""Erasing a person: what names the person goes, what counts stays, in one transaction."""

from __future__ import annotations

import json
from collections.abc import Collection
from datetime import datetime

from django.db import connection, transaction
from django.db.models import Q

from alignment.erasure import Erasing, erasers, erases, marks_of
from alignment.models import (
    AskedBy,
    Erasure,
    ErasureMark,
    Import,
    ImportPiece,
    KeptAnswer,
    Lead,
    Opportunity,
    Subject,
    Touch,
    User,
)
from alignment.pipeline import refold
from alignment.queries.erasure import bodies_that_name, person_of, with_merged
from alignment.retry import again_after_a_deadlock
from alignment.services.authority import require_revops
from alignment.services.inbox import ReasonMissing


class ReasonNamesThePerson(ValueError):
    """The reason or the reference, which stay, name the person."""


@again_after_a_deadlock
def erase_person(
    *,
    leads: Collection[Lead],
    asked_by: str,
    reason: str,
    reference: str = "",
    by: User | None,
    at: datetime,
) -> list[Erasure]:
    """Erase the person behind these records of a CRM and those merged with them: all of them, or none.

    Rows, ids, times, scores, cycles, clocks, breaches and assignments stay, so no figure changes. Bodies still
    waiting for the drain lose the person when they are applied. Erasing a record again takes out what came since.
    Raises OnlyRevOps, ReasonMissing, ReasonNamesThePerson, ValueError (who asked is none of AskedBy).
    """
    require_revops(by, "Erasures")
    reason, reference = reason.strip(), reference.strip()
    if not reason:
        raise ReasonMissing("Say why the person is erased: the reason stays as evidence.")
    if asked_by not in AskedBy.values:
        raise ValueError("Say who asked.")
    people = [person_of(lead, at=at) for lead in with_merged(leads)]
    if any(person.is_named_in(text) for person in people for text in (reason, reference)):
        raise ReasonNamesThePerson(
            "The reason and the reference stay: write them without e-mail, phone or name."
        )
    # before the lock that holds off the drain: this reads every body that is kept
    bodies = {person.lead.pk: bodies_that_name(person) for person in people}
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(hashtext('alignment.erasure'))")
        made = []
        for person in people:
            fresh = person_of(person.lead, at=at)
            made.append(_erase(fresh, bodies[person.lead.pk], asked_by, reason, reference, by, at))
        refold(_subjects([person.lead for person in people]), at=at, reason="a person was erased")
    return made


@erases("kept answers of the API")
def empty_answers(person: Erasing) -> int:
    """Answers are kept for a day for whoever repeats a request; these then read an empty object."""
    found = Q(body__contains=json.dumps(person.lead.external_id))
    for name in person.named:
        found |= Q(body__icontains=name) | Q(body__icontains=json.dumps(name)[1:-1])
    return KeptAnswer.objects.filter(found).update(body="{}")


@erases("pieces of imported files")
def remove_files(person: Erasing) -> int:
    """Files of ended imports of the record's source go whole, and what their rejects and warnings quote: to look for
    the person in each would take longer than an erasure may hold up the drain. One under way goes on without the
    person and keeps its file until it expires."""
    ended = Import.objects.filter(source=person.lead.source_id, finished_at__isnull=False)
    with connection.cursor() as cursor:
        cursor.execute(
            """
            UPDATE alignment_importreject SET message = regexp_replace(message, '“[^”]*”?', '“…”', 'g')
            WHERE file_id = ANY(%s) AND message LIKE '%%“%%'
            """,
            [list(ended.values_list("pk", flat=True))],
        )
    for found in ended.exclude(warnings={}):
        if person.is_named_in(json.dumps(found.warnings, ensure_ascii=False)):
            for warning in found.warnings.values():
                warning["samples"] = []
            found.save(update_fields=["warnings"])
    return ImportPiece.objects.filter(file__in=ended).delete()[0]


def _erase(
    person: Erasing,
    bodies: list[int],
    asked_by: str,
    reason: str,
    reference: str,
    by: User | None,
    at: datetime,
) -> Erasure:
    others = {name: erase(person) for name, erase in erasers()}
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT erase_lead(%s, %s::bigint[], %s, %s, %s, %s, %s, %s::jsonb)",
            [
                person.lead.pk,
                bodies,
                asked_by,
                reason[:200],
                reference[:80],
                by.pk if by else None,
                at,
                json.dumps(others),
            ],
        )
        erasure = Erasure.objects.get(pk=cursor.fetchone()[0])
    ErasureMark.objects.bulk_create(
        ErasureMark(erasure=erasure, kind=kind, digest=digest) for kind, digest in sorted(marks_of(person))
    )
    return erasure


def _subjects(leads: list[Lead]) -> set[tuple[int, str, str]]:
    """The leads, their touches with the calls that these are part of, and their opportunities."""
    found = {(lead.source_id, Subject.LEAD.value, lead.external_id) for lead in leads}
    touches = Touch.objects.filter(lead__in=leads)
    calls = touches.exclude(part_of="").values("part_of")
    sources = {lead.source_id for lead in leads}
    rows = Touch.objects.filter(Q(lead__in=leads) | Q(source__in=sources, external_id__in=calls))
    found |= {(s, Subject.TOUCH.value, ref) for s, ref in rows.values_list("source_id", "external_id")}
    deals = Opportunity.objects.filter(lead__in=leads).values_list("source_id", "external_id")
    return found | {(source, Subject.OPPORTUNITY.value, ref) for source, ref in deals}
