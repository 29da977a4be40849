"""The door of the monitoring system."""

from __future__ import annotations

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.http import Http404, HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.crypto import constant_time_compare

from dashboard import metrics


@login_not_required
def monitoring(request: HttpRequest) -> HttpResponse:
    """Figures for the monitoring system, to whoever bears METRICS_TOKEN; without that setting there is no page."""
    offered = request.headers.get("Authorization", "").removeprefix("Bearer ")
    if not settings.METRICS_TOKEN or not constant_time_compare(offered, settings.METRICS_TOKEN):
        raise Http404("Nothing is here.")
    return HttpResponse(
        metrics.as_text(at=timezone.now()), content_type="text/plain; version=0.0.4; charset=utf-8"
    )
