"""Filters for documents on pages: `{% load documents %}`."""

from __future__ import annotations

from django import template

from alignment.artifacts.document import (
    Block,
    Bullets,
    Facts,
    Heading,
    Paragraph,
    Scores,
    Table,
    shown_score,
)

register = template.Library()


@register.filter
def block_name(block: Block) -> str:
    """`{% with name=block|block_name %}`: which part of the template shows it."""
    match block:
        case Heading():
            return "heading"
        case Paragraph():
            return "paragraph"
        case Bullets():
            return "bullets"
        case Facts():
            return "facts"
        case Table():
            return "table"
        case Scores():
            return "scores"


@register.filter
def tenths(value: int | None) -> str:
    """`{{ score.tenths|tenths }}`: 27 as "2.7", a dash for what could not be measured."""
    return shown_score(value)


@register.filter
def bar_width(value: int | None) -> str:
    """`{{ score.tenths|bar_width }}`: of a bar that is 100 wide at 5.0, as SVG writes it."""
    return "0" if value is None else str(value * 2)


@register.filter
def first_16(digest: str) -> str:
    """`{{ version.digest|first_16 }}`: how a digest is shown, in groups of four."""
    return " ".join(digest[at : at + 4] for at in range(0, 16, 4))
