"""What changed between two documents, as people read it: passage by passage, and word by word within one."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Literal

from alignment.artifacts.document import (
    Bullets,
    Document,
    Facts,
    Heading,
    Paragraph,
    Scores,
    Table,
    shown_score,
)

Kind = Literal["added", "removed", "changed"]
_WORDS = re.compile(r"\s+|[^\W_]+(?:[.,'’/-][^\W_]+)*|.", re.DOTALL)
_ALIKE = 0.5  # from which share of common words on two passages count as one that was changed


@dataclass(frozen=True)
class Part:
    """Some words of a changed passage, in reading order; `kind`: same, added or removed."""

    kind: Literal["same", "added", "removed"]
    text: str


@dataclass(frozen=True)
class Change:
    """One passage that differs. `where`: the heading above it, "" before the first; `what`: "paragraph", "row"..."""

    kind: Kind
    where: str
    what: str
    parts: tuple[Part, ...]


@dataclass(frozen=True)
class _Passage:
    what: str
    key: str  # by which it is found again though its other words changed; "" where it has none
    text: str


def differences(old: Document, new: Document) -> list[Change]:
    """Empty where both say the same. What moved is shown as removed at one place and added at another."""
    before, after = list(_passages(old)), list(_passages(new))
    olds, news = [passage for _, passage in before], [passage for _, passage in after]
    found: list[Change] = []
    matcher = SequenceMatcher(None, olds, news, autojunk=False)
    for tag, i1, i2, j1, j2 in matcher.get_opcodes():
        if tag != "equal":
            found += _changes(before[i1:i2], after[j1:j2])
    return found


def _changes(before: list[tuple[str, _Passage]], after: list[tuple[str, _Passage]]) -> Iterator[Change]:
    """Of one stretch: each new passage beside the old one that it comes from, in the order of the new document."""
    start = 0
    for where, passage in after:
        partner = next(
            (at for at in range(start, len(before)) if _is_same_place(before[at][1], passage)), None
        )
        if partner is None:
            yield Change("added", where, passage.what, (Part("added", passage.text),))
            continue
        yield from (_removed(*gone) for gone in before[start:partner])
        yield Change("changed", where, passage.what, _words(before[partner][1].text, passage.text))
        start = partner + 1
    yield from (_removed(*gone) for gone in before[start:])


def _removed(where: str, passage: _Passage) -> Change:
    return Change("removed", where, passage.what, (Part("removed", passage.text),))


def _is_same_place(old: _Passage, new: _Passage) -> bool:
    if old.what != new.what:
        return False
    if old.key or new.key:
        return old.key == new.key
    before, after = ([word for word in _cut(each.text) if word[0].isalnum()] for each in (old, new))
    return SequenceMatcher(None, before, after, autojunk=False).ratio() >= _ALIKE


def _words(old: str, new: str) -> tuple[Part, ...]:
    before, after = _cut(old), _cut(new)
    found: list[Part] = []
    for tag, i1, i2, j1, j2 in SequenceMatcher(None, before, after, autojunk=False).get_opcodes():
        if tag == "equal":
            found.append(Part("same", "".join(before[i1:i2])))
            continue
        if i1 < i2:
            found.append(Part("removed", "".join(before[i1:i2])))
        if j1 < j2:
            found.append(Part("added", "".join(after[j1:j2])))
    return tuple(found)


def _cut(text: str) -> list[str]:
    return _WORDS.findall(text)


def _passages(document: Document) -> Iterator[tuple[str, _Passage]]:
    """Every passage with the heading above it."""
    where = ""
    yield "", _Passage("title", "title", document.title)
    if document.subtitle:
        yield "", _Passage("subtitle", "subtitle", document.subtitle)
    for block in document.blocks:
        match block:
            case Heading(text=text):
                where = text
                yield "", _Passage("heading", "", text)
            case Paragraph(text=text, kind=kind):
                yield where, _Passage("warning" if kind == "warning" else "paragraph", "", text)
            case Bullets(items=items):
                yield from ((where, _Passage("item", "", item)) for item in items)
            case Facts(rows=rows):
                yield from ((where, _Passage("fact", label, f"{label}: {value}")) for label, value in rows)
            case Table(columns=columns, rows=lines, caption=caption):
                name = f"row of “{caption}”" if caption else "row"
                if columns:
                    yield where, _Passage(f"head of “{caption}”" if caption else "head", "", _row(columns))
                yield from ((where, _Passage(name, line[0] if line else "", _row(line))) for line in lines)
            case Scores(rows=scores):
                for score in scores:
                    said = (
                        score.label,
                        shown_score(score.tenths),
                        score.verdict,
                        score.formula,
                        score.evidence,
                    )
                    yield where, _Passage("score", score.label, _row(said))


def _row(cells: tuple[str, ...]) -> str:
    return " · ".join(cell for cell in cells if cell)
