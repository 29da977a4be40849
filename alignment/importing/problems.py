"""What can be wrong with an export: the whole file, one record of it, one cell."""

from __future__ import annotations


class UnreadableFile(ValueError):
    """The file as a whole cannot be read; the message says what was found and what to do."""


class BadRecord(ValueError):
    """One record cannot be read; `code` is stable for lists and counts, the text says it in words."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class BadCell(BadRecord):
    """One cell cannot be read as the field that it is mapped to; the text names neither yet."""
