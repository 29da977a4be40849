"""Setting up by the API: people, teams, calendars, retention, sources, and secrets that are answered once."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from alignment.intake import secrets
from alignment.models import Endpoint, KeptAnswer, Organisation, Person, Role, Source, Team
from testing.api import Api, by_token, done, refusal
from testing.world import World, add_user, event


@pytest.fixture
def api(world: World, settings: Any) -> Api:
    settings.API_BURST = 100_000
    return by_token(add_user(world, Role.REVOPS), ["read", "setup:write"])


def pointers(answer: Any) -> set[str]:
    return {error["pointer"] for error in done(answer, 400)["errors"]}


# --- people and teams --------------------------------------------------------------------------------


def test_somebody_is_added_and_named_in_a_source_and_gets_the_leads_of_that_name(
    world: World, api: Api
) -> None:
    body = {"name": "Ada Byron", "email": "Ada@Example.com", "team": world.team.pk}
    made = done(api.post("people/new", body), 201)
    assert (made["email"], made["function"], made["team"]) == ("ada@example.com", "sales", world.team.pk)
    where = f"people/{made['id']}/identities"
    named = done(api.post(where, {"source": "crm", "external_id": "005-77"}))
    assert named["identities"] == [{"source": "crm", "external_id": "005-77"}]
    world.send(event("lead.updated", "L1", world.at, score=80, owner="005-77"))
    assert api.results("mql-cycles")[0]["owner"]["id"] == made["id"]
    other = f"people/{world.reps[0].pk}/identities"
    assert refusal(api.post(other, {"source": "crm", "external_id": "005-77"})) == "identity-taken"
    assert pointers(api.post(where, {"source": "none", "external_id": " "})) == {"#/source", "#/external_id"}


def test_of_a_person_and_a_team_only_what_is_given_changes(world: World, api: Api) -> None:
    person = world.reps[0]
    changed = done(api.post(f"people/{person.pk}/change", {"team": None}))
    assert (changed["name"], changed["email"], changed["team"]) == (person.name, person.email, None)
    history = Person.objects.get(pk=person.pk).history.latest()
    assert history.history_user is not None and history.history_user.role == Role.REVOPS
    manager = add_user(world, Role.SALES_MANAGER, "Max")
    team = done(api.post("teams/new", {"name": "Mid-market", "managers": [manager.pk]}), 201)
    assert (team["managers"], team["calendar"], team["function"]) == ([manager.pk], None, "sales")
    moved = done(api.post(f"teams/{team['id']}/change", {"calendar": world.calendar.pk}))
    assert moved == team | {"calendar": world.calendar.pk}
    assert refusal(api.post(f"teams/{team['id']}/change", {"name": world.team.name})) == "team-exists"
    rep = world.users["rep.1"].pk
    assert pointers(api.post(f"teams/{team['id']}/change", {"managers": [rep]})) == {"#/managers"}
    assert Team.objects.get(name="Mid-market").managers.get() == manager


# --- calendars and retention -------------------------------------------------------------------------


def test_a_day_is_closed_or_opened_and_both_are_versions_of_the_calendar(world: World, api: Api) -> None:
    where, day = f"calendars/{world.calendar.pk}/exceptions", timezone.now().date() + timedelta(days=30)
    closed = done(api.post(where, {"day": day.isoformat(), "reason": "Summer party"}), 201)
    assert day.isoformat() in closed["versions"][-1]["schedule"]["holidays"]
    opened = {"day": day.isoformat(), "windows": [["09:00", "11:00"]], "reason": "A short party"}
    versions = done(api.post(where, opened), 201)["versions"]
    assert versions[-1]["schedule"]["overrides"] == {day.isoformat(): [["09:00", "11:00"]]}
    assert [version["reason"] for version in versions[-2:]] == ["Summer party", "A short party"]
    assert refusal(api.post(where, opened)) == "nothing-to-change"
    assert refusal(api.post(where, opened | {"windows": [["11:00", "9"]]})) == "invalid-schedule"
    assert refusal(api.post(where, opened | {"day": "2020-01-01"})) == "day-has-passed"
    assert pointers(api.post(where, {"day": "9999-12-31", "reason": ""})) == {"#/day", "#/reason"}


def test_the_months_of_retention_are_changed_with_a_reason(world: World, api: Api) -> None:
    assert done(api.post("retention", {"months": 9, "reason": "As asked"})) == {"months": 9}
    organisation = Organisation.get()
    assert organisation.body_months == 9
    assert organisation.history.latest().history_change_reason == "As asked"
    assert refusal(api.post("retention", {"months": 9, "reason": "As asked"})) == "nothing-changed"
    assert pointers(api.post("retention", {"months": 121})) == {"#/months", "#/reason"}


# --- sources and secrets -----------------------------------------------------------------------------


def test_a_source_is_made_and_its_mapping_changed(world: World, api: Api) -> None:
    body = {"key": "second", "name": "Second", "kind": "standard", "zone": "Europe/Berlin"}
    made = done(api.post("sources/new", body), 201)
    assert made == done(api.get("sources/second"))
    mapping = {"fields": {"lead": {"score": "cScore"}}}
    done(api.post("sources/second/mapping", {"mapping": mapping, "reason": "Another field"}))
    source = Source.objects.get(key="second")
    assert source.mapping == mapping
    assert source.history.latest().history_change_reason == "Another field"
    assert pointers(api.post("sources/second/mapping", {"mapping": {"colours": {}}})) == {"#/mapping"}
    assert refusal(api.post("sources/new", body)) == "source-key-taken"
    wrong = {"key": "new", "zone": "Mars/Olympus", "mapping": {}}
    assert pointers(api.post("sources/new", body | wrong)) == {"#/key"}
    assert pointers(api.post("sources/new", body | wrong | {"key": "third"})) == {"#/zone"}


def test_a_secret_is_answered_once_and_stored_nowhere_in_plain(world: World, api: Api) -> None:
    where, body = "sources/crm/endpoints", {"scheme": "standard_webhooks"}
    first = done(api.post(where, body, key="k"), 201)
    endpoint = Endpoint.objects.get(pk=first["endpoint"]["id"])
    assert first["address"].endswith(endpoint.path)
    assert secrets.decrypt(endpoint.secrets.get().ciphertext) == first["secret"]
    again = api.post(where, body, key="k")
    assert again["Idempotent-Replayed"] == "true"
    assert done(again, 201) == first | {"address": "", "secret": ""}
    rotated = done(api.post(f"endpoints/{endpoint.pk}/secret", key="r"))
    assert rotated["secret"] not in {"", first["secret"]}
    assert [slot["slot"] for slot in rotated["endpoint"]["slots"]] == [1, 2]
    with connection.cursor() as cursor:
        cursor.execute("SELECT string_agg(k::text, ' ') FROM alignment_keptanswer k")
        kept = cursor.fetchone()[0]
    for plain in (first["secret"], rotated["secret"], endpoint.address):
        assert plain not in kept
    assert KeptAnswer.objects.count() == 2
    listed = api.get("endpoints", source="crm").content.decode()
    assert first["secret"] not in listed and endpoint.address not in listed


def test_a_secret_is_exchanged_and_ended_and_the_endpoint_closed(world: World, api: Api) -> None:
    where = f"endpoints/{world.crm_endpoint.pk}"
    for _ in (1, 2):
        done(api.post(f"{where}/secret"))
    assert refusal(api.post(f"{where}/secret")) == "already-rotating"
    left = done(api.post(f"{where}/revocation", {"slot": 1}))
    assert [slot["slot"] for slot in left["slots"]] == [2]
    assert refusal(api.post(f"{where}/revocation", {"slot": 1})) == "no-such-secret"
    assert refusal(api.post(f"{where}/secret", {"secret": "short"})) == "unsuitable-secret"
    assert done(api.post(f"{where}/close"))["is_active"] is False
    assert refusal(api.post(f"{where}/close")) == "endpoint-inactive"
    assert pointers(api.post("sources/crm/endpoints", {"scheme": "espocrm"})) == {"#/scheme"}
    assert pointers(api.post("sources/crm/endpoints", {"scheme": "api_token"})) == {"#/scheme"}
    assert refusal(api.post("sources/crm/endpoints", {"scheme": "shared_secret"})) == "unsuitable-endpoint"
