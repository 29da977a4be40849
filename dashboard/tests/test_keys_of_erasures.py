"""A key under which somebody was erased must stay: without it they come back, and that is said before it happens."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from unittest import mock

import pytest
from django.core.checks import CheckMessage
from django.core.checks.registry import registry
from django.db import OperationalError

from alignment.deploy_checks import keys_of_erasures
from alignment.models import ErasureMark, Lead, Role
from alignment.queries.erasure import unrecognised
from alignment.services.erasure import erase_person
from alignment.tests.pages import signed_in
from testing.world import World, add_user, event

OLD, NEW = "old-" + "k" * 50, "new-" + "k" * 50


@pytest.fixture
def erased(world: World, settings: Any) -> Lead:
    settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS, settings.ERASURE_KEYS = OLD, [], []
    world.send(event("lead.created", "L1", world.at, last_name="Lovelace", email="ada@lovelace.example"))
    lead = Lead.objects.get()
    erase_person(leads=[lead], asked_by="person", reason="asked", by=None, at=world.at)
    return lead


def checked() -> list[CheckMessage]:
    return keys_of_erasures(app_configs=None)


def test_each_mark_says_which_key_made_it_without_giving_it_away(erased: Lead) -> None:
    (name,) = set(ErasureMark.objects.values_list("key_name", flat=True))
    assert len(name) == 16 and name not in OLD


@pytest.mark.parametrize(
    ("name", "keys"),
    [
        ("SECRET_KEY_FALLBACKS", [OLD]),
        ("SECRET_KEY_FALLBACKS", ["between-" + "k" * 50, OLD]),
        ("ERASURE_KEYS", [OLD]),
    ],
)
def test_all_is_well_while_the_key_of_then_is_named(
    world: World, erased: Lead, settings: Any, name: str, keys: list[str]
) -> None:
    settings.SECRET_KEY = NEW
    setattr(settings, name, keys)
    assert checked() == [] and not unrecognised().exists()
    later = world.at + timedelta(hours=1)
    world.send(event("lead.updated", "L1", later, company="Lovelace Consulting"), at=later)
    erased.refresh_from_db()
    assert erased.company == ""


def test_a_key_taken_out_is_refused_before_a_release_and_told_to_revops(
    world: World, erased: Lead, settings: Any
) -> None:
    settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = NEW, []
    (problem,) = checked()
    assert problem.is_serious() and problem.id == "alignment.E001"
    assert "1 erasure" in problem.msg and "SECRET_KEY_FALLBACKS" in str(problem.hint)
    assert "Lovelace" not in str(problem)
    revops = signed_in(add_user(world, Role.REVOPS, "Rhea"))
    assert "erased and no longer recognised" in revops.get("/").content.decode()
    page = revops.get("/erasure/").content.decode()
    assert "SECRET_KEY_FALLBACKS" in page and "alert-danger" in page
    settings.SECRET_KEY_FALLBACKS = [OLD]
    assert "SECRET_KEY_FALLBACKS" not in revops.get("/erasure/").content.decode()


def test_it_is_a_check_of_deployments_only() -> None:
    assert keys_of_erasures in registry.deployment_checks
    assert keys_of_erasures not in registry.registered_checks


def test_without_a_database_there_is_nothing_to_check(db: None) -> None:
    with mock.patch("alignment.deploy_checks.unrecognised", side_effect=OperationalError):
        assert checked() == []
