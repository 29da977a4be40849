"""The scorecard as a document: one page for the board, made of its content alone."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from alignment.artifacts.document import (
    Block,
    Bullets,
    Document,
    Heading,
    Paragraph,
    Score,
    Scores,
    shown_score,
)
from alignment.artifacts.waivers import waiver_paragraphs
from alignment.quarters import Quarter
from scorecard.dimensions import ATTRIBUTION, CONVERSION, FRACTURE, LABELS, START
from scorecard.leverage import MOST
from scorecard.sequencing import SCORE_LABELS

Content = Mapping[str, Any]
STATES: Mapping[str, str] = {
    "inquiry": "inquiry",
    "engaged": "engaged",
    "mql": "MQL",
    "accepted": "accepted",
    "qualified": "qualified",
    "opportunity": "opportunity",
}
CLAIMS: Mapping[str, str] = {
    "agreed": "agreed",
    "both": "claimed by both",
    "neither": "by neither",
    "disagreed": "against the first touch",
    "unproven": "first touch not known",
}


def render(content: Content) -> Document:
    """Complete or not; what was not measured yet says what is to be done first."""
    dimensions = content.get("dimensions")
    if not dimensions:
        return Document(
            "Diagnosis scorecard",
            "",
            (Paragraph("Nothing was measured yet: press “Measure” on the scorecard's page."),),
        )
    return Document("Diagnosis scorecard", _subtitle(content), tuple(_blocks(content)))


def verdict(tenths: int | None) -> str:
    """What a score means, in words."""
    if tenths is None:
        return "Not measured"
    if tenths < START:
        return "Fracture: start here"
    return "Fracture" if tenths < FRACTURE else "Holds"


def day(iso: str) -> str:
    found = date.fromisoformat(iso)
    return f"{found.day} {found:%B %Y}"


def quarter(key: str) -> str:
    return Quarter.read(key).name


def _subtitle(content: Content) -> str:
    window, program = content["window"], content["program"]
    first, last = quarter(window["first"]), quarter(window["last"])
    span = first if first == last else f"{first} to {last}"
    return f"{program['name']} · {span} ({window['zone']}) · as of {day(content['as_of_on'])}"


def _blocks(content: Content) -> Iterator[Block]:
    yield from waiver_paragraphs(content)
    before = content["compared"]
    yield Scores(tuple(_score(entry, before) for entry in content["dimensions"]))
    scores = {entry["key"]: entry["score"] for entry in content["dimensions"]}
    meaning = " ".join(filter(None, (left_out(content), *_meaning(before))))
    yield from _fractures(content["fractures"], scores, meaning)
    yield from _sequence(content["sequence"])


def _score(entry: Content, before: Content | None) -> Score:
    said = verdict(entry["score"])
    if before is not None:
        said += f" ({change(before['scores'].get(entry['key']), entry['score'])})"
    waits = entry["needs"]["text"] if entry["needs"] else ""
    figures = _figures(entry) if entry["score"] is not None else ""
    behind = " ".join(filter(None, (entry["formula"], entry["evidence"], figures, entry["why"], waits)))
    return Score(LABELS[entry["key"]], entry["score"], said, behind)


def _figures(entry: Content) -> str:
    """How far leads got, or the claims in count and money: what stands behind these two scores."""
    figures = entry["figures"]
    if entry["key"] == CONVERSION:
        reached = {said: figures["states"].get(key) for key, said in STATES.items()}
        parts = [
            f"{said} {'not known' if count is None else f'{count:,}'}" for said, count in reached.items()
        ]
        return f"Leads that got to: {', '.join(parts)}."
    if entry["key"] == ATTRIBUTION:
        parts = [
            " ".join(
                filter(
                    None, (f"{figures['counts'].get(key, 0):,} {said}", _amounts(figures["money"].get(key)))
                )
            )
            for key, said in CLAIMS.items()
        ]
        without = figures["without_amount"]
        return f"Opportunities: {', '.join(parts)}{f'; {without:,} have no amount' if without else ''}."
    return ""


def _amounts(money: Mapping[str, str] | None) -> str:
    """ "(EUR 1,235, USD 20)", empty where there is none."""
    said = ", ".join(whole(amount, currency) for currency, amount in (money or {}).items())
    return f"({said})" if said else ""


def _meaning(before: Content | None) -> Iterator[str]:
    yield "Under 3.0 is a fracture, under 2.0 is where to start."
    if before is not None:
        of = f" of “{before['program']}”" if before["program"] else ""
        yield f"In brackets: change since version {before['version']}{of}, signed {day(before['signed_on'])}."
        yield from before["notes"]


def left_out(content: Content) -> str:
    """Which pipeline no leverage counts, as it is in other currencies; empty where there is none."""
    others = ", ".join(whole(amount, currency) for currency, amount in content.get("left_out", {}).items())
    return f"Leverage counts {content['currency']} alone; left out: {others}." if others else ""


def no_fracture(scores: Mapping[str, int | None]) -> str:
    """What is said in place of fractures, by the scores of all dimensions: nothing is said of what was not measured."""
    missing = [LABELS[key].lower() for key, tenths in scores.items() if tenths is None]
    if not missing:
        return "No score is under 3.0."
    if len(missing) == len(scores):
        return "Nothing could be scored, so no fracture is known."
    return f"No score that was measured is under 3.0; not measured: {', '.join(missing)}."


def _fractures(found: list[Content], scores: Mapping[str, int | None], meaning: str) -> Iterator[Block]:
    yield Heading("Highest leverage: distance under 3.0 × money at stake", 3)
    if not found:
        yield Paragraph(no_fracture(scores))
        yield Paragraph(meaning, "small")
        return
    yield Bullets(tuple(_fracture(one) for one in found[:MOST]), is_numbered=True)
    said = [f"{LABELS[one['key']]}: {one['formula']}." for one in found[:MOST]]
    if len(found) > MOST:
        rest = ", ".join(LABELS[one["key"]].lower() for one in found[MOST:])
        said.append(f"With less: {rest}.")
    if any(one["is_tied"] for one in found):
        said.append("Of equal ones the lower score comes first, then the order above.")
    yield Paragraph(" ".join([*said, meaning]), "small")


def _fracture(one: Content) -> str:
    stake, leverage = (whole(one[name], one["currency"]) for name in ("stake", "leverage"))
    return f"{LABELS[one['key']]}: {shown_score(one['severity'])} × {stake} at stake = {leverage}"


def _sequence(found: Content) -> Iterator[Block]:
    yield Heading("Recommended sequence", 3)
    lines = (re.sub(r"^Step ([1-5]), ", r"\1 ", line) for line in found["lines"])
    order = f"Order: {'. '.join(lines)}."
    yield Paragraph(" ".join(filter(None, (found["facilitation"], found["sentence"], order))))
    said = []
    for origin, words in (("measured", "Measured"), ("declared", "Declared"), ("not known", "Not known")):
        given = [
            f"{one['label']}: {one['said']}"
            for one in found["inputs"]
            if one["origin"] == origin and one["label"] not in SCORE_LABELS  # scores stand above already
        ]
        said += [f"{words}: {'; '.join(given)}."] if given else []
    if said:
        yield Paragraph(" ".join(said), "small")


def change(before: int | None, now: int | None) -> str:
    """ "+0.4", "−1.2", "0.0", or a dash where one of them was not measured."""
    if before is None or now is None:
        return "–"
    sign = "+" if now > before else "−" if now < before else ""
    return f"{sign}{shown_score(abs(now - before))}"


def whole(amount: str, currency: str) -> str:
    """A decimal string in whole units of the currency, half rounded up: "EUR 1,235"."""
    units = int(Decimal(amount).quantize(Decimal(1), ROUND_HALF_UP))
    return f"{currency or 'no currency'} {units:,}"


def money(amount: str, currency: str) -> str:
    """A decimal string as people read it: "EUR 1,234.50", without decimals where they are zero."""
    whole, _, rest = amount.partition(".")
    said = f"{int(whole):,}" + (f".{rest}" if rest.strip("0") else "")
    return f"{currency or 'no currency'} {said}"
