"""/metrics: figures for whoever bears the token, nothing for anybody else."""

from __future__ import annotations

import pytest
from django.test import Client

from testing.world import World, event


@pytest.fixture(autouse=True)
def token(settings: object) -> None:
    settings.METRICS_TOKEN = "s3cret-token"  # type: ignore[attr-defined]


def test_the_bearer_reads_what_waits_and_what_runs(world: World) -> None:
    world.send(event("lead.updated", "L", world.at, score=80, first_name="Ada"))
    world.deliver(b"{", external_id="waiting")
    response = Client().get("/metrics", headers={"Authorization": "Bearer s3cret-token"})
    figures = dict(line.rsplit(" ", 1) for line in response.content.decode().splitlines() if line[0] != "#")
    assert figures["alignment_inbox_pending"] == "1"
    assert figures["alignment_cycles_open"] == "1"
    assert figures["alignment_clocks_running"] == "2"
    assert 'alignment_loop_age_seconds{loop="drain"}' in figures
    assert "Ada" not in response.content.decode()


@pytest.mark.parametrize(
    "headers", [{}, {"Authorization": "Bearer wrong"}, {"Authorization": "s3cret-tokem"}]
)
def test_nobody_else_finds_the_page(world: World, headers: dict[str, str]) -> None:
    assert Client().get("/metrics", headers=headers).status_code == 404
