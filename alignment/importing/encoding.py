"""From bytes to text: which encoding, and what is no text at all."""

from __future__ import annotations

import codecs
import io
import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import BinaryIO

from alignment.importing.problems import UnreadableFile

_CHUNK = 1 << 20
_SAVE_AS_CSV = "save as CSV (UTF-8) and import that file."
_NOT_TEXT = (
    (b"PK\x03\x04", f"This is a spreadsheet (xlsx) or a ZIP archive: open it and {_SAVE_AS_CSV}"),
    (b"\xd0\xcf\x11\xe0", f"This is an old spreadsheet (xls): open it and {_SAVE_AS_CSV}"),
    (b"\x1f\x8b", "This file is compressed (gzip): unpack it and import the file inside."),
    (b"BZh", "This file is compressed (bzip2): unpack it and import the file inside."),
    (b"\xfd7zXZ\x00", "This file is compressed (xz): unpack it and import the file inside."),
    (b"\x28\xb5\x2f\xfd", "This file is compressed (zstd): unpack it and import the file inside."),
    (b"7z\xbc\xaf\x27\x1c", "This file is compressed (7z): unpack it and import the file inside."),
    (b"Rar!", "This file is compressed (rar): unpack it and import the file inside."),
    (b"%PDF", f"This is a PDF: export the table itself, {_SAVE_AS_CSV}"),
    (b"\xff\xfe\x00\x00", f"This text is encoded as UTF-32: {_SAVE_AS_CSV}"),
    (b"\x00\x00\xfe\xff", f"This text is encoded as UTF-32: {_SAVE_AS_CSV}"),
)
_MARKUP = re.compile(rb"\s*<(?:!doctype|html|table|\?xml|head|meta)", re.IGNORECASE)
_ESCAPED = re.compile("[\udc80-\udcff]")
_BEYOND_ASCII = re.compile("[\x80-\ud7ff\ue000-\U0010ffff]")


@dataclass(frozen=True)
class Encoding:
    """`name` for people, `codec` for Python; what cannot be decoded becomes lone surrogates, found later by line."""

    name: str
    codec: str
    errors: str = "surrogateescape"


UTF_8 = Encoding("UTF-8", "utf-8-sig")
UTF_8_MARKED = Encoding("UTF-8 with byte-order mark", "utf-8-sig")
UTF_16 = Encoding("UTF-16", "utf-16", "surrogatepass")
WINDOWS = Encoding("Windows-1252 or ISO-8859-1", "cp1252")


@contextmanager
def rewindable(stream: BinaryIO) -> Iterator[BinaryIO]:
    """The stream itself, or a temporary copy on disk of one that cannot be read twice (a pipe)."""
    if stream.seekable():
        yield stream
        return
    with tempfile.TemporaryFile() as copy:
        shutil.copyfileobj(stream, copy, _CHUNK)
        yield copy


def find_encoding(stream: BinaryIO) -> Encoding:
    """The encoding of a rewindable stream, which is left at its start. Reads all of it, a piece at a time.

    A mark at the start decides; else UTF-8, also with a few broken bytes (their lines are rejected), and only a file
    whose bytes beyond ASCII are mostly not UTF-8 is taken for Windows-1252. Raises UnreadableFile.
    """
    stream.seek(0)
    head = stream.read(_CHUNK)
    stream.seek(0)
    if not head.strip(b"\xef\xbb\xbf \t\r\n"):
        raise UnreadableFile("The file is empty: it needs a line of headers and at least one record.")
    for start, message in _NOT_TEXT:
        if head.startswith(start):
            raise UnreadableFile(message)
    if _MARKUP.match(head.removeprefix(codecs.BOM_UTF8)):
        raise UnreadableFile(f"This is a web page or XML, not a table of text: {_SAVE_AS_CSV}")
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        if stream.seek(0, io.SEEK_END) % 2:
            raise UnreadableFile("The UTF-16 text ends in the middle of a character: export it again.")
        stream.seek(0)
        return UTF_16
    if head.count(b"\0") * 5 > len(head):
        raise UnreadableFile(f"This is no text, or text in UTF-16 without its mark: {_SAVE_AS_CSV}")
    if head.startswith(codecs.BOM_UTF8):
        return UTF_8_MARKED
    return UTF_8 if _is_utf_8(stream) else WINDOWS


def up_to_a_line(text: bytes, size: int) -> BinaryIO:
    """The start of a file of `size` bytes without the line that it is cut off in."""
    if len(text) < size and (end := text.rfind(b"\n")) > 0:
        width = 2 if text.startswith((b"\xff\xfe", b"\xfe\xff")) else 1
        text = text[: end + width - end % width]
    return io.BytesIO(text)


@contextmanager
def decoded(stream: BinaryIO, encoding: Encoding) -> Iterator[io.TextIOWrapper]:
    """Text of the stream from its start, with line ends as they are; the stream stays open."""
    stream.seek(0)
    text = io.TextIOWrapper(stream, encoding.codec, errors=encoding.errors, newline="")
    try:
        yield text
    finally:
        text.detach()


def _is_utf_8(stream: BinaryIO) -> bool:
    strict = codecs.getincrementaldecoder("utf-8")()
    try:
        while piece := stream.read(_CHUNK):
            strict.decode(piece)
        strict.decode(b"", final=True)
        return True
    except UnicodeDecodeError:
        pass
    finally:
        stream.seek(0)
    lenient = codecs.getincrementaldecoder("utf-8")(errors="surrogateescape")
    good = broken = 0
    while piece := stream.read(_CHUNK):
        text = lenient.decode(piece)
        if not text.isascii():
            good += len(_BEYOND_ASCII.findall(text))
            broken += len(_ESCAPED.findall(text))
    stream.seek(0)
    return good >= broken
