"""Sources in the browser: connect, endpoints and their secrets, what came and what could not be read."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import subprocess
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from html import unescape
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import time_machine
from django.test import Client

from alignment.intake.schemes import verify_standard_webhooks
from alignment.intake.standard import TYPES
from alignment.models import DeadEvent, Delivery, Endpoint, Role, Scheme, Source
from alignment.queries.source_guide import MEANINGS
from alignment.queries.sources import source_rows
from alignment.services.sources import add_endpoint
from alignment.tests.pages import found, signed_in
from testing.world import World, add_user, event

NEW = {"name": "Pipes", "key": "Pipes", "kind": "generic", "zone": "UTC", "assigns": "product"}
HOUR = timedelta(hours=1)


@pytest.fixture
def revops(world: World) -> Client:
    return signed_in(add_user(world, Role.REVOPS, "Ann"))


def text(response: Any) -> str:
    return " ".join(unescape(response.content.decode()).split())


def conflicting(world: World, first: Delivery) -> Delivery:
    body = b'{"other": true}'
    return Delivery.objects.create(
        source=first.source,
        endpoint=first.endpoint,
        body=body,
        body_sha256=hashlib.sha256(body).digest(),
        state="conflict",
        conflicts_with=first,
        received_at=world.at,
    )


def test_only_revops_comes_in(world: World) -> None:
    delivery = world.deliver([{}])
    world.send()
    dead = DeadEvent.objects.get()
    base, endpoint = "/sources/crm/", world.crm_endpoint.pk
    gets = [
        "/sources/",
        "/sources/new/",
        base,
        *(base + tab for tab in ("mapping/", "dead/", "conflicts/", "deliveries/")),
    ]
    gets += [f"{base}deliveries/{delivery.pk}/"]
    acts = [
        "/sources/new/",
        base + "mapping/",
        base + "mapping/preview/",
        base + "endpoints/",
        base + "dead/replay/",
    ]
    acts += [
        f"{base}dead/{dead.pk}/replay/",
        f"{base}endpoints/{endpoint}/secret/",
        f"{base}endpoints/{endpoint}/off/",
    ]
    acts += [f"{base}endpoints/{endpoint}/secret/1/revocation/"]
    for role in set(Role) - {Role.REVOPS}:
        client = signed_in(add_user(world, role))
        assert {client.get(address).status_code for address in gets} == {403}
        assert {client.post(address).status_code for address in acts} == {403}
    client = signed_in(add_user(world, Role.REVOPS))
    assert {client.get(address).status_code for address in gets} == {200}
    assert client.get("/sources/nowhere/").status_code == 404
    other = Source.objects.create(key="other", name="Other", kind="standard")
    assert client.get(f"/sources/{other.key}/deliveries/{delivery.pk}/").status_code == 404
    assert client.post(f"/sources/{other.key}/endpoints/{endpoint}/off/").status_code == 404
    assert client.post(f"/sources/{other.key}/dead/{dead.pk}/replay/").status_code == 404


def test_a_source_is_connected_and_gets_an_endpoint_whose_secret_is_shown_once(revops: Client) -> None:
    response = revops.post("/sources/new/", NEW, follow=True)
    assert "Add an endpoint for it to send to" in text(response)
    source = Source.objects.get(key="pipes")
    assert source.history.get().history_user is not None
    made = revops.post("/sources/pipes/endpoints/", {"scheme": "shared_secret", "header": "X-Secret"})
    assert "no-store" in made["Cache-Control"]
    secret = found(r'id="secret">([^<]+)<', text(made))
    endpoint = source.endpoints.get()
    page = text(revops.get("/sources/pipes/"))
    assert endpoint.path in page and "X-Secret" in page
    assert secret not in page
    sent = Client().post(endpoint.path, b"{}", content_type="application/json", headers={"X-Secret": secret})
    assert sent.status_code == 202


@pytest.mark.parametrize(
    ("wrong", "said", "status"),
    [
        ({"key": "crm"}, "There is a source with the key", 409),
        ({"key": "new"}, "taken by an address of the product", 422),
        ({"key": "a b"}, "letters without accents", 422),
        ({"zone": "Mars"}, "not an IANA time zone", 422),
        ({"kind": "fax"}, "Select a valid choice", 422),
    ],
)
def test_a_source_that_cannot_be_is_refused_on_the_page(
    revops: Client, wrong: dict[str, str], said: str, status: int
) -> None:
    response = revops.post("/sources/new/", {**NEW, **wrong})
    assert response.status_code == status and said in text(response)
    assert 'value="Pipes"' in text(response)
    assert Source.objects.count() == 1


def test_endpoints_that_cannot_be_are_refused_on_the_page(world: World, revops: Client) -> None:
    Source.objects.create(key="espo", name="Espo", kind="espocrm")
    wrong = [
        ("crm", {"scheme": "espocrm"}),
        ("crm", {"scheme": "shared_secret", "header": "no spaces!"}),
        ("crm", {"scheme": "standard_webhooks", "secret": "short"}),
        ("espo", {"scheme": "espocrm", "event": ""}),
    ]
    for key, given in wrong:
        assert revops.post(f"/sources/{key}/endpoints/", given).status_code == 422
    assert Endpoint.objects.count() == 1


def test_a_secret_given_by_the_crm_is_not_shown_again(revops: Client) -> None:
    Source.objects.create(key="espo", name="Espo", kind="espocrm")
    given = {"scheme": "espocrm", "event": "Lead.update", "secret": "0123456789abcdef0123456789abcdef"}
    page = text(revops.post("/sources/espo/endpoints/", given))
    assert given["secret"] not in page and "Lead.update" in page


def test_secrets_rotate_and_are_revoked(world: World, revops: Client) -> None:
    user = world.users[Role.REVOPS]
    endpoint, _ = add_endpoint(source=world.crm, scheme=Scheme.STANDARD_WEBHOOKS, by=user, at=world.at)
    base = f"/sources/crm/endpoints/{endpoint.pk}/"
    assert "whsec_" in text(revops.post(base + "secret/"))
    assert endpoint.secrets.count() == 2
    again = revops.post(base + "secret/", follow=True)
    assert "Two secrets are live" in text(again)
    assert "is revoked" in text(revops.post(base + "secret/1/revocation/", follow=True))
    assert endpoint.secrets.get().slot == 2
    assert "holds no secret" in text(revops.post(base + "secret/1/revocation/", follow=True))
    assert "switched off" in text(revops.post(base + "off/", follow=True))
    assert "switched off already" in text(revops.post(base + "off/", follow=True))
    assert revops.get(base + "off/").status_code == 405


def test_the_list_counts_what_came_what_waits_and_what_is_wrong(world: World, revops: Client) -> None:
    other = Source.objects.create(key="other", name="Other", kind="standard")
    old = world.deliver([{}], external_id="old", received_at=world.at - timedelta(days=2))
    world.deliver([{}, event("lead.created", "L1", world.at, score=1)], external_id="new")
    world.send()
    conflicting(world, old)
    waiting = world.deliver([{}], received_at=world.at - HOUR)
    first, second = source_rows(at=world.at)
    assert (first.source, first.endpoints, first.received_in_24_h) == (world.crm, 1, 3)
    assert (first.pending, first.dead, first.conflicts) == (1, 2, 1)
    assert first.processed_up_to == waiting.received_at and first.last_received_at == world.at
    assert (second.source, second.received_in_24_h, second.dead, second.last_received_at) == (
        other,
        0,
        0,
        None,
    )
    assert second.processed_up_to == world.at
    with time_machine.travel(world.at, tick=False):
        page = text(signed_in(world.users[Role.REVOPS]).get("/sources/"))
    assert "/sources/crm/dead/" in page and "/sources/crm/conflicts/" in page and "never" in page


def test_conflicts_name_both_bodies(world: World, revops: Client) -> None:
    first = world.deliver({"first": True}, external_id="evt_1")
    other = conflicting(world, first)
    page = text(revops.get("/sources/crm/conflicts/"))
    assert "evt_1" in page and f"Delivery {first.pk}" in page and f"Delivery {other.pk}" in page
    shown = text(revops.get(f"/sources/crm/deliveries/{other.pk}/"))
    assert '{"other": true}' in shown and "which counts" in shown
    assert other.body_sha256.hex() in shown


def test_a_delivery_shows_its_body_and_what_it_became(world: World, revops: Client) -> None:
    world.send(event("lead.created", "L1", world.at, score=70, last_name="<b>Ada</b>", id="evt_9"))
    delivery = Delivery.objects.get()
    raw = revops.get(f"/sources/crm/deliveries/{delivery.pk}/").content.decode()
    assert "<b>Ada" not in raw and "&lt;b&gt;Ada" in raw
    assert "may hold personal data" in raw and "evt_9" in raw and "L1" in raw
    assert f">{delivery.pk}</a>" in text(revops.get("/sources/crm/deliveries/"))


def test_bodies_that_are_no_text_are_shown_all_the_same(world: World, revops: Client) -> None:
    delivery = world.deliver(b"\xff\x00not json")
    world.send()
    for address in ("/sources/crm/dead/", f"/sources/crm/deliveries/{delivery.pk}/"):
        page = text(revops.get(address))
        assert "not json" in page and "not UTF-8" in page


def test_deliveries_are_paged_newest_first(world: World, revops: Client) -> None:
    for n in range(70):
        world.deliver({}, external_id=f"e{n:02}")
    first = text(revops.get("/sources/crm/deliveries/"))
    following = found(r'href="(\?after=\d+)" rel="next"', first)
    second = text(revops.get("/sources/crm/deliveries/" + following))
    assert re.findall(r"<code>(e\d\d)</code>", first + second) == [f"e{n:02}" for n in range(69, -1, -1)]
    assert revops.get("/sources/crm/deliveries/?after=x").status_code == 404


def test_no_page_costs_more_for_twenty_rows_than_for_one(
    world: World, revops: Client, django_assert_max_num_queries: Callable[[int], Any]
) -> None:
    for count in (1, 20):
        for n in range(count):
            first = world.deliver([{}], external_id=f"{count}.{n}")
            conflicting(world, first)
            source = Source.objects.create(key=f"s{count}-{n}", name="S", kind="standard")
            endpoint = world.endpoint(world.crm, f"e{n}", scheme=Scheme.STANDARD_WEBHOOKS)
            world.deliver([{}], endpoint=endpoint)
            world.endpoint(source, "x")
        world.send()
        for address in ("", "crm/", "crm/mapping/", "crm/dead/", "crm/conflicts/", "crm/deliveries/"):
            with django_assert_max_num_queries(17):
                assert revops.get(f"/sources/{address}").status_code == 200


def test_the_guide_names_every_event_type_that_is_understood(revops: Client) -> None:
    assert MEANINGS.keys() == TYPES.keys()
    page = text(revops.get("/sources/crm/"))
    assert all(f"<code>{name}</code>" in page for name in TYPES)


@pytest.mark.skipif(
    not all(map(shutil.which, ("bash", "openssl", "base64", "od"))),
    reason="the shell command's tools are not here",
)
def test_the_command_that_is_shown_signs_so_that_it_is_accepted(
    world: World, revops: Client, tmp_path: Path
) -> None:
    made = revops.post("/sources/crm/endpoints/", {"scheme": "standard_webhooks"})
    page = unescape(made.content.decode())
    secret = found(r'id="secret">([^<]+)<', page)
    command = found(r'<pre id="command"[^>]*>(.*?)</pre>', page)
    assert f"SECRET='{secret}'" in command
    curl = tmp_path / "curl"
    curl.write_text('#!/bin/bash\nprintf "%s\\0" "$@"\n')
    curl.chmod(0o755)
    path = f"{tmp_path}:{os.environ['PATH']}"
    ran = subprocess.run(["bash", "-euc", command], env={"PATH": path}, capture_output=True, check=True)
    given = ran.stdout.decode().split("\0")
    headers = dict(value.split(": ", 1) for flag, value in pairwise(given) if flag == "-H")
    body = given[given.index("--data-binary") + 1].encode()
    lowered = {name.lower(): value for name, value in headers.items()}
    verify_standard_webhooks(body, lowered, [secret], datetime.now(UTC))
    endpoint = Endpoint.objects.order_by("-pk")[0]
    assert endpoint.path in ran.stdout.decode()
    sent = Client().post(endpoint.path, body, content_type="application/json", headers=headers)
    assert sent.status_code == 202
    told = json.loads(body)
    assert abs(datetime.now(UTC) - datetime.fromisoformat(told["timestamp"])) < timedelta(minutes=1)
    assert "segment" not in told["data"]  # no lead has one


def test_the_example_is_of_a_segment_that_leads_really_have(world: World, revops: Client) -> None:
    world.send(event("lead.created", "L1", world.at, segment="mid_market"))
    assert '"segment":"mid_market"' in unescape(revops.get("/sources/crm/").content.decode())
    world.send(event("lead.created", "L2", world.at, segment="o'brien $(date)"))
    assert "brien" not in revops.get("/sources/crm/").content.decode()
