"""People: passwords, second factors, single sign-on, lockout, sessions."""

import os

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
ACCOUNT_FORMS = {"reauthenticate": "alignment.forms.confirm.ConfirmForm"}
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
