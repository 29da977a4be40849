"""A document on paper: page count, what overflows, and the PDF, the same bytes whenever and wherever it is made.

The type is set by Typst with the fonts it carries. What people wrote goes in as JSON and is never read as markup.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version as version_of
from pathlib import Path
from typing import Any

import typst

from alignment.artifacts.document import (
    Block,
    Bullets,
    Document,
    Facts,
    Heading,
    Paragraph,
    Score,
    Scores,
    Table,
    shown_score,
)
from alignment.artifacts.glyphs import fonts, printed, unprintable

TEMPLATE = Path(__file__).resolve().parents[2] / "templates" / "pdf" / "artifact.typ"
MADE_BY = f"typst {version_of('typst')}"
PAPERS = {"a4": "A4", "us-letter": "Letter"}
DIGEST_SHOWN = 16  # hex digits in the footer
_LONG_WORD = re.compile(r"\S{31,}")
_BREAK = "\u200b"  # where a line may break, of no width


@dataclass(frozen=True)
class SignatureLine:
    """One place to sign. `role` as people read it; the rest is empty until that role has signed.

    time        "21 Nov 2026, 14:05 (Europe/Berlin)"
    delegation  "by delegation of …" where somebody else signed for the holder of the role
    """

    role: str
    name: str = ""
    title: str = ""
    time: str = ""
    delegation: str = ""


@dataclass(frozen=True)
class Imprint:
    """What stands around the text. It takes the same room whatever it says, so that it never moves a page break.

    label   "Definition: MQL, version 2"; digest: in hex, empty for drafts; mark: "DRAFT", or empty
    """

    organisation: str = ""
    label: str = ""
    digest: str = ""
    mark: str = ""
    statement: str = ""


NO_IMPRINT = Imprint()


def pages_of(
    document: Document,
    paper: str,
    *,
    signatures: Sequence[SignatureLine] = (),
    imprint: Imprint = NO_IMPRINT,
) -> int:
    """Pages on that paper ("a4", "us-letter"), with room for the signatures whether they are there or not."""
    return _ends(document, paper, signatures, imprint)[-1]


def overflow(
    document: Document,
    paper: str,
    limit: int,
    *,
    signatures: Sequence[SignatureLine] = (),
    imprint: Imprint = NO_IMPRINT,
) -> str | None:
    """None while it fits `limit` pages; else a sentence that names the first block that does not fit."""
    ends = _ends(document, paper, signatures, imprint)
    if ends[-1] <= limit:
        return None
    first = next(place for place, page in enumerate(ends) if page > limit)
    room = f"{limit} page{'s' if limit != 1 else ''} of {PAPERS[paper]}"
    return (
        f"It takes {ends[-1]} pages and may take {room}. The first part that does not fit: "
        f"{_named(document, first)}. Shorten it or what stands before it."
    )


def make_pdf(
    document: Document,
    *,
    paper: str,
    signatures: Sequence[SignatureLine] = (),
    imprint: Imprint = NO_IMPRINT,
) -> bytes:
    """The same bytes for the same arguments: no clock, no font of the machine takes part."""
    made: Any = typst.compile(
        str(TEMPLATE),
        root=str(TEMPLATE.parent),
        font_paths=fonts(),
        sys_inputs=_inputs(document, paper, signatures, imprint),
        format="pdf",
        timestamp=0,
    )
    return bytes(made)


def _ends(document: Document, paper: str, signatures: Sequence[SignatureLine], imprint: Imprint) -> list[int]:
    """The page on which each block ends, and the signatures where there is a place for them."""
    found = typst.query(
        str(TEMPLATE),
        "<ends-on>",
        field="value",
        root=str(TEMPLATE.parent),
        font_paths=fonts(),
        sys_inputs=_inputs(document, paper, signatures, imprint),
    )
    return [int(page) for page in json.loads(found)] or [1]


def _inputs(
    document: Document, paper: str, signatures: Sequence[SignatureLine], imprint: Imprint
) -> dict[str, str]:
    if paper not in PAPERS:
        raise ValueError(f"“{paper}” is no paper; take one of {', '.join(PAPERS)}.")
    given = {
        "paper": paper,
        "organisation": imprint.organisation,
        "label": imprint.label,
        "digest": imprint.digest[:DIGEST_SHOWN],
        "mark": imprint.mark,
        "statement": imprint.statement,
        "title": document.title,
        "subtitle": document.subtitle,
        "blocks": [_shape(block) for block in document.blocks],
        "signatures": [vars(line) for line in signatures],
    }
    missing = unprintable(_strings(given))
    return {"data": json.dumps(_settable(given, missing), ensure_ascii=False)}


def _strings(value: Any) -> Iterator[str]:
    match value:
        case str():
            yield value
        case Mapping():
            for inner in value.values():
                yield from _strings(inner)
        case list() | tuple():
            for inner in value:
                yield from _strings(inner)


def _settable(value: Any, missing: frozenset[str]) -> Any:
    """Words of more than 30 characters may break: an address in a narrow column must not run off the paper."""
    match value:
        case str():
            return _LONG_WORD.sub(lambda word: _BREAK.join(word.group()), printed(value, missing))
        case Mapping():
            return {name: _settable(inner, missing) for name, inner in value.items()}
        case list() | tuple():
            return [_settable(inner, missing) for inner in value]
        case _:
            return value


def _shape(block: Block) -> dict[str, Any]:
    match block:
        case Heading(text=text, level=level):
            return {"type": "heading", "text": text, "level": level}
        case Paragraph(text=text, kind=kind):
            return {"type": "paragraph", "text": text, "kind": kind}
        case Bullets(items=items, is_numbered=is_numbered):
            return {"type": "bullets", "rows": items, "numbered": is_numbered}
        case Facts(rows=rows):
            return {"type": "facts", "rows": rows}
        case Table(columns=columns, rows=rows, numeric=numeric, caption=caption):
            shape = {"columns": columns, "rows": rows, "numeric": sorted(numeric), "caption": caption}
            return {"type": "table", **shape}
        case Scores(rows=rows):
            return {"type": "scores", "rows": [_score(row) for row in rows]}


def _score(row: Score) -> dict[str, Any]:
    return {**vars(row), "shown": shown_score(row.tenths)}


def _named(document: Document, place: int) -> str:
    """A block in words: what it is, how it begins, under which heading it stands."""
    if place >= len(document.blocks):
        return "the place for the signatures"
    block = document.blocks[place]
    match block:
        case Heading(text=text):
            return f"the heading “{_beginning(text)}”"
        case Paragraph(text=text):
            name = f"the paragraph “{_beginning(text)}”"
        case Bullets(items=items):
            name = f"the list that begins with “{_beginning(items[0])}”" if items else "an empty list"
        case Facts(rows=rows):
            name = f"the facts that begin with “{_beginning(rows[0][0])}”" if rows else "an empty list"
        case Table(columns=columns, caption=caption):
            name = f"the table “{_beginning(caption or ', '.join(columns))}”"
        case Scores(rows=scores):
            name = f"the scores that begin with “{_beginning(scores[0].label)}”" if scores else "no scores"
    above = [found.text for found in document.blocks[:place] if isinstance(found, Heading)]
    return f"{name} under “{_beginning(above[-1])}”" if above else name


def _beginning(text: str) -> str:
    return text if len(text) <= 60 else f"{text[:57].rstrip()}…"
