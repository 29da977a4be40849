"""Is it up, and do its loops turn?"""

from __future__ import annotations

from django.contrib.auth.decorators import login_not_required
from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils import timezone

from alignment.models import Heartbeat


@login_not_required
def live(request: HttpRequest) -> HttpResponse:
    """200 when this process reaches its database, else 503."""
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except DatabaseError:
        return JsonResponse({"status": "database unreachable"}, status=503)
    return JsonResponse({"status": "ok"})


@login_not_required
def ready(request: HttpRequest) -> HttpResponse:
    """200 when this process may take requests: the database answers and has every migration of this code."""
    try:
        executor = MigrationExecutor(connection)
        missing = executor.migration_plan(executor.loader.graph.leaf_nodes())
    except DatabaseError:
        return JsonResponse({"status": "database unreachable"}, status=503)
    if missing:
        return JsonResponse({"status": "migrations missing", "count": len(missing)}, status=503)
    return JsonResponse({"status": "ready"})


@login_not_required
def deep(request: HttpRequest) -> HttpResponse:
    """Each loop's last sign of life; 503 when one is later than three of its periods."""
    now = timezone.now()
    loops = {
        beat.name: {"age_seconds": round((now - beat.beat_at).total_seconds()), "late": beat.is_late(now)}
        for beat in Heartbeat.objects.order_by("name")
    }
    is_late = not loops or any(loop["late"] for loop in loops.values())
    return JsonResponse(
        {"status": "late" if is_late else "ok", "loops": loops}, status=503 if is_late else 200
    )
