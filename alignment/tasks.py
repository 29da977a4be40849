"""Ticks: three-line tasks that call a service with the time."""

from __future__ import annotations

import logging
import threading
import time

from celery import shared_task
from django.conf import settings
from django.utils import timezone

from alignment import pipeline
from alignment.services import (
    answers,
    artifacts,
    drift,
    gates,
    heads,
    import_drafts,
    import_run,
    mail,
    outbox,
    retention,
    who_is_who,
)


@shared_task
def drain() -> int:
    """Apply what waits in the inbox; any number of workers may do so at once."""
    return pipeline.drain(at=timezone.now(), now=timezone.now)


@shared_task
def expire_bodies() -> int:
    """Empty raw content that is older than the organisation keeps it."""
    return sum(run.rows for run in retention.expire_bodies(at=timezone.now()))


@shared_task
def deliver() -> int:
    """Send what waits in the outbox. One at a time is enough: a receiver that hangs takes one place of the worker's."""
    with outbox.alone() as is_alone:
        return outbox.deliver(at=timezone.now(), now=timezone.now) if is_alone else 0


@shared_task
def deliver_mail() -> int:
    """Send mails that wait; any number of workers may do so at once."""
    return mail.deliver_mail(at=timezone.now(), now=timezone.now)


@shared_task
def evaluate_gates() -> int:
    """Write down which gates opened or shut, and tell about it."""
    return gates.evaluate(at=timezone.now())


@shared_task
def forget_old_answers() -> int:
    """Answers to requests that may be repeated are kept for a day."""
    return answers.forget_old_answers(at=timezone.now())


@shared_task
def compare_leads() -> int:
    """Match all leads with accounts and with each other; finds what two drainers at once did not see."""
    return who_is_who.compare_leads(at=timezone.now())


@shared_task
def run_imports() -> int:
    """Work for some seconds on an import that waits or was left behind; how many rows of it are in."""
    found = import_run.run_waiting(now=timezone.now)
    return found.rows if found else 0


@shared_task
def forget_drafts() -> int:
    """Remove uploads that nobody has gone on with for a day."""
    return import_drafts.forget_drafts(at=timezone.now())


@shared_task
def expire_artifacts() -> int:
    """End what is in force beyond its last day."""
    return artifacts.expire(at=timezone.now())


@shared_task
def remind_signers() -> int:
    """Remind those who have not signed after two business days, and every two from then on."""
    return artifacts.remind(at=timezone.now())


@shared_task
def render_artifacts() -> int:
    """Make the PDFs of signed versions that could not be made when they were signed."""
    return artifacts.render_missing(at=timezone.now())


@shared_task
def forget_challenges() -> int:
    """One-time numbers of pages to sign on are kept for a day."""
    return artifacts.forget_challenges(at=timezone.now())


@shared_task
def sign_daily_head() -> bool:
    """Sign the end of the chain and mail it to the witnesses, once a day if it moved."""
    return heads.sign_daily_head(at=timezone.now()) is not None


# --- hints: a delivery is applied at once and not at the next tick --------------------------------------
HINT_INTERVAL = 0.5  # seconds between two hints of one process
_hint_wanted = threading.Event()
_hint_lock = threading.Lock()
_hint_sender: threading.Thread | None = None


def hint_drain() -> None:
    """Asks for a drain soon; returns at once and never fails. The tick every 2 s carries the promise.

    A daemon thread talks to the broker, so that a frozen one holds up no request; however many ask, it sends
    one hint per process and HINT_INTERVAL. Off with DRAIN_HINTS=0.
    """
    global _hint_sender
    if not settings.DRAIN_HINTS:
        return
    _hint_wanted.set()
    with _hint_lock:
        # not alive: first use, or a fork that left the thread behind
        if _hint_sender is None or not _hint_sender.is_alive():
            _hint_sender = threading.Thread(target=_send_hints, name="drain-hints", daemon=True)
            _hint_sender.start()


def _send_hints() -> None:
    while True:
        _hint_wanted.wait()
        _hint_wanted.clear()
        try:
            drain.apply_async(expires=30, retry=False)
        except Exception as error:
            logging.getLogger(__name__).info("drain_hint_lost", extra={"error": type(error).__name__})
        time.sleep(HINT_INTERVAL)


@shared_task
def watch_drift() -> bool:
    """Whether an alarm of drift from the signed definitions stands; it is told once."""
    return drift.watch_drift(at=timezone.now()) is not None
