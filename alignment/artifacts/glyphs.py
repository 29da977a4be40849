"""Characters that the fonts of the PDF cannot draw: named by their code on paper, so that nothing is lost there."""

from __future__ import annotations

import json
from collections.abc import Iterable
from functools import cache
from typing import Any

import typst

# Drawn with one font first, then with the other: what no font has looks as the sign for "missing" of each.
_MEASURE = b"""
#let size(sign, font) = {
  let drawn = measure(text(font: font, top-edge: "bounds", bottom-edge: "bounds", sign))
  (drawn.width.pt(), drawn.height.pt())
}
#let both(sign) = (size(sign, "Libertinus Serif"), size(sign, "DejaVu Sans Mono"))
#context [#metadata(json(bytes(sys.inputs.signs)).map(both))<sizes>]
"""
_NOBODY_HAS = "\U0010fffe"
_known: dict[str, bool] = {}  # character -> whether a font has it; the fonts never change while we run


@cache
def fonts() -> Any:
    """Those that the typesetter carries itself, none of the machine's: a page breaks at the same place everywhere."""
    return typst.Fonts(include_system_fonts=False, include_embedded_fonts=True)


def unprintable(texts: Iterable[str]) -> frozenset[str]:
    """The characters among the texts that no font has."""
    signs = {sign for text in texts if not text.isascii() for sign in text if not sign.isascii()}
    unknown = sorted(signs - _known.keys())
    if unknown:
        missing, *sizes = json.loads(
            typst.query(
                _MEASURE,
                "<sizes>",
                field="value",
                one=True,
                font_paths=fonts(),
                sys_inputs={"signs": json.dumps([_NOBODY_HAS, *unknown], ensure_ascii=False)},
            )
        )
        _known.update(zip(unknown, (size != missing for size in sizes), strict=True))
    return frozenset(sign for sign in signs if not _known[sign])


def printed(text: str, missing: frozenset[str]) -> str:
    """The text with those characters named, as in "[U+65E5]"."""
    if missing.isdisjoint(text):
        return text
    return "".join(f"[U+{ord(sign):04X}]" if sign in missing else sign for sign in text)
