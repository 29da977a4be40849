"""How far the inbox is processed."""

from __future__ import annotations

from datetime import datetime

from django.db.models import Min

from alignment.models import Delivery


def oldest_waiting() -> datetime | None:
    """When the oldest delivery that waits for the drain was received; None when nothing waits."""
    found: datetime | None = Delivery.objects.pending().aggregate(oldest=Min("received_at"))["oldest"]
    return found


def processed_up_to(*, at: datetime) -> datetime:
    """Everything received before this instant is applied or dead; `at` when nothing waits."""
    oldest = oldest_waiting()
    return min(oldest, at) if oldest else at
