"""Acts of several people at the same moment, each with a connection of its own."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from django.db import connection

from alignment.services.artifacts import Refused


def at_once(*acts: Callable[[], Any], refusals: tuple[type[Exception], ...] = (Refused,)) -> list[Any]:
    """What each act returned, or what it raised of `refusals`; they start together. Anything else is raised."""
    barrier = threading.Barrier(len(acts))

    def run(act: Callable[[], Any]) -> Any:
        try:
            barrier.wait(timeout=30)
            return act()
        except refusals as refusal:
            return refusal
        finally:
            connection.close()

    with ThreadPoolExecutor(len(acts)) as pool:
        return list(pool.map(run, acts))
