"""What an erasure would change, before anybody confirms it."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import datetime

from django.db.models import Exists, Max, OuterRef, Q

from alignment.models import (
    Delivery,
    Fact,
    Import,
    ImportPiece,
    ImportReject,
    ImportState,
    Lead,
    MqlCycle,
    Opportunity,
    Source,
    Subject,
    Touch,
)
from alignment.queries.erasure import people_of, person_of, read_bodies_that_name


@dataclass(frozen=True)
class Preview:
    """What belongs to a lead: `facts`, `touches` and `opportunities` lose what is personal, `cycles` stay."""

    lead: Lead
    facts: int
    touches: int
    opportunities: int
    cycles: int
    erased_at: datetime | None
    has_personal_id: bool


def preview(leads: Collection[Lead]) -> list[Preview]:
    """One row per lead, in the order given."""
    found = []
    for lead in leads:
        touches = Touch.objects.filter(lead=lead)
        own = Q(subject=Subject.LEAD, external_id=lead.external_id)
        refs = list(touches.values_list("external_id", flat=True))
        facts = Fact.objects.of_source(lead.source_id).filter(
            own | Q(subject=Subject.TOUCH, external_id__in=refs)
        )
        found.append(
            Preview(
                lead,
                facts.count(),
                len(refs),
                Opportunity.objects.filter(lead=lead).count(),
                MqlCycle.objects.filter(lead=lead).count(),
                lead.erasures.aggregate(last=Max("erased_at"))["last"],
                person_of(lead, at=lead.first_seen_at).is_named_in(lead.external_id),
            )
        )
    return found


@dataclass(frozen=True)
class Bodies:
    """Raw bodies that an erasure empties: `own`, which carried events of the records, and `others`, which name the
    person; `by_name_alone` of these would stay but for a last name, which others may bear as well."""

    own: int
    others: int
    by_name_alone: int

    @property
    def total(self) -> int:
        return self.own + self.others


def bodies_to_empty(leads: Collection[Lead]) -> Bodies:
    """The bodies of these records, erased together. Reads every body that is kept, as the erasure itself does."""
    if not leads:
        return Bodies(0, 0, 0)
    person = people_of(leads, at=next(iter(leads)).first_seen_at)[0]
    without_last_names = replace(person, last_names=frozenset())
    naming, surer = set(), set()
    for pk, source, said in read_bodies_that_name(person):
        naming.add(pk)
        if without_last_names.is_spoken_of(said, source=source):
            surer.add(pk)
    carriers = {pk for lead in leads for pk in _carriers(lead)}
    kept = Delivery.objects.filter(body__isnull=False)
    same_id = kept.filter(conflicts_with__in=carriers | naming).values_list("pk", flat=True)
    own = set(kept.filter(pk__in=carriers).values_list("pk", flat=True))
    others = (naming | set(same_id)) - own
    return Bodies(len(own), len(others), len((others & naming) - surer))


def _carriers(lead: Lead) -> set[int]:
    """Deliveries that facts about the lead, its touches and its opportunities came with."""
    facts = Fact.objects.of_source(lead.source_id)
    touches = Touch.objects.filter(lead=lead)
    refs = {ref for pair in touches.values_list("external_id", "part_of") for ref in pair if ref}
    refs |= set(
        facts.filter(Q(fields__lead=lead.external_id) | Q(fields__leads__contains=[lead.external_id]))
        .filter(subject=Subject.TOUCH)
        .values_list("external_id", flat=True)
    )
    about = facts.filter(subject=Subject.LEAD, external_id=lead.external_id)
    deals = set(Opportunity.objects.filter(lead=lead).values_list("external_id", flat=True))
    deals |= set(
        facts.filter(subject=Subject.OPPORTUNITY, fields__lead=lead.external_id).values_list(
            "external_id", flat=True
        )
    )
    deals |= {ref for ref in about.values_list("fields__opportunity", flat=True) if ref}
    found = facts.filter(
        Q(subject=Subject.LEAD, external_id=lead.external_id)
        | Q(subject=Subject.TOUCH, external_id__in=refs)
        | Q(subject=Subject.OPPORTUNITY, external_id__in=deals),
        delivery__isnull=False,
    )
    return set(found.values_list("delivery_id", flat=True))


@dataclass(frozen=True)
class FilesOfSource:
    """What an erasure takes of a source's imports, whoever is named there: the `files` of ended imports, `uploads` not
    imported yet, what `quoting` rejects quote; and the files of those `under_way`, once these have ended."""

    source: Source
    files: int
    uploads: int
    under_way: int
    quoting: int


def files_of_sources(leads: Collection[Lead]) -> list[FilesOfSource]:
    """Per source of these leads from which anything was imported, in the order of the leads."""
    found = []
    for source in dict.fromkeys(lead.source for lead in leads):
        imports = Import.objects.filter(source=source)
        ended = imports.filter(finished_at__isnull=False)
        row = FilesOfSource(
            source,
            ended.filter(Exists(ImportPiece.objects.filter(file=OuterRef("pk")))).count(),
            imports.filter(state=ImportState.DRAFT).count(),
            imports.unfinished().count(),
            ImportReject.objects.filter(file__in=imports, message__regex="“(?!…”)").count(),
        )
        if row.files or row.uploads or row.under_way or row.quoting:
            found.append(row)
    return found
