"""How far the inbox is processed."""

from __future__ import annotations

from datetime import datetime

from django.db.models import Min

from alignment.models import Delivery


def processed_up_to(*, at: datetime) -> datetime:
    """Everything received before this instant is applied or dead; `at` when nothing waits."""
    oldest = Delivery.objects.pending().aggregate(oldest=Min("received_at"))["oldest"]
    return min(oldest, at) if oldest else at
