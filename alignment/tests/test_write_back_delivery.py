"""Delivery of write-back: at least once, under one key, in order per lead, whatever the receiver does."""

from __future__ import annotations

import json
import os
import random
import signal
import threading
import time
from collections import defaultdict
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest
import time_machine
from django.db import connection, connections
from django.utils import timezone
from standardwebhooks import Webhook, WebhookVerificationError

from alignment import tasks
from alignment.models import Destination, Lead, MqlCycle, OutgoingMessage, OutgoingState, Role
from alignment.outbox import backoff
from alignment.outbox.send import post
from alignment.outbox.signing import SECRETLESS, UNREADABLE
from alignment.services import destinations, outbox
from alignment.services.authority import OnlyRevOps
from alignment.services.destinations import create_destination
from alignment.services.erasure import erase_person
from alignment.services.inbox import ReasonMissing
from alignment.services.outbox import LEASE, deliver
from alignment.services.outbox_expiry import CANNOT_BE_SENT
from alignment.services.retention import expire_bodies
from testing.receiver import Received, Receiver, answer, make_certificate, receiving, reset
from testing.world import World, add_user, build_world, event

SECOND, MINUTE, HOUR = timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=1)


@pytest.fixture(autouse=True)
def local(settings: Any) -> None:
    settings.OUTGOING_ALLOWED_NETWORKS = ["127.0.0.0/8"]
    settings.OUTGOING_TIMEOUT = 0.4
    settings.OUTGOING_CONNECT_TIMEOUT = 0.4


@pytest.fixture
def crm() -> Iterator[Receiver]:
    with receiving() as receiver:
        yield receiver


class Case:
    """A destination at the receiver, and messages about leads without the steps that write them."""

    def __init__(self, world: World, receiver: Receiver) -> None:
        self.world, self.receiver = world, receiver
        made = create_destination(source=world.crm, address=receiver.address, by=None, at=world.at - HOUR)
        self.destination, self.secret = made
        self.sequences: dict[str, int] = defaultdict(int)

    def leads(self, *names: str) -> None:
        """MQLs, each with its first message."""
        self.world.send(*(event("lead.updated", name, self.world.at, score=80) for name in names))
        for name in names:
            self.sequences[name] = 1

    def write(self, lead: str) -> None:
        """One more message about a lead."""
        self.sequences[lead] += 1
        cycle = MqlCycle.objects.get(lead__external_id=lead)
        number = self.sequences[lead]
        OutgoingMessage.objects.create(
            destination=self.destination, key=f"msg_{lead}_{number}", lead=cycle.lead, cycle=cycle,
            sequence=number, type="mql.rescheduled", created_at=self.world.at, next_attempt_at=self.world.at,
            body=json.dumps({"type": "mql.rescheduled", "data": {"lead": lead, "sequence": number}}),
        )  # fmt: skip

    def about(self) -> list[tuple[str, int]]:
        return [received.about for received in self.receiver.received]

    def fresh(self) -> Destination:
        return Destination.objects.get(pk=self.destination.pk)


@pytest.fixture
def case(world: World, crm: Receiver) -> Case:
    return Case(world, crm)


def only() -> OutgoingMessage:
    return OutgoingMessage.objects.get()


# --- signature --------------------------------------------------------------------------------------------


def test_a_message_is_signed_as_standard_webhooks_say(case: Case) -> None:
    case.leads("L")
    now = timezone.now()
    case.world.at = now
    assert deliver(at=now) == 1
    received, message = case.receiver.received[0], only()
    assert received.key == message.key and received.path == "/hooks"
    assert received.body.decode() == message.body
    assert Webhook(case.secret).verify(received.body, received.headers)["data"]["lead"] == "L"
    with pytest.raises(WebhookVerificationError):
        Webhook(case.secret).verify(received.body + b" ", received.headers)
    assert (message.state, message.delivered_at, message.attempts) == ("delivered", now, 1)


def test_during_rotation_both_secrets_verify_and_after_it_the_new_one(case: Case) -> None:
    now = timezone.now()
    new = destinations.rotate_outgoing_secret(destination=case.destination, by=None, at=now)
    case.leads("L", "M")
    OutgoingMessage.objects.filter(lead__external_id="M").update(next_attempt_at=now + 25 * HOUR)
    deliver(at=now)
    first = case.receiver.received[0]
    assert Webhook(case.secret).verify(first.body, first.headers)
    assert Webhook(new).verify(first.body, first.headers)
    with time_machine.travel(now + 25 * HOUR, tick=True):
        deliver(at=now + 25 * HOUR)
        last = case.receiver.received[-1]
        assert Webhook(new).verify(last.body, last.headers)
        with pytest.raises(WebhookVerificationError):
            Webhook(case.secret).verify(last.body, last.headers)


def wait_for_days(case: Case) -> None:
    for hours in range(0, 24 * 5, 6):
        deliver(at=case.world.at + hours * HOUR)


def test_without_a_live_secret_messages_wait_and_say_why(case: Case) -> None:
    destinations.revoke_outgoing_secret(destination=case.destination, slot=1, by=None, at=case.world.at)
    case.leads("L")
    wait_for_days(case)
    assert not case.receiver.received and only().last_error == SECRETLESS
    assert (only().state, only().attempts, case.fresh().failures) == ("pending", 0, 0)
    later = case.world.at + 120 * HOUR
    destinations.rotate_outgoing_secret(destination=case.destination, by=None, at=later)
    assert deliver(at=later) == 1 and (only().last_error, only().attempts) == ("", 1)


def test_a_secret_of_another_key_is_told_apart_and_rotated_sends_what_waited(
    case: Case, settings: Any
) -> None:
    case.leads("L")
    settings.SECRET_KEY = "another key " * 5
    wait_for_days(case)
    assert (only().last_error, only().state, only().attempts) == (UNREADABLE, "pending", 0)
    later = timezone.now()
    new = destinations.rotate_outgoing_secret(destination=case.destination, by=None, at=later)
    assert deliver(at=later) == 1, "the older secret is still live, and still unreadable"
    received = case.receiver.received[0]
    assert Webhook(new).verify(received.body, received.headers)


# --- failures ---------------------------------------------------------------------------------------------


def test_a_failure_is_tried_again_under_the_same_key_at_a_new_time_of_signing(case: Case) -> None:
    case.leads("L")
    case.receiver.script = [answer(500)]
    deliver(at=case.world.at)
    assert (only().state, only().last_error) == ("pending", "Answered 500 Internal Server Error.")
    wait = only().next_attempt_at - case.world.at
    assert 5 * SECOND <= wait <= 6.25 * SECOND
    assert deliver(at=case.world.at + 4 * SECOND) == 0 and len(case.receiver.received) == 1
    assert deliver(at=case.world.at + 7 * SECOND) == 1
    first, second = case.receiver.received
    assert first.key == second.key and first.body == second.body
    assert first.headers["webhook-timestamp"] != second.headers["webhook-timestamp"]


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_a_redirect_is_a_failure_and_never_followed(case: Case, status: int) -> None:
    case.leads("L")
    case.receiver.behave = answer(status, Location=f"{case.receiver.address}/elsewhere")
    deliver(at=case.world.at)
    assert len(case.receiver.received) == 1 and "redirects are not followed" in only().last_error


def test_a_connection_that_breaks_is_tried_again(case: Case) -> None:
    case.leads("L")
    case.receiver.script = [reset]
    deliver(at=case.world.at)
    assert only().last_error == "The connection broke off."
    assert deliver(at=case.world.at + MINUTE) == 1


def test_a_refused_connection_holds_back_the_destination_not_the_message_alone(case: Case) -> None:
    case.leads("L", "M", "N")
    address = case.destination.address
    Destination.objects.update(address="http://127.0.0.1:9/")
    deliver(at=case.world.at)
    assert case.fresh().failures == 1 and case.fresh().retry_at == case.world.at + 5 * SECOND
    deliver(at=case.world.at + 7 * SECOND)
    assert case.fresh().failures == 2 and case.fresh().retry_at == case.world.at + 17 * SECOND
    assert sum(OutgoingMessage.objects.values_list("attempts", flat=True)) == 4, "then one at a time"
    Destination.objects.update(address=address)
    assert deliver(at=case.world.at + HOUR) == 3
    assert (case.fresh().failures, case.fresh().retry_at) == (0, None)


@pytest.mark.parametrize("manner", ["hang", "drip"])
def test_a_receiver_without_an_answer_is_left_in_time_and_gets_the_same_key_again(
    case: Case, manner: str
) -> None:
    """It may have taken the message in: it is sent again under the same key."""
    case.leads("L")
    case.receiver.script = [getattr(case.receiver, manner)]
    started = time.monotonic()
    deliver(at=case.world.at)
    assert time.monotonic() - started < 5
    assert only().last_error == "No answer within 0.4 seconds."
    assert deliver(at=case.world.at + MINUTE) == 1
    assert len({received.key for received in case.receiver.received}) == 1 < len(case.receiver.received)


def test_410_pauses_the_destination_until_somebody_resumes_it(case: Case) -> None:
    case.leads("L", "M")
    case.receiver.script = [answer(410), answer(410)]
    deliver(at=case.world.at)
    assert case.fresh().paused_reason == outbox.GONE
    assert deliver(at=case.world.at + HOUR) == 0 and len(case.receiver.received) <= 2
    case.leads("N")
    assert OutgoingMessage.objects.pending().count() == 3, "none is lost"
    destinations.resume(destination=case.destination, by=None, at=case.world.at + 2 * HOUR)
    assert deliver(at=case.world.at + 2 * HOUR) == 3


@pytest.mark.parametrize("status", [429, 503])
def test_retry_after_is_kept_for_the_whole_destination(case: Case, status: int) -> None:
    case.leads("L")
    case.receiver.script = [answer(status, Retry_After="120")]
    deliver(at=case.world.at)
    case.leads("M")
    assert deliver(at=case.world.at + 119 * SECOND) == 0 and len(case.receiver.received) == 1
    assert deliver(at=case.world.at + 121 * SECOND) == 2


def test_retry_after_is_believed_within_bounds() -> None:
    at = datetime(2026, 11, 17, 10, 0, tzinfo=UTC)
    assert backoff.retry_after("999999999999", at=at) == 6 * HOUR
    assert backoff.retry_after("Tue, 17 Nov 2026 10:02:00 GMT", at=at) == 2 * MINUTE
    assert backoff.retry_after("Tue, 17 Nov 2020 10:02:00 GMT", at=at) == timedelta(0)
    for nonsense in (None, "", "-5", "soon", "1.5", "٣", "Tue, 99 Nov"):
        assert backoff.retry_after(nonsense, at=at) is None


def test_the_schedule_takes_about_two_days_and_spreads() -> None:
    waits = [backoff.delay(n, draw=random.Random(1)) for n in range(1, backoff.ATTEMPTS)]
    assert backoff.delay(backoff.ATTEMPTS) is None
    total = sum((wait for wait in waits if wait), timedelta())
    assert timedelta(hours=44) < total < timedelta(hours=60)
    assert len({backoff.delay(1) for _ in range(20)}) > 10


def test_what_is_given_up_is_dead_with_its_reason_and_blocks_its_lead_no_more(case: Case) -> None:
    case.leads("L")
    case.write("L")
    case.receiver.behave = lambda handler, received: answer(500 if received.data["sequence"] == 1 else 200)(
        handler, received
    )
    at = case.world.at
    for _ in range(backoff.ATTEMPTS):
        deliver(at=at)
        at += timedelta(hours=16)
    dead = OutgoingMessage.objects.dead().get()
    assert (dead.sequence, dead.attempts, dead.last_error[:12]) == (1, backoff.ATTEMPTS, "Answered 500")
    assert OutgoingMessage.objects.get(sequence=2).state == OutgoingState.DELIVERED


# --- order and hanging receivers --------------------------------------------------------------------------


def test_only_the_oldest_message_of_a_lead_is_sent_and_other_leads_go_on(case: Case) -> None:
    case.leads("A", "B")
    for _ in range(2):
        case.write("A")
        case.write("B")
    case.receiver.behave = lambda handler, received: answer(500 if received.data["lead"] == "A" else 200)(
        handler, received
    )
    deliver(at=case.world.at)
    assert [about for about in case.about() if about[0] == "B"] == [("B", 1), ("B", 2), ("B", 3)]
    assert [about for about in case.about() if about[0] == "A"] == [("A", 1)]
    case.receiver.behave = answer(200)
    deliver(at=case.world.at + MINUTE)
    assert [about for about in case.about() if about[0] == "A"] == [("A", 1), ("A", 1), ("A", 2), ("A", 3)]


def test_a_receiver_that_hangs_does_not_starve_another(case: Case, settings: Any) -> None:
    settings.OUTGOING_TIMEOUT = 3.0
    case.leads(*(f"L{n}" for n in range(30)))
    case.receiver.behave = case.receiver.hang
    other = type(case.world.crm).objects.create(key="other", name="Other", kind="standard")
    with receiving() as good:
        create_destination(source=other, address=good.address, by=None, at=case.world.at)
        destination = Destination.objects.get(source=other)
        for _ in range(20):
            destinations.send_test(destination=destination, by=None, at=case.world.at)
        worked = threading.Event()

        def wait_for_all() -> None:
            deadline = time.monotonic() + 2.5
            while time.monotonic() < deadline and len(good.received) < 20:
                time.sleep(0.02)
            if len(good.received) == 20:
                worked.set()
            case.receiver.released.set()

        watcher = threading.Thread(target=wait_for_all)
        watcher.start()
        deliver(at=case.world.at)
        watcher.join()
    assert worked.is_set(), len(good.received)


# --- several deliverers -----------------------------------------------------------------------------------


def shaky(seed: int) -> Any:
    """Takes messages in and answers badly, or late, or well, as the dice fall."""
    rng, lock = random.Random(seed), threading.Lock()

    def behave(handler: BaseHTTPRequestHandler, received: Received) -> None:
        with lock:
            roll = rng.random()
        if roll < 0.15:
            reset(handler, received)
        elif roll < 0.3:
            answer(500)(handler, received)
        elif roll < 0.35:
            time.sleep(0.5)
            answer(200)(handler, received)
        else:
            answer(200)(handler, received)

    return behave


@pytest.mark.django_db(transaction=True)
def test_two_deliverers_keep_the_order_of_each_lead_and_lose_nothing(crm: Receiver) -> None:
    world = build_world()
    case = Case(world, crm)
    names = [f"L{n}" for n in range(12)]
    case.leads(*names)
    for name in names * 3:
        case.write(name)
    crm.behave = shaky(7)
    clock = [world.at]
    stop = threading.Event()
    problems: list[BaseException] = []

    def work() -> None:
        try:
            while not stop.is_set():
                deliver(at=clock[0], now=lambda: clock[0])
        except BaseException as problem:
            problems.append(problem)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=work) for _ in range(2)]
    for thread in threads:
        thread.start()
    deadline = time.monotonic() + 60
    while OutgoingMessage.objects.pending().exists() and time.monotonic() < deadline:
        time.sleep(0.05)
        # time passes while nothing is under way, so that no claim runs out
        if not OutgoingMessage.objects.pending().filter(claimed_until__gt=clock[0]).exists():
            clock[0] += MINUTE
    stop.set()
    for thread in threads:
        thread.join()
    assert not problems
    assert set(OutgoingMessage.objects.values_list("state", flat=True)) == {"delivered"}
    keys: dict[tuple[str, int], set[str]] = defaultdict(set)
    for received in crm.received:
        keys[received.about].add(received.key)
    assert all(len(found) == 1 for found in keys.values()) and len(keys) == 48
    for name in names:
        order = [number for lead, number in case.about() if lead == name]
        assert order == sorted(order), f"{name}: {order}"


@pytest.mark.django_db(transaction=True)
def test_the_claim_of_a_deliverer_that_is_killed_runs_out(crm: Receiver, settings: Any) -> None:
    world = build_world()
    case = Case(world, crm)
    case.leads("L")
    case.write("L")
    settings.OUTGOING_TIMEOUT = 30.0
    crm.script = [crm.hang]
    connections.close_all()
    child = os.fork()
    if child == 0:  # the deliverer, killed while the receiver has its message
        try:
            deliver(at=world.at)
        finally:
            os._exit(1)
    deadline = time.monotonic() + 20
    while not crm.received and time.monotonic() < deadline:
        time.sleep(0.02)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    settings.OUTGOING_TIMEOUT = 1.0
    assert deliver(at=world.at + LEASE - SECOND) == 0, "still claimed"
    assert deliver(at=world.at + LEASE + SECOND) == 2
    assert case.about() == [("L", 1), ("L", 1), ("L", 2)]
    assert crm.received[0].key == crm.received[1].key


@pytest.mark.django_db(transaction=True)
def test_no_transaction_is_open_while_a_message_is_under_way(crm: Receiver) -> None:
    case = Case(build_world(), crm)
    case.leads("L")
    seen: list[bool] = []

    def look(handler: BaseHTTPRequestHandler, received: Received) -> None:
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() "
                "AND state LIKE 'idle in transaction%'"
            )
            seen.append(cursor.fetchone()[0] == 0)
        connection.close()
        answer(200)(handler, received)

    crm.behave = look
    assert deliver(at=case.world.at) == 1
    assert seen == [True]


def test_the_tick_delivers_as_the_application_does(case: Case, as_application_role: str) -> None:
    case.leads("L")
    with time_machine.travel(case.world.at + MINUTE, tick=True):
        assert tasks.deliver() == 1
    assert only().state == "delivered"


# --- TLS, secrets -----------------------------------------------------------------------------------------


def test_a_certificate_must_be_for_the_name_and_trusted(settings: Any, tmp_path: Path) -> None:
    good, other = make_certificate(tmp_path, "localhost"), make_certificate(tmp_path, "crm.example.com")
    settings.OUTGOING_CA_FILE = str(good[0])
    settings.OUTGOING_TIMEOUT = 5.0
    with receiving(good) as receiver:
        assert post(receiver.address, "{}", {"webhook-id": "x"}).status == 204
        assert receiver.received[0].headers["host"] == f"localhost:{receiver.port}"
        found = post(receiver.address.replace("localhost", "127.0.0.1"), "{}", {})
        assert found.status is None and "certificate" in found.problem
        settings.OUTGOING_CA_FILE = str(other[0])
        assert "certificate" in post(receiver.address, "{}", {}).problem
    with receiving(other) as receiver:
        assert "certificate" in post(receiver.address, "{}", {}).problem
        assert not receiver.received


def test_proxies_of_the_environment_are_not_used(crm: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    with receiving() as proxy:
        for name in ("http_proxy", "HTTP_PROXY", "https_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, proxy.address)
        assert post(crm.address, "{}", {}).status == 204
        assert not proxy.received


def test_of_a_refusal_the_first_words_are_kept_until_it_is_delivered(case: Case, caplog: Any) -> None:
    def refuse(handler: BaseHTTPRequestHandler, received: Received) -> None:
        said = b"field OwnerId\x00invalid\n for <ada.l@example.com>, POST /hooks " + b"x" * 9000
        handler.send_response(422)
        handler.send_header("Content-Length", str(len(said)))
        handler.end_headers()
        handler.wfile.write(said)

    caplog.set_level("DEBUG")
    case.leads("L")
    case.receiver.script = [refuse]
    deliver(at=case.world.at)
    said = only().last_answer
    assert said.startswith("field OwnerId invalid for <…@…>, POST … xxx") and len(said) == 500
    assert "OwnerId" not in " ".join(str(record.__dict__) for record in caplog.records)
    deliver(at=case.world.at + HOUR)
    assert (only().state, only().last_answer) == ("delivered", "")


def test_what_a_receiver_answered_goes_with_the_body_and_with_the_person(case: Case) -> None:
    case.leads("L", "M")
    OutgoingMessage.objects.update(state=OutgoingState.DEAD, last_answer="Bob is unknown")
    revops = add_user(case.world, Role.REVOPS, "Ann")
    lead = Lead.objects.get(external_id="L")
    erase_person(leads=[lead], asked_by="person", reason="Asked", by=revops, at=case.world.at)
    left = OutgoingMessage.objects.exclude(last_answer="").values_list("lead__external_id", flat=True)
    assert list(left) == ["M"]
    expire_bodies(at=case.world.at + 500 * 24 * HOUR)
    assert not OutgoingMessage.objects.exclude(last_answer="").exists()


def test_a_long_answer_is_read_to_a_bound_and_its_begin_kept(case: Case, caplog: Any) -> None:
    def talk(handler: BaseHTTPRequestHandler, received: Received) -> None:
        handler.send_response(500, "secret-reason")
        handler.send_header("X-Said", "secret-header")
        handler.end_headers()
        try:
            for _ in range(2000):
                handler.wfile.write(b"secret-body " * 1000)
        except OSError:
            pass

    case.leads("L")
    case.receiver.behave = talk
    deliver(at=case.world.at)
    shown = f"{OutgoingMessage.objects.values().get()} {caplog.text} {[r.__dict__ for r in caplog.records]}"
    assert "Answered 500" in shown
    logged = f"{caplog.text} {[r.__dict__ for r in caplog.records]}"
    for part in ("secret-reason", "secret-header"):
        assert part not in shown
    assert "secret-body" not in logged and len(only().last_answer) <= 500


def test_no_secret_address_or_name_gets_into_logs_or_rows(case: Case, caplog: Any) -> None:
    caplog.set_level("DEBUG")
    Destination.objects.update(address=case.receiver.address + "/token-of-the-receiver")
    case.leads("L")
    case.receiver.script = [answer(500), reset, case.receiver.hang, answer(410)]
    for n in range(4):
        deliver(at=case.world.at + n * HOUR)
    Destination.objects.update(
        address="https://nowhere.invalid/token-of-the-receiver", paused_at=None, paused_reason=""
    )
    deliver(at=case.world.at + 9 * HOUR)
    logged = " ".join(str(record.__dict__) for record in caplog.records)
    rows = str(list(OutgoingMessage.objects.values())) + str(list(Destination.history.values()))
    for text in (case.secret, case.secret.removeprefix("whsec_"), "token-of-the-receiver"):
        assert text not in logged and text not in rows
    assert "rep.1@example.com" not in logged
    assert case.secret.encode() not in bytes(case.destination.secrets.get().ciphertext)


def test_only_revops_sets_it_up(case: Case) -> None:
    boss = add_user(case.world, Role.SALES_MANAGER, "Boss")
    at = case.world.at
    acts: list[tuple[Any, dict[str, Any]]] = [
        (destinations.change_address, {"address": "https://x.example.com"}),
        (destinations.rotate_outgoing_secret, {}),
        (destinations.revoke_outgoing_secret, {"slot": 1}),
        (destinations.pause, {"reason": "x"}),
        (destinations.resume, {}),
        (destinations.switch_off, {}),
        (destinations.send_test, {}),
        (destinations.retry, {}),
        (destinations.send_now, {"message": 1}),
        (destinations.set_messages_aside, {"reason": "x"}),
    ]
    for act, options in acts:
        with pytest.raises(OnlyRevOps, match="RevOps"):
            act(destination=case.destination, by=boss, at=at, **options)
    with pytest.raises(OnlyRevOps, match="RevOps"):
        create_destination(source=case.world.crm, address="https://x.example.com", by=boss, at=at)


# --- what was given up --------------------------------------------------------------------------------------


def died(*messages: OutgoingMessage) -> None:
    OutgoingMessage.objects.filter(pk__in=[m.pk for m in messages]).update(
        state=OutgoingState.DEAD, attempts=backoff.ATTEMPTS, last_error="Answered 500."
    )


def test_a_replay_sends_the_newest_of_a_lead_and_sets_older_ones_aside(case: Case) -> None:
    case.leads("A", "B")
    case.write("A")
    died(*OutgoingMessage.objects.all())
    case.receiver.behave = answer(200)
    at = case.world.at + HOUR
    found = destinations.retry(destination=case.destination, by=None, at=at)
    assert (found.waiting, found.superseded) == (2, 1)
    assert deliver(at=at) == 2 and sorted(case.about()) == [("A", 2), ("B", 1)]
    assert OutgoingMessage.objects.set_aside().get().set_aside_reason == destinations.SUPERSEDED
    assert not OutgoingMessage.objects.dead().exists()


def test_an_old_message_is_never_sent_after_a_newer_one(case: Case) -> None:
    case.leads("A")
    died(only())
    case.write("A")
    deliver(at=case.world.at)
    found = destinations.retry(
        destination=case.destination, messages=[only_dead().pk], by=None, at=case.world.at
    )
    assert (found.waiting, found.superseded) == (0, 1)
    assert deliver(at=case.world.at + MINUTE) == 0 and case.about() == [("A", 2)]


def only_dead() -> OutgoingMessage:
    return OutgoingMessage.objects.dead().get()


def test_what_is_set_aside_has_a_reason_and_can_still_be_sent(case: Case) -> None:
    case.leads("A")
    died(only())
    by = add_user(case.world, Role.REVOPS, "Ann")
    with pytest.raises(ReasonMissing):
        destinations.set_messages_aside(destination=case.destination, reason="  ", by=by, at=case.world.at)
    count = destinations.set_messages_aside(
        destination=case.destination, reason="Entered by hand", by=by, at=case.world.at
    )
    assert count == 1 and not OutgoingMessage.objects.dead().exists()
    found = destinations.retry(destination=case.destination, messages=[only().pk], by=by, at=case.world.at)
    assert found.waiting == 1 and deliver(at=case.world.at) == 1


def test_a_destination_switched_off_sends_nothing_and_keeps_what_was_sent(case: Case) -> None:
    case.leads("A")
    deliver(at=case.world.at)
    case.write("A")
    destinations.switch_off(destination=case.destination, by=None, at=case.world.at)
    assert deliver(at=case.world.at + MINUTE) == 0
    assert OutgoingMessage.objects.get(sequence=1).state == "delivered"
    assert not case.fresh().secrets.exists() and case.fresh().history.count() == 2
    with pytest.raises(destinations.NoSuchDestination):
        destinations.resume(destination=case.destination, by=None, at=case.world.at)
    create_destination(source=case.world.crm, address=case.receiver.address, by=None, at=case.world.at)
    with pytest.raises(destinations.AlreadyWritesBack):
        create_destination(source=case.world.crm, address=case.receiver.address, by=None, at=case.world.at)


def test_bodies_expire_but_for_those_that_wait(case: Case, as_application_role: str) -> None:
    case.leads("A", "B", "C")
    deliver(at=case.world.at)
    OutgoingMessage.objects.filter(lead__external_id="B").update(state="dead", delivered_at=None)
    OutgoingMessage.objects.filter(lead__external_id="C").update(state="pending", delivered_at=None)
    at = case.world.at + timedelta(days=500)
    runs = {run.part: run.rows for run in expire_bodies(at=at)}
    assert runs["Messages of write-back"] == 2
    bodies = dict(OutgoingMessage.objects.values_list("lead__external_id", "body"))
    assert bodies["A"] == bodies["B"] == "" != bodies["C"]
    assert OutgoingMessage.objects.set_aside().get().set_aside_reason == CANNOT_BE_SENT
    found = destinations.retry(
        destination=case.destination,
        messages=list(OutgoingMessage.objects.values_list("pk", flat=True)),
        by=None,
        at=at,
    )
    assert found.waiting == 0
