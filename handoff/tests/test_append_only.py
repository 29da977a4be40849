"""The ledger of assignments only grows."""

from __future__ import annotations

from alignment.models import MqlCycle, Person
from alignment.tests.test_append_only import NOON, cycle, fact, refused, source  # noqa: F401 - fixtures
from handoff.models import Assignment


def test_an_assignment_is_neither_changed_nor_deleted(cycle: MqlCycle) -> None:  # noqa: F811
    ann, ben = Person.objects.create(name="Ann"), Person.objects.create(name="Ben")
    assignment = Assignment.objects.create(
        cycle=cycle, person=ann, origin=Assignment.Origin.MANUAL, explanation={}, assigned_at=NOON
    )
    with refused("UPDATE of handoff_assignment is refused"):
        Assignment.objects.update(person=ben)
    with refused("DELETE of handoff_assignment is refused"):
        assignment.delete()
    assert Assignment.objects.get().person == ann
