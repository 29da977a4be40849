"""What came in counts people: after any merges and undos as a count by hand over the records of each person does."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from statistics import median
from typing import Any

import pytest
from django.utils import timezone

from alignment.models import Lead, LeadMerge, Organisation, Role, Source, User
from alignment.queries.funnel import Behind, by_quarter, mql_to_won, mqls_behind, won_by
from alignment.services.merges import merge_leads, undo_merge
from alignment.services.sources import create_source
from alignment.tests.test_came_in import ORIGINS, ZONE, Told, tell
from handoff.queries import leads as lead_queries
from testing.world import World, add_user

Figures = tuple[int, int, float | None, int]
Key = tuple[str, str]  # source and id there


@dataclass
class Person:
    """The records that count as one: the first is the one that stays."""

    source: str
    records: list[Told]

    @property
    def is_counted(self) -> bool:
        return any(record.crossed for record in self.records) and not all(
            record.is_deleted for record in self.records
        )

    @property
    def first(self) -> datetime:
        return min(at for record in self.records for at in record.crossed)

    @property
    def won(self) -> list[datetime]:
        return sorted(at for record in self.records for at in record.won)


def invented(prefix: str, dice: random.Random, number: int) -> list[Told]:
    start, found = datetime(2025, 1, 10, tzinfo=UTC), []
    for n in range(number):
        lead = Told(f"{prefix}{n}", dice.choice(ORIGINS[:3]), dice.random() < 0.2)
        lead.crossed = [
            start + timedelta(days=dice.randrange(500), minutes=n) for _ in range(dice.randrange(3))
        ]
        lead.won = [start + timedelta(days=dice.randrange(600)) for _ in range(dice.choice([0, 0, 1, 2]))]
        found.append(lead)
    return found


def figures(people: Iterable[Person]) -> Figures:
    counted = [person for person in people if person.is_counted]
    days = [(person.won[0] - person.first) / timedelta(days=1) for person in counted if person.won]
    return len(counted), len(days), median(days) if days else None, sum(each < 0 for each in days)


def shown(each: Any) -> tuple[int, int, Any, int]:
    middle = each.median_days
    return each.mqls, each.won, None if middle is None else pytest.approx(middle), each.won_before


def people_of(told: dict[Key, Told], merged: dict[Key, Key]) -> dict[Key, Person]:
    found = {key: Person(key[0], [lead]) for key, lead in told.items() if key not in merged}
    for gone, stays in merged.items():
        found[stays].records.append(told[gone])
    return found


def lead(key: Key) -> Lead:
    return Lead.objects.get(source__key=key[0], external_id=key[1])


def assert_right(people: dict[Key, Person]) -> None:
    assert shown(mql_to_won().total) == figures(people.values())
    for source in Source.objects.all():
        own = {key: person for key, person in people.items() if person.source == source.key}
        found = mql_to_won(source_id=source.pk)
        assert shown(found.total) == figures(own.values())
        for each in found.by_origin:
            of_origin = [p for p in own.values() if p.records[0].origin == (each.channel or "")]
            assert shown(each) == figures(of_origin)
        quarters = by_quarter(zone=ZONE.key, source_id=source.pk)
        assert sum(each.mqls for each in quarters) == found.total.mqls
        assert sum(each.won for each in quarters) == found.total.won
        counted = {key: person for key, person in own.items() if person.is_counted}
        for is_won in (False, True):
            behind = mqls_behind(Behind(source_id=source.pk, is_won=is_won)).select_related("lead")
            made = won_by([cycle.lead_id for cycle in behind])
            won_at = {cycle.lead_id: cycle.won_at for cycle in behind}  # type: ignore[attr-defined]
            assert {pk: made[pk].closed_at if pk in made else None for pk in won_at} == won_at
            said = {(cycle.lead.external_id, cycle.crossed_at, cycle.won_at) for cycle in behind}  # type: ignore[attr-defined]
            assert said == {
                (key[1], person.first, person.won[0] if person.won else None)
                for key, person in counted.items()
                if person.won or not is_won
            }
    for key, person in people.items():
        deals = [row.closed_at for row in lead_queries.opportunities(lead(key)) if row.is_won]
        assert sorted(at for at in deals if at is not None) == person.won


def test_any_merges_and_undos_leave_the_figures_of_a_count_by_hand(
    world: World, examples: Callable[[int, int], int]
) -> None:
    Organisation.objects.update(zone=ZONE.key)
    by = add_user(world, Role.REVOPS)
    create_source(key="other", name="Other", kind="standard", by=None, at=timezone.now())
    dice = random.Random(20260105)
    told: dict[Key, Told] = {}
    for source in Source.objects.order_by("pk"):
        leads = invented(source.key[0], dice, 8)
        tell(source, leads)
        told |= {(source.key, each.key): each for each in leads}
    before = shown(mql_to_won().total)
    merged: dict[Key, Key] = {}
    live: dict[Key, LeadMerge] = {}
    assert_right(people_of(told, merged))
    for _ in range(examples(25, 300)):
        if live and dice.random() < 0.35:
            part(dice.choice(sorted(live)), merged, live, by)
        elif free := [key for key in told if key not in merged and key not in merged.values()]:
            gone = dice.choice(free)
            stays = dice.choice([key for key in told if key != gone and key not in merged])
            live[gone] = merge_leads(
                survivor=lead(stays), merged=lead(gone), reason="Same person", by=by, at=timezone.now()
            )
            merged[gone] = stays
        assert_right(people_of(told, merged))
    for gone in sorted(live):
        part(gone, merged, live, by)
    assert shown(mql_to_won().total) == before


def part(gone: Key, merged: dict[Key, Key], live: dict[Key, LeadMerge], by: User) -> None:
    undo_merge(merge=live.pop(gone), reason="Two after all", by=by, at=timezone.now())
    del merged[gone]


@pytest.mark.parametrize("is_deleted", [False, True])
def test_a_deal_of_the_record_that_goes_is_won_by_the_lead_that_stays(world: World, is_deleted: bool) -> None:
    """Also where the CRM deletes one of the two records, whichever: the person is still there."""
    at = datetime(2025, 3, 1, tzinfo=UTC)
    won = Told("B", "Web", False, [at], [at + timedelta(days=31)])
    tell(world.crm, [Told("A", "Web", is_deleted), won, *(Told(f"x{n}", "", False) for n in range(4))])
    stays, gone = (lead(("crm", name)) for name in "AB")
    by = add_user(world, Role.REVOPS)
    assert (mql_to_won().total.mqls, mql_to_won().total.won) == (1, 1)
    merge = merge_leads(survivor=stays, merged=gone, reason="Same e-mail", by=by, at=timezone.now())
    total = mql_to_won().total
    assert (total.mqls, total.won, total.median_days) == (1, 1, 31)
    undo_merge(merge=merge, reason="Two after all", by=by, at=timezone.now())
    assert (mql_to_won().total.mqls, mql_to_won().total.won) == (1, 1)
