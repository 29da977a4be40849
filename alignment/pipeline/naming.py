"""What somebody whom nobody set up here is called: the best name that any statement gave, whatever order they came in.

A full name is better than a single word, that than an e-mail address beside an id, and anything than the id itself;
among equals what was said of the earliest time, then the first by letters. So the name follows from the ledger alone,
and a statement that repeats it costs no write. Whoever was named here, by hand or with a login, keeps that name.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import NamedTuple

from django.db import connection

from alignment.intake.ids import one_form
from alignment.models import Fact, Person
from alignment.pipeline.batch import Key

FULL, WORD, EMAIL, ID = range(4)
NAMES = (("owner", "owner_name"), ("person", "person_name"))
_LONGEST = 120
_IMPROVE = """
UPDATE alignment_person p SET name = n.name, named_from = n.named_from
FROM unnest(%s::bigint[], %s::text[], %s::text[]) n (id, named_from, name)
WHERE p.id = n.id AND p.named_from <> ''
  AND (p.named_from COLLATE "C", p.name COLLATE "C") > (n.named_from, n.name)
"""
_OF_LEDGER = """
SELECT i.person_id, said.ref, coalesce(said.name, ''), min(said.occurred_at)
FROM (
    SELECT source_id, fields->>'owner' AS ref, fields->>'owner_name' AS name, occurred_at
    FROM alignment_fact WHERE fields ? 'owner'
    UNION ALL
    SELECT source_id, fields->>'person', fields->>'person_name', occurred_at
    FROM alignment_fact WHERE fields ? 'person'
) said
JOIN alignment_personidentity i ON i.source_id = said.source_id AND i.external_id = said.ref
JOIN alignment_person p ON p.id = i.person_id AND p.named_from <> ''
GROUP BY 1, 2, 3
"""
_NAME_AGAIN = """
UPDATE alignment_person p SET name = n.name, named_from = n.named_from
FROM unnest(%s::bigint[], %s::text[], %s::text[]) n (id, named_from, name)
WHERE p.id = n.id AND p.named_from <> '' AND (p.named_from, p.name) IS DISTINCT FROM (n.named_from, n.name)
"""


class Naming(NamedTuple):
    """A name and what it stands on, as Person keeps both: rank, and time of the statement. The lesser is the better."""

    named_from: str
    name: str


def heard(ref: str, name: str, at: datetime) -> Naming:
    """What a statement about `at` that names somebody by `ref`, with or without a name beside it, makes of them."""
    ref, text = ref[:_LONGEST], (name.strip() or ref)[:_LONGEST]
    if text == ref or one_form(text) == one_form(ref):
        is_name = " " in ref and "@" not in ref  # reports without ids name people by their full names alone
        rank, text = (FULL if is_name else ID), ref
    elif "@" in text:
        rank = EMAIL
    else:
        rank = FULL if " " in text else WORD
    # the id is what it is at all times: mentions of it need no order
    return Naming(str(rank) if rank == ID else f"{rank} {at.astimezone(UTC):%Y-%m-%dT%H:%M:%S.%f}", text)


def namings(facts: Iterable[Fact]) -> dict[Key, Naming]:
    """The best naming of everybody whom these facts name as owner or caller, by (source id, external id)."""
    found: dict[Key, Naming] = {}
    for fact in facts:
        for by, called in NAMES:
            if ref := fact.fields.get(by):
                key = (fact.source_id, ref)
                naming = heard(ref, fact.fields.get(called) or "", fact.occurred_at)
                found[key] = min(found.get(key, naming), naming)
    return found


def improve(people: Mapping[Key, Person], found: Mapping[Key, Naming]) -> None:
    """Give those of these people a better name who were named by sources and not here."""
    better: dict[int, Naming] = {}
    for key, naming in found.items():
        person = people.get(key)
        if person and person.named_from and naming < (person.named_from, person.name):
            better[person.pk] = min(better.get(person.pk, naming), naming)
    if better:
        hold_names()
        _write(_IMPROVE, better)


def name_again() -> int:
    """Name everybody whom sources named as the whole ledger has it; how many were called otherwise. Reads all facts."""
    hold_names()
    found: dict[int, Naming] = {}
    with connection.cursor() as cursor:
        cursor.execute(_OF_LEDGER)
        for person, ref, name, at in cursor.fetchall():
            naming = heard(ref, name, at)
            found[person] = min(found.get(person, naming), naming)
    return _write(_NAME_AGAIN, found)


def hold_names() -> None:
    """One who makes or names people at a time, until the transaction ends: two drainers must not both make the same
    person."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtext('alignment.person_identity'))")


def _write(statement: str, found: Mapping[int, Naming]) -> int:
    people = sorted(found)
    with connection.cursor() as cursor:
        cursor.execute(
            statement, [people, [found[p].named_from for p in people], [found[p].name for p in people]]
        )
        return int(cursor.rowcount)
