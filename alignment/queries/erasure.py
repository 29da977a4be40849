"""Finding a person to erase, the bodies that name them, and who was erased."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime

from django.db import connection
from django.db.models import Count, Exists, Max, OuterRef, Q, QuerySet

from alignment.erasure import SHORTEST_NAME, Erasing, key_names, words
from alignment.intake.ids import forms_of
from alignment.matching.keys import email_key
from alignment.models import (
    Delivery,
    Erasure,
    ErasureArrival,
    ErasureMark,
    Fact,
    Lead,
    Subject,
)
from alignment.placeholders import is_address_of_nobody, is_name_of_nobody, is_phone_of_nobody
from alignment.recognising import Said, read

FOUND_AT_MOST = 50
READ_AT_ONCE = 200  # bodies


def search(text: str) -> list[Lead]:
    """Leads with this e-mail, in any case, or this external id; at most 50."""
    text = text.strip()
    if not text:
        return []
    found = Lead.objects.filter(Q(external_id__in=forms_of(text)) | _same_email([text])).select_related(
        "source"
    )
    return list(found.annotate(erased_at=Max("erasures__erased_at")).order_by("pk")[:FOUND_AT_MOST])


def _same_email(emails: Iterable[str]) -> Q:
    keys = {key for email in emails if (key := email_key(email))}
    return Q(email_key__in=keys) & ~Q(email_key="")


def with_merged(leads: Collection[Lead]) -> list[Lead]:
    """These leads and all that are merged with them: a survivor shows the data of the others, so they go together."""
    roots = {lead.merged_into_id or lead.pk for lead in leads}
    found = Lead.objects.filter(Q(pk__in=roots) | Q(merged_into__in=roots)).select_related("source")
    return list(found.order_by("pk"))


def duplicates(lead: Lead) -> list[Lead]:
    """Other records with an e-mail that this one has or had, and that are not merged with it."""
    own = [one.pk for one in with_merged([lead])]
    emails = person_of(lead, at=lead.first_seen_at).emails
    found = Lead.objects.filter(_same_email(emails)).exclude(pk__in=own).select_related("source")
    return list(found.order_by("pk")[:FOUND_AT_MOST])


def person_of(lead: Lead, *, at: datetime) -> Erasing:
    """By what the ledger names the person of this lead, by its own record and those merged with it."""
    (found,) = people_of([lead], named_by=with_merged([lead]), at=at)
    return found


def people_of(
    leads: Collection[Lead], *, named_by: Collection[Lead] | None = None, at: datetime
) -> list[Erasing]:
    """One per record. They are one person: each is looked for by what the ledger gave any of them (`named_by`), but
    not by what stands for a value that nobody knows."""
    named_by = leads if named_by is None else named_by
    names: dict[str, set[str]] = {"email": set(), "phone": set(), "last_name": set()}
    pseudonyms = set(Erasure.objects.filter(lead__in=named_by).values_list("pseudonym", flat=True))
    for one in named_by:
        if email_key(one.external_id):  # an export without ids, named by its addresses
            names["email"].add(one.external_id)
        facts = Fact.objects.of_source(one.source_id).filter(
            Q(subject=Subject.LEAD, external_id=one.external_id) & Q(fields__has_any_keys=list(names))
        )
        for fields in facts.values_list("fields", flat=True):
            for name, values in names.items():
                if fields.get(name) and fields[name] not in pseudonyms:
                    values.add(fields[name])
    emails, phones, last_names = (
        frozenset(value for value in names[name] if not is_of_nobody(value))
        for name, is_of_nobody in (
            ("email", is_address_of_nobody), ("phone", is_phone_of_nobody), ("last_name", is_name_of_nobody)
        )
    )  # fmt: skip
    records = frozenset((one.source_id, one.external_id) for one in named_by)
    return [Erasing(lead, emails, phones, last_names, at, records) for lead in leads]


def bodies_that_name(person: Erasing, *, after: int = 0) -> list[int]:
    """Deliveries whose raw body speaks of the person, those that wait for the drain too."""
    return [pk for pk, _, _ in read_bodies_that_name(person, after=after)]


def read_bodies_that_name(person: Erasing, *, after: int = 0) -> Iterator[tuple[int, int, list[Said]]]:
    """(Delivery, source, what it says) of each raw body that speaks of the person. Reads every body that is still
    kept, or those of the ids above `after`: the database finds where a word of the names or an id stands, and what
    is found is read."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT d.id FROM alignment_delivery d,
                LATERAL (SELECT lower(encode(d.body, 'escape')) AS raw OFFSET 0) said
            WHERE d.body IS NOT NULL AND d.id > %s AND (EXISTS (
                SELECT FROM unnest(%s::text[]) needle
                WHERE position(lower(encode(convert_to(needle, 'UTF8'), 'escape')) IN said.raw) > 0)
              OR EXISTS (
                SELECT FROM unnest(%s::text[]) number WHERE said.raw ~ ('(^|[^0-9])' || number || '([^0-9]|$)')))
            ORDER BY d.id
            """,
            [after, sorted(_needles(person)), sorted(_numbers(person))],
        )
        candidates = [row[0] for row in cursor.fetchall()]
    for start in range(0, len(candidates), READ_AT_ONCE):
        rows = Delivery.objects.filter(
            pk__in=candidates[start : start + READ_AT_ONCE], body__isnull=False
        ).order_by("pk")
        for pk, source, body in rows.values_list("pk", "source_id", "body"):
            if person.is_spoken_of(said := read(bytes(body or b"")), source=source):
                yield pk, source, said


def _needles(person: Erasing) -> set[str]:
    """One of these stands in every body that names the person, in whatever case and however JSON spells it."""
    names = {name for name in person.phones | person.last_names if len(words(name)) >= SHORTEST_NAME}
    parts = {max(words(name).split(), key=len) for name in names}
    spelled = {text for part in parts for text in (part, part.upper(), part.capitalize())}
    spelled |= {email.strip() for email in person.emails if words(email)}
    spelled |= {form for _, ref in person.records if not ref.isdecimal() for form in forms_of(ref)}
    return spelled | {json.dumps(text)[1:-1] for text in spelled}


def _numbers(person: Erasing) -> set[str]:
    return {ref for _, ref in person.records if ref.isdecimal() and ref.isascii()}


def past() -> QuerySet[Erasure]:
    """Erasures with what came afterwards: `withheld` messages."""
    return Erasure.objects.select_related("lead__source", "by").annotate(
        withheld=Count("arrivals", filter=Q(arrivals__kind=ErasureArrival.Kind.WITHHELD))
    )


def unrecognised() -> QuerySet[Erasure]:
    """Erasures made under a key that no setting names any more: these people come back."""
    lost = ErasureMark.objects.filter(erasure=OuterRef("pk")).exclude(key_name__in=["", *key_names()])
    return Erasure.objects.filter(Exists(lost))


@dataclass(frozen=True)
class Return:
    """Another record that came with the e-mail of somebody erased. `lead` is None while no fact is folded."""

    arrival: ErasureArrival
    lead: Lead | None


def returns() -> list[Return]:
    """Records that came back and were not erased since; the newest 50."""
    arrivals = list(
        ErasureArrival.objects.filter(kind=ErasureArrival.Kind.RETURNED)
        .select_related("erasure", "source")
        .order_by("-pk")[:FOUND_AT_MOST]
    )
    leads = {
        (lead.source_id, lead.external_id): lead
        for lead in Lead.objects.filter(
            source__in={a.source_id for a in arrivals}, external_id__in={a.external_id for a in arrivals}
        ).annotate(times_erased=Count("erasures"))
    }
    found = [Return(a, leads.get((a.source_id, a.external_id))) for a in arrivals]
    return [row for row in found if row.lead is None or not row.lead.times_erased]  # type: ignore[attr-defined]
