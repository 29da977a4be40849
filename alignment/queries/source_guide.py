"""How to point a CRM or a tool at a source: steps and commands that can be copied."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from alignment.intake.fields import FIELDS
from alignment.intake.standard import TYPES
from alignment.models import Endpoint, Scheme

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
EXAMPLE = {
    "type": "lead.mql",
    "timestamp": "2026-03-02T14:05:11Z",
    "data": {"external_id": "00Q1", "email": "ada@example.com", "score": 72, "segment": "mid-market"},
}


@dataclass(frozen=True)
class EventType:
    name: str
    meaning: str
    fields: Sequence[str]


def event_types() -> list[EventType]:
    """Our documented events with the fields that their data may have."""
    return [EventType(name, MEANINGS[name], list(FIELDS[subject])) for name, subject in TYPES.items()]


def command(endpoint: Endpoint, url: str) -> str:
    """A shell command that sends one example event; the secret is left to fill in. Empty for EspoCRM."""
    body = json.dumps(EXAMPLE, separators=(",", ":"))
    if endpoint.scheme == Scheme.STANDARD_WEBHOOKS:
        return f"""SECRET='whsec_…'
body='{body}'
id="evt_$(date +%s)"
at=$(date +%s)
key=$(printf %s "${{SECRET#whsec_}}" | base64 -d | od -An -v -tx1 | tr -d ' \\n')
signature=$(printf '%s.%s.%s' "$id" "$at" "$body" \\
  | openssl dgst -sha256 -mac HMAC -macopt "hexkey:$key" -binary | base64)
curl -sS '{url}' -H 'Content-Type: application/json' -H "webhook-id: $id" -H "webhook-timestamp: $at" \\
  -H "webhook-signature: v1,$signature" --data-binary "$body"
"""
    if endpoint.scheme == Scheme.SHARED_SECRET:
        with_id = json.dumps({"id": "evt_1", **EXAMPLE}, separators=(",", ":"))
        return f"""SECRET='…'
curl -sS '{url}' -H 'Content-Type: application/json' -H "{endpoint.header}: $SECRET" \\
  --data-binary '{with_id}'
"""
    return ""
