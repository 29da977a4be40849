"""Reports name owners by their full names alone: they mean somebody who is there already."""

from __future__ import annotations

import pytest

from alignment.models import MqlCycle, Person
from testing.world import NOW, World, add_rep, event

pytestmark = pytest.mark.django_db


def owner_of(world: World, **fields: str) -> Person:
    world.send(event("lead.created", "L1", NOW, score=90, segment="smb", **fields))
    owner = MqlCycle.objects.get().owner
    assert owner is not None
    return owner


def test_a_full_name_means_the_only_person_who_has_it(world: World) -> None:
    assert owner_of(world, owner="rep 2") == world.reps[1]
    assert Person.objects.count() == len(world.reps)


def test_a_name_that_two_have_means_neither(world: World) -> None:
    add_rep(world, "Kim Lee")
    Person.objects.create(name="Kim Lee", email="other@example.com", function="sales")
    owner = owner_of(world, owner="Kim Lee")
    assert owner.email == "" and owner.name == "Kim Lee"


def test_an_id_of_the_crm_is_no_name_even_with_the_name_beside_it(world: World) -> None:
    assert owner_of(world, owner="005 7f", owner_name="Rep 2") != world.reps[1]


def test_who_has_left_is_not_meant(world: World) -> None:
    Person.objects.filter(pk=world.reps[1].pk).update(is_active=False)
    assert owner_of(world, owner="Rep 2") != world.reps[1]
