"""Celery: wake-up hints, never promises."""

import os
from typing import Any

from alignment.settings.environment import DATA_DIR

REDIS_URL = os.environ.get("REDIS_URL", "")
if REDIS_URL:
    CELERY_BROKER_URL = REDIS_URL
    CELERY_BROKER_TRANSPORT_OPTIONS: dict[str, Any] = {
        "visibility_timeout": 300,
        "unacked_restore_interval": 10,
        "unacked_restore_throttle": 1,
        "socket_timeout": 5,
        "socket_connect_timeout": 2,
    }
else:
    _queue = DATA_DIR / "queue"
    CELERY_BROKER_URL = "alignment-files://localhost//"  # alignment.file_queue
    CELERY_BROKER_TRANSPORT_OPTIONS = {
        "data_folder_in": str(_queue / "messages"),
        "data_folder_out": str(_queue / "messages"),
        "processed_folder": str(_queue / "processed"),
        "control_folder": str(_queue / "control"),
        "store_processed": False,
        "polling_interval": 0.1,
    }
    for _name in ("messages", "processed", "control"):
        (_queue / _name).mkdir(parents=True, exist_ok=True)
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_TASK_SERIALIZER = "json"
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_MAX_TASKS_PER_CHILD = 1000
CELERY_WORKER_ENABLE_REMOTE_CONTROL = bool(REDIS_URL)
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_TIMEZONE = "UTC"
CELERY_BEAT_SCHEDULE = {
    name: {"task": task, "schedule": period, "options": {"expires": max(period, 10)}}
    for name, task, period in [
        ("drain the inbox", "alignment.tasks.drain", 2.0),
        ("import history", "alignment.tasks.run_imports", 3.0),
        ("forget uploads nobody imported", "alignment.tasks.forget_drafts", 3600.0),
        ("mark breached clocks", "sla.tasks.mark_breached", 5.0),
        ("roll up compliance", "sla.tasks.roll_up", 3.0),
        ("compare roll-up with base tables", "sla.tasks.compare_roll_up", 24 * 3600.0),
        ("route what waits without an owner", "handoff.tasks.route_unassigned", 15.0),
        ("match and compare all leads", "alignment.tasks.compare_leads", 24 * 3600.0),
        ("remind of the SLA's review", "sla.tasks.remind_of_review", 3600.0),
        ("watch full weeks", "sla.tasks.watch_weeks", 60.0),
        ("execute the SLA's consequences", "sla.tasks.execute_consequences", 900.0),
        ("mark disputes not ruled on in time", "sla.tasks.mark_disputes_overdue", 60.0),
        ("measure elapsed business time", "sla.tasks.keep_elapsed", 10.0),
        ("measure all business time anew", "sla.tasks.rebuild_elapsed", 24 * 3600.0),
        ("re-date running clocks", "sla.tasks.redate_clocks", 15.0),
        ("expire raw bodies", "alignment.tasks.expire_bodies", 24 * 3600.0),
        ("watch drift from the definitions", "alignment.tasks.watch_drift", 3600.0),
        ("sign the head of the chain", "alignment.tasks.sign_daily_head", 3600.0),
        ("deliver write-back", "alignment.tasks.deliver", 3.0),
        ("send mails", "alignment.tasks.deliver_mail", 5.0),
        ("end artifacts whose last day is over", "alignment.tasks.expire_artifacts", 60.0),
        ("remind signers", "alignment.tasks.remind_signers", 3600.0),
        ("make missing PDFs", "alignment.tasks.render_artifacts", 60.0),
        ("forget one-time numbers", "alignment.tasks.forget_challenges", 3600.0),
        ("send survey invitations", "scorecard.tasks.send_invitations", 10.0),
        ("tend the survey", "scorecard.tasks.tend_survey", 60.0),
        ("remind of questions", "scorecard.tasks.remind_of_questions", 3600.0),
        ("send the adherence report", "sla.tasks.send_adherence_report", 60.0),
        ("evaluate gates", "alignment.tasks.evaluate_gates", 60.0),
        ("forget answers kept for a day", "alignment.tasks.forget_old_answers", 3600.0),
    ]
}
