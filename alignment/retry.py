"""Once more after a deadlock: PostgreSQL undid everything, so doing it again is safe."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar

from django.db import OperationalError, connection

P = ParamSpec("P")
T = TypeVar("T")
TRIES = 3


def again_after_a_deadlock(service: Callable[P, T]) -> Callable[P, T]:
    """For services that open their own transaction; inside a caller's, the caller has to begin again."""

    @wraps(service)
    def tried(*args: P.args, **kwargs: P.kwargs) -> T:
        tries = 1
        while True:
            try:
                return service(*args, **kwargs)
            except OperationalError:
                if connection.in_atomic_block or tries == TRIES:
                    raise
                tries += 1
                time.sleep(0.05)

    return tried
