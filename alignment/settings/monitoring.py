"""Logs (one JSON object a line, no personal data, no bodies, no secrets) and figures for the monitoring system."""

import os

# Bearer token of the monitoring system for /metrics; without it there is no such page.
METRICS_TOKEN = os.environ.get("METRICS_TOKEN", "")

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"json": {"()": "alignment.logs.formatter"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "json"}},
    "root": {"handlers": ["stderr"], "level": "WARNING"},
    "loggers": {
        "alignment": {"level": os.environ.get("LOG_LEVEL", "INFO")},
        "sla": {"level": os.environ.get("LOG_LEVEL", "INFO")},
        "scorecard": {"level": os.environ.get("LOG_LEVEL", "INFO")},
        "handoff": {"level": os.environ.get("LOG_LEVEL", "INFO")},
        "celery.beat": {"level": "WARNING"},
        "axes": {"level": "ERROR"},
        # refusals are answers, not faults: no traceback for each 403 and 404
        "django.request": {"level": "ERROR"},
    },
}
