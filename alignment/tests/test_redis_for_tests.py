"""The tests empty a Redis: a throw-away one, or a database that was empty before; never one in use."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest

from bootstrap import redis_server
from bootstrap.environment import Folders
from bootstrap.testing import redis_for_tests
from testing import broker

YOURS, THROWN_AWAY = "redis://yours:6379/0", "redis://:secret@127.0.0.1:7777/0"


def chosen(
    monkeypatch: pytest.MonkeyPatch, folder: Path, env: dict[str, str], *, program: Path | None, starts: bool
) -> str | None:
    """The URL that tests get, given what is installed and whether it starts."""

    @contextmanager
    def running(*_: object, **__: object) -> Iterator[str | None]:
        yield THROWN_AWAY if starts else None

    monkeypatch.setattr(redis_server, "find_server", lambda *_, **__: program)
    monkeypatch.setattr(redis_server, "running", running)
    with redis_for_tests(Folders.of(str(folder)), folder, {"PATH": ""} | env) as url:
        return url


@pytest.mark.parametrize(
    ("env", "has_program", "starts", "expected"),
    [
        ({}, True, True, THROWN_AWAY),
        ({"REDIS_URL": YOURS}, True, True, THROWN_AWAY),
        ({"REDIS_URL": YOURS}, True, False, YOURS),
        ({"REDIS_URL": YOURS}, False, False, YOURS),
        ({}, True, False, None),
        ({}, False, False, None),
    ],
)
def test_yours_is_used_only_where_no_throw_away_one_can_be_had(
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    env: dict[str, str],
    has_program: bool,
    starts: bool,
    expected: str | None,
) -> None:
    program = tmp_path / "redis-server" if has_program else None
    assert chosen(monkeypatch, tmp_path, env, program=program, starts=starts) == expected


def test_a_database_with_keys_is_left_alone() -> None:
    client: Any = Mock(dbsize=lambda: 3)
    with pytest.raises(pytest.skip.Exception, match="is in use"):
        broker.take(YOURS, client)
    assert client.mock_calls == []


def test_only_the_one_database_is_emptied() -> None:
    client: Any = Mock(dbsize=lambda: 0)
    broker.take(YOURS, client).empty()
    assert [call[0] for call in client.mock_calls] == ["flushdb"]
