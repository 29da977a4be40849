"""The scorecard as a document: one page for the board, made of its content alone."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date
from typing import Any

from alignment.artifacts.document import (
    Block,
    Bullets,
    Document,
    Heading,
    Paragraph,
    Score,
    Scores,
    Table,
    shown_score,
)
from alignment.artifacts.waivers import waiver_paragraphs
from alignment.quarters import Quarter
from scorecard.dimensions import FRACTURE, LABELS, ORDER, START
from scorecard.leverage import MOST

Content = Mapping[str, Any]


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
    yield Scores(tuple(_score(entry) for entry in content["dimensions"]))
    yield Paragraph(
        "Each score runs from 1 to 5 by the signed bands. Under 3.0 is a fracture; under 2.0 is where to start.",
        "small",
    )
    yield from _fractures(content["fractures"])
    yield from _sequence(content["sequence"])
    if content["compared"]:
        yield from _comparison(content, content["compared"])


def _score(entry: Content) -> Score:
    waits = entry["needs"]["text"] if entry["needs"] else ""
    return Score(
        LABELS[entry["key"]],
        entry["score"],
        verdict(entry["score"]),
        entry["formula"],
        entry["evidence"] or entry["why"] or waits,
    )


def _fractures(found: list[Content]) -> Iterator[Block]:
    yield Heading("Fractures with the highest leverage")
    if not found:
        yield Paragraph("No score is under 3.0.")
        return
    rows = tuple(
        (
            LABELS[one["key"]],
            f"{shown_score(one['severity'])} × {money(one['stake'], one['currency'])}",
            money(one["leverage"], one["currency"]),
            one["formula"],
        )
        for one in found[:MOST]
    )
    yield Table(
        ("Fracture", "3.0 − score × money at stake", "Leverage", "How the money was counted"),
        rows,
        frozenset({1, 2}),
    )
    said = []
    if len(found) > MOST:
        rest = ", ".join(LABELS[one["key"]].lower() for one in found[MOST:])
        said.append(f"Fractures with less leverage: {rest}.")
    if any(one["is_tied"] for one in found):
        said.append("Of equal leverage the lower score comes first, then the order of the dimensions.")
    if said:
        yield Paragraph(" ".join(said), "small")


def _sequence(found: Content) -> Iterator[Block]:
    yield Heading("Recommended sequence")
    yield Paragraph(found["sentence"])
    if found["facilitation"]:
        yield Paragraph(found["facilitation"], "warning")
    yield Bullets(tuple(found["lines"]), is_numbered=True)
    for origin, words in (("measured", "Measured"), ("declared", "Declared")):
        given = [f"{one['label']}: {one['said']}" for one in found["inputs"] if one["origin"] == origin]
        if given:
            yield Paragraph(f"{words}: {'; '.join(given)}.", "small")


def _comparison(content: Content, before: Content) -> Iterator[Block]:
    yield Heading("Since the scorecard before")
    now = {entry["key"]: entry["score"] for entry in content["dimensions"]}
    rows = tuple(
        (
            LABELS[key],
            shown_score(before["scores"].get(key)),
            shown_score(now[key]),
            change(before["scores"].get(key), now[key]),
        )
        for key in ORDER
    )
    yield Table(("Dimension", f"Version {before['version']}", "Now", "Change"), rows, frozenset({1, 2, 3}))
    signed = f"Version {before['version']} was signed on {day(before['signed_on'])}."
    yield Paragraph(" ".join([signed, *before["notes"]]), "small")


def change(before: int | None, now: int | None) -> str:
    """ "+0.4", "−1.2", "0.0", or a dash where one of them was not measured."""
    if before is None or now is None:
        return "–"
    sign = "+" if now > before else "−" if now < before else ""
    return f"{sign}{shown_score(abs(now - before))}"


def money(amount: str, currency: str) -> str:
    """A decimal string as people read it: "EUR 1,234.50", without decimals where they are zero."""
    whole, _, rest = amount.partition(".")
    said = f"{int(whole):,}" + (f".{rest}" if rest.strip("0") else "")
    return f"{currency or 'no currency'} {said}"
