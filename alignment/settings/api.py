"""The API and the limits of its users."""

import os

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
