"""Entries into stages that an import tells are counted by what it adds, in whatever order and chunks they come."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Callable, Iterable
from datetime import date, timedelta
from itertools import groupby
from typing import Any

import pytest

from alignment.models import OpportunityStage, Source
from alignment.tests.importing.test_imports import bring_in

MAPPING = {
    "object": "stage",
    "columns": {"external_id": "O", "stage": "S", "stage_at": "T"},
    "zone": "UTC",
}
Row = tuple[str, str, date]


@pytest.fixture
def crm(db: None) -> Source:
    return Source.objects.create(key="crm", name="CRM", kind="standard")


def told(source: Source, rows: Iterable[Row]) -> int:
    lines = "".join(f"{deal},{stage},{day}\n" for deal, stage, day in rows)
    counts: dict[str, Any] = bring_in(source, "O,S,T\n" + lines, mapping=MAPPING).counts
    assert set(counts.get("stage", {})) <= {"new"}
    return int(counts.get("stage", {}).get("new", 0))


def entries(rows: Iterable[Row]) -> int:
    """By hand: a stage is entered where the one before was another."""
    found: dict[str, list[tuple[date, str]]] = defaultdict(list)
    for deal, stage, day in rows:
        found[deal].append((day, stage))
    return sum(len(list(groupby(stage for _, stage in sorted(said)))) for said in found.values())


def test_an_earlier_entry_makes_no_later_one_new(crm: Source) -> None:
    first = date(2026, 1, 1)
    known = [("O1", stage, first + timedelta(days=31 * n)) for n, stage in enumerate("ABCD")]
    assert told(crm, known) == 4
    assert told(crm, [("O1", "X", date(2025, 12, 1))]) == 1
    assert told(crm, [("O1", "X", date(2026, 2, 10))]) == 1, "between two of others"
    assert told(crm, [("O1", "A", date(2026, 1, 10))]) == 0, "in the stage in which it was"
    assert told(crm, [("O1", "A", date(2025, 12, 20))]) == 0, (
        "the entry was earlier than known: it is no second one"
    )
    placed = OpportunityStage.objects.order_by("position").values_list("position", "stage")
    assert list(placed) == [(1, "X"), (2, "A"), (3, "B"), (4, "X"), (5, "C"), (6, "D")]


@pytest.mark.parametrize("seed", range(4))
def test_the_count_is_what_was_added_whatever_the_chunks(
    crm: Source, settings: Any, seed: int, examples: Callable[[int, int], int]
) -> None:
    dice = random.Random(seed)
    settings.IMPORT_ROWS = (1, 2, 7, 1000)[seed]
    known: set[Row] = set()
    for _ in range(examples(5, 40)):
        days = {  # one stage a day, so that the order is sure
            (f"O{dice.randrange(4)}", date(2026, 1, 1) + timedelta(days=dice.randrange(60)))
            for _ in range(dice.randint(1, 12))
        } - {(deal, day) for deal, _, day in known}
        rows = [(deal, dice.choice("ABC"), day) for deal, day in days]
        dice.shuffle(rows)
        assert told(crm, [*rows, *dice.sample(sorted(known), min(3, len(known)))]) == entries(
            known | set(rows)
        ) - entries(known)
        known |= set(rows)
    assert OpportunityStage.objects.count() == entries(known)
