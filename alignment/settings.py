"""One settings file; what differs between machines comes from environment variables (see README, Production)."""

import os
import zoneinfo
from ipaddress import ip_network
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import dj_database_url
from csp.constants import NONE, SELF

# One time-zone database everywhere: the pinned tzdata package. The system's files lag by months.
zoneinfo.reset_tzpath([])

BASE_DIR = Path(__file__).resolve().parent.parent
DATA_DIR = Path(os.environ.get("DATA_DIR", BASE_DIR / ".run" / "data"))


def _is_on(name: str, default: str = "0") -> bool:
    return os.environ.get(name, default).lower() in {"1", "true", "yes", "on"}


DEBUG = _is_on("DEBUG")
PRODUCTION = _is_on("PRODUCTION")
SECRET_KEY = os.environ.get("SECRET_KEY", "")
if not SECRET_KEY:
    if PRODUCTION:
        raise RuntimeError("Set SECRET_KEY to a long random string: PRODUCTION=1 does not start without one.")
    SECRET_KEY = "only-for-development-" + "x" * 40
# Earlier keys: they sign and encrypt nothing new, but what they did is still believed and opened.
SECRET_KEY_FALLBACKS = [key for key in os.environ.get("SECRET_KEY_FALLBACKS", "").split(",") if key]
BASE_URL = os.environ.get("BASE_URL", "http://127.0.0.1:8000").rstrip("/")
ALLOWED_HOSTS = [h for h in os.environ.get("ALLOWED_HOSTS", "127.0.0.1,localhost,[::1]").split(",") if h]
CSRF_TRUSTED_ORIGINS = [BASE_URL] if BASE_URL.startswith("https://") else []

INSTALLED_APPS = [
    # the five procedures and their core
    "dashboard",
    "planning",
    "handoff",
    "sla",
    "scorecard",
    "alignment",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "django.contrib.humanize",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "allauth.socialaccount",
    "allauth.socialaccount.providers.openid_connect",
    "axes",
    "csp",
    "django_htmx",
    "django_filters",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "simple_history",
]

MIDDLEWARE = [
    # first: signed deliveries are answered before session, CSRF and login machinery wakes up
    "alignment.middleware.IntakeMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "alignment.middleware.PrivatePagesMiddleware",
    "alignment.middleware.SessionAgeMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "simple_history.middleware.HistoryRequestMiddleware",
    "alignment.middleware.LoginRequiredMiddleware",
    "alignment.middleware.ZoneMiddleware",
    "axes.middleware.AxesMiddleware",
]

ROOT_URLCONF = "alignment.urls"
WSGI_APPLICATION = "alignment.wsgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "alignment.context.page",
            ],
            "builtins": ["alignment.templatetags.ui", "alignment.templatetags.ui_lists"],
        },
    }
]

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

# --- people and login ---------------------------------------------------------------------------------
AUTH_USER_MODEL = "alignment.User"
AUTHENTICATION_BACKENDS = [
    "axes.backends.AxesStandaloneBackend",
    "allauth.account.auth_backends.AuthenticationBackend",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 12}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.NumericPasswordValidator"},
]
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "/"
ACCOUNT_ADAPTER = "alignment.accounts.AccountAdapter"
SOCIALACCOUNT_ADAPTER = "alignment.accounts.SocialAccountAdapter"
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*"]
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_EMAIL_VERIFICATION = "none"
ACCOUNT_SESSION_REMEMBER = False
ACCOUNT_LOGOUT_ON_GET = False
ACCOUNT_PREVENT_ENUMERATION = True
ACCOUNT_REAUTHENTICATION_TIMEOUT = 300
ACCOUNT_EMAIL_SUBJECT_PREFIX = ""
# Wrong passwords are counted by axes; this limit is for codes of the second factor, per address and per login.
# Further limits (sign-in pages, password reset, reauthentication) are the library's own.
ACCOUNT_RATE_LIMITS = {"login_failed": "30/m/ip,10/15m/key"}
MFA_SUPPORTED_TYPES = ["totp", "recovery_codes"]
MFA_TOTP_ISSUER = "Revenue alignment"
# RevOps vouches for addresses; nobody is asked to confirm one before a second factor can be set up
MFA_ALLOW_UNVERIFIED_EMAIL = True
SOCIALACCOUNT_EMAIL_AUTHENTICATION = False
SOCIALACCOUNT_PROVIDERS = (
    {
        "openid_connect": {
            "OAUTH_PKCE_ENABLED": True,
            "APPS": [
                {
                    "provider_id": "sso",
                    "name": os.environ.get("OIDC_NAME", "Single sign-on"),
                    "client_id": os.environ["OIDC_CLIENT_ID"],
                    "secret": os.environ.get("OIDC_CLIENT_SECRET", ""),
                    "settings": {"server_url": os.environ["OIDC_SERVER_URL"]},
                }
            ],
        }
    }
    if os.environ.get("OIDC_CLIENT_ID") and os.environ.get("OIDC_SERVER_URL")
    else {}
)
AXES_FAILURE_LIMIT = 10
AXES_COOLOFF_TIME = 0.25  # hours
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]
AXES_RESET_ON_SUCCESS = True
AXES_RESET_COOL_OFF_ON_FAILURE_DURING_LOCKOUT = False  # trying on does not make the wait longer
AXES_USERNAME_FORM_FIELD = "login"
AXES_USERNAME_CALLABLE = "alignment.accounts.login_tried"
AXES_CLIENT_IP_CALLABLE = "alignment.accounts.client_address"
AXES_LOCKOUT_TEMPLATE = "account/lockout.html"
AXES_VERBOSE = False
SESSION_COOKIE_AGE = 12 * 3600  # seconds from signing in, held by SessionAgeMiddleware
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
CSRF_COOKIE_HTTPONLY = True
CSRF_COOKIE_SAMESITE = "Lax"
PASSWORD_RESET_TIMEOUT = 3600

# --- transport and content security -------------------------------------------------------------------
# Signing in by OIDC ends a form in a redirect to the provider, which `form-action` would stop.
_oidc = urlsplit(os.environ.get("OIDC_AUTHORIZE_URL") or os.environ.get("OIDC_SERVER_URL", ""))
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF],
        "style-src": [SELF],
        "img-src": [SELF, "data:"],  # Tabler's stylesheet carries its icons as data URIs
        "font-src": [SELF],
        "connect-src": [SELF],
        "form-action": [SELF, *([f"{_oidc.scheme}://{_oidc.netloc}"] if _oidc.netloc else [])],
        "frame-ancestors": [NONE],
        "base-uri": [NONE],
        "object-src": [NONE],
    }
}
X_FRAME_OPTIONS = "DENY"
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
SECURE_CROSS_ORIGIN_OPENER_POLICY = "same-origin"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = PRODUCTION
SECURE_SSL_REDIRECT = PRODUCTION
SECURE_HSTS_SECONDS = 365 * 24 * 3600 if PRODUCTION else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = PRODUCTION
SECURE_HSTS_PRELOAD = PRODUCTION
if _is_on("TRUST_PROXY"):
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    ALLAUTH_TRUSTED_PROXY_COUNT = 1  # the last entry of X-Forwarded-For is whom the proxy saw
DATA_UPLOAD_MAX_MEMORY_SIZE = 2 * 1024 * 1024
DATA_UPLOAD_MAX_NUMBER_FIELDS = 2000  # a mapping has some controls for each column of a wide export
# Files are taken by views that say so, from roles that they name, straight to disk (TMPDIR) and no larger.
FILE_UPLOAD_HANDLERS = ["alignment.uploads.DiskUploadHandler"]
IMPORT_MAX_BYTES = int(os.environ.get("IMPORT_MAX_MB", "1024")) * 1024 * 1024

# --- language, time -----------------------------------------------------------------------------------
LANGUAGE_CODE = "en-gb"
TIME_ZONE = "UTC"
USE_TZ = True
USE_I18N = True
DATETIME_FORMAT = "j M Y, H:i"
USE_THOUSAND_SEPARATOR = False

# --- static files -------------------------------------------------------------------------------------
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

# --- e-mail -------------------------------------------------------------------------------------------
EMAIL_BACKEND = os.environ.get(
    "EMAIL_BACKEND", f"django.core.mail.backends.{'smtp' if PRODUCTION else 'console'}.EmailBackend"
)
EMAIL_HOST = os.environ.get("EMAIL_HOST", "localhost")
EMAIL_PORT = int(os.environ.get("EMAIL_PORT", "25"))
EMAIL_HOST_USER = os.environ.get("EMAIL_HOST_USER", "")
EMAIL_HOST_PASSWORD = os.environ.get("EMAIL_HOST_PASSWORD", "")
EMAIL_USE_TLS = _is_on("EMAIL_USE_TLS")
DEFAULT_FROM_EMAIL = os.environ.get("DEFAULT_FROM_EMAIL", "alignment@localhost")

# --- Celery: wake-up hints, never promises -------------------------------------------------------------
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
        ("re-date running clocks", "sla.tasks.redate_clocks", 15.0),
        ("expire raw bodies", "alignment.tasks.expire_bodies", 24 * 3600.0),
        ("deliver write-back", "alignment.tasks.deliver", 3.0),
        ("forget answers kept for a day", "alignment.tasks.forget_old_answers", 3600.0),
    ]
}

# --- intake limits (bytes, levels, keys): what one delivery may hold --------------------------------------
INTAKE_MAX_BYTES = 1024 * 1024
INTAKE_MAX_DEPTH = 32
INTAKE_MAX_KEYS = 20_000
DRAIN_BATCH = 1000
# more domains of mailboxes that anybody can open, separated by commas; the main providers are known
FREE_MAIL_DOMAINS = [name for name in os.environ.get("FREE_MAIL_DOMAINS", "").split(",") if name.strip()]
IMPORT_ROWS = int(os.environ.get("IMPORT_ROWS", "20000"))  # of a chunk: one transaction of an import
DRAIN_HINTS = _is_on("DRAIN_HINTS", "1")  # a request that stored a delivery asks for a drain at once

# --- write-back: where messages may go, and how long one attempt may take -----------------------------------
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

# Bearer token of the monitoring system for /metrics; without it there is no such page.
METRICS_TOKEN = os.environ.get("METRICS_TOKEN", "")

# --- API ----------------------------------------------------------------------------------------------
REST_FRAMEWORK = {
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["rest_framework.parsers.JSONParser"],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "alignment.api.authentication.BearerAuthentication",
        "alignment.api.authentication.BrowserAuthentication",
    ],
    "DEFAULT_PAGINATION_CLASS": "alignment.api.pages.KeyPages",
    "DEFAULT_FILTER_BACKENDS": ["alignment.api.filters.StrictFilters"],
    "DEFAULT_METADATA_CLASS": None,  # OPTIONS is answered with 405; the document says what there is
    "EXCEPTION_HANDLER": "alignment.api.problems.handle",
    "URL_FORMAT_OVERRIDE": None,
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Revenue alignment",
    "VERSION": "1",
    "OAS_VERSION": "3.1.1",
    "SCHEMA_PATH_PREFIX": "/api/v1",
    "SERVE_INCLUDE_SCHEMA": False,
    "COMPONENT_SPLIT_REQUEST": True,
    "COMPONENT_NO_READ_ONLY_REQUIRED": False,
    "ENUM_GENERATE_CHOICE_DESCRIPTION": False,
    "POSTPROCESSING_HOOKS": [],
}
# Of each token, and of each login that uses the API from the browser: so many at once, so many in the long run.
API_BURST = int(os.environ.get("API_BURST", "120"))
API_RATE_PER_MINUTE = int(os.environ.get("API_RATE_PER_MINUTE", "600"))
API_STATEMENT_TIMEOUT = 5000  # ms that one statement of a request may take
API_LOCK_TIMEOUT = 3000  # ms that a request waits for another one's rows

# --- logs: one JSON object a line, no personal data, no bodies, no secrets ------------------------------
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"json": {"()": "alignment.logs.formatter"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "json"}},
    "root": {"handlers": ["stderr"], "level": "WARNING"},
    "loggers": {
        "alignment": {"level": os.environ.get("LOG_LEVEL", "INFO")},
        "sla": {"level": os.environ.get("LOG_LEVEL", "INFO")},
        "handoff": {"level": os.environ.get("LOG_LEVEL", "INFO")},
        "celery.beat": {"level": "WARNING"},
        "axes": {"level": "ERROR"},
        # refusals are answers, not faults: no traceback for each 403 and 404
        "django.request": {"level": "ERROR"},
    },
}
SILENCED_SYSTEM_CHECKS: list[str] = []
