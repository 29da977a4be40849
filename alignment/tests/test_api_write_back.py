"""Write-back by the API: what waits and what was given up, without secrets, and looking after it."""

from __future__ import annotations

from typing import Any

import pytest

from alignment.models import Destination, Lead, OutgoingMessage, OutgoingState, Role
from alignment.services.destinations import SUPERSEDED, create_destination, switch_off
from testing.api import Api, by_token
from testing.world import World, add_user, event


@pytest.fixture
def api(world: World, settings: Any) -> Api:
    settings.API_BURST = 100_000
    return by_token(add_user(world, Role.REVOPS))


@pytest.fixture
def crm(world: World) -> Destination:
    made = create_destination(
        source=world.crm, address="https://crm.example.com/hooks?token=s3cret", by=None, at=world.at
    )
    return made.destination


def mqls(world: World, *names: str) -> list[OutgoingMessage]:
    """The newest message about each of these leads."""
    world.send(*(event("lead.updated", name, world.at, score=80) for name in names))
    found = (OutgoingMessage.objects.filter(lead__external_id=name) for name in names)
    return [messages.latest("pk") for messages in found]


def give_up(*messages: OutgoingMessage) -> None:
    OutgoingMessage.objects.filter(pk__in=[message.pk for message in messages]).update(
        state=OutgoingState.DEAD, attempts=9, last_error="500"
    )


def refusal(answer: Any) -> str:
    assert answer.status_code == 409, answer.content
    return str(answer.json()["refusal"])


def test_a_destination_is_shown_by_its_host_alone(api: Api, crm: Destination) -> None:
    (row,) = api.results("destinations", source="crm", is_active="true", is_paused="false")
    assert (row["id"], row["host"], row["source"]) == (crm.pk, "crm.example.com", "crm")
    assert "s3cret" not in str(row) and "hooks" not in str(row)
    assert api.results("destinations", is_paused="true") == []


def test_a_destination_is_paused_with_a_reason_and_resumed(world: World, api: Api, crm: Destination) -> None:
    assert api.post(f"destinations/{crm.pk}/pause", {"reason": " "}).status_code == 400
    paused = api.post(f"destinations/{crm.pk}/pause", {"reason": "The CRM is updated"}).json()
    assert paused["paused_at"] and paused["paused_reason"] == "The CRM is updated"
    assert [row["id"] for row in api.results("destinations", is_paused="true")] == [crm.pk]
    assert api.post(f"destinations/{crm.pk}/resume").json()["paused_at"] is None
    switch_off(destination=crm, by=None, at=world.at)
    for act, body in (("pause", {"reason": "x"}), ("resume", None)):
        assert refusal(api.post(f"destinations/{crm.pk}/{act}", body)) == "no-such-destination"


def test_messages_are_found_by_state_destination_and_lead(world: World, api: Api, crm: Destination) -> None:
    one, two = mqls(world, "L1", "L2")
    give_up(two)
    for query, expected in (
        ({"state": "dead"}, [two.pk]),
        ({"state": "dead", "is_set_aside": "true"}, []),
        ({"lead": one.lead_id}, [one.pk]),
        ({"cycle": two.cycle_id, "destination": crm.pk}, [two.pk]),
        ({"created_before": world.at.isoformat()}, []),
    ):
        assert [row["id"] for row in api.results("outgoing-messages", **query)] == expected, query
    assert api.get("outgoing-messages", state="lost").status_code == 400
    row = api.get(f"outgoing-messages/{two.pk}").json()
    assert (row["state"], row["attempts"], row["last_error"], row["sequence"]) == ("dead", 9, "500", 1)
    assert "body" not in row
    assert api.get(f"outgoing-messages/{two.pk}/body").json() == {"body": two.body}


def test_what_was_given_up_is_sent_again_or_kept_for_the_record(
    world: World, api: Api, crm: Destination
) -> None:
    (message,) = mqls(world, "L1")
    where = f"outgoing-messages/{message.pk}"
    assert refusal(api.post(f"{where}/retry")) == "not-given-up"
    assert refusal(api.post(f"{where}/set-aside", {"reason": "x"})) == "not-given-up"
    give_up(message)
    aside = api.post(f"{where}/set-aside", {"reason": "Entered by hand"}).json()
    assert aside["set_aside_at"] and aside["set_aside_reason"] == "Entered by hand"
    again = api.post(f"{where}/retry").json()
    assert (again["state"], again["attempts"], again["set_aside_at"]) == ("pending", 0, None)
    OutgoingMessage.objects.update(state=OutgoingState.DEAD, body="")
    assert refusal(api.post(f"{where}/retry")) == "not-given-up"


def test_an_older_message_about_a_lead_is_set_aside_instead(world: World, api: Api, crm: Destination) -> None:
    (older,) = mqls(world, "L1")
    give_up(older)
    OutgoingMessage.objects.create(
        destination=crm, key="newer", lead=older.lead, cycle=older.cycle, sequence=older.sequence + 1,
        type=older.type, body="{}", created_at=world.at, next_attempt_at=world.at,
    )  # fmt: skip
    told = api.post(f"outgoing-messages/{older.pk}/retry").json()
    assert (told["state"], told["set_aside_reason"]) == ("dead", SUPERSEDED)


def test_lists_take_no_more_queries_for_more_messages(
    world: World, api: Api, crm: Destination, django_assert_max_num_queries: Any
) -> None:
    for count in (1, 20):
        mqls(world, *(f"{count}.{n}" for n in range(count)))
        for where in ("outgoing-messages", "destinations"):
            with django_assert_max_num_queries(7):
                assert api.results(where)
    assert Lead.objects.count() == 21
