"""CSV files that are safe to open in a spreadsheet."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, TypeVar

from django.http import HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase

_SIGNS = ("=", "+", "-", "@", "|", "%", "＝", "＋", "－", "＠")
_LINES_AT_ONCE = 500
R = TypeVar("R", bound=HttpResponseBase)
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


class _Line:
    """What the writer of a file takes for one: it hands each line on."""

    def write(self, text: str) -> str:
        return text


def streamed_csv(name: str, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> StreamingHttpResponse:
    """As `csv_response`, sent while the rows are read: for tables of any length."""
    writer = csv.writer(_Line(), lineterminator="\r\n")

    def lines() -> Iterator[str]:
        yield "\ufeff" + writer.writerow(columns)
        kept: list[str] = []
        for row in rows:
            kept.append(writer.writerow([cell(value) for value in row]))
            if len(kept) >= _LINES_AT_ONCE:
                yield "".join(kept)
                kept = []
        yield "".join(kept)

    response = StreamingHttpResponse(lines(), content_type="text/csv; charset=utf-8")
    return _as_download(response, name)


def csv_response(name: str, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> HttpResponse:
    """A download in UTF-8 with a byte-order mark, as spreadsheets want it."""
    out = io.StringIO()
    out.write("\ufeff")
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(columns)
    writer.writerows([cell(value) for value in row] for row in rows)
    return _as_download(HttpResponse(out.getvalue(), content_type="text/csv; charset=utf-8"), name)


def _as_download(response: R, name: str) -> R:
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    response["Cache-Control"] = "no-store"
    return response
