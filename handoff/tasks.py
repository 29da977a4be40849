"""Ticks of the handoff: three-line tasks that call a service with the time."""

from __future__ import annotations

from celery import shared_task
from django.utils import timezone

from handoff.services.unassigned import route_unassigned as route


@shared_task
def route_unassigned() -> int:
    """Give waiting MQLs an owner as soon as somebody is eligible."""
    return route(at=timezone.now())
