"""What the source signed comes in: the vendors' vectors, recorded traffic, and both sides of a rotation."""

from __future__ import annotations

import base64
import csv
import gzip
import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from django.utils.datastructures import CaseInsensitiveMapping

from alignment.intake import schemes
from alignment.intake.endpoints import OpenEndpoint
from alignment.models import Scheme
from alignment.tests.senders import espocrm_8, espocrm_9
from alignment.tests.signatures import (
    BODY,
    ESPO_ID,
    ESPO_SECRET,
    ESPOCRM,
    GOOD,
    STANDARD,
    accepts,
    endpoint,
)


def test_the_vector_of_the_standard_webhooks_library_is_accepted_and_gives_its_id() -> None:
    headers = CaseInsensitiveMapping(
        {
            "Webhook-Id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
            "Webhook-Timestamp": "1614265330",
            "Webhook-Signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
        }
    )
    at = datetime.fromtimestamp(1614265330, UTC)
    body = b'{"test": 2432232314}'
    assert schemes.verify(STANDARD, body, headers, at) == "msg_p5jXN8AQM9LWM0D4loKWxJek"


def test_the_recorded_header_of_espocrm_8_is_accepted() -> None:
    header = "NmIwMWYxMTNlNTgxNmY1N2M67q12LjN4y04gE/gX85rrCGS/Yz5sA25sCmf0SEWX5Zk="
    body = b'[{"id":"6b01f137d71e9318a","status":"Assigned"}]'
    assert accepts(ESPOCRM, {"X-Signature": header}, body)
    assert accepts(endpoint(Scheme.ESPOCRM, ESPO_SECRET), {"X-Signature": header}, body)


def test_a_version_9_header_is_accepted_alone_and_beside_the_old_one() -> None:
    new, old = espocrm_9(ESPO_SECRET, ESPO_ID, BODY), espocrm_8(ESPO_SECRET, ESPO_ID, BODY)
    # base64 of "6b01f113e5816f57c:" and the hexadecimal digest
    assert base64.b64decode(new).startswith(b"6b01f113e5816f57c:")
    assert len(base64.b64decode(new)) == 18 + 64
    assert accepts(ESPOCRM, {"Signature": new})
    assert accepts(ESPOCRM, {"Signature": new, "X-Signature": old})


def test_shared_vectors_verify(shared: Path) -> None:
    vectors = json.loads((shared / "data/wire/vectors.json").read_text())
    standard, espocrm = vectors["standard_webhooks"], vectors["espocrm_8.4"]
    headers = {
        "webhook-id": standard["id"],
        "webhook-timestamp": standard["timestamp"],
        "webhook-signature": standard["signature"],
    }
    at = datetime.fromtimestamp(int(standard["timestamp"]), UTC)
    door = endpoint(Scheme.STANDARD_WEBHOOKS, standard["secret"])
    assert accepts(door, headers, standard["payload"].encode(), at)
    door = endpoint(Scheme.ESPOCRM, espocrm["secret"], webhook_id=espocrm["webhook_id"])
    assert accepts(door, {espocrm["header"]: espocrm["value"]}, espocrm["body"].encode())


def test_every_delivery_recorded_from_a_running_espocrm_verifies(shared: Path) -> None:
    folder = shared / "data/espocrm"
    with (folder / "corpus_secrets.tsv").open() as lines:
        doors = {
            event: endpoint(Scheme.ESPOCRM, secret, webhook_id=webhook_id)
            for webhook_id, secret, event in csv.reader(lines, delimiter="\t")
        }
    with gzip.open(folder / "corpus_olist600.jsonl.gz", "rt") as lines:
        deliveries = [json.loads(line) for line in lines]
    assert len(deliveries) == 122
    for delivery in deliveries:
        door = doors.pop(event := delivery["path"].rpartition("/")[2])
        body = delivery["body"].encode()
        assert accepts(door, delivery["headers"], body), delivery["path"]
        assert not accepts(door, delivery["headers"], body + b" ")
        assert not any(accepts(other, delivery["headers"], body) for other in doors.values())
        doors[event] = door


@pytest.mark.parametrize(("door", "headers"), GOOD.values(), ids=GOOD)
def test_accepted(door: OpenEndpoint, headers: dict[str, str]) -> None:
    assert accepts(door, headers)
