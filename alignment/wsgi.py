"""The web entry point: gunicorn alignment.wsgi."""

import os
from typing import Any

import django
from django.core.handlers.wsgi import WSGIHandler, WSGIRequest
from django.utils.http import parse_header_parameters

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "alignment.settings")


class Utf8Request(WSGIRequest):
    """Reads addresses and forms as UTF-8, whatever `charset` the Content-Type names; browsers name no other.

    Python knows encodings that are none of text (`base64` breaks the request before any view could answer) and such
    as make text that cannot be stored (`unicode_escape`).
    """

    def _set_content_type_params(self, environ: dict[str, Any]) -> None:
        try:
            found = parse_header_parameters(environ.get("CONTENT_TYPE", ""))
        except ValueError:  # malformed: as if there were none, also for who reads it later
            found = "", {}
            environ["CONTENT_TYPE"] = ""
        self.content_type, self.content_params = found


class Handler(WSGIHandler):
    request_class = Utf8Request


django.setup(set_prefix=False)
application = Handler()
