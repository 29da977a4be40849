"""The Celery application. Messages are wake-up hints only: rows and sweeps carry every promise."""

import os

from celery import Celery
from celery.signals import worker_ready

from alignment import file_queue  # noqa: F401 - registers the queue in files

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "alignment.settings")

app = Celery("alignment")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()


@worker_ready.connect
def catch_up(sender: object = None, **_: object) -> None:
    """Work that waited while no worker ran starts at once, not at the next tick."""
    from alignment.tasks import drain

    drain.apply_async(expires=30)
