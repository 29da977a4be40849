"""What beat sends is known to the workers."""

from __future__ import annotations

from django.conf import settings

from alignment.celery import app


def test_every_scheduled_task_is_one_that_workers_know() -> None:
    app.loader.import_default_modules()
    scheduled = {row["task"] for row in settings.CELERY_BEAT_SCHEDULE.values()}
    assert scheduled, "nothing is scheduled"
    assert scheduled - set(app.tasks) == set()
