"""Database, cache, static files, and the files and forms that are taken."""

import os
from pathlib import Path

import dj_database_url

from alignment.settings.environment import BASE_DIR, DATA_DIR, DEBUG, PRODUCTION

# The application connects as a role without TRUNCATE, and without UPDATE and DELETE on evidence tables;
# migrations run as the owner: `DATABASE_URL=$DATABASE_OWNER_URL manage.py migrate`.
APP_DB_ROLE = os.environ.get("APP_DB_ROLE", "alignment_app")
DATABASES = {
    "default": {
        **dj_database_url.parse(
            os.environ.get("DATABASE_URL", "postgresql:///alignment"),
            conn_max_age=600,
            conn_health_checks=True,
        ),
        "OPTIONS": {"connect_timeout": 5},
    }
}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
# Holds used codes of second factors and counts of requests: all processes must see the same, Redis or not.
CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.db.DatabaseCache",
        "LOCATION": "alignment_cache",
        "OPTIONS": {"MAX_ENTRIES": 20_000},
    }
}

STATIC_URL = "/static/"
STATIC_ROOT = Path(os.environ.get("STATIC_ROOT", DATA_DIR / "static"))
if not PRODUCTION:
    STATIC_ROOT.mkdir(parents=True, exist_ok=True)
STATICFILES_DIRS = [BASE_DIR / "static"]
# One machine serves straight from the source folders; production collects and compresses at build time.
WHITENOISE_USE_FINDERS = not PRODUCTION
WHITENOISE_AUTOREFRESH = DEBUG
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"
        if PRODUCTION
        else "django.contrib.staticfiles.storage.StaticFilesStorage"
    },
}

DATA_UPLOAD_MAX_MEMORY_SIZE = 2 * 1024 * 1024
DATA_UPLOAD_MAX_NUMBER_FIELDS = 2000  # a mapping has some controls for each column of a wide export
# Files are taken by views that say so, from roles that they name, straight to disk (TMPDIR), no larger than
# IMPORT_MAX_BYTES.
FILE_UPLOAD_HANDLERS = ["alignment.uploads.DiskUploadHandler"]
