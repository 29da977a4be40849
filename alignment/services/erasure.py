"""Erasing a person: what names the person goes, what counts stays, in one transaction."""

from __future__ import annotations

import json
from collections.abc import Collection
from datetime import datetime

from django.db import connection, transaction
from django.db.models import Max, Q

from alignment.erasure import SHORTEST_NAME, Erasing, erasers, erases, key_name, marks_of
from alignment.models import (
    AskedBy,
    Delivery,
    Erasure,
    ErasureArrival,
    ErasureMark,
    Import,
    ImportPiece,
    ImportState,
    KeptAnswer,
    Lead,
    Opportunity,
    OutgoingMessage,
    Subject,
    Touch,
    User,
)
from alignment.pipeline import refold
from alignment.queries.erasure import bodies_that_name, people_of, with_merged
from alignment.recognising import read
from alignment.retry import again_after_a_deadlock
from alignment.services.authority import require_revops
from alignment.services.import_rejects import hide_quotes
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
    group = with_merged(leads)
    people = people_of(group, at=at)
    if any(people[0].is_named_in(text) for text in (reason, reference)):
        raise ReasonNamesThePerson(
            "The reason and the reference stay: write them without e-mail, phone or name."
        )
    # before the lock that holds off the drain: this reads every body that is kept
    newest = Delivery.objects.aggregate(newest=Max("pk"))["newest"] or 0
    bodies = bodies_that_name(people[0])
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(hashtext('alignment.erasure'))")
        fresh = people_of(with_merged(leads), at=at)
        # an id may be taken some time before its row is there to be seen
        late = max(newest - 1000, 0)
        is_same = (fresh[0].named, fresh[0].records) == (people[0].named, people[0].records)
        bodies = bodies + bodies_that_name(fresh[0], after=late) if is_same else bodies_that_name(fresh[0])
        made = [_erase(person, bodies, asked_by, reason, reference, by, at) for person in fresh]
        _note_waiting(made[0], bodies, at=at)
        refold(_subjects([person.lead for person in fresh]), at=at, reason="a person was erased")
    return made


@erases("kept answers of the API")
def empty_answers(person: Erasing) -> int:
    """Answers are kept for a day for whoever repeats a request. The answer goes and its key stays, so that a repeated
    request has no second effect. Ids of the CRM stand under external_id there; other numbers are our own."""
    refs = {ref for _, ref in person.records}

    def tells(key: str, text: str) -> bool:
        is_id = key.endswith("external_id") and text in refs
        return is_id or person.is_named_in(text, shortest=SHORTEST_NAME)

    found = [
        pk
        for pk, body in KeptAnswer.objects.exclude(body="").values_list("pk", "body").iterator(chunk_size=500)
        if any(tells(key, text) for key, text in read(body.encode()))
    ]
    return KeptAnswer.objects.filter(pk__in=found).update(body="")


@erases("what the CRM answered to messages")
def empty_refusals(person: Erasing) -> int:
    """A receiver that refuses a message may quote its record."""
    return OutgoingMessage.objects.filter(lead=person.lead).exclude(last_answer="").update(last_answer="")


@erases("pieces of imported files")
def remove_files(person: Erasing) -> int:
    """Files of ended imports of the record's source and uploads not yet imported go whole, and what rejects and
    warnings quote: to look for the person in each would take longer than an erasure may hold up the drain. One under
    way goes on without the person, and its file goes once it has ended."""
    of_source = Import.objects.filter(source=person.lead.source_id)
    ended = of_source.filter(finished_at__isnull=False)
    hide_quotes(of_source.values_list("pk", flat=True))
    for found in Import.objects.exclude(state=ImportState.DRAFT).order_by("pk"):
        changed = []
        if found.warnings and person.is_named_in(json.dumps(found.warnings, ensure_ascii=False)):
            for warning in found.warnings.values():
                warning["samples"] = []
            changed.append("warnings")
        if person.is_named_in(found.file_name):
            found.file_name = f"File of import {found.pk}"
            changed.append("file_name")
        if changed:
            found.save(update_fields=changed)
    pieces = ImportPiece.objects.filter(
        Q(file__in=ended) | Q(file__in=of_source.filter(state=ImportState.DRAFT))
    )
    number = pieces.delete()[0]
    of_source.filter(state=ImportState.DRAFT).delete()
    return number


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
            "SELECT erase_lead(%s, %s::bigint[], %s::text[], %s, %s, %s, %s, %s, %s::jsonb)",
            [
                person.lead.pk,
                bodies,
                sorted(person.named),
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
        ErasureMark(erasure=erasure, kind=kind, digest=digest, key_name=key_name())
        for kind, digest in sorted(marks_of(person))
    )
    return erasure


def _note_waiting(erasure: Erasure, bodies: list[int], *, at: datetime) -> None:
    """Bodies that still wait for the drain and name the person are emptied once they are applied."""
    waiting = Delivery.objects.pending().filter(pk__in=bodies).order_by("pk")
    ErasureArrival.objects.bulk_create(
        ErasureArrival(
            erasure=erasure,
            kind=ErasureArrival.Kind.WITHHELD,
            source_id=source,
            external_id=erasure.lead.external_id,
            delivery_id=pk,
            facts=0,
            dropped=0,
            arrived_at=at,
        )
        for pk, source in waiting.values_list("pk", "source_id")
    )


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
