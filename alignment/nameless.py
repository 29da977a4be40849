"""Counting requests without knowing who sends them: in this process's memory, under a salt that changes each day."""

from __future__ import annotations

import hashlib
import os
import threading
import time
from collections import defaultdict, deque

_DAY = 24 * 3600
_MOST_KEYS = 10_000


class _Salt:
    def __init__(self) -> None:
        self.day, self.salt = -1, b""

    def of_today(self) -> bytes:
        day = int(time.time()) // _DAY
        if day != self.day:
            self.day, self.salt = day, os.urandom(32)
        return self.salt


_salt = _Salt()


def key_of(address: str) -> bytes:
    """What stands for an address today in this process; nobody can go back from it."""
    return hashlib.blake2b(address.encode(), key=_salt.of_today(), digest_size=16).digest()


class Limit:
    """At most `most` acts in `seconds` for one key. Forgotten with the process."""

    def __init__(self, most: int, seconds: float) -> None:
        self.most, self.seconds = most, seconds
        self._acts: dict[bytes, deque[float]] = defaultdict(deque)
        self._lock = threading.Lock()

    def is_reached(self, key: bytes) -> bool:
        """Count one act of this key; whether it is one too many."""
        now = time.monotonic()
        with self._lock:
            if len(self._acts) >= _MOST_KEYS:
                self._acts.clear()
            acts = self._acts[key]
            while acts and acts[0] <= now - self.seconds:
                acts.popleft()
            if len(acts) >= self.most:
                return True
            acts.append(now)
            return False

    def forget(self) -> None:
        with self._lock:
            self._acts.clear()
