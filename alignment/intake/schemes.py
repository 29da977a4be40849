"""How each kind of sender proves itself: pure functions of raw bytes, headers, live secrets and the time.

Every scheme does the same work whether it accepts or refuses: two signatures are computed for one, two or no
live secret, compared in constant time, and the verdict comes last. Nothing but `Refused` is ever raised.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import os
import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from alignment.intake.endpoints import OpenEndpoint
from alignment.intake.secrets import standard_webhooks_key
from alignment.models import Scheme

Headers = Mapping[str, str]  # asked without regard to case

TOLERANCE_SECONDS = 300
MAX_SIGNATURES = 10
# Matches no sender: stands in for the secrets that an endpoint does not have.
_NOBODY = os.urandom(32)

# Printable and without spaces. The signed text is `id.timestamp.body`: a whole number after a dot inside the
# id would let somebody cut the same text into another id, timestamp and body.
_WEBHOOK_ID = re.compile(r"(?!.*\.[0-9]+(?:\.|$))[\x21-\x7e]{1,190}")
_TIMESTAMP = re.compile(r"[1-9][0-9]{0,11}", re.ASCII)
_SIGNATURE = re.compile(r"v[0-9][a-z0-9]{0,7},[A-Za-z0-9+/]+={0,2}")
_ESPOCRM_ID = re.compile(r"[A-Za-z0-9_-]{1,80}")


class Refused(Exception):
    """Not proven to come from the source. Says no more: every reason looks alike from outside."""


def verify(endpoint: OpenEndpoint | None, body: bytes, headers: Headers, now: datetime) -> str | None:
    """The sender's id of this delivery; None where the scheme gives none. Raises Refused.

    `endpoint` None stands for an address nobody has: it costs what a wrong signature costs.
    """
    secrets = endpoint.live_secrets(now) if endpoint else []
    if endpoint is None or endpoint.scheme == Scheme.STANDARD_WEBHOOKS:
        return verify_standard_webhooks(body, headers, secrets, now)
    if endpoint.scheme == Scheme.ESPOCRM:
        verify_espocrm(body, headers, secrets, webhook_id=endpoint.webhook_id)
    elif endpoint.scheme == Scheme.SHARED_SECRET:
        verify_shared_secret(body, headers, secrets, header=endpoint.header)
    else:
        raise Refused
    return None


def verify_standard_webhooks(body: bytes, headers: Headers, secrets: Sequence[str], now: datetime) -> str:
    """Standard Webhooks 1.0.0: HMAC-SHA256 over `id.timestamp.body`, five minutes both ways.

    One malformed entry in the list of signatures spoils the list; a well-formed one of another version is
    skipped.
    """
    webhook_id = headers.get("webhook-id", "")
    timestamp = headers.get("webhook-timestamp", "")
    entries = headers.get("webhook-signature", "").split(" ")
    is_formed = (
        _WEBHOOK_ID.fullmatch(webhook_id) is not None
        and _TIMESTAMP.fullmatch(timestamp) is not None
        and len(entries) <= MAX_SIGNATURES
        and all(_SIGNATURE.fullmatch(entry) for entry in entries)
    )
    is_timely = is_formed and abs(int(timestamp) - now.timestamp()) <= TOLERANCE_SECONDS
    signed = f"{webhook_id}.{timestamp}.".encode("utf-8", "surrogatepass") + body
    is_signed = False
    for key in _two(standard_webhooks_key(secret) for secret in secrets):
        expected = b"v1," + base64.b64encode(hmac.digest(key, signed, "sha256"))
        for entry in entries[:MAX_SIGNATURES]:
            is_signed |= _same(expected, entry)
    if not (is_formed and is_timely and is_signed):
        raise Refused
    return webhook_id


def verify_espocrm(body: bytes, headers: Headers, secrets: Sequence[str], *, webhook_id: str = "") -> None:
    """EspoCRM: base64 of `webhookId:hmac`, the HMAC raw in X-Signature (8) or hexadecimal in Signature (9).

    Version 9 sends both; either proves the body. Where no `webhook_id` is set, the header's own is used.
    """
    raw, hexadecimal = headers.get("X-Signature", ""), headers.get("Signature", "")
    name = (webhook_id or _espocrm_id(hexadecimal) or _espocrm_id(raw)).encode() + b":"
    is_signed = False
    for key in _two(secret.encode() for secret in secrets):
        digest = hmac.digest(key, body, "sha256")
        is_signed |= _same(base64.b64encode(name + digest), raw)
        is_signed |= _same(base64.b64encode(name + digest.hex().encode()), hexadecimal)
    if not is_signed or name == b":":
        raise Refused


def verify_shared_secret(body: bytes, headers: Headers, secrets: Sequence[str], *, header: str) -> None:
    """For tools that cannot sign: the secret itself in the named header, or as `Authorization: Bearer`."""
    presented = [headers.get(header, "") if header else ""]
    kind, _, token = headers.get("Authorization", "").partition(" ")
    presented.append(token if kind.lower() == "bearer" else "")
    is_known = False
    for key in _two(secret.encode() for secret in secrets):
        hmac.digest(key, body, "sha256")  # the time that a signature would take
        for text in presented:
            is_known |= _same(key, text)
    if not is_known:
        raise Refused


def _two(keys: Iterable[bytes | None]) -> list[bytes]:
    """Exactly two keys, so that the work does not tell how many secrets are live."""
    found = [key for key in keys if key]
    return [*found, _NOBODY, _NOBODY][:2]


def _same(expected: bytes, presented: str) -> bool:
    return hmac.compare_digest(expected, presented.encode("utf-8", "surrogatepass"))


def _espocrm_id(signature: str) -> str:
    try:
        name, colon, _ = base64.b64decode(signature, validate=True).partition(b":")
        text = name.decode("ascii") if colon else ""
    except (binascii.Error, ValueError):
        return ""
    return text if _ESPOCRM_ID.fullmatch(text) else ""
