"""One endpoint of each scheme, and right headers for it, as the tests of signatures need them."""

from __future__ import annotations

import base64
from datetime import UTC, datetime

from django.utils.datastructures import CaseInsensitiveMapping

from alignment.intake import schemes
from alignment.intake.endpoints import OpenEndpoint
from alignment.models import Scheme
from alignment.tests.senders import HEADER, espocrm_8, espocrm_9, sign_standard, standard_headers

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
T = str(int(NOW.timestamp()))
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
OTHER = "whsec_" + base64.b64encode(b"o" * 32).decode()
BODY = b'{"type":"lead.mql","id":"evt_1","data":{"score":72}}'
ESPO_ID, ESPO_SECRET = "6b01f113e5816f57c", "0123456789abcdef0123456789abcdef"
SHARED = "zapier-secret-of-32-characters-xx"


def endpoint(scheme: str, *secrets: str, webhook_id: str = "", header: str = "") -> OpenEndpoint:
    return OpenEndpoint(1, 1, scheme, webhook_id, header, tuple((secret, None) for secret in secrets))


STANDARD = endpoint(Scheme.STANDARD_WEBHOOKS, SECRET)
ESPOCRM = endpoint(Scheme.ESPOCRM, ESPO_SECRET, webhook_id=ESPO_ID)
TOOL = endpoint(Scheme.SHARED_SECRET, SHARED, header=HEADER)


def accepts(
    door: OpenEndpoint | None, headers: dict[str, str], body: bytes = BODY, now: datetime = NOW
) -> bool:
    try:
        schemes.verify(door, body, CaseInsensitiveMapping(headers), now)
    except schemes.Refused:
        return False
    return True


def signed(
    external_id: str = "msg_1", timestamp: str = T, body: bytes = BODY, secret: str = SECRET
) -> dict[str, str]:
    return {
        "webhook-id": external_id,
        "webhook-timestamp": timestamp,
        "webhook-signature": sign_standard(secret, external_id, timestamp, body),
    }


SIGNATURE = signed()["webhook-signature"]
OLD_8 = espocrm_8(ESPO_SECRET, ESPO_ID, BODY)
OLD_9 = espocrm_9(ESPO_SECRET, ESPO_ID, BODY)

GOOD: dict[str, tuple[OpenEndpoint, dict[str, str]]] = {
    "as the library signs it": (STANDARD, standard_headers(SECRET, "msg_1", NOW, BODY)),
    "300 s old": (STANDARD, signed(timestamp=str(int(T) - 300))),
    "300 s ahead": (STANDARD, signed(timestamp=str(int(T) + 300))),
    "two signatures, second ours": (
        STANDARD,
        signed()
        | {"webhook-signature": f"{sign_standard(OTHER, 'msg_1', T, BODY)} {signed()['webhook-signature']}"},
    ),
    "an asymmetric signature beside ours": (
        STANDARD,
        signed() | {"webhook-signature": f"v1a,{'A' * 86}== {signed()['webhook-signature']}"},
    ),
    "old secret during rotation": (endpoint(Scheme.STANDARD_WEBHOOKS, OTHER, SECRET), signed()),
    "new secret during rotation": (endpoint(Scheme.STANDARD_WEBHOOKS, SECRET, OTHER), signed()),
    "secret without padding": (
        endpoint(Scheme.STANDARD_WEBHOOKS, OTHER.rstrip("=")),
        signed(secret=OTHER),
    ),
    "id of 190 characters": (STANDARD, signed("m" * 190)),
    "id with dots": (STANDARD, signed("evt.lead.mql-1")),
    "espocrm": (ESPOCRM, {"X-Signature": espocrm_8(ESPO_SECRET, ESPO_ID, BODY)}),
    "espocrm during rotation": (
        endpoint(Scheme.ESPOCRM, "f" * 32, ESPO_SECRET, webhook_id=ESPO_ID),
        {"X-Signature": espocrm_8(ESPO_SECRET, ESPO_ID, BODY)},
    ),
    "secret in its header": (TOOL, {HEADER: SHARED}),
    "secret as bearer": (TOOL, {"Authorization": f"Bearer {SHARED}"}),
    "secret as bearer, lower case": (TOOL, {"authorization": f"bearer {SHARED}"}),
    "secret in a header written differently": (TOOL, {HEADER.lower(): SHARED}),
}
