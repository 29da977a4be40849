"""The parts that charts are made of: SVG elements with presentation attributes, all text escaped."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

WIDTH, HEIGHT = 560, 240  # units of the drawing; it shrinks with the page
FONT = 14


def drawing(
    title: str,
    words: Sequence[str],
    drawn: Sequence[SafeString],
    *,
    height: int = HEIGHT,
) -> SafeString:
    """The whole drawing, named and described in `words`. It shrinks with its container, down to a phone's:
    there app.css draws letters larger in units of the drawing, so that they stay legible."""
    said = ". ".join(words)
    return format_html(
        '<svg class="drawing" role="img" aria-label="{}" viewBox="0 0 {} {}" width="{}" height="{}"'
        ' font-size="{}" fill="currentColor" xmlns="http://www.w3.org/2000/svg">'
        "<title>{}</title><desc>{}</desc>{}</svg>",
        f"{title}. {said}" if said else title,
        WIDTH,
        height,
        WIDTH,
        height,
        FONT,
        title,
        said,
        joined(drawn),
    )


def joined(parts: Sequence[SafeString]) -> SafeString:
    return format_html_join("", "{}", ((part,) for part in parts))


def key_of(*said: str) -> str:
    """A name for this drawing's patterns: equal drawings share it, different ones on a page do not."""
    return "p" + hashlib.sha256("\0".join(said).encode()).hexdigest()[:10]


def patterns(key: str) -> SafeString:
    """Hatching and dots to lay over a colour, as `url(#KEY-hatch)` and `url(#KEY-dots)`."""
    return format_html(
        '<defs><pattern id="{0}-hatch" width="7" height="7" patternUnits="userSpaceOnUse"'
        ' patternTransform="rotate(45)"><line class="c-hatch" x1="0" y1="0" x2="0" y2="7" stroke="#ffffff"'
        ' stroke-width="2.4"/></pattern><pattern id="{0}-dots" width="7" height="7"'
        ' patternUnits="userSpaceOnUse"><circle class="c-speck" cx="3.5" cy="3.5" r="1.5" fill="#ffffff"/>'
        "</pattern></defs>",
        key,
    )


def rect(x: float, y: float, width: float, height: float, css: str, fill: str) -> SafeString:
    return format_html(
        '<rect{} x="{}" y="{}" width="{}" height="{}" fill="{}"/>',
        format_html(' class="{}"', css) if css else "",
        f"{x:.1f}",
        f"{y:.1f}",
        f"{width:.1f}",
        f"{height:.1f}",
        fill,
    )


def rule(
    x1: float, y1: float, x2: float, y2: float, css: str, stroke: str, *, dash: str = "", thick: float = 1
) -> SafeString:
    return format_html(
        '<line class="{}" x1="{}" y1="{}" x2="{}" y2="{}" stroke="{}" stroke-width="{}"{}/>',
        css,
        f"{x1:.1f}",
        f"{y1:.1f}",
        f"{x2:.1f}",
        f"{y2:.1f}",
        stroke,
        1.5 if dash else thick,
        format_html(' stroke-dasharray="{}"', dash) if dash else "",
    )


def text(x: float, y: float, text: str, *, anchor: str = "start", css: str = "") -> SafeString:
    return format_html(
        '<text{} x="{}" y="{}" text-anchor="{}">{}</text>',
        format_html(' class="{}"', css) if css else "",
        f"{x:.1f}",
        f"{y:.1f}",
        anchor,
        text,
    )
