"""Leads that are merged: locked together, and folded as one person.

What the facts say of all of them counts for the survivor. The others keep their own fields, and no cycles.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from copy import copy
from datetime import datetime

from django.db.models import Q

from alignment.models import Fact, Lead
from alignment.pipeline.batch import Batch, Key
from alignment.pipeline.leads import CONTACT
from alignment.pipeline.rows import lock, where


def lock_with_merged(keys: Iterable[Key], also_ids: Iterable[int] = ()) -> dict[Key, Lead]:
    """The leads and all that are merged with them, locked in the order of their ids.

    Who is merged with whom is read again under the locks: a merge that was made meanwhile adds leads out of order,
    which costs a deadlock at worst, and that undoes the batch to be tried again.
    """
    ids, merged = set(also_ids), Lead.objects.filter(merged_into__isnull=False)
    if merged.exists():
        named = Lead.objects.filter(where(keys) | Q(pk__in=ids))
        roots = {root or pk for pk, root in named.values_list("pk", "merged_into")}
        ids |= roots | set(merged.filter(merged_into__in=roots).values_list("pk", flat=True))
    leads = lock(Lead, keys, also_ids=ids)
    while missing := _missing(leads.values()):
        leads |= lock(Lead, (), also_ids=missing)
    return leads


def _missing(leads: Iterable[Lead]) -> set[int]:
    found = {lead.pk: lead for lead in leads}
    roots = {lead.merged_into_id or lead.pk for lead in found.values()}
    members = set(Lead.objects.filter(merged_into__in=roots).values_list("pk", flat=True))
    return (roots | members) - set(found)


def merged_by_survivor(leads: Iterable[Lead]) -> dict[int, list[Lead]]:
    """The merged leads by the id of their survivor, in an order that no arrival changes."""
    found: dict[int, list[Lead]] = defaultdict(list)
    for lead in sorted(leads, key=lambda lead: (lead.source_id, lead.external_id)):
        if lead.merged_into_id:
            found[lead.merged_into_id].append(lead)
    return dict(found)


def counts_for(lead: Lead) -> list[int]:
    """Ids of the leads that a touch of this one counts for: itself, and its survivor."""
    return [lead.pk, lead.merged_into_id] if lead.merged_into_id else [lead.pk]


def unite(batch: Batch) -> None:
    """Give the facts of merged leads to their survivors, and fill the gaps in who a survivor is from them.

    That a merged record was deleted says that it was one too many, and not that the work on the person ended.
    """
    for survivor_id, merged in batch.merged.items():
        survivor = batch.leads[survivor_id]
        for lead in merged:
            batch.facts[survivor_id] = batch.facts[survivor_id] + [
                _without_deletion(fact) for fact in batch.facts[lead.pk]
            ]
            batch.facts[lead.pk] = []
            for column in CONTACT:
                setattr(survivor, column, getattr(survivor, column) or getattr(lead, column))
        batch.facts[survivor_id].sort(key=in_order)


def in_order(fact: Fact) -> tuple[datetime, int, str]:
    """Order of the facts of several records, each record's being in order already."""
    return (fact.occurred_at, fact.source_id, fact.external_id)


def record_of(fact: Fact) -> Key:
    return (fact.source_id, fact.external_id)


def by_record(facts: Iterable[Fact]) -> list[list[Fact]]:
    """The facts of each record, in the order given."""
    found: dict[Key, list[Fact]] = defaultdict(list)
    for fact in facts:
        found[record_of(fact)].append(fact)
    return list(found.values())


def _without_deletion(fact: Fact) -> Fact:
    if "is_deleted" not in fact.fields:
        return fact
    found = copy(fact)
    found.fields = {name: value for name, value in fact.fields.items() if name != "is_deleted"}
    return found
