"""Figures for the monitoring system, in the Prometheus text format. No names, no addresses, no bodies."""

from __future__ import annotations

from datetime import datetime

from alignment.models import DeadEvent, Delivery, Destination, Heartbeat, MqlCycle
from alignment.queries.inbox import processed_up_to
from alignment.queries.outbox import outbox_figures
from sla.models import Clock


def as_text(*, at: datetime) -> str:
    """All figures as of `at`, one a line, with help and type."""
    outbox = outbox_figures(at=at)
    behind = (at - processed_up_to(at=at)).total_seconds()
    lines = [
        *_gauge("inbox_pending", "Deliveries that wait for the drain", Delivery.objects.pending().count()),
        *_gauge("inbox_behind_seconds", "Age of the oldest delivery that waits", round(behind, 3)),
        *_gauge(
            "events_dead",
            "Events that could not be applied and were not replayed",
            DeadEvent.objects.open().count(),
        ),
        *_gauge("write_back_pending", "Messages of write-back that wait", outbox.waiting),
        *_gauge(
            "write_back_oldest_pending_seconds",
            "Age of the oldest message of write-back that waits",
            round((at - outbox.oldest_at).total_seconds(), 3) if outbox.oldest_at else 0,
        ),
        *_gauge(
            "write_back_dead", "Messages of write-back that were given up and not set aside", outbox.dead
        ),
        *_gauge("write_back_paused", "Destinations that are paused", Destination.objects.paused().count()),
        *_gauge("cycles_open", "MQL cycles that are open", MqlCycle.objects.open().count()),
        *_gauge(
            "cycles_unassigned", "Open MQL cycles without an owner", MqlCycle.objects.unassigned().count()
        ),
        *_gauge("clocks_running", "Clocks that run", Clock.objects.running().count()),
        *_gauge(
            "clocks_unjudged",
            "Clocks past due that no sweep has judged yet",
            Clock.objects.overdue(at).count(),
        ),
    ]
    lines += _header("loop_age_seconds", "Seconds since a loop's last sign of life")
    for beat in Heartbeat.objects.order_by("name"):
        age = (at - beat.beat_at).total_seconds()
        lines.append(f'alignment_loop_age_seconds{{loop="{beat.name}"}} {age:.3f}')
    return "\n".join(lines) + "\n"


def _header(name: str, meaning: str) -> list[str]:
    return [f"# HELP alignment_{name} {meaning}", f"# TYPE alignment_{name} gauge"]


def _gauge(name: str, meaning: str, value: float) -> list[str]:
    return [*_header(name, meaning), f"alignment_{name} {value}"]
