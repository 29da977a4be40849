"""What the source did not sign stays out, and every attempt costs the same."""

from __future__ import annotations

import base64
import hmac
import json
from datetime import timedelta
from typing import Any

import pytest

from alignment.intake.endpoints import OpenEndpoint
from alignment.models import Scheme
from alignment.tests.senders import HEADER, espocrm_8, sign_standard
from alignment.tests.signatures import (
    BODY,
    ESPO_ID,
    ESPO_SECRET,
    ESPOCRM,
    GOOD,
    NOW,
    OLD_8,
    OLD_9,
    OTHER,
    SECRET,
    SHARED,
    SIGNATURE,
    STANDARD,
    TOOL,
    T,
    accepts,
    endpoint,
    signed,
)

RAW = SIGNATURE.removeprefix("v1,")


def but(**changes: str | None) -> dict[str, str]:
    """Right headers with some replaced; None takes one away."""
    headers: dict[str, Any] = signed() | {f"webhook-{name}": value for name, value in changes.items()}
    return {name: value for name, value in headers.items() if value is not None}


def espocrm_value(name: bytes, digest: bytes) -> dict[str, str]:
    return {"X-Signature": base64.b64encode(name + digest).decode()}


DIGEST = base64.b64decode(OLD_8).partition(b":")[2]
BAD_STANDARD: dict[str, dict[str, str]] = {
    "no headers": {},
    "no id": but(id=None),
    "no timestamp": but(timestamp=None),
    "no signature": but(signature=None),
    "empty id": signed(""),
    "empty timestamp": signed(timestamp=""),
    "empty signature": but(signature=""),
    "blank signature": but(signature=" "),
    "other id": but(id="msg_2"),
    "other timestamp": but(timestamp=str(int(T) + 1)),
    "other secret": signed(secret=OTHER),
    "other body": signed(body=BODY + b" "),
    "body re-serialised": signed(body=json.dumps(json.loads(BODY)).encode()),
    "301 s old": signed(timestamp=str(int(T) - 301)),
    "301 s ahead": signed(timestamp=str(int(T) + 301)),
    "a year old": signed(timestamp=str(int(T) - 31_536_000)),
    "the epoch": signed(timestamp="0"),
    "before the epoch": signed(timestamp="-1"),
    "milliseconds": signed(timestamp=T + "000"),
    "5,000 digits": signed(timestamp="1" * 5000),
    "fraction": signed(timestamp=T + ".0"),
    "exponent": signed(timestamp="1.7e9"),
    "leading space": signed(timestamp=" " + T),
    "trailing newline": signed(timestamp=T + "\n"),
    "leading zero": signed(timestamp="0" + T),
    "leading plus": signed(timestamp="+" + T),
    "underscore": signed(timestamp=T[:4] + "_" + T[4:]),
    "Arabic digits": signed(timestamp=T.translate({48 + d: 0x660 + d for d in range(10)})),
    "hexadecimal": signed(timestamp=hex(int(T))),
    "ISO time": signed(timestamp=NOW.isoformat()),
    "not a number": signed(timestamp="nan"),
    "version without comma": but(signature="v1"),
    "comma alone": but(signature=","),
    "two commas": but(signature=SIGNATURE + ","),
    "comma inside": but(signature="v1,v1," + RAW),
    "no version": but(signature=RAW),
    "empty version": but(signature="," + RAW),
    "other version": but(signature="v2," + RAW),
    "asymmetric version": but(signature="v1a," + RAW),
    "version in capitals": but(signature="V1," + RAW),
    "equals sign for the comma": but(signature="v1=" + RAW),
    "colon for the comma": but(signature="v1:" + RAW),
    "empty entry before": but(signature=" " + SIGNATURE),
    "empty entry after": but(signature=SIGNATURE + " "),
    "empty entry between": but(signature=f"{SIGNATURE}  {SIGNATURE}"),
    "malformed entry beside ours": but(signature=f"{SIGNATURE} v1"),
    "tab between": but(signature=f"{SIGNATURE}\t{SIGNATURE}"),
    "commas between": but(signature=f"{SIGNATURE},{SIGNATURE}"),
    "eleven entries": but(signature=" ".join([SIGNATURE] * 11)),
    "unpadded": but(signature=SIGNATURE.rstrip("=")),
    "too much padding": but(signature=SIGNATURE + "="),
    "URL alphabet": but(signature="v1," + "_" * 43 + "="),
    "cut off": but(signature=SIGNATURE[:-8] + "="),
    "hexadecimal digest": but(signature="v1," + base64.b64decode(RAW).hex()),
    "spare bits set": but(signature=SIGNATURE[:-2] + chr(ord(SIGNATURE[-2]) + 1) + "="),
    "not base64": but(signature="v1,!!!!"),
    "not ASCII": but(signature="v1,ü" + RAW[1:]),
    "lone surrogate": but(signature="v1,\udc80" + RAW[1:]),
    "empty digest": but(signature="v1,="),
    "quoted": but(signature=f'"{SIGNATURE}"'),
    "id of 191 characters": signed("m" * 191),
    "id with a space": signed("msg 1"),
    "id with a newline": signed("msg_1\n"),
    "id with NUL": signed("msg\0"),
    "id not ASCII": signed("msg_ü"),
    "id that hides a timestamp": signed(f"msg.{T}"),
    "id that hides a timestamp in the middle": signed(f"msg.{T}.x"),
    "signed without id": but(signature=sign_standard(SECRET, "", T, BODY)),
}
BAD_ESPOCRM: dict[str, dict[str, str]] = {
    "no headers": {},
    "empty": {"X-Signature": ""},
    "not base64": {"X-Signature": "!!!"},
    "no colon": {"X-Signature": base64.b64encode(DIGEST).decode()},
    "other webhook": {"X-Signature": espocrm_8(ESPO_SECRET, "6b01f113e5816f57d", BODY)},
    "no webhook": espocrm_value(b":", DIGEST),
    "other secret": {"X-Signature": espocrm_8("f" * 32, ESPO_ID, BODY)},
    "empty secret": {"X-Signature": espocrm_8("", ESPO_ID, BODY)},
    "other body": {"X-Signature": espocrm_8(ESPO_SECRET, ESPO_ID, BODY + b"\n")},
    "digest cut off": espocrm_value(ESPO_ID.encode() + b":", DIGEST[:-1]),
    "digest in hexadecimal under the old name": {"X-Signature": OLD_9},
    "raw digest under the new name": {"Signature": OLD_8},
    "spare bits set": {"X-Signature": OLD_8[:-2] + chr(ord(OLD_8[-2]) + 1) + "="},
    "newline after": {"X-Signature": OLD_8 + "\n"},
    "digest in capitals": {
        "Signature": base64.b64encode(f"{ESPO_ID}:{DIGEST.hex().upper()}".encode()).decode()
    },
    "Standard Webhooks headers": signed(),
}
BAD_TOOL: dict[str, dict[str, str]] = {
    "no headers": {},
    "empty": {HEADER: ""},
    "bearer without secret": {"Authorization": "Bearer "},
    "basic": {"Authorization": f"Basic {SHARED}"},
    "without a kind": {"Authorization": SHARED},
    "one character less": {HEADER: SHARED[:-1]},
    "one character more": {HEADER: SHARED + "x"},
    "other case": {HEADER: SHARED.upper()},
    "another header": {"X-Api-Key": SHARED},
    "not ASCII": {HEADER: "ü" * 32},
    "twice": {HEADER: f"{SHARED},{SHARED}"},
}
BAD = [
    pytest.param(door, headers, id=f"{door.scheme}: {name}")
    for door, vectors in ((STANDARD, BAD_STANDARD), (ESPOCRM, BAD_ESPOCRM), (TOOL, BAD_TOOL))
    for name, headers in vectors.items()
]


def test_there_are_at_least_64_bad_vectors_of_standard_webhooks() -> None:
    assert len(BAD_STANDARD) >= 64


@pytest.mark.parametrize(("door", "headers"), BAD)
def test_refused(door: OpenEndpoint, headers: dict[str, str]) -> None:
    assert not accepts(door, headers)


@pytest.mark.parametrize(("door", "headers"), GOOD.values(), ids=GOOD)
def test_right_headers_open_no_door_without_a_live_secret(
    door: OpenEndpoint, headers: dict[str, str]
) -> None:
    assert not accepts(None, headers)
    assert not accepts(endpoint(door.scheme, webhook_id=door.webhook_id, header=door.header), headers)
    assert not accepts(endpoint("", *(secret for secret, _ in door.secrets)), headers)
    ended = tuple((secret, NOW) for secret, _ in door.secrets)
    expired = OpenEndpoint(1, 1, door.scheme, door.webhook_id, door.header, ended)
    assert not accepts(expired, headers)


def test_a_secret_counts_until_the_moment_it_ends() -> None:
    door = OpenEndpoint(1, 1, Scheme.STANDARD_WEBHOOKS, "", "", ((SECRET, NOW + timedelta(seconds=1)),))
    assert accepts(door, signed())
    assert not accepts(door, signed(), now=NOW + timedelta(seconds=1))


ATTEMPTS = {
    "right": (STANDARD, signed()),
    "wrong": (STANDARD, but(id="msg_2")),
    "no headers": (STANDARD, {}),
    "nobody": (None, signed()),
    "no secret": (endpoint(Scheme.STANDARD_WEBHOOKS), signed()),
    "two secrets": (endpoint(Scheme.STANDARD_WEBHOOKS, SECRET, OTHER), signed()),
    "unreadable secret": (endpoint(Scheme.STANDARD_WEBHOOKS, "whsec_!"), signed()),
    "espocrm right": (ESPOCRM, {"X-Signature": OLD_8}),
    "espocrm wrong": (ESPOCRM, {}),
    "tool right": (TOOL, {HEADER: SHARED}),
    "tool wrong": (TOOL, {}),
}


@pytest.mark.parametrize(("door", "headers"), ATTEMPTS.values(), ids=ATTEMPTS)
def test_every_attempt_costs_two_signatures(
    door: OpenEndpoint | None, headers: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    computed: list[int] = []
    real = hmac.digest

    def digest(key: bytes, message: bytes, name: str) -> bytes:
        computed.append(len(message))
        return real(key, message, name)

    monkeypatch.setattr(hmac, "digest", digest)
    accepts(door, headers)
    assert len(computed) == 2
    assert all(length >= len(BODY) for length in computed)
