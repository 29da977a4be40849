"""Write-back in the browser: set up, secrets, pause, messages, and what was given up."""

from __future__ import annotations

import json
import re
from datetime import timedelta
from html import unescape
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone
from standardwebhooks import Webhook

from alignment.models import Destination, OutgoingMessage, OutgoingState, PersonIdentity, Role
from alignment.outbox.send import signed_headers
from alignment.services.destinations import create_destination, send_test
from alignment.services.outbox import GONE
from alignment.tests.pages import found, signed_in
from testing.world import World, add_user, event

BASE = "/sources/crm/write-back/"
ADDRESS = "https://crm.example.com/hooks/of-us"


@pytest.fixture
def revops(world: World) -> Client:
    return signed_in(add_user(world, Role.REVOPS, "Ann"))


@pytest.fixture
def destination(world: World) -> Destination:
    return create_destination(
        source=world.crm, address=ADDRESS, by=None, at=world.at - timedelta(hours=1)
    ).destination


def text(response: Any) -> str:
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", response.content.decode())).split())


def give_up(*leads: str) -> None:
    rows = OutgoingMessage.objects.filter(lead__external_id__in=leads)
    rows.update(state=OutgoingState.DEAD, attempts=11, last_error="Answered 500 Internal Server Error.")


def test_it_is_set_up_by_an_address_and_its_secret_is_shown_once(world: World, revops: Client) -> None:
    assert "Set up write-back" in text(revops.get(BASE))
    response = revops.post(f"{BASE}destination/", {"address": ADDRESS})
    secret = found(r'id="secret">(whsec_[^<]+)<', response.content.decode())
    assert "no-store" in response["Cache-Control"]
    headers = signed_headers("msg_1", "{}", [secret], at=timezone.now())
    assert Webhook(secret).verify("{}", headers) == {}
    page = revops.get(BASE)
    assert ADDRESS in text(page) and secret not in page.content.decode()
    assert Destination.history.get().history_user.name == "Ann"


@pytest.mark.parametrize(
    ("address", "why"),
    [
        ("", "required"),
        ("ftp://crm.example.com", "https://"),
        ("https://ann:pw@crm.example.com/", "no user name"),
        ("https://2130706433/", "four plain numbers"),
        ("https://crm.example.com/#x", "never sent"),
        ("https://crm.example.com/höoks", "percent-encoded"),
    ],
)
def test_an_address_that_cannot_be_is_refused_with_the_reason(
    world: World, revops: Client, address: str, why: str
) -> None:
    response = revops.post(f"{BASE}destination/", {"address": address})
    assert response.status_code == 422 and why in text(response)
    assert not Destination.objects.exists()


def test_address_and_secrets_change_and_keep_their_history(
    world: World, revops: Client, destination: Destination
) -> None:
    revops.post(f"{BASE}destination/", {"address": "https://new.example.com/x"})
    assert Destination.objects.get().address == "https://new.example.com/x"
    shown = revops.post(f"{BASE}secret/").content.decode()
    assert found(r'id="secret">(whsec_[^<]+)<', shown)
    again = revops.post(f"{BASE}secret/", follow=True)
    assert "Two secrets are live" in text(again)
    revops.post(f"{BASE}secret/1/revocation/")
    assert [row.slot for row in destination.secrets.all()] == [2]
    assert "revoked already" in text(revops.post(f"{BASE}secret/1/revocation/", follow=True))
    revops.post(f"{BASE}secret/2/revocation/")
    assert "No secret is live" in text(revops.get(BASE))
    reasons = list(Destination.history.order_by("pk").values_list("history_change_reason", flat=True))
    assert reasons[1:3] == ["address changed: new.example.com", "secret rotated"]


def test_a_pause_needs_a_reason_and_ends_by_resuming(
    world: World, revops: Client, destination: Destination
) -> None:
    assert "Say why nothing is sent" in text(revops.post(f"{BASE}pause/", {"reason": " "}))
    shown = text(revops.post(f"{BASE}pause/", {"reason": "The CRM is moved"}, follow=True))
    assert "The CRM is moved" in shown and "Send a test message" not in shown
    revops.post(f"{BASE}resumption/")
    assert Destination.objects.get().paused_at is None


def test_a_test_message_is_put_into_the_outbox(
    world: World, revops: Client, destination: Destination
) -> None:
    revops.post(f"{BASE}test/")
    message = OutgoingMessage.objects.get()
    assert (message.type, message.state, message.lead) == ("webhook.test", "pending", None)
    assert json.loads(message.body)["data"] == {"source": "crm"}
    assert re.fullmatch(r"[0-9-]{10}T[0-9:]{8}Z", json.loads(message.body)["timestamp"])


def test_messages_show_their_state_and_their_json(
    world: World, revops: Client, destination: Destination
) -> None:
    world.send(event("lead.updated", "L", world.at, score=80), event("lead.updated", "M", world.at, score=80))
    give_up("M")
    shown = text(revops.get(BASE))
    assert "Waiting (1)" in shown and "Given up (1)" in shown and "Answered 500" in shown
    assert "Answered 500" not in text(revops.get(f"{BASE}?show=waiting"))
    message = OutgoingMessage.objects.get(lead__external_id="L")
    one = revops.get(f"{BASE}{message.pk}/")
    assert message.body in unescape(one.content.decode()) and message.key in text(one)
    assert revops.get(f"/sources/other/write-back/{message.pk}/").status_code == 404


def test_what_was_given_up_is_sent_again_or_set_aside_with_a_reason(
    world: World, revops: Client, destination: Destination
) -> None:
    world.send(*(event("lead.updated", name, world.at, score=80) for name in "ABC"))
    give_up("A", "B", "C")
    a, b, _ = OutgoingMessage.objects.order_by("pk")
    assert "1 message will be sent" in text(revops.post(f"{BASE}{a.pk}/retry/", follow=True))
    refused = revops.post(f"{BASE}{b.pk}/aside/", {"reason": ""})
    assert refused.status_code == 422 and "Say why" in text(refused)
    revops.post(f"{BASE}{b.pk}/aside/", {"reason": "Entered by hand"})
    assert "Ann : Entered by hand" in text(revops.get(f"{BASE}?show=aside")).replace("Ann:", "Ann :")
    revops.post(f"{BASE}aside/", {"reason": "Needless"})
    assert not OutgoingMessage.objects.dead().exists()
    assert "Nothing was given up" in text(revops.post(f"{BASE}retry/", follow=True))


def test_a_message_that_failed_is_tried_at_once(
    world: World, revops: Client, destination: Destination
) -> None:
    world.send(event("lead.updated", "A", world.at, score=80))
    message = OutgoingMessage.objects.get()
    later, address = timezone.now() + timedelta(hours=6), f"{BASE}{message.pk}/attempt/"
    OutgoingMessage.objects.update(
        attempts=3, next_attempt_at=later, last_error="Answered 422.", last_answer="field <OwnerId> invalid"
    )
    assert "field &lt;OwnerId&gt; invalid" in revops.get(f"{BASE}{message.pk}/").content.decode()
    Destination.objects.update(failures=2, retry_at=later)
    for page in (BASE, f"{BASE}{message.pk}/"):
        assert address in revops.get(page).content.decode()
    assert "tried within seconds" in text(revops.post(address, follow=True))
    message.refresh_from_db()
    assert message.next_attempt_at < timezone.now() and message.attempts == 3
    assert not Destination.objects.filter(retry_at__gt=timezone.now()).exists()
    OutgoingMessage.objects.update(next_attempt_at=later, claimed_until=later)
    assert "It is being sent" in text(revops.post(address, follow=True))
    OutgoingMessage.objects.update(claimed_until=None)
    revops.post(f"{BASE}pause/", {"reason": "The CRM is moved"})
    shown = revops.get(BASE)
    assert "3 attempts, the next after resuming" in text(shown) and address not in shown.content.decode()
    assert "resume it first" in text(revops.post(address, follow=True))
    message.refresh_from_db()
    assert message.next_attempt_at == later


def test_a_later_message_of_a_lead_says_which_one_it_waits_for(
    world: World, revops: Client, destination: Destination
) -> None:
    world.send(event("lead.updated", "A", world.at, score=80))
    first = OutgoingMessage.objects.get()
    later = OutgoingMessage.objects.create(
        destination=destination, key="msg_2", lead=first.lead, cycle=first.cycle, sequence=2, body="{}",
        type="mql.rescheduled", created_at=world.at, next_attempt_at=world.at,
    )  # fmt: skip
    assert text(revops.get(BASE)).count("for message no. 1 of the lead") == 1
    assert "for message no. 1 of the lead" in text(revops.get(f"{BASE}{later.pk}/"))
    assert "earlier message" in text(revops.post(f"{BASE}{later.pk}/attempt/", follow=True))
    OutgoingMessage.objects.filter(pk=first.pk).update(state=OutgoingState.DEAD)
    assert "for message no." not in text(revops.get(BASE))


def test_switching_off_keeps_what_was_sent_and_offers_to_set_up_again(
    world: World, revops: Client, destination: Destination
) -> None:
    world.send(event("lead.updated", "L", world.at, score=80))
    shown = text(revops.post(f"{BASE}off/", follow=True))
    assert "Set up write-back" in shown and "The destination was switched off" in shown
    assert revops.post(f"{BASE}pause/", {"reason": "x"}).status_code == 404


def test_who_sells_without_an_id_in_the_crm_is_named(
    world: World, revops: Client, destination: Destination
) -> None:
    PersonIdentity.objects.create(source=world.crm, external_id="u1", person=world.reps[0])
    shown = text(revops.get(BASE))
    assert "own id of Rep 2" in shown.replace(" ,", ",") and "Rep 1" not in shown


@pytest.mark.parametrize("path", ["", "?show=dead", "?show=waiting"])
def test_the_page_asks_as_much_for_twenty_messages_as_for_one(
    world: World, revops: Client, destination: Destination, path: str, django_assert_max_num_queries: Any
) -> None:
    world.send(*(event("lead.updated", f"L{n}", world.at, score=80) for n in range(20)))
    give_up(*(f"L{n}" for n in range(10)))
    with django_assert_max_num_queries(28):
        assert revops.get(BASE + path).status_code == 200


def test_the_home_page_names_what_does_not_reach_the_crm(
    world: World, revops: Client, destination: Destination
) -> None:
    world.send(event("lead.updated", "L", world.at, score=80), event("lead.updated", "M", world.at, score=80))
    give_up("M")
    OutgoingMessage.objects.update(created_at=timezone.now() - timedelta(hours=2))
    page = revops.get("/")
    assert "1 decision not written back to CRM" in text(page)
    assert f"{BASE}?show=dead" in page.content.decode()
    assert "1 decision waiting for over an hour to be written back to CRM" in text(page)
    Destination.objects.update(paused_at=world.at, paused_reason=GONE)
    assert "Write-back to CRM is paused" in text(revops.get("/"))


def test_the_page_and_home_say_that_nothing_can_be_signed_and_why(
    world: World, revops: Client, destination: Destination, settings: Any
) -> None:
    world.send(event("lead.updated", "L", world.at, score=80))
    assert "Nothing is sent" not in text(revops.get(BASE))
    destination.secrets.update(ciphertext=b"closed under a key that is gone")
    for address in (BASE, "/"):
        assert "SECRET_KEY has changed. Rotate the secret" in text(revops.get(address))
    assert "use up no attempts" in text(revops.get(BASE))
    destination.secrets.all().delete()
    assert "Nothing is written back to CRM: No secret is live" in text(revops.get("/"))
    assert "No secret is live" in text(revops.get(BASE))


def test_the_figures_are_there_for_monitoring(world: World, destination: Destination, settings: Any) -> None:
    settings.METRICS_TOKEN = "token"
    send_test(destination=destination, by=None, at=timezone.now() - timedelta(minutes=5))
    answer = Client().get("/metrics", headers={"Authorization": "Bearer token"}).content.decode()
    figures = dict(line.rsplit(" ", 1) for line in answer.splitlines() if line[0] != "#")
    assert figures["alignment_write_back_pending"] == "1" and figures["alignment_write_back_dead"] == "0"
    assert 299 < float(figures["alignment_write_back_oldest_pending_seconds"]) < 320


# --- it follows by itself -------------------------------------------------------------------------------

POLLS = 'hx-trigger="every 3s"'


def test_the_page_follows_by_itself_while_a_message_is_under_way_and_no_longer(
    world: World, revops: Client, destination: Destination
) -> None:
    assert POLLS not in revops.get(BASE).content.decode()
    page = revops.post(f"{BASE}test/", follow=True)
    assert POLLS in page.content.decode() and "Test message Written" in text(page)
    assert "Look again" in text(page)  # without JavaScript
    message = OutgoingMessage.objects.get()
    later = timezone.now() + timedelta(minutes=5)
    OutgoingMessage.objects.update(next_attempt_at=later, attempts=3, last_error="Answered 500.")
    page = revops.get(BASE)
    assert POLLS not in page.content.decode() and "Look again" not in text(page)
    assert "Test message: waiting. Answered 500." in text(page)
    OutgoingMessage.objects.update(claimed_until=later)
    assert POLLS in revops.get(BASE).content.decode()
    OutgoingMessage.objects.update(
        state=OutgoingState.DELIVERED, delivered_at=timezone.now(), claimed_until=None, last_error=""
    )
    page = revops.get(BASE)
    assert POLLS not in page.content.decode() and "Test message: delivered." in text(page)
    assert f"{BASE}{message.pk}/" in page.content.decode()
    OutgoingMessage.objects.update(created_at=timezone.now() - timedelta(hours=2))
    assert "Test message: delivered." not in text(revops.get(BASE))


@pytest.mark.parametrize("held", ["paused", "out of reach", "no secret", "switched off", "no worker"])
def test_the_page_does_not_wait_for_what_is_held_back(
    world: World, revops: Client, destination: Destination, held: str
) -> None:
    send_test(destination=destination, by=None, at=timezone.now())
    assert POLLS in revops.get(BASE).content.decode()
    later = timezone.now() + timedelta(minutes=5)
    if held == "paused":
        revops.post(f"{BASE}pause/", {"reason": "Maintenance"})
    elif held == "out of reach":
        Destination.objects.update(retry_at=later, failures=3)
    elif held == "no secret":
        destination.secrets.all().delete()
    elif held == "no worker":
        OutgoingMessage.objects.update(next_attempt_at=timezone.now() - timedelta(minutes=3))
    else:
        revops.post(f"{BASE}off/")
    assert POLLS not in revops.get(BASE).content.decode()
