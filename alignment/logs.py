"""Structured logs: one JSON object a line. Messages name events and ids, never people, bodies or secrets."""

from __future__ import annotations

import logging
import traceback
from collections.abc import MutableMapping
from typing import Any

import structlog


def formatter() -> logging.Formatter:
    return structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=[
            structlog.stdlib.add_log_level,
            structlog.stdlib.add_logger_name,
            structlog.stdlib.ExtraAdder(),
            structlog.processors.TimeStamper(fmt="iso", utc=True),
        ],
        processors=[
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            without_values,
            structlog.processors.JSONRenderer(default=repr_of_type),
        ],
    )


def without_values(_: Any, __: str, entry: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """An exception as its type and where it was raised. Its message is left out: a database's message quotes the
    row, and the row may be a person."""
    given = entry.pop("exc_info", None)
    if isinstance(given, tuple) and given[0] is not None:
        kind, _problem, trace = given
        entry["exception"] = kind.__name__
        entry["raised"] = [
            f"{frame.filename}:{frame.lineno} {frame.name}" for frame in traceback.extract_tb(trace)[-8:]
        ]
    return entry


def repr_of_type(value: object) -> str:
    """Objects that loggers attach (requests, exceptions) by their type alone."""
    return f"<{type(value).__name__}>"
