"""Ticks: three-line tasks that call a service with the time."""

from __future__ import annotations

from celery import shared_task
from django.utils import timezone

from alignment import pipeline


@shared_task
def drain() -> int:
    """Apply what waits in the inbox; any number of workers may do so at once."""
    return pipeline.drain(at=timezone.now())
