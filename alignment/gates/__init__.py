"""The gates of the five steps: conditions are registered by the apps that know them, and asked live.

Nobody can set a gate: it is what its conditions say now, and what a signed waiver excuses. The decisions kept in the
database are a record of what they said, never an answer to whether something may be done.

    @gate(Step.SLA)
    def sla_is_signed(program: Program, *, at: datetime) -> list[Blocker | Evidence]: ...

A condition gives Evidence, which a gate shows whether it is met or not, or bare Blockers.
"""

from alignment.gates.registry import (
    Basis,
    Condition,
    Evidence,
    Examined,
    GateClosed,
    examine,
    find_blockers,
    gate,
)
from alignment.gates.states import (
    State,
    StepState,
    notes_of,
    require_open,
    require_step,
    standing_blockers,
    state_of,
    waivable_blockers,
)
from alignment.gates.tracks import DEFAULT, First, Track, track_of, track_provider
from alignment.gates.waivers import waivers_of

__all__ = [
    "DEFAULT",
    "Basis",
    "Condition",
    "Evidence",
    "Examined",
    "First",
    "GateClosed",
    "State",
    "StepState",
    "Track",
    "examine",
    "find_blockers",
    "gate",
    "notes_of",
    "require_open",
    "require_step",
    "standing_blockers",
    "state_of",
    "track_of",
    "track_provider",
    "waivable_blockers",
    "waivers_of",
]
