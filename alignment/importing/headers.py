"""Headers of a file found by the names that a mapping gives them."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Sequence

from alignment.importing.problems import UnreadableFile
from alignment.sheets import bare

_QUOTES = str.maketrans({"“": '"', "”": '"', "„": '"', "‘": "'", "’": "'", "`": "'", "´": "'"})
_BLANKS = re.compile(r"\s+")
_SHOWN = 40
# What a file of rejects has beside the columns of the file that it comes from.
REJECT_COLUMNS = ("rejected by import", "rejected line", "rejected code", "rejected because", "original line")


def plain(header: str) -> str:
    """A header without what varies between exports of one system: case, blanks, kind of quotation marks."""
    return _BLANKS.sub(" ", bare(header).translate(_QUOTES).replace("'", '"')).strip().lower()


def rejected_by(names: Sequence[str], rows: Sequence[Sequence[str]]) -> int | None:
    """The number of the import whose rejects a file has, which is to be taken in again; None: it is no such file."""
    named = [plain(name) for name in names]
    if not rows or not set(REJECT_COLUMNS[:2]) <= set(named):
        return None
    found = {row[named.index(REJECT_COLUMNS[0])].strip() for row in rows}
    number = found.pop() if len(found) == 1 else ""
    return int(number) if number.isascii() and number.isdigit() and len(number) < 19 else None


def digest_of_headers(names: Iterable[str]) -> str:
    """The same for files with the same columns in any order; those of a file of rejects do not count."""
    found = sorted({plain(name) for name in names} - {"", *REJECT_COLUMNS})
    return hashlib.sha256("\n".join(found).encode("utf-8", "replace")).hexdigest()


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
