"""This product's settings with the baselines' addresses and the middleware of a fresh Django project."""

from alignment.settings import *  # noqa: F403
from alignment.settings import DATABASES, INSTALLED_APPS

ROOT_URLCONF = "benchmarks.intake_site.urls"
INSTALLED_APPS = [*INSTALLED_APPS, "rest_framework.authtoken"]
MIDDLEWARE = [
    "alignment.middleware.IntakeMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "allauth.account.middleware.AccountMiddleware",  # allauth does not start without it
]
# The intake needs no health check; the baselines are spared its round trip, too.
DATABASES["default"]["CONN_HEALTH_CHECKS"] = False
ALLOWED_HOSTS = ["127.0.0.1"]
DRAIN_HINTS = False
