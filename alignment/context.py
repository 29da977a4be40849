"""What every page's frame needs."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest

from alignment.models import Organisation


def page(request: HttpRequest) -> dict[str, Any]:
    return {"organisation": getattr(request, "organisation", None) or Organisation.get()}
