"""What leaves the machine: e-mail, and write-back with where it may go and how long one attempt may take."""

import os
from ipaddress import ip_network

from alignment.settings.environment import PRODUCTION, is_on

EMAIL_BACKEND = os.environ.get(
    "EMAIL_BACKEND", f"django.core.mail.backends.{'smtp' if PRODUCTION else 'console'}.EmailBackend"
)
# Hour of the day in the organisation's zone at which the weekly adherence report leaves.
ADHERENCE_REPORT_HOUR = int(os.environ.get("ADHERENCE_REPORT_HOUR", "8"))
if not 0 <= ADHERENCE_REPORT_HOUR <= 23:
    raise RuntimeError("ADHERENCE_REPORT_HOUR is an hour of the day: 0 to 23.")
EMAIL_HOST = os.environ.get("EMAIL_HOST", "localhost")
EMAIL_PORT = int(os.environ.get("EMAIL_PORT", "25"))
EMAIL_HOST_USER = os.environ.get("EMAIL_HOST_USER", "")
EMAIL_HOST_PASSWORD = os.environ.get("EMAIL_HOST_PASSWORD", "")
EMAIL_USE_TLS = is_on("EMAIL_USE_TLS")
EMAIL_TIMEOUT = 15  # seconds
# Backends that keep no copy of a mail anywhere: links of the trust survey go out by no other.
SURVEY_MAIL_BACKENDS = [
    "django.core.mail.backends.smtp.EmailBackend",
    *(name.strip() for name in os.environ.get("SURVEY_MAIL_BACKENDS", "").split(",") if name.strip()),
]
DEFAULT_FROM_EMAIL = os.environ.get("DEFAULT_FROM_EMAIL", "alignment@localhost")

# Networks (CIDR, comma separated) of self-hosted CRMs: there http, any port and internal addresses are fine.
OUTGOING_ALLOWED_NETWORKS = [
    str(ip_network(text.strip(), strict=False))
    for text in os.environ.get("OUTGOING_ALLOWED_NETWORKS", "").split(",")
    if text.strip()
]
OUTGOING_ALLOWED_PORTS = [
    int(p) for p in os.environ.get("OUTGOING_ALLOWED_PORTS", "443").split(",") if p.strip()
]
OUTGOING_CA_FILE = os.environ.get("OUTGOING_CA_FILE", "")  # certificates of an authority of one's own (PEM)
OUTGOING_CONNECT_TIMEOUT = 5.0  # seconds
OUTGOING_TIMEOUT = 15.0  # seconds for the whole exchange
OUTGOING_THREADS = 8
OUTGOING_THREADS_PER_DESTINATION = 4
