"""The program: where its steps stand, and what blocks each gate. Nothing here sets a gate: nothing can."""

from __future__ import annotations

from typing import Any

from django.utils import timezone
from rest_framework import serializers

from alignment.access import EVERYONE
from alignment.api.base import Report
from alignment.api.problems import BlockerSerializer
from alignment.gates import Basis, State
from alignment.gates.rail import Rail, Stop, rail_of
from alignment.models import Program, Role, Step
from alignment.queries.programs import current

READERS = EVERYONE - {Role.BOARD_VIEWER}


class EvidenceSerializer(serializers.Serializer[Any]):
    """One thing that a gate looks at, met or not."""

    what = serializers.CharField()
    found = serializers.CharField(help_text="In words and figures.")
    is_met = serializers.BooleanField()
    basis = serializers.ChoiceField(
        choices=[basis.value for basis in Basis],
        help_text="Counted in the data, said by a person, or signed.",
    )
    as_of = serializers.DateTimeField(allow_null=True, help_text="The time of the finding; null: now.")
    sha256 = serializers.CharField(
        source="digest",
        allow_blank=True,
        help_text="Of the signed version that was found; empty where it is no document.",
    )


class StepSerializer(serializers.Serializer[Any]):
    """A step with its gate, asked at the time of the request."""

    number = serializers.ChoiceField(choices=Step.values, help_text="0 are the prerequisites.")
    name = serializers.CharField()
    state = serializers.ChoiceField(
        choices=[state.value for state in State],
        help_text="`locked`: a gate before it is shut, or what the track puts first is not done. `blocked`: its "
        "next act is refused now, or its gate shut again. `open`: it can be worked on. `passed`: its gate is open.",
    )
    since = serializers.DateTimeField(
        allow_null=True, help_text="Since when the gate is open, or shut; null: not on record yet."
    )
    blockers = BlockerSerializer(many=True)
    excused = BlockerSerializer(many=True, help_text="What a signed waiver excuses.")
    waiver = serializers.CharField(allow_null=True, help_text="By which the gate is open, by its key.")
    waits_for = serializers.ListField(
        child=serializers.ChoiceField(choices=Step.values), help_text="Gates before it that are shut."
    )
    first = BlockerSerializer(
        many=True, help_text="What the track puts before the work on it, beside gates, and is not done."
    )
    is_on_track = serializers.BooleanField()
    evidence = EvidenceSerializer(many=True)


class ProgramSerializer(serializers.ModelSerializer[Program]):
    owner = serializers.CharField(source="owner.name", default=None, allow_null=True, read_only=True)

    class Meta:
        model = Program
        fields = ["number", "name", "owner", "hours_per_week", "starts_on", "weeks", "opened_at"]
        read_only_fields = fields


class CurrentSerializer(serializers.Serializer[Any]):
    """The program that is open."""

    program = ProgramSerializer(allow_null=True, help_text="Null where none is open.")
    is_sponsorship_problem = serializers.BooleanField(
        help_text="Ten business days after the scorecard was sent it lacks a signature: facilitate."
    )
    steps = StepSerializer(many=True)


class CurrentProgram(Report):
    """The program that is open: the state of each step, and what blocks its gate.

    An act that meets a shut gate answers 409 with the same blockers.
    """

    roles, tag, operation = READERS, "Programs", "read_current_program"
    serializer_class = CurrentSerializer

    def answer(self) -> dict[str, Any]:
        program = current()
        if program is None:
            return {"program": None, "is_sponsorship_problem": False, "steps": []}
        rail = rail_of(program, at=timezone.now())
        return _document(rail)


def _document(rail: Rail) -> dict[str, Any]:
    return {
        "program": rail.program,
        "is_sponsorship_problem": rail.is_sponsorship_problem,
        "steps": [_step(stop) for stop in rail.stops],
    }


def _step(stop: Stop) -> dict[str, Any]:
    state = stop.state
    return {
        "number": stop.number,
        "name": stop.name,
        "state": state.state.value,
        "since": state.since,
        "blockers": [blocker.to_json() for blocker in state.blockers],
        "excused": [blocker.to_json() for blocker in state.excused],
        "waiver": state.waiver.artifact.key if state.waiver else None,
        "waits_for": [step.value for step in state.behind],
        "first": [blocker.to_json() for blocker in state.ahead],
        "is_on_track": state.is_on_track,
        "evidence": state.evidence,
    }
