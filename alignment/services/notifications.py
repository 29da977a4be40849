"""What a person does with notifications: reading them."""

from __future__ import annotations

from datetime import datetime

from alignment.models import Notification, User


def mark_read(*, notification: Notification, at: datetime) -> None:
    """Mark one as read; one that was read stays read as of then."""
    Notification.objects.unread().filter(pk=notification.pk).update(read_at=at)


def mark_all_read(*, user: User, at: datetime) -> int:
    """Mark all of a person's as read; how many were unread."""
    return Notification.objects.unread().filter(user=user).update(read_at=at)
