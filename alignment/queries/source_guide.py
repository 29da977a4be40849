"""How to point a CRM or a tool at a source: steps and commands that can be copied."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from alignment.intake.fields import FIELDS
from alignment.intake.standard import TYPES
from alignment.models import Endpoint, Lead, Scheme

MEANINGS: Mapping[str, str] = {
    "lead.created": "A lead is new; fields of a lead.",
    "lead.updated": "Fields of a lead changed; only what changed need be sent.",
    "lead.mql": "The same, and that the lead became an MQL at the timestamp.",
    "lead.dispositioned": "An explicit disposition, with its reason.",
    "lead.deleted": "The record was deleted; its history stays.",
    "touch.recorded": "One dated interaction; is_attempt for an outbound attempt by sales.",
    "opportunity.created": "An opportunity is new; its fields.",
    "opportunity.updated": "Fields of an opportunity changed.",
    "opportunity.deleted": "The record was deleted; its history stays.",
    "campaign.updated": "Name and channel of a campaign.",
    "account.updated": "Name and domain of an account.",
}
# The shell puts the present time in: an example with a fixed one would be about the past.
NOW_SAID = "'\"$now\"'"


@dataclass(frozen=True)
class EventType:
    name: str
    meaning: str
    fields: Sequence[str]


def event_types() -> list[EventType]:
    """Our documented events with the fields that their data may have."""
    return [EventType(name, MEANINGS[name], list(FIELDS[subject])) for name, subject in TYPES.items()]


def example_segment() -> str:
    """A segment that leads really have, so that the example is routed as they are; empty where none has."""
    known = Lead.objects.exclude(segment="").order_by("-pk").values_list("segment", flat=True).first() or ""
    return known if re.fullmatch(r"[\w .-]+", known) else ""


def command(endpoint: Endpoint, url: str, *, secret: str = "", segment: str = "") -> str:
    """A shell command that sends one example event of now; without `secret` that is left to fill in.

    Empty for EspoCRM, which signs with a secret of its own making.
    """
    if endpoint.scheme == Scheme.STANDARD_WEBHOOKS:
        return f"""SECRET='{secret or "whsec_…"}'
now=$(date -u +%Y-%m-%dT%H:%M:%SZ)
body='{_body(segment)}'
id="evt_$(date +%s)"
at=$(date +%s)
key=$(printf %s "${{SECRET#whsec_}}" | base64 -d | od -An -v -tx1 | tr -d ' \\n')
signature=$(printf '%s.%s.%s' "$id" "$at" "$body" \\
  | openssl dgst -sha256 -mac HMAC -macopt "hexkey:$key" -binary | base64)
curl -sS '{url}' -H 'Content-Type: application/json' -H "webhook-id: $id" -H "webhook-timestamp: $at" \\
  -H "webhook-signature: v1,$signature" --data-binary "$body"
"""
    if endpoint.scheme == Scheme.SHARED_SECRET:
        return f"""SECRET='{secret or "…"}'
now=$(date -u +%Y-%m-%dT%H:%M:%SZ)
body='{_body(segment, id="evt_$now")}'
curl -sS '{url}' -H 'Content-Type: application/json' -H "{endpoint.header}: $SECRET" \\
  --data-binary "$body"
"""
    return ""


def _body(segment: str, **envelope: str) -> str:
    """The example as JSON for single quotes of a shell, with the present time put in."""
    data: dict[str, object] = {"external_id": "00Q1", "email": "ada@example.com", "score": 72}
    if segment:
        data["segment"] = segment
    event = {**envelope, "type": "lead.mql", "timestamp": "$now", "data": data}
    return json.dumps(event, separators=(",", ":")).replace("$now", NOW_SAID)
