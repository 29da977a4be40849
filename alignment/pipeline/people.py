"""The people that facts name: found by their id in the source, by e-mail, or kept as found."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from django.db.models.functions import Lower

from alignment.models import Fact, Person, PersonIdentity
from alignment.pipeline.batch import Key
from alignment.pipeline.naming import NAMES, Naming, hold_names, improve, namings


def make_people(facts: Iterable[Fact]) -> None:
    """Keep the people that new facts name and nobody knows yet, and call them by the best name that was heard.

    Done before any record is locked: the one lock that makers of people share must not be waited for by somebody
    who holds a record that its holder needs.
    """
    if found := namings(facts):
        know(found)


def know(found: Mapping[Key, Naming]) -> dict[Key, Naming]:
    """Make those of these people whom nobody knows, and name all; those who were not known."""
    known = _identities(found)
    missing = {key: naming for key, naming in found.items() if key not in known}
    if missing:
        _make_identities(missing)
        known |= _identities(missing)
    improve(known, found)
    return missing


def find_people(ledger: Mapping[tuple[int, str, str], Sequence[Fact]]) -> dict[Key, Person]:
    """Person per (source id, external id) named as owner or caller in any of these records' facts."""
    keys = {
        (fact.source_id, fact.fields[by])
        for facts in ledger.values()
        for fact in facts
        for by, _ in NAMES
        if fact.fields.get(by)
    }
    return _identities(keys) if keys else {}


def _identities(keys: Iterable[Key]) -> dict[Key, Person]:
    wanted = set(keys)
    rows = PersonIdentity.objects.filter(
        source_id__in={source for source, _ in wanted}, external_id__in={ref for _, ref in wanted}
    ).select_related("person__team")
    return {(row.source_id, row.external_id): row.person for row in rows}


def _make_identities(missing: Mapping[Key, Naming]) -> None:
    hold_names()
    known = _identities(missing)
    emails = {ref.lower() for _, ref in missing if "@" in ref}
    by_email = {p.email.lower(): p for p in Person.objects.filter(email__in=emails, is_active=True)}
    by_name = _sole_bearers({ref.lower() for (_, ref), naming in missing.items() if _is_name(ref, naming)})
    identities: list[PersonIdentity] = []
    stubs: dict[str, Person] = {}
    for key, naming in sorted(missing.items()):
        if key in known:
            continue
        ref = key[1]
        person = by_email.get(ref.lower()) or by_name.get(ref.lower()) or stubs.get(ref.lower())
        if person is None:
            email = ref.lower() if "@" in ref else ""
            person = Person(name=naming.name, named_from=naming.named_from, email=email[:254])
            stubs[ref.lower()] = person
        identities.append(PersonIdentity(source_id=key[0], external_id=ref, person=person))
    Person.objects.bulk_create(stubs.values())
    # somebody may link an identity by hand at this moment
    PersonIdentity.objects.bulk_create(identities, ignore_conflicts=True)


def _is_name(ref: str, naming: Naming) -> bool:
    """Reports without ids name people by their full names alone."""
    return " " in ref and "@" not in ref and naming.name == ref


def _sole_bearers(names: set[str]) -> dict[str, Person]:
    """The active person of each name that exactly one has."""
    found: dict[str, list[Person]] = {name: [] for name in names}
    if names:
        rows = Person.objects.annotate(lowered=Lower("name")).filter(lowered__in=names, is_active=True)
        for person in rows.filter(merged_into__isnull=True):
            found[person.name.lower()].append(person)
    return {name: people[0] for name, people in found.items() if len(people) == 1}
