"""Acts that take a file: multipart/form-data, streamed to disk and hashed on its way, never held in memory."""

from __future__ import annotations

import hashlib
import io
import json
import tempfile
from typing import Any, ClassVar

from django.conf import settings
from django.core.exceptions import RequestDataTooBig
from django.core.files.uploadedfile import UploadedFile
from django.core.files.uploadhandler import FileUploadHandler, SkipFile
from django.http import HttpRequest, HttpResponse, QueryDict
from django.http.multipartparser import MultiPartParser, MultiPartParserError
from rest_framework.parsers import BaseParser
from rest_framework.request import Request

from alignment.api.acts import Act, digest_of, key_of
from alignment.api.problems import Problem, invalid_body
from alignment.intake.limits import BadJson, storable_json
from alignment.intake.receive import BadRequest

KIND = "multipart/form-data"
AROUND_THE_FILE = 4 * 1024 * 1024  # bytes that the other fields and the form of the body may take


class FormWithFile(BaseParser):
    """For the document only: an act reads its body itself, once it is known who asks."""

    media_type = KIND


class OneFile(FileUploadHandler):
    """The file of one field, in a file without a name, with its SHA-256. Files of other fields are not kept."""

    def __init__(self, field: str, limit: int) -> None:
        super().__init__()
        self.field, self.limit = field, limit
        self.size, self.sha256 = 0, hashlib.sha256()
        self.kept = tempfile.TemporaryFile()  # noqa: SIM115 - the act closes it
        self.is_complete = False
        self.others: set[str] = set()

    def new_file(self, field_name: str, *args: Any, **options: Any) -> None:
        if field_name != self.field or self.size or self.is_complete:
            self.others.add(field_name)
            raise SkipFile
        super().new_file(field_name, *args, **options)

    def receive_data_chunk(self, raw_data: bytes, start: int) -> bytes | None:
        self.size += len(raw_data)
        if self.size > self.limit:
            raise BadRequest(413, _most(self.limit))
        self.kept.write(raw_data)
        self.sha256.update(raw_data)
        return None

    def file_complete(self, file_size: int) -> UploadedFile[Any] | None:
        self.is_complete = True
        self.kept.seek(0)
        return UploadedFile(self.kept, self.file_name, self.content_type, file_size, self.charset)


class Counted(io.RawIOBase):
    """A body that knows how much of it came: the parser takes one that breaks off for a whole one."""

    def __init__(self, request: HttpRequest) -> None:
        self.request, self.size = request, 0

    def read(self, size: int | None = -1, /) -> bytes:
        found: bytes = self.request.read(size)
        self.size += len(found)
        return found

    def drain(self) -> int:
        """Read what the parser left; how many bytes came in all."""
        while self.read(1 << 16):
            pass
        return self.size


class UploadAct(Act):
    """An act whose body is a form with one file, in the field `file`, and texts beside it.

    `given` reads them together; `as_json` names those of the fields that are documents.
    """

    parser_classes = [FormWithFile]
    as_json: ClassVar[frozenset[str]] = frozenset()

    @property
    def limit(self) -> int:
        """Bytes of the file."""
        return int(settings.IMPORT_MAX_BYTES)

    def require_form(self, request: Request) -> None:
        meta = request.META
        if (meta.get("CONTENT_TYPE") or "").partition(";")[0].strip().lower() != KIND:
            raise Problem("unsupported-media-type", f"Send the file as {KIND}, in the field file.")
        if request.headers.get("Content-Encoding", "identity").strip().lower() != "identity":
            raise Problem("unsupported-media-type", "Send the body without Content-Encoding.")
        stated = meta.get("CONTENT_LENGTH") or ""
        if not stated:
            raise Problem("length-required", "Send Content-Length.")
        if not (stated.isascii() and stated.isdigit()):
            raise Problem("bad-request", "Content-Length is not a number.")
        if len(stated) > 15 or int(stated) > self.limit + AROUND_THE_FILE:
            raise Problem("too-large", _most(self.limit) + ".")

    def post(self, request: Request, **path: Any) -> HttpResponse:
        self.handler = OneFile("file", self.limit)
        with self.handler.kept:
            return super().post(request, **path)

    def receive(self, request: Request) -> tuple[Any, bytes]:
        self.key = key_of(request)
        texts, file = self._parse(request._request)
        reader = self.given(data=self._fields(texts) | ({"file": file} if file else {}))
        if not reader.is_valid():
            raise invalid_body(reader.errors)
        whole = [sorted(texts.lists()), file.name if file else "", self.handler.sha256.hexdigest()]
        return reader.validated_data, digest_of(request, self.handler.size, json.dumps(whole).encode())

    def _parse(self, request: HttpRequest) -> tuple[QueryDict, UploadedFile[Any] | None]:
        body = Counted(request)
        try:
            texts, files = MultiPartParser(request.META, body, [self.handler], "utf-8").parse()
            is_whole = body.drain() == int(request.META["CONTENT_LENGTH"])
        except RequestDataTooBig as problem:
            raise Problem("too-large", "The fields beside the file are too large.") from problem
        except MultiPartParserError as problem:
            raise Problem("bad-request", "The body is not well formed as multipart/form-data.") from problem
        except OSError:  # the sender hung up
            is_whole = False
        if not is_whole:
            raise Problem("bad-request", "The body is shorter than Content-Length: send it again.")
        errors = {name: ["Give it once."] for name, values in texts.lists() if len(values) > 1}
        errors |= {name: ["One file is read, in the field file."] for name in self.handler.others}
        if errors:
            raise invalid_body({name[:60]: said for name, said in list(errors.items())[:20]})
        return texts, files.get("file")

    def _fields(self, texts: QueryDict) -> dict[str, Any]:
        return {name: self._read_field(name, str(text)) for name, text in texts.items()}

    def _read_field(self, name: str, text: str) -> Any:
        return _document(name, text) if name in self.as_json else text


def _document(name: str, text: str) -> Any:
    """The JSON of a field, read as strictly as a body."""
    try:
        return storable_json(text.encode("utf-8", "surrogatepass"))
    except BadJson as problem:
        raise invalid_body({name: [problem.message]}) from problem


def _most(limit: int) -> str:
    return f"Send at most {limit} bytes of a file; export it in parts, a year at a time"
