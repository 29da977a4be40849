"""What arrives about an erased person: facts keep what counts and lose what is personal, before the ledger."""

from __future__ import annotations

import copy
import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import connection

from alignment.erasure import digests, withheld
from alignment.models import (
    Delivery,
    DeliveryState,
    Erasure,
    ErasureArrival,
    ErasureMark,
    Fact,
    Opportunity,
    Subject,
    Touch,
)
from alignment.pipeline.batch import Key
from alignment.pipeline.ledger import Ledger, SubjectKey
from alignment.recognised import hold_off_erasures, recognised
from alignment.recognising import read

GONE = "A person was erased and the raw body with it: it cannot be replayed."


@dataclass(frozen=True)
class Erased:
    """The last erasure of a lead, with the digests of all that named the person."""

    erasure: int
    pseudonym: str
    marks: frozenset[bytes]


def withhold(facts: Sequence[Fact], *, at: datetime) -> tuple[list[Fact], set[tuple[int, str]]]:
    """(The facts to write, the (source id, ref) of those about an erased person.) The facts given stay as they are.

    Holds off erasures until the transaction ends, so that none falls between this look and the facts.
    """
    hold_off_erasures()
    if not facts or not Erasure.objects.exists():
        return list(facts), set()
    erased = _erased_leads(facts)
    found, about = [], set()
    arrived: Counter[tuple[Key, int | None, int]] = Counter()
    dropped: Counter[tuple[Key, int | None, int]] = Counter()
    for fact in facts:
        key = (fact.source_id, fact.subject, fact.external_id)
        person = erased.get(key)
        if person is None:
            found.append(fact)
            continue
        clean = copy.copy(fact)
        clean.fields = withheld(fact.subject, fact.fields, pseudonym=person.pseudonym, marks=person.marks)
        found.append(clean)
        about.add((fact.source_id, fact.ref))
        place = ((fact.source_id, fact.external_id), fact.delivery_id, person.erasure)
        arrived[place] += 1
        dropped[place] += sum(clean.fields[name] != value for name, value in fact.fields.items())
    ErasureArrival.objects.bulk_create(
        ErasureArrival(
            erasure_id=erasure,
            kind=ErasureArrival.Kind.WITHHELD,
            source_id=source,
            external_id=external_id,
            delivery_id=delivery,
            facts=count,
            dropped=dropped[((source, external_id), delivery, erasure)],
            arrived_at=at,
        )
        for ((source, external_id), delivery, erasure), count in sorted(arrived.items(), key=str)
    )
    _note_returns(found, about, at=at)
    return found, about


def withhold_linked(ledger: Ledger, *, at: datetime) -> set[SubjectKey]:
    """Take the person out of all that the ledger holds of these touches and opportunities, where any fact of them
    links to an erased lead: what came before the link as well. Changes the facts given, too; the records that lost
    something.

    The caller has locked the records, so that of two who write about one the second sees the link and the words.
    """
    links = _links(ledger)
    people = _people({lead for found in links.values() for lead in found})
    if not people:
        return set()
    about = {
        key: people[lead] for key, found in sorted(links.items()) for lead in sorted(found) if lead in people
    }
    facts = [(fact, about[key]) for key in sorted(about) for fact in ledger[key]]
    kept = set(
        Delivery.objects.filter(pk__in={fact.delivery_id for fact, _ in facts}, body__isnull=False)
        .exclude(state=DeliveryState.PENDING)
        .values_list("pk", flat=True)
    )
    gone, changed = [], set()
    for fact, person in facts:
        clean = withheld(fact.subject, fact.fields, pseudonym=person.pseudonym, marks=person.marks)
        names = sorted(name for name, value in fact.fields.items() if clean[name] != value)
        if names or fact.delivery_id in kept:
            gone.append({"fact": fact.pk, "erasure": person.erasure, "names": names})
        if names:
            changed.add((fact.source_id, fact.subject, fact.external_id))
        fact.fields = clean
    if gone:
        with connection.cursor() as cursor:
            cursor.execute("SELECT withhold_linked(%s::jsonb, %s)", [json.dumps(gone), at])
    return changed


def _links(ledger: Ledger) -> dict[SubjectKey, set[Key]]:
    """Every lead that any fact of a touch or an opportunity names; a call has the leads of its parts, too."""
    found: dict[SubjectKey, set[Key]] = defaultdict(set)
    for key, facts in ledger.items():
        if key[1] not in (Subject.TOUCH, Subject.OPPORTUNITY):
            continue
        for fact in facts:
            leads = {fact.fields.get("lead"), *(fact.fields.get("leads") or [])}
            found[key] |= {(key[0], lead) for lead in leads if lead}
        for call in {fact.fields.get("part_of") for fact in facts}:
            if call and (key[0], key[1], call) in ledger:
                found[(key[0], key[1], call)] |= found[key]
    return found


def note_unapplied(deliveries: Iterable[int], *, at: datetime) -> None:
    """Note those deliveries, some event of which could not be applied, that name an erased record or the e-mail of
    somebody erased: nobody may read the person there. `empty_bodies` then empties them."""
    wanted = sorted(set(deliveries))
    if not wanted or not Erasure.objects.exists():
        return
    hold_off_erasures()
    rows = Delivery.objects.filter(pk__in=wanted, body__isnull=False).order_by("pk")
    said = {
        (pk, source): read(bytes(body or b""))
        for pk, source, body in rows.values_list("pk", "source", "body")
    }
    arrivals = [
        ErasureArrival(
            erasure_id=erasure,
            kind=ErasureArrival.Kind.WITHHELD,
            source_id=source,
            external_id=ref,
            delivery_id=pk,
            facts=0,
            dropped=0,
            arrived_at=at,
        )
        for (pk, source), (erasure, ref) in recognised(said).items()
    ]
    ErasureArrival.objects.bulk_create(arrivals)


def empty_bodies(deliveries: Iterable[int], *, at: datetime) -> None:
    """Empty the bodies of those deliveries, applied now, that were about an erased person."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            WITH emptied AS (
                UPDATE alignment_delivery d
                SET body_bytes = octet_length(d.body), body_emptied_at = %(at)s, body = NULL
                WHERE d.id = ANY(%(ids)s) AND d.body IS NOT NULL
                  AND EXISTS (SELECT FROM alignment_erasurearrival a
                              WHERE a.delivery_id = d.id AND a.kind = 'withheld')
                RETURNING d.id
            )
            UPDATE alignment_deadevent SET
                message = regexp_replace(message, '“[^”]*”?', '“…”', 'g'),
                set_aside_reason = CASE WHEN set_aside_at IS NULL AND replayed_at IS NULL THEN %(why)s
                                        ELSE set_aside_reason END,
                set_aside_at = coalesce(set_aside_at, CASE WHEN replayed_at IS NULL THEN %(at)s END)
            WHERE delivery_id IN (SELECT id FROM emptied)
            """,
            {"ids": list(deliveries), "at": at, "why": GONE},
        )


def _erased_leads(facts: Sequence[Fact]) -> dict[tuple[int, str, str], Erased]:
    """Per subject of the facts that is an erased lead, or a touch or an opportunity of one."""
    leads: dict[tuple[int, str, str], set[Key]] = defaultdict(set)
    for fact in facts:
        key = (fact.source_id, fact.subject, fact.external_id)
        if fact.subject == Subject.LEAD:
            leads[key].add((fact.source_id, fact.external_id))
        named = [fact.fields.get("lead"), *(fact.fields.get("leads") or [])]
        leads[key] |= {(fact.source_id, name) for name in named if name}
    _add_known_links(leads, facts)
    people = _people({lead for found in leads.values() for lead in found})
    return {key: people[lead] for key, found in leads.items() for lead in sorted(found) if lead in people}


def _add_known_links(leads: dict[tuple[int, str, str], set[Key]], facts: Sequence[Fact]) -> None:
    """An update of a touch or an opportunity need not name the lead that it belongs to."""
    for subject, model in ((Subject.TOUCH, Touch), (Subject.OPPORTUNITY, Opportunity)):
        wanted = {(f.source_id, f.external_id) for f in facts if f.subject == subject}
        if not wanted:
            continue
        rows = model._default_manager.filter(
            source_id__in={source for source, _ in wanted},
            external_id__in={ref for _, ref in wanted},
            lead__erasures__isnull=False,
        ).values_list("source_id", "external_id", "lead__source_id", "lead__external_id")
        for source, ref, lead_source, lead in rows:
            if (source, ref) in wanted:
                leads[(source, subject.value, ref)].add((lead_source, lead))


def _people(leads: set[Key]) -> dict[Key, Erased]:
    rows = (
        Erasure.objects.filter(
            lead__source_id__in={source for source, _ in leads},
            lead__external_id__in={ref for _, ref in leads},
        )
        .order_by("pk")
        .values_list("pk", "pseudonym", "lead_id", "lead__source_id", "lead__external_id")
    )
    found = list(rows)
    if not found:
        return {}
    marks: dict[int, set[bytes]] = defaultdict(set)
    known = ErasureMark.objects.filter(
        erasure__lead_id__in={row[2] for row in found}, kind=ErasureMark.Kind.WORDS
    )
    for lead, digest in known.values_list("erasure__lead_id", "digest"):
        marks[lead].add(bytes(digest))
    return {
        (source, ref): Erased(pk, pseudonym, frozenset(marks[lead]))
        for pk, pseudonym, lead, source, ref in found
        if (source, ref) in leads
    }


def _note_returns(facts: Sequence[Fact], about: set[tuple[int, str]], *, at: datetime) -> None:
    """Other records that come with the e-mail of somebody erased: noted once for RevOps, and kept as they came."""
    named: dict[bytes, set[Key]] = defaultdict(set)
    for fact in facts:
        email = fact.fields.get("email") if fact.subject == Subject.LEAD else None
        if email and (fact.source_id, fact.ref) not in about:
            for found in digests(ErasureMark.Kind.EMAIL, email):
                named[found].add((fact.source_id, fact.external_id))
    if not named:
        return
    marks = ErasureMark.objects.filter(kind=ErasureMark.Kind.EMAIL, digest__in=list(named))
    ErasureArrival.objects.bulk_create(
        [
            ErasureArrival(
                erasure_id=erasure,
                kind=ErasureArrival.Kind.RETURNED,
                source_id=source,
                external_id=external_id,
                facts=1,
                dropped=0,
                arrived_at=at,
            )
            for erasure, digest in marks.order_by("erasure_id").values_list("erasure_id", "digest")
            for source, external_id in sorted(named[bytes(digest)])
        ],
        ignore_conflicts=True,
    )
