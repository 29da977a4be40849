"""The content of a definition: empty, checked, and shown as a document."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any

from alignment.artifacts.document import Block, Bullets, Document, Heading, Paragraph
from alignment.artifacts.kinds import InvalidContent
from alignment.definitions.fields import FIELDS, SUBJECT_LABELS
from alignment.definitions.predicate import (
    DISQUALIFIERS,
    KEYS,
    MOST_ROWS,
    MQL_PARTS,
    ONE_PART,
    Limits,
    limits_of,
    listed,
    read_row,
)
from alignment.definitions.values import BadValue
from alignment.definitions.wording import listed as in_words
from alignment.definitions.wording import text_of

MOST_PROSE, MOST_NAME = 2000, 80  # characters
STATUS_FIELDS = ("lifecycle", "status")
_KEYS = ("name", "prose", "subject", "parts", "crm_status", "limits")
_KEYS_OF_PART = ("name", "label", "prose", "combine", "rows")
_KEYS_OF_ROW = ("field", "operator", "value")
BOUNDS = {"gap": (2, 100), "leads": (10, 10_000), "days": (30, 1095)}
COMPARED = "Words are compared without regard to capitals. An empty field meets no row but “is empty”."
REQUIRED = "Every field named here is required of an MQL, but for those that are only asked to be empty."

Content = Mapping[str, Any]


def parts_of(key: str) -> dict[str, str]:
    """Names and labels of the parts that a definition has."""
    return MQL_PARTS if key == "mql" else ONE_PART


def empty(key: str) -> dict[str, Any]:
    """Content to begin with."""
    name, subject = KEYS[key]
    found: dict[str, Any] = {
        "name": name,
        "prose": "",
        "subject": subject,
        "parts": [
            {
                "name": part,
                "label": label,
                "prose": "",
                "combine": "any" if part == DISQUALIFIERS else "all",
                "rows": [],
            }
            for part, label in parts_of(key).items()
        ],
        "crm_status": None,
        "limits": None,
    }
    if key == "mql":
        found["limits"] = {name: getattr(Limits(), name) for name in BOUNDS}
    return found


def fits(key: str, content: Content) -> bool:
    """Whether content has the parts and the subject of this definition."""
    names = [part.get("name") for part in listed(content.get("parts"))]
    return key in KEYS and content.get("subject") == KEYS[key][1] and names == list(parts_of(key))


def check(content: Content) -> None:
    """Raises InvalidContent with all that is missing or wrong, a sentence each."""
    found = problems(content)
    if found:
        raise InvalidContent(*found)


def problems(content: Content, *, is_form: bool = False) -> tuple[str, ...]:
    """All that is missing or wrong, a sentence each. `is_form`: rows without any entry are no rows, for none is saved,
    but keep their number."""
    return tuple(_problems(content, is_form))


def is_entered(row: Content) -> bool:
    """Whether anything is chosen or typed in a row."""
    return any(row.values())


def _problems(content: Content, is_form: bool) -> Iterator[str]:
    yield from _unknown("The definition", content, _KEYS)
    yield from _text_problems("The definition", content, "name", MOST_NAME, "a name")
    yield from _text_problems("The definition", content, "prose", MOST_PROSE, "its meaning in words")
    subject = content.get("subject")
    if not isinstance(subject, str) or subject not in SUBJECT_LABELS:
        yield "Say what the definition is about: lead, cycle or opportunity."
        return
    parts = content.get("parts")
    if not isinstance(parts, list) or len(listed(parts)) != len(parts):
        yield "Write the parts of the definition as a list."
        return
    names = [part.get("name") for part in parts]
    labels = MQL_PARTS | ONE_PART
    if names not in (list(MQL_PARTS), list(ONE_PART)):
        yield f"A definition has the parts {', '.join(MQL_PARTS)} (an MQL) or criteria (the others), in this order."
    for part in parts:
        yield from _part_problems(part, subject, labels.get(str(part.get("name"))), is_form)
    if names == list(MQL_PARTS):
        yield from _status_problems(content.get("crm_status"), subject)
        yield from _limit_problems(content.get("limits"))
    elif content.get("crm_status") or content.get("limits"):
        yield "Only the definition of an MQL says what the CRM calls one, and when drift is an alarm."


def _text_problems(where: str, given: Content, name: str, most: int, what: str) -> Iterator[str]:
    value = given.get(name)
    if not isinstance(value, str) or not value.strip():
        yield f"{where} needs {what}."
    elif len(value) > most:
        yield f"{where} has more than {most:,} characters where {what} stands; shorten it."


def _unknown(where: str, given: Content, known: Collection[str]) -> Iterator[str]:
    """What nobody would see in the document may not be signed with it."""
    for name in sorted(set(map(str, given)) - set(known)):
        yield f"{where} has “{name[:40]}”, which means nothing here; take it out."


def _part_problems(part: Content, subject: str, wanted: str | None, is_form: bool) -> Iterator[str]:
    label = str(part.get("label") or part.get("name"))
    yield from _unknown(label, part, _KEYS_OF_PART)
    if wanted is not None and part.get("label") != wanted:
        yield f"The part “{part.get('name')}” is labelled “{wanted}”."
    prose = part.get("prose", "")
    if not isinstance(prose, str) or len(prose) > MOST_PROSE:
        yield f"{label}: what it means in words is a text of at most {MOST_PROSE:,} characters."
    if part.get("combine") not in ("all", "any"):
        yield f"{label}: say whether all or any of its rows have to hold."
    rows = part.get("rows")
    if not isinstance(rows, list) or len(listed(rows)) != len(rows):
        yield f"{label}: write its rows as a list of field, operator and value."
        return
    meant = [(number, row) for number, row in enumerate(rows, start=1) if not is_form or is_entered(row)]
    if not meant:
        yield f"{label} needs at least one row."
    if len(rows) > MOST_ROWS:
        yield f"{label} has more than {MOST_ROWS} rows; gather values in one row with “is one of”."
    for number, row in meant:
        yield from _unknown(f"{label}, row {number}", row, _KEYS_OF_ROW)
        try:
            read_row(row, FIELDS[subject])
        except BadValue as problem:
            yield f"{label}, row {number}: {problem}."


def _status_problems(said: Any, subject: str) -> Iterator[str]:
    if said is None:
        return
    if not isinstance(said, Mapping) or said.get("field") not in STATUS_FIELDS:
        yield f"What the CRM calls an MQL: the field is one of {', '.join(STATUS_FIELDS)}."
        return
    yield from _unknown("What the CRM calls an MQL", said, ("field", "values"))
    try:
        read_row(
            {"field": said["field"], "operator": "is_one_of", "value": said.get("values")}, FIELDS[subject]
        )
    except BadValue as problem:
        yield f"What the CRM calls an MQL: {problem}."


def _limit_problems(said: Any) -> Iterator[str]:
    if said is None:
        return
    if not isinstance(said, Mapping):
        yield "Limits of drift: write gap, leads and days."
        return
    yield from _unknown("Limits of drift", said, BOUNDS)
    for name, (low, high) in BOUNDS.items():
        value = said.get(name)
        if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
            yield f"Limits of drift: {name} is a whole number from {low:,} to {high:,}."


def render(content: Content) -> Document:
    """As it is signed and printed; a draft shows what it has."""
    subject = str(content.get("subject"))
    about = SUBJECT_LABELS.get(subject, "records")
    return Document(
        title=f"Definition: {content.get('name') or 'no name yet'}",
        subtitle=f"Shared by sales, marketing and finance. Evaluated on {about}.",
        blocks=tuple(_blocks(content, subject)),
    )


def _blocks(content: Content, subject: str) -> Iterator[Block]:
    prose = str(content.get("prose") or "").strip()
    paragraphs = [line.strip() for line in prose.splitlines() if line.strip()]
    for number, line in enumerate(paragraphs or ["Not put in words yet."]):
        yield Paragraph(line, "lead" if number == 0 else "plain")
    parts = listed(content.get("parts"))
    if len(parts) > 1:
        yield Paragraph("A lead qualifies when the first four parts hold and no disqualifier does.")
    for part in parts:
        yield Heading(str(part.get("label") or part.get("name") or "Part"))
        if part.get("prose"):
            yield Paragraph(str(part["prose"]))
        rows = [text_of(row, subject) for row in listed(part.get("rows"))]
        if not rows:
            yield Paragraph("No row yet.", "warning")
            continue
        yield Paragraph(_intro(part, len(rows)))
        yield Bullets(tuple(rows))
    yield from _closing(content)
    yield Paragraph(f"{COMPARED} {REQUIRED}" if len(parts) > 1 else COMPARED, "small")


def _intro(part: Content, rows: int) -> str:
    is_any = part.get("combine") == "any"
    if part.get("name") == DISQUALIFIERS:
        if rows == 1:
            return "Disqualified where this holds:"
        return f"Disqualified where {'any' if is_any else 'all'} of these hold{'s' if is_any else ''}:"
    if rows == 1:
        return "This holds:"
    return "At least one of these holds:" if is_any else "All of these hold:"


def _closing(content: Content) -> Iterator[Block]:
    said = content.get("crm_status")
    if isinstance(said, Mapping):
        values = said.get("values")
        shown = in_words(values) if values else "…"
        yield Heading("What the CRM calls an MQL")
        yield Paragraph(
            f"A record whose {said.get('field')} is {shown}. Records that differ are listed as drift."
        )
    if content.get("limits"):
        limits = limits_of(content)
        yield Heading("When drift is an alarm")
        yield Paragraph(
            f"One of the two lead-to-opportunity conversions, of marketing- and sales-sourced leads, is more than "
            f"{limits.gap} times the other, over leads of the last {limits.days} days, with at least {limits.leads} "
            "leads on either side."
        )
