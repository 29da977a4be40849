"""Uploaded files: only where a view asks for them, only from those whom it is for, on disk, within a limit.

The parser of forms runs before any view and before its login is checked, for whatever address somebody sends a file
to; without this anybody could fill the disk.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from typing import Any, TypeVar, cast

from django.conf import settings
from django.core.files.uploadedfile import UploadedFile
from django.core.files.uploadhandler import FileUploadHandler, SkipFile
from django.http import HttpRequest

from alignment.models import Role, User

V = TypeVar("V", bound=Callable[..., Any])


def takes_files(*allowed: Role) -> Callable[[V], V]:
    """Let the forms of a view carry files of these roles; stands above the view's other decorators."""

    def mark(view: V) -> V:
        cast("Any", view).takes_files_of = allowed
        return view

    return mark


def takes_small_files(most: int) -> Callable[[V], V]:
    """Let the forms of a public view carry files of up to `most` bytes from anybody; stands above other decorators."""

    def mark(view: V) -> V:
        cast("Any", view).takes_files_up_to = most
        return view

    return mark


def is_too_large(request: HttpRequest | None) -> bool:
    """Whether a file of this request was cut off at the limit: then nothing of it was kept."""
    return bool(getattr(request, "file_too_large", False))


class DiskUploadHandler(FileUploadHandler):
    """Streams to a file without a name, which is gone whatever becomes of the process.

    What is beyond the limit is read from the connection, so that the browser gets an answer and not a broken
    connection, and thrown away.
    """

    def new_file(self, *args: Any, **options: Any) -> None:
        view = getattr(getattr(self.request, "resolver_match", None), "func", None)
        user = getattr(self.request, "user", None)
        self._most = getattr(view, "takes_files_up_to", 0)
        if not self._most:
            if not isinstance(user, User) or not user.has_role(*getattr(view, "takes_files_of", ())):
                raise SkipFile
            self._most = settings.IMPORT_MAX_BYTES
        super().new_file(*args, **options)
        self._size = 0
        self._file = tempfile.TemporaryFile()  # noqa: SIM115 - the request closes it

    def receive_data_chunk(self, raw_data: bytes, start: int) -> bytes | None:
        self._size += len(raw_data)
        if self._size <= self._most:
            self._file.write(raw_data)
        elif not is_too_large(self.request):
            cast("Any", self.request).file_too_large = True
            self._file.truncate(0)
        return None

    def file_complete(self, file_size: int) -> UploadedFile[Any] | None:
        if is_too_large(self.request):
            self._file.close()
            return None
        self._file.seek(0)
        return UploadedFile(
            self._file, self.file_name, self.content_type, file_size, self.charset, self.content_type_extra
        )

    def upload_interrupted(self) -> None:
        if hasattr(self, "_file"):
            self._file.close()
