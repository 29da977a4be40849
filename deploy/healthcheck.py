#!/usr/bin/env python3
"""Whether one process of the product does its work; exit status 0 or 1, and on standard error why not.

healthcheck.py web       the web process answers and its database has every migration
healthcheck.py worker    some worker has drained the inbox within the last minute
healthcheck.py beat      beat has written down its timetable within the last ten minutes
"""

from __future__ import annotations

import http.client
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

DRAINED_WITHIN = 60  # seconds
WRITTEN_WITHIN = 600


def web() -> str:
    """Asked as the proxy would: by the product's own host name, over https as far as it can tell."""
    host = os.environ.get("ALLOWED_HOSTS", "").split(",")[0].lstrip("*.") or "localhost"
    connection = http.client.HTTPConnection("127.0.0.1", int(os.environ.get("PORT", "8000")), timeout=4)
    try:
        connection.request("GET", "/healthz/ready", headers={"Host": host, "X-Forwarded-Proto": "https"})
        status = connection.getresponse().status
    except (OSError, http.client.HTTPException) as problem:
        return f"no answer: {type(problem).__name__}"
    finally:
        connection.close()
    return "" if status == 200 else f"answered {status}"


def worker() -> str:
    import psycopg2

    connection = psycopg2.connect(os.environ["DATABASE_URL"], connect_timeout=4)
    try:
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT extract(epoch FROM now() - beat_at) FROM alignment_heartbeat WHERE name = 'drain'"
            )
            row = cursor.fetchone()
    finally:
        connection.close()
    if row is None:
        return "the inbox was never drained"
    return "" if row[0] < DRAINED_WITHIN else f"the inbox was drained {row[0]:.0f} s ago"


def beat() -> str:
    written = [path.stat().st_mtime for path in Path(os.environ["DATA_DIR"]).glob("beat*")]
    if not written:
        return "there is no timetable"
    age = time.time() - max(written)
    return "" if age < WRITTEN_WITHIN else f"the timetable was written {age:.0f} s ago"


CHECKS: dict[str, Callable[[], str]] = {"web": web, "worker": worker, "beat": beat}

if __name__ == "__main__":
    if len(sys.argv) != 2 or sys.argv[1] not in CHECKS:
        sys.exit(__doc__)
    if trouble := CHECKS[sys.argv[1]]():
        sys.exit(trouble)
