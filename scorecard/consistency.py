"""Whether a scorecard follows from its own figures: what is signed must be what measuring made of them.

A content keeps every figure that its scores, fractures and sequence were made from. They are made again here, by the
bands in force and by what is declared now, and compared: a score that somebody wrote in by another way is found.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from fractions import Fraction
from typing import Any

from django.urls import reverse

from alignment import currencies
from alignment.artifacts.canonical import normalised
from alignment.artifacts.kinds import STUMBLES
from alignment.blockers import Blocker
from alignment.models import ArtifactVersion, Organisation, Program
from alignment.quarters import Quarter
from scorecard import content as contents
from scorecard.bands import Bands
from scorecard.dimensions import LABELS, TRUST
from scorecard.leverage import currency_of, decimal_string, fractures, left_out
from scorecard.measures import Agreement, Attribution, Conversion, Hygiene, Measures, State, Trust, Window
from scorecard.queries.window import diagnosis_of
from scorecard.scoring import Scored, scores
from scorecard.sequencing import MEASURED, Given, sequence
from scorecard.services.scorecards import compared_now, situation_of

Content = Mapping[str, Any]


def blockers_of(
    version: ArtifactVersion, program: Program, bands: Mapping[str, Any], *, at: datetime
) -> list[Blocker]:
    """Why these figures cannot be signed, each with what to do; none where they are those of a measurement."""
    try:
        said = _problems(version, program, Bands.from_json(bands), at=at)
    except STUMBLES:
        said = ["The figures of this scorecard are not those of a measurement."]
    where = reverse("scorecard:scorecard")
    return [
        Blocker("not-measured", f"{sentence} Measure again, then send that.", url=where) for sentence in said
    ]


def _problems(version: ArtifactVersion, program: Program, bands: Bands, *, at: datetime) -> list[str]:
    content: Content = version.content
    if content["program"]["number"] != program.number:
        return [f"It names program {content['program']['number']}, and belongs to program {program.number}."]
    found = measures_of(content)
    if found.at > at:
        return ["It says that it was measured at a time to come."]
    entries = {entry["key"]: entry for entry in content["dimensions"]}
    again = {score.key: score for score in scores(found, bands)}
    open_ones = {
        key for key, entry in entries.items() if entry["needs"]
    }  # they stand against sending already
    problems = [
        f"{LABELS[key]} does not follow from its figures and the signed bands."
        for key in again
        if key not in open_ones and _said(key, entries[key]) != _said(key, contents.dimension(again[key], {}))
    ]
    if problems or open_ones:
        return problems
    ranked = fractures(again.values(), found, bands, currency=Organisation.get().currency)
    if content["fractures"] != normalised([contents.fracture(one) for one in ranked]):
        problems.append("The fractures, what is at stake or their order do not follow from the figures.")
    if (content["currency"], content["left_out"]) != _currency(found):
        problems.append("What the money at stake leaves out does not follow from the figures.")
    grounds = list(version.rests_on.select_related("artifact"))
    if content["compared"] != normalised(compared_now(program, found, grounds)):
        problems.append("The comparison with the scorecard before is not with the one that was signed last.")
    if content["sequence"] != normalised(_sequence(content, program, found, again)):
        problems.append("The sequence does not follow from the scores and from what is declared now.")
    return problems


def _currency(found: Measures) -> tuple[str, dict[str, str]]:
    """In which currency fractures are compared, and the pipeline in others."""
    pipeline = found.attribution.pipeline
    counted = currency_of(pipeline, Organisation.get().currency)
    others = left_out(pipeline, counted)
    return counted, {currency: decimal_string(amount, currency) for currency, amount in others.items()}


def _said(key: str, entry: Mapping[str, Any]) -> tuple[Any, ...]:
    """What is compared of a dimension. Of trust no words: those of a range tell of answers that are not kept."""
    words = () if key == TRUST else (entry["formula"], entry["evidence"], entry["why"])
    found: tuple[Any, ...] = tuple(normalised([entry["score"], entry["rates"], *words]))
    return found


def _sequence(
    content: Content, program: Program, found: Measures, scored: Mapping[str, Scored]
) -> dict[str, Any]:
    """What the engine says again. The mean of sales' answers is not kept: what was said of it stands."""
    situation = situation_of(
        diagnosis_of(program), found, {key: score.tenths for key, score in scored.items()}
    )
    label = situation.is_quality_called_bad.label
    for given in content["sequence"]["inputs"]:
        if given["label"] == label and given["origin"] == MEASURED:
            said = given["said"]
            situation = replace(
                situation, is_quality_called_bad=Given(label, said.startswith("yes"), said, MEASURED)
            )
    return contents.sequence_of(sequence(situation))


def measures_of(content: Content) -> Measures:
    """The figures of a content as they were measured. Raises what a content of another shape makes it raise."""
    window = content["window"]
    conversion, claims = (dict(contents.figures_of(content, key)) for key in ("conversion", "attribution"))
    hygiene = dict(contents.figures_of(content, "hygiene"))
    states = conversion.pop("states")
    return Measures(
        at=datetime.fromisoformat(content["as_of"]),
        window=Window(Quarter.read(window["first"]), Quarter.read(window["last"]), window["zone"]),
        agreement=Agreement(**contents.figures_of(content, "definitions")),
        hygiene=Hygiene(**hygiene | {"pipeline": _minor(hygiene["pipeline"])}),
        conversion=Conversion(
            states=tuple(State(key, "", reached, "") for key, reached in states.items()), **conversion
        ),
        attribution=Attribution(
            **claims | {"money": {name: _minor(money) for name, money in claims["money"].items()}}
        ),
        trust=_trust(content),
    )


def _trust(content: Content) -> Trust:
    entry, figures = contents.dimension_of(content, TRUST), contents.figures_of(content, TRUST)
    if not entry["rates"]:
        return Trust(why=entry["why"], is_closed=True)
    mean = Fraction(entry["rates"][0]["numerator"], entry["rates"][0]["denominator"])
    if figures["mean_tenths"] != int(mean * 10):
        raise ValueError("the mean of the survey is another one")
    return Trust(mean=mean, answers=figures["answers"])


def _minor(money: Mapping[str, str]) -> dict[str, int]:
    return {
        currency: int(Decimal(amount).scaleb(currencies.digits_of(currency)))
        for currency, amount in money.items()
    }
