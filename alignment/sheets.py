"""CSV files that are safe to open in a spreadsheet."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from typing import Any

from django.http import HttpResponse

_SIGNS = ("=", "+", "-", "@", "|", "%", "＝", "＋", "－", "＠")
_FORMULA = (*_SIGNS, "\t", "\r", "\n")


def cell(value: Any) -> Any:
    """A value as a spreadsheet may have it: text that it would run as a formula gets an apostrophe in front.

    Names and ids come from outside; `=HYPERLINK(…)` in a lead's name must stay a name. Numbers stay numbers.
    """
    if not isinstance(value, str):
        return value
    return f"'{value}" if value.lstrip(" \u00a0").startswith(_FORMULA) else value


def bare(text: str) -> str:
    """A text without the apostrophe that `cell`, or a CRM, put before a sign that a spreadsheet would run."""
    return text[1:] if text[:1] == "'" and text[1:].startswith(_SIGNS) else text


def csv_response(name: str, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> HttpResponse:
    """A download in UTF-8 with a byte-order mark, as spreadsheets want it."""
    out = io.StringIO()
    out.write("\ufeff")
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(columns)
    writer.writerows([cell(value) for value in row] for row in rows)
    response = HttpResponse(out.getvalue(), content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    response["Cache-Control"] = "no-store"
    return response
