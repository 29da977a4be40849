"""Saving what people edit, with who, when and why beside it in its history."""

from __future__ import annotations

from datetime import datetime

from django.db.models import Model

from alignment.models import User

_REASON_LENGTH = 100


def save_with_history(instance: Model, *, reason: str, by: User | None, at: datetime) -> None:
    """Save a model that keeps a history; this change's row gets the person, the time and the reason.

    The marks are taken off again, so that a later save of the same object does not repeat them.
    """
    marks = {"_history_user": by, "_history_date": at, "_change_reason": reason[:_REASON_LENGTH]}
    vars(instance).update(marks)
    try:
        instance.save()
    finally:
        for mark in marks:
            vars(instance).pop(mark, None)


def delete_with_history(instance: Model, *, reason: str, by: User | None, at: datetime) -> None:
    """Delete a row whose history stays; the last entry says who removed it, when and why."""
    marks = {"_history_user": by, "_history_date": at, "_change_reason": reason[:_REASON_LENGTH]}
    vars(instance).update(marks)
    instance.delete()
