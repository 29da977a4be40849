"""The sequencing engine: rules tried in order, each answering with the sentence that fired and the track it sets.

A fact that enters a rule is marked measured or declared, with its value, so that the scorecard shows on what the
sequence rests. The rules and their limits come from the procedures that the program follows; the scores are those of
the scorecard itself, to one decimal.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from fractions import Fraction

from scorecard.dimensions import DEFINITIONS, FRACTURE, LABELS, ORDER, START, TRUST

BOARD_DECK_DAYS = 30  # and fewer: the deck locks within them
SHORT_BY = Fraction(30, 100)  # and more: exactly this much is not short enough
MEASURED, DECLARED, NOT_KNOWN = "measured", "declared", "not known"
SCORE_LABEL = "{} score"
SCORE_LABELS = frozenset(SCORE_LABEL.format(label) for label in LABELS.values())
STEPS: Mapping[int, str] = {1: "Scorecard", 2: "SLA", 3: "Handoff", 4: "Plan", 5: "Dashboard"}


@dataclass(frozen=True)
class Given:
    """A fact with its value in words. `origin` measured or declared; `holds` None: not known, as its origin then is,
    so that no rule that needs it fires."""

    label: str
    holds: bool | None
    said: str
    origin: str


@dataclass(frozen=True)
class Situation:
    """All that the rules look at. `scores`: tenths per dimension, None where one could not be measured.

    `days_to_board_deck`: from the day of measuring; None: no date was declared; negative: it has passed.
    """

    scores: Mapping[str, int | None]
    days_to_board_deck: int | None
    board_deck_on: date | None
    pipeline_short: Fraction | None
    has_whole_sla: Given
    is_conversion_healthy: Given
    is_quality_called_bad: Given
    has_same_numbers_other_meaning: Given
    has_no_time_for_five: Given


@dataclass(frozen=True)
class Track:
    """What is done one after the other: `stages` of steps, those in one stage at the same time. Step 1 stands before
    all of them unless a stage names it.

    `first`: what comes before any step, in words; `deferred`: those of the steps that wait for next quarter;
    `skipped`: steps that stand as done already, so that no later one waits for them.
    """

    stages: tuple[tuple[int, ...], ...]
    first: str = ""
    deferred: tuple[int, ...] = ()
    skipped: tuple[int, ...] = ()

    @property
    def lines(self) -> tuple[str, ...]:
        """The recommended sequence, a line each."""
        found = [self.first] if self.first else []
        for stage in self.stages:
            if set(stage) <= set(self.deferred):
                continue
            one = f"Step {stage[0]}, {STEPS[stage[0]]}"
            found.append(one if len(stage) == 1 else f"At the same time: {_steps(stage)}")
        if self.skipped:
            found.append(f"Not run again: {_steps(self.skipped)}")
        if self.deferred:
            found.append(f"Next quarter: {_steps(self.deferred)}")
        return tuple(found)


@dataclass(frozen=True)
class Rule:
    """`fires` looks at the situation; `sentence` says why, `inputs` which facts it looked at."""

    key: str
    fires: Callable[[Situation], bool]
    sentence: Callable[[Situation], str]
    track: Track
    inputs: Callable[[Situation], tuple[Given, ...]]


@dataclass(frozen=True)
class Sequence:
    """The first rule that fired. `facilitation`: said beside it where trust is the lowest score, else empty."""

    rule: str
    sentence: str
    track: Track
    facilitation: str
    inputs: tuple[Given, ...]


def _score(situation: Situation, key: str) -> Given:
    tenths = situation.scores.get(key)
    label = SCORE_LABEL.format(LABELS[key])
    if tenths is None:
        return Given(label, None, "not measured", NOT_KNOWN)
    return Given(label, tenths < START, f"{tenths // 10}.{tenths % 10}", MEASURED)


def _deck(situation: Situation) -> Given:
    days = situation.days_to_board_deck
    if days is None or situation.board_deck_on is None:
        return Given("Board deck locks", None, "no date declared", NOT_KNOWN)
    when = f"on {situation.board_deck_on:%-d %b %Y}, "
    when += f"in {days} days" if days > 1 else "tomorrow" if days == 1 else "today" if days == 0 else "passed"
    return Given("Board deck locks", 0 <= days <= BOARD_DECK_DAYS, when, DECLARED)


def _short(situation: Situation) -> Given:
    if situation.pipeline_short is None:
        return Given("Pipeline is short by", None, "not declared", NOT_KNOWN)
    percent = situation.pipeline_short * 100
    said = f"{float(percent):g}%"
    return Given("Pipeline is short by", situation.pipeline_short > SHORT_BY, said, DECLARED)


def _is_urgent(situation: Situation) -> bool:
    return bool(_deck(situation).holds and _short(situation).holds)


RULES: tuple[Rule, ...] = (
    Rule(
        "definitions",
        lambda s: bool(_score(s, DEFINITIONS).holds),
        lambda s: (
            f"Definition agreement scores {_score(s, DEFINITIONS).said}, which is under 2.0: agree on the "
            "definitions before an SLA is designed on them."
        ),
        Track(((2,), (3,), (4,), (5,)), first="Definitions, until all three functions have signed them"),
        lambda s: (_score(s, DEFINITIONS),),
    ),
    Rule(
        "parallel",
        _is_urgent,
        lambda s: (
            f"The board deck locks {_deck(s).said}, and pipeline is short by {_short(s).said}, more than 30%: "
            "steps 1, 2 and 3 run at the same time; 4 and 5 wait for next quarter."
        ),
        Track(((1, 2, 3), (4,), (5,)), deferred=(4, 5)),
        lambda s: (_deck(s), _short(s)),
    ),
    Rule(
        "existing_sla",
        lambda s: bool(s.has_whole_sla.holds),
        lambda s: (
            "The SLA that exists rests on a diagnosis, has a consequence clause and is configured in the CRM: "
            "go on with step 4."
        ),
        Track(((4,), (5,)), skipped=(2, 3)),
        lambda s: (s.has_whole_sla,),
    ),
    Rule(
        "dispositions",
        lambda s: bool(s.is_conversion_healthy.holds and s.is_quality_called_bad.holds),
        lambda s: (
            "Conversion is healthy, yet sales calls the leads bad: what is missing is the disposition data of "
            "step 3. Start there."
        ),
        Track(((3,), (2,), (4,), (5,))),
        lambda s: (s.is_conversion_healthy, s.is_quality_called_bad),
    ),
    Rule(
        "meaning",
        lambda s: bool(s.has_same_numbers_other_meaning.holds),
        lambda s: (
            "Both functions have the same numbers but read them differently: what is missing is the shared "
            "measurement of step 5. Start there."
        ),
        Track(((5,), (2,), (3,), (4,))),
        lambda s: (s.has_same_numbers_other_meaning,),
    ),
    Rule(
        "no_time",
        lambda s: bool(s.has_no_time_for_five.holds),
        lambda s: (
            "There is no time for all five procedures: start with step 2, the SLA, and take the others as time "
            "allows."
        ),
        Track(((2,), (3,), (4,), (5,))),
        lambda s: (s.has_no_time_for_five,),
    ),
    Rule(
        "in_order",
        lambda s: True,
        lambda s: (
            "None of the exceptions applies: the steps follow one another, as each one's output is the next "
            "one's input."
        ),
        Track(((2,), (3,), (4,), (5,))),
        lambda s: (),
    ),
)


def sequence(situation: Situation) -> Sequence:
    """The first rule that fires sets the track. Inputs are those of every rule that was tried, each named once."""
    inputs: list[Given] = []
    for rule in RULES:
        inputs += [given for given in rule.inputs(situation) if given not in inputs]
        if rule.fires(situation):
            facilitation = _facilitation(situation)
            if facilitation:
                inputs += [given for given in [_score(situation, TRUST)] if given not in inputs]
            return Sequence(rule.key, rule.sentence(situation), rule.track, facilitation, tuple(inputs))
    raise AssertionError("the last rule always fires")


def track_of_rule(key: str) -> Track | None:
    """The track that a rule sets; None where no rule has this key."""
    return next((rule.track for rule in RULES if rule.key == key), None)


def _facilitation(situation: Situation) -> str:
    """Said where trust alone is the lowest score, and where it ties for the lowest and is a fracture as well."""
    known = {key: tenths for key in ORDER if (tenths := situation.scores.get(key)) is not None}
    trust = known.get(TRUST)
    if trust is None or len(known) < 2 or trust > min(known.values()):
        return ""
    tied = [LABELS[key].lower() for key in known if key != TRUST and known[key] == trust]
    if tied and trust >= FRACTURE:
        return ""
    beside = f", as low as {' and '.join(tied)}" if tied else ""
    unknown = [LABELS[key].lower() for key in ORDER if key not in known]
    of = f"Of the scores measured trust is the lowest, {trust // 10}.{trust % 10}{beside}; not measured: "
    said = (
        f"{of}{', '.join(unknown)}"
        if unknown
        else f"Trust is the lowest score, {trust // 10}.{trust % 10}{beside}"
    )
    return f"{said}: bring in a third party to facilitate, whatever else is done."


def _steps(steps: tuple[int, ...]) -> str:
    return ", ".join(f"{step} {STEPS[step]}" for step in steps)
