"""Records written in any dialect come back as the same drafts."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from alignment.importing.rows import Draft
from alignment.intake.ids import one_form
from alignment.tests.importing.support import drafts, mapping_of

ZONE = ZoneInfo("America/New_York")
SIMPLE = "ab äöüéñ\"',;\t|=+-@{}[]()\r\n1."  # what Windows-1252 writes and UTF-8 never would
TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=40)


@dataclass(frozen=True)
class Record:
    """An opportunity as somebody means it."""

    name: str
    amount: Decimal | None
    opened_at: datetime
    owner: str
    is_deleted: bool

    def drafts(self, n: int) -> list[Draft]:
        opened = self.opened_at.replace(tzinfo=ZONE).astimezone(UTC)
        fields: dict[str, Any] = {
            "name": self.name or None,
            "amount": None if self.amount is None else int(self.amount * 100),
            "opened_at": opened.isoformat(),
            "owner": one_form(self.owner) or None,
            "is_deleted": self.is_deleted,
            "stage": "Demo",
        }
        if self.amount is not None:
            fields["currency"] = "EUR"
        return [Draft("opportunity", f"006{n}", fields, None)]


@dataclass(frozen=True)
class Dialect:
    encoding: str
    delimiter: str
    line_end: str
    dates: str
    form: str
    decimal: str
    quotes_all: bool
    blank_lines: bool
    is_shuffled: bool
    trailer: str

    def cells(self, record: Record, n: int) -> dict[str, str]:
        amount = "" if record.amount is None else f"{record.amount:,.2f}"
        if self.decimal == ",":
            amount = amount.translate({ord(","): ".", ord("."): ","})
        return {
            "Id": f"006{n}",
            "Name": record.name,
            "Amount": amount,
            "Opened": record.opened_at.strftime(self.form),
            "Owner": record.owner,
            "Deleted": "TRUE" if record.is_deleted else "0",
            "Stage": "Demo",
            "Not mapped": 'any, "text"\n; of others',
        }

    def write(self, records: list[Record]) -> bytes:
        if self.delimiter == "json":
            lines = [
                json.dumps(self.cells(record, n), ensure_ascii=self.quotes_all)
                for n, record in enumerate(records)
            ]
            return self.line_end.join([*lines, ""]).encode(self.encoding)
        rows = [self.cells(record, n) for n, record in enumerate(records)]
        headers = list(self.cells(BLANK, 0))
        if self.is_shuffled:
            headers.reverse()
        between = self.line_end * (2 if self.blank_lines else 1)
        text = between.join(
            self.delimiter.join(map(self._quoted, cells))
            for cells in [[*headers], *([row[header] for header in headers] for row in rows)]
        )
        return (text + between + self.trailer.replace("\n", self.line_end)).encode(self.encoding)

    def _quoted(self, cell: str) -> str:
        if self.quotes_all or not cell.isalnum():
            return '"' + cell.replace('"', '""') + '"'
        return cell


BLANK = Record("", None, datetime(2024, 1, 1), "", False)
FORMS = st.sampled_from(
    [
        ("iso", "%Y-%m-%d %H:%M"),
        ("iso", "%Y-%m-%dT%H:%M:%S"),
        ("mdy", "%m/%d/%Y, %I:%M %p"),
        ("mdy", "%m/%d/%Y %H:%M"),
        ("dmy", "%d.%m.%Y %H:%M"),
        ("dmy", "%d/%m/%Y %I:%M%p"),
    ]
)
TRAILER = (
    '\n\n"My report"\n"Copyright (c) 2000-2026 salesforce.com, inc. All rights reserved."\n"Example Inc"\n'
)


def _is_no_guarded_formula(text: str) -> bool:
    return not (text.startswith("'") and text[1:2] in set("=+-@|%＝＋－＠"))


@st.composite
def written(draw: Callable[[Any], Any]) -> tuple[Dialect, list[Record]]:
    encoding = draw(st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "cp1252"]))
    dates, form = draw(FORMS)
    dialect = Dialect(
        encoding=encoding,
        delimiter=draw(st.sampled_from([",", ";", "\t", "|", "json"])),
        line_end=draw(st.sampled_from(["\n", "\r\n", "\r"])),
        dates=dates,
        form=form,
        decimal=draw(st.sampled_from([".", ","])),
        quotes_all=draw(st.booleans()),
        blank_lines=draw(st.booleans()),
        is_shuffled=draw(st.booleans()),
        trailer=draw(st.sampled_from(["", TRAILER])),
    )
    texts = (
        (st.text(SIMPLE, max_size=40) if encoding == "cp1252" else TEXTS)
        .map(str.strip)
        .filter(_is_no_guarded_formula)
    )
    moments = st.datetimes(datetime(1990, 1, 1), datetime(2100, 1, 1)).map(
        lambda m: m.replace(second=0, microsecond=0, fold=0)
    )
    amounts = st.none() | st.decimals(-(10**9), 10**9, places=2)
    return dialect, draw(
        st.lists(st.builds(Record, texts, amounts, moments, texts, st.booleans()), min_size=1, max_size=6)
    )


@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None, max_examples=300)
@given(written())
def test_records_written_in_any_dialect_come_back(case: tuple[Dialect, list[Record]]) -> None:
    dialect, records = case
    mapping = mapping_of(
        {
            "object": "opportunity",
            "columns": {
                "external_id": "Id",
                "name": "Name",
                "amount": "Amount",
                "opened_at": "Opened",
                "owner": "Owner",
                "is_deleted": "Deleted",
                "stage": "Stage",
            },
            "zone": "America/New_York",
            "dates": dialect.dates,
            "decimal": dialect.decimal,
            "currency": "EUR",
        }
    )
    assert drafts(dialect.write(records), mapping) == [
        draft for n, record in enumerate(records) for draft in record.drafts(n)
    ]
