"""A document as blocks of text: the one content model from which page, print and PDF are made.

Every text is plain text. A page shows the blocks in this order, and so does the PDF; a test holds their words equal.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Heading:
    """Of a section; level 2 below the title, 3 below that."""

    text: str
    level: int = 2


@dataclass(frozen=True)
class Paragraph:
    """`kind`: plain, lead (larger), small (a note), or warning (set apart, and said to be one)."""

    text: str
    kind: str = "plain"


@dataclass(frozen=True)
class Bullets:
    items: tuple[str, ...]
    is_numbered: bool = False


@dataclass(frozen=True)
class Facts:
    """Labels with their values, in two columns."""

    rows: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Table:
    """`numeric`: indexes of columns set to the right with figures of equal width."""

    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    numeric: frozenset[int] = frozenset()
    caption: str = ""


@dataclass(frozen=True)
class Score:
    """A dimension on a scale of 1 to 5. `tenths`: 10 to 50; None: could not be measured. `verdict` says it in words."""

    label: str
    tenths: int | None
    verdict: str
    formula: str = ""
    evidence: str = ""


@dataclass(frozen=True)
class Scores:
    """Drawn as bars with their figures beside them."""

    rows: tuple[Score, ...]


Block = Heading | Paragraph | Bullets | Facts | Table | Scores


@dataclass(frozen=True)
class Document:
    title: str
    subtitle: str = ""
    blocks: tuple[Block, ...] = field(default=())

    @property
    def has_sections(self) -> bool:
        """Whether any heading is of the second level; else those of the third stand directly below the title."""
        return any(isinstance(block, Heading) and block.level == 2 for block in self.blocks)

    def texts(self) -> Iterator[str]:
        """Every text of the document in reading order: what page and PDF must both show."""
        yield from (text for text in (self.title, self.subtitle) if text)
        for block in self.blocks:
            yield from texts_of(block)


def texts_of(block: Block) -> Iterator[str]:
    """The texts of one block in reading order; empty ones are left out."""
    found: list[str] = []
    match block:
        case Heading(text=text) | Paragraph(text=text):
            found = [text]
        case Bullets(items=items):
            found = list(items)
        case Facts(rows=rows):
            found = [text for row in rows for text in row]
        case Table(columns=columns, rows=rows, caption=caption):
            found = [caption, *columns, *(cell for row in rows for cell in row)]
        case Scores(rows=scores):
            for score in scores:
                found += [
                    score.label,
                    shown_score(score.tenths),
                    score.verdict,
                    score.formula,
                    score.evidence,
                ]
    yield from (text for text in found if text)


def shown_score(tenths: int | None) -> str:
    """As it is written: 2.7, or a dash where it could not be measured."""
    return "–" if tenths is None else f"{tenths // 10}.{tenths % 10}"
