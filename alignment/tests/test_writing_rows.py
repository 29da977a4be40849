"""Rows written over arrays are the same rows that the ORM writes."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from alignment.models import Fact, Touch
from alignment.pipeline.writing import insert, update
from testing.world import NOW, World

pytestmark = pytest.mark.django_db
FIELDS = [{}, {"a": None}, {"name": "Zoë “O’Neil”\n\\ 𝄞", "n": 3, "list": ["x", {"y": True}]}]


def fact(world: World, ref: str, fields: Any) -> Fact:
    return Fact(
        source=world.crm, ref=ref, subject="lead", external_id="1", fields=fields,
        occurred_at=NOW, received_at=NOW + timedelta(microseconds=7), order_key=ref,
    )  # fmt: skip


def values(rows: list[Any]) -> list[dict[str, Any]]:
    return [
        {name: value for name, value in row.items() if name not in ("id", "ref", "order_key")} for row in rows
    ]


def test_an_insert_over_arrays_stores_what_the_orm_stores(world: World) -> None:
    mine = [fact(world, f"mine-{n}", fields) for n, fields in enumerate(FIELDS)]
    theirs = [fact(world, f"theirs-{n}", fields) for n, fields in enumerate(FIELDS)]
    assert insert(mine) == {row.pk for row in mine}
    Fact.objects.bulk_create(theirs)
    stored = list(Fact.objects.filter(ref__startswith="mine").order_by("ref").values())
    assert [row["id"] for row in stored] == [row.pk for row in mine]
    assert values(stored) == values(
        list(Fact.objects.filter(ref__startswith="theirs").order_by("ref").values())
    )


def test_rows_that_are_there_already_are_left_out_and_named_by_their_absence(world: World) -> None:
    insert([fact(world, "a", {"v": 1})])
    again, fresh = fact(world, "a", {"v": 2}), fact(world, "b", {"v": 3})
    assert insert([again, fresh], ignore_conflicts=True) == {fresh.pk}
    assert list(Fact.objects.order_by("ref").values_list("fields", flat=True)) == [{"v": 1}, {"v": 3}]


def test_an_update_over_arrays_writes_only_the_named_fields(world: World) -> None:
    rows = [Touch(source=world.crm, external_id=str(n), received_at=NOW, channel="web") for n in range(3)]
    insert(rows)
    for n, row in enumerate(rows):
        row.touched_at = NOW + timedelta(days=n) if n else None
        row.person = world.reps[n] if n else None
        row.channel = "never written"
    update(rows, ["touched_at", "person"])
    assert list(Touch.objects.order_by("external_id").values_list("touched_at", "person", "channel")) == [
        (None, None, "web"),
        (NOW + timedelta(days=1), world.reps[1].pk, "web"),
        (NOW + timedelta(days=2), world.reps[2].pk, "web"),
    ]


def test_nothing_to_write_is_no_statement(world: World, django_assert_num_queries: Any) -> None:
    with django_assert_num_queries(0):
        assert insert([]) == set()
        update([], ["channel"])
        update([Touch(pk=1)], [])
