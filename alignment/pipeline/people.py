"""The people that facts name: found by their id in the source, by e-mail, or kept as found."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from django.db import connection
from django.db.models.functions import Lower

from alignment.models import Fact, Person, PersonIdentity
from alignment.pipeline.batch import Key


def make_people(facts: Iterable[Fact]) -> None:
    """Keep the people that new facts name and nobody knows yet.

    Done before any record is locked: the one lock that makers of people share must not be waited for by somebody
    who holds a record that its holder needs.
    """
    names = _named(facts)
    known = _identities(names) if names else {}
    missing = {key: name for key, name in names.items() if key not in known}
    if missing:
        make_identities(missing)


def find_people(ledger: Mapping[tuple[int, str, str], Sequence[Fact]]) -> dict[Key, Person]:
    """Person per (source id, external id) named as owner or caller in any of these records' facts."""
    names = _named(fact for facts in ledger.values() for fact in facts)
    return _identities(names) if names else {}


def _named(facts: Iterable[Fact]) -> dict[Key, str]:
    names: dict[Key, str] = {}
    for fact in facts:
        for ref, name in (("owner", "owner_name"), ("person", "person_name")):
            if fact.fields.get(ref):
                key = (fact.source_id, fact.fields[ref])
                names[key] = names.get(key) or fact.fields.get(name) or ""
    return names


def _identities(names: dict[Key, str]) -> dict[Key, Person]:
    rows = PersonIdentity.objects.filter(
        source_id__in={source for source, _ in names}, external_id__in={ref for _, ref in names}
    ).select_related("person__team")
    return {(row.source_id, row.external_id): row.person for row in rows}


def make_identities(missing: dict[Key, str]) -> None:
    """One maker at a time: two drainers must not both make the same person."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtext('alignment.person_identity'))")
    known = _identities(missing)
    emails = {ref.lower() for _, ref in missing if "@" in ref}
    by_email = {p.email.lower(): p for p in Person.objects.filter(email__in=emails, is_active=True)}
    by_name = _sole_bearers({ref.lower() for (_, ref), name in missing.items() if _is_name(ref, name)})
    identities: list[PersonIdentity] = []
    stubs: dict[str, Person] = {}
    for key, name in sorted(missing.items()):
        if key in known:
            continue
        ref = key[1]
        person = by_email.get(ref.lower()) or by_name.get(ref.lower()) or stubs.get(ref.lower())
        if person is None:
            email = ref.lower() if "@" in ref else ""
            person = Person(name=(name or ref)[:120], email=email[:254])
            stubs[ref.lower()] = person
        identities.append(PersonIdentity(source_id=key[0], external_id=ref, person=person))
    Person.objects.bulk_create(stubs.values())
    # somebody may link an identity by hand at this moment
    PersonIdentity.objects.bulk_create(identities, ignore_conflicts=True)


def _is_name(ref: str, name: str) -> bool:
    """Reports without ids name people by their full names alone."""
    return " " in ref and "@" not in ref and name in ("", ref)


def _sole_bearers(names: set[str]) -> dict[str, Person]:
    """The active person of each name that exactly one has."""
    found: dict[str, list[Person]] = {name: [] for name in names}
    if names:
        rows = Person.objects.annotate(lowered=Lower("name")).filter(lowered__in=names, is_active=True)
        for person in rows.filter(merged_into__isnull=True):
            found[person.name.lower()].append(person)
    return {name: people[0] for name, people in found.items() if len(people) == 1}
