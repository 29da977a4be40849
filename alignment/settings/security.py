"""Which hosts are answered, and what browsers are told: transport and content security."""

import os
from urllib.parse import urlsplit

from csp.constants import NONE, SELF

from alignment.settings.environment import BASE_URL, PRODUCTION, is_on

ALLOWED_HOSTS = [h for h in os.environ.get("ALLOWED_HOSTS", "127.0.0.1,localhost,[::1]").split(",") if h]
CSRF_TRUSTED_ORIGINS = [BASE_URL] if BASE_URL.startswith("https://") else []

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
if is_on("TRUST_PROXY"):
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    ALLAUTH_TRUSTED_PROXY_COUNT = 1  # the last entry of X-Forwarded-For is whom the proxy saw
