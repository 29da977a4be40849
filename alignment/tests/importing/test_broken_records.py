"""A broken record costs itself and nothing beside it; a file that is no table is refused as a whole."""

from __future__ import annotations

import gzip
import io
import tracemalloc
import zipfile
from collections.abc import Iterator
from typing import Any

import pytest

from alignment.importing.look import look_at
from alignment.importing.problems import UnreadableFile
from alignment.importing.rows import Reject, Row, read_rows
from alignment.tests.importing.support import mapping_of, read, rejects

LEAD = {
    "object": "lead",
    "columns": {"external_id": "id", "company": "company", "score": "score", "mql_at": "mql_at"},
    "zone": "UTC",
}
HEADERS = b"id,company,score,mql_at\n"
BROKEN = {
    "too few cells": (b"7,Acme", "too_few_cells", "has 2 cells, the headers have 4"),
    "too many cells": (b"7,Acme, Inc,1,", "too_many_cells", "has 5 cells, the headers have 4"),
    "no id": (b",Acme,1,", "no_id", "has no id"),
    "NUL": (b"7,Ac\0me,1,", "nul_character", "NUL"),
    "broken UTF-8": (b"7,Ac\xffme,1,", "broken_text", "UTF-8"),
    "surrogate as UTF-8": (b"7,\xed\xa0\x80,1,", "broken_text", "UTF-8"),
    "text after a quote": (b'7,"Acme" Inc,1,', "bad_quotation", "quotation"),
    "quote never closed": (b'7,"Acme,1,', "bad_quotation", "quotation"),
    "word for a number": (b"7,Acme,many,", "bad_number", "score (score): “many” is not a number"),
    "day that does not exist": (b"7,Acme,1,2024-02-30", "bad_time", "2024-02-30"),
    "long text": (b"7," + b"x" * 201 + b",1,", "bad_value", "company (company): the text is longer than 200"),
    "long id": (b"7" * 191 + b",Acme,1,", "bad_value", "longer than 190"),
    "long line": (b"7," + b"x" * (1 << 20) + b",1,", "line_too_long", "longer than"),
    "very long line": (b'7,"' + b"x" * (3 << 20) + b",1,", "line_too_long", "longer than"),
}


@pytest.mark.parametrize(("line", "code", "told"), BROKEN.values(), ids=BROKEN)
def test_one_bad_row_in_ten_thousand_rejects_exactly_that_line(line: bytes, code: str, told: str) -> None:
    rows = [f'{n},"Société {n}",{n % 100},2024-03-12 09:14\n'.encode() for n in range(10_000)]
    rows[6_543] = line + b"\n"
    found = read(HEADERS + b"".join(rows), mapping_of(LEAD))
    (reject,) = (row for row in found if isinstance(row, Reject))
    assert (reject.line, reject.code) == (6_545, code)
    assert told in reject.message and len(reject.message) < 400
    assert [row.line for row in found] == list(range(2, 10_002))
    assert [row.drafts[0].external_id for row in found if isinstance(row, Row)] == [
        str(n) for n in range(10_000) if n != 6_543
    ]


def test_a_quote_that_is_never_closed_costs_one_line_even_at_the_end() -> None:
    assert [
        (row.line, type(row)) for row in read(HEADERS + b'1,A,1,\n2,"B,1,\n3,C,1,', mapping_of(LEAD))
    ] == [
        (2, Row),
        (3, Reject),
        (4, Row),
    ]


def test_all_that_is_wrong_with_a_row_is_told_at_once() -> None:
    (reject,) = rejects(HEADERS + b"1,Acme,many,soon\n", mapping_of(LEAD))
    assert "score (score)" in reject.message and "mql_at (mql_at)" in reject.message


def test_other_cells_of_a_rejected_row_stay_out_of_the_message() -> None:
    columns = {"external_id": "id", "email": "email", "score": "score"}
    (reject,) = rejects("id,email,score\n1,ann@example.com,many\n", {"object": "lead", "columns": columns})
    assert "ann" not in reject.message


def test_a_report_name_without_a_trailer_is_a_row_cut_short() -> None:
    assert [reject.code for reject in rejects(HEADERS + b"1,A,1,\n\n\nMy report\n", mapping_of(LEAD))] == [
        "too_few_cells"
    ]
    assert (
        rejects(HEADERS + b"1,A,1,\n\n\nMy report\nCopyright (c) 2026 x\nExample Inc\n", mapping_of(LEAD))
        == []
    )
    assert rejects(HEADERS + b'1,A,1,\n,,,\n"Grand Totals (1 records)",,,\n', mapping_of(LEAD)) == []


def test_rows_cut_short_around_what_looks_like_a_trailer_are_told() -> None:
    body = b"1,A,1,\n2\nGrand Totals (2 records)\n3\nConfidential Information - Do Not Distribute\n4\n"
    found = rejects(HEADERS + body, mapping_of(LEAD))
    assert [(reject.line, reject.code) for reject in found] == [(n, "too_few_cells") for n in (3, 5, 7)]


def test_a_row_cut_short_above_a_trailer_is_told() -> None:
    for blank in (b"\n\n", b",,,\n", b' \n""\n'):
        body = b"1,A,1,\n2\n" + blank + b"My report\n\nGrand Totals (2 records)\nExample Inc\n"
        assert [reject.line for reject in rejects(HEADERS + body, mapping_of(LEAD))] == [3]


def test_a_row_behind_a_trailer_is_still_read() -> None:
    rows = read(HEADERS + b"1,A,1,\nGrand Totals (1 records)\n2,B,1,\nshort\n", mapping_of(LEAD))
    assert [(type(row), row.line) for row in rows] == [(Row, 2), (Row, 4), (Reject, 5)]


JSON_BROKEN = {
    "not JSON": ('{"id": 1', "not_json"),
    "not an object": ("[1]", "not_an_object"),
    "a value alone": ('"text"', "not_an_object"),
    "same key twice": ('{"id":"7","id":"8"}', "duplicate_key"),
    "NUL": ('{"id":"7","company":"a\\u0000"}', "nul_character"),
    "raw NUL": ('{"id":"7","company":"a\0"}', "nul_character"),
    "lone surrogate": ('{"id":"7","company":"\\ud800"}', "lone_surrogate"),
    "nested object": ('{"id":"7","company":{"name":"A"}}', "nested"),
    "nested list": ('{"id":["7"]}', "nested"),
    "deep": ('{"id":' + "[" * 100_000 + "}", "too_deep"),
    "endless number": ('{"id":"7","score":' + "9" * 5000 + "}", "integer_too_large"),
    "NaN": ('{"id":"7","score":NaN}', "not_a_number"),
    "no id": ('{"company":"A"}', "no_id"),
    "bad number": ('{"id":"7","score":true}', "bad_number"),
    "time as a small number": ('{"id":"7","mql_at":12}', "bad_time"),
    "long line": ('{"id":"' + "7" * (1 << 20) + '"}', "line_too_long"),
}


@pytest.mark.parametrize(("line", "code"), JSON_BROKEN.values(), ids=JSON_BROKEN)
def test_one_bad_json_line_rejects_exactly_that_line(line: str, code: str) -> None:
    lines = [
        f'{{"id":{n},"company":"Société {n}","score":72.0,"other":{{"is":["ignored"]}}}}\n'
        for n in range(200)
    ]
    lines[123] = line + "\n"
    found = read("".join(lines), mapping_of(LEAD))
    (reject,) = (row for row in found if isinstance(row, Reject))
    assert (reject.line, reject.code) == (124, code)
    assert len(found) == 200 and len(reject.message) < 400


def _zip(name: str) -> bytes:
    body = io.BytesIO()
    with zipfile.ZipFile(body, "w") as archive:
        archive.writestr(name, "id,company\n")
    return body.getvalue()


UNREADABLE: dict[str, tuple[bytes, str]] = {
    "empty": (b"", "empty"),
    "only a mark and blanks": (b"\xef\xbb\xbf \n\n", "empty"),
    "xlsx": (_zip("xl/workbook.xml"), "save as CSV"),
    "xls": (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600), "save as CSV"),
    "gzip": (gzip.compress(HEADERS), "unpack"),
    "bzip2": (b"BZh91AY", "unpack"),
    "xz": (b"\xfd7zXZ\x00\x00", "unpack"),
    "zstd": (b"\x28\xb5\x2f\xfd00", "unpack"),
    "PDF": (b"%PDF-1.7\n", "PDF"),
    "table of a web page": (b"\n<html><body><table>", "web page"),
    "UTF-32": ("id,company".encode("utf-32"), "UTF-32"),
    "UTF-16 without a mark": ("id,company".encode("utf-16-le"), "UTF-16"),
    "half a character of UTF-16": ("id,company\n".encode("utf-16") + b"1", "UTF-16"),
    "JSON array": (b'[{"id": 1},\n{"id": 2}]', "one object a line"),
    "missing columns": (b"id,name\n1,A\n", "no column “company”, “score”, “mql_at”. It has: id, name."),
    "other delimiter": (b"id~company~score~mql_at\n", "no column “id”"),
    "same header twice": (b"id,company,company,score,mql_at\n", "“company” come more than once"),
    "header alike twice": (b"id,Company,COMPANY,score,mql_at\n", "could be “Company”, “COMPANY”"),
    "NUL in the headers": (b"id,comp\0any,score,mql_at\n", "Line 1, the headers"),
    "quote in the headers": (b'id,"company,score,mql_at\n', "Line 1, the headers"),
    "no headers, one long line": (b"x" * (2 << 20), "Line 1, the headers"),
}


@pytest.mark.parametrize(("body", "told"), UNREADABLE.values(), ids=UNREADABLE)
def test_a_file_that_is_no_table_is_refused_as_a_whole(body: bytes, told: str) -> None:
    with pytest.raises(UnreadableFile) as refusal:
        read(body, mapping_of(LEAD))
    assert told in str(refusal.value)
    assert str(refusal.value).endswith(".") and len(str(refusal.value)) < 4000


def test_headers_alone_are_a_file_without_records() -> None:
    assert read(HEADERS, mapping_of(LEAD)) == []


def test_the_stream_stays_open_and_may_be_a_pipe() -> None:
    class Pipe(io.BytesIO):
        def seekable(self) -> bool:
            return False

        def seek(self, *args: Any) -> int:
            raise io.UnsupportedOperation

    pipe = Pipe(HEADERS + b"1,A,1,\n")
    assert len(list(read_rows(pipe, mapping_of(LEAD)))) == 1
    stream = io.BytesIO(HEADERS + b"1,A,1,\n2,B,1,\n")
    stream.read(5)
    assert len(list(read_rows(stream, mapping_of(LEAD)))) == 2  # from its start, wherever it stood
    next(iter(read_rows(stream, mapping_of(LEAD))))
    look_at(stream)
    assert not stream.closed


class Endless(io.RawIOBase):
    """A file of `size` bytes that is made while it is read."""

    def __init__(self, line: bytes, size: int) -> None:
        self.block = line * (65_536 // len(line))
        self.size = size // len(self.block) * len(self.block)
        self.at = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = 0) -> int:
        self.at = offset + (0, self.at, self.size)[whence]
        return self.at

    def readinto(self, buffer: Any) -> int:
        start = self.at % len(self.block)
        piece = self.block[start : start + min(len(buffer), self.size - self.at)]
        buffer[: len(piece)] = piece
        self.at += len(piece)
        return len(piece)


@pytest.fixture
def measured() -> Iterator[None]:
    tracemalloc.start()
    yield
    tracemalloc.stop()


@pytest.mark.parametrize(
    "line", [b"id,company,score,mql_at\n", b'"id,company'], ids=["rows", "one line without end"]
)
def test_memory_stays_flat(line: bytes, measured: None) -> None:
    body = io.BufferedReader(Endless(line, 24 << 20))
    document = {"object": "lead", "columns": {"external_id": "id"}}
    try:
        for _ in read_rows(body, mapping_of(document)):
            if body.tell() > 2 << 20 and line.endswith(b"\n"):
                break
    except UnreadableFile:
        pass
    assert tracemalloc.get_traced_memory()[1] < 12 << 20
