"""Headers of a file found by the names that a mapping gives them."""

from __future__ import annotations

import re
from collections.abc import Sequence

from alignment.importing.problems import UnreadableFile

_QUOTES = str.maketrans({"“": '"', "”": '"', "„": '"', "‘": "'", "’": "'", "`": "'", "´": "'"})
_BLANKS = re.compile(r"\s+")
_SHOWN = 40


def plain(header: str) -> str:
    """A header without what varies between exports of one system: case, blanks, kind of quotation marks."""
    return _BLANKS.sub(" ", header.translate(_QUOTES).replace("'", '"')).strip().lower()


def find_columns(names: Sequence[str], wanted: Sequence[str]) -> list[int]:
    """The place of each wanted header: as written, else without regard to case and quotation marks.

    Raises UnreadableFile naming what is missing, or what could be either of two.
    """
    exact = {name: place for place, name in enumerate(names) if name}
    alike: dict[str, list[int]] = {}
    for place, name in enumerate(names):
        if name:
            alike.setdefault(plain(name), []).append(place)
    places, missing = [], []
    for header in wanted:
        found = [exact[header]] if header in exact else alike.get(plain(header), [])
        if len(found) > 1:
            listed = ", ".join(f"“{names[place][:60]}”" for place in found)
            raise UnreadableFile(
                f"The mapped column “{header[:60]}” could be {listed}: write it as in the file."
            )
        if found:
            places.append(found[0])
        else:
            missing.append(header)
    if missing:
        listed = ", ".join(f"“{header[:60]}”" for header in missing)
        present = ", ".join(name[:60] for name in names[:_SHOWN] if name)
        raise UnreadableFile(f"The file has no column {listed}. It has: {present}.")
    return places
