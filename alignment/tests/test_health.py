"""Health: is it up, and do its loops turn? Answered without a login, and without saying more than that."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from unittest import mock

import pytest
import time_machine
from django.db import OperationalError
from django.db.migrations.executor import MigrationExecutor
from django.test import Client

from alignment.models import Heartbeat
from alignment.views import health

NOW = datetime(2026, 11, 17, 10, 0, tzinfo=UTC)


def beat(name: str, seconds_ago: float, period: float = 10) -> None:
    Heartbeat.objects.create(
        name=name, beat_at=NOW - timedelta(seconds=seconds_ago), period=timedelta(seconds=period)
    )


def test_live_answers_without_a_login(client: Client, db: None) -> None:
    response = client.get("/healthz")
    assert (response.status_code, response.json()) == (200, {"status": "ok"})


def test_live_says_when_the_database_does_not_answer(client: Client) -> None:
    with mock.patch.object(health, "connection") as connection:
        connection.cursor.side_effect = OperationalError("password=secret host=db")
        response = client.get("/healthz")
    assert response.status_code == 503
    assert response.json() == {"status": "database unreachable"}


@time_machine.travel(NOW, tick=False)
def test_deep_lists_each_loop_with_its_age(client: Client, db: None) -> None:
    beat("drain", 4)
    beat("sweep", 12)
    response = client.get("/healthz/deep")
    assert response.status_code == 200
    assert response.json() == {
        "status": "ok",
        "loops": {
            "drain": {"age_seconds": 4, "late": False},
            "sweep": {"age_seconds": 12, "late": False},
        },
    }


@time_machine.travel(NOW, tick=False)
@pytest.mark.parametrize(("age", "status"), [(30, 200), (31, 503), (3600, 503)])
def test_deep_is_red_once_a_loop_is_later_than_three_periods(
    client: Client, db: None, age: float, status: int
) -> None:
    beat("drain", 1)
    beat("sweep", age, period=10)
    response = client.get("/healthz/deep")
    assert response.status_code == status
    assert response.json()["loops"]["sweep"]["late"] is (status == 503)
    assert response.json()["loops"]["drain"]["late"] is False


@time_machine.travel(NOW, tick=False)
@pytest.mark.parametrize(("age", "status"), [(15, 200), (16, 503)])
def test_a_fast_loop_has_fifteen_seconds_at_least(client: Client, db: None, age: float, status: int) -> None:
    beat("drain", age, period=2)
    assert client.get("/healthz/deep").status_code == status


def test_deep_is_red_before_any_loop_has_turned(client: Client, db: None) -> None:
    response = client.get("/healthz/deep")
    assert (response.status_code, response.json()) == (503, {"status": "late", "loops": {}})


def test_ready_once_the_database_has_every_migration(client: Client, db: None) -> None:
    assert client.get("/healthz/ready").json() == {"status": "ready"}
    with mock.patch.object(MigrationExecutor, "migration_plan", return_value=[("one", False)]):
        response = client.get("/healthz/ready")
    assert (response.status_code, response.json()["count"]) == (503, 1)
