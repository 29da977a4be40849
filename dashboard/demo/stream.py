"""A live CRM for the demo: signed events about new and existing leads, sent over HTTP to the running server."""

from __future__ import annotations

import http.client
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

from django.db.models import Q
from standardwebhooks import Webhook

from alignment.intake.secrets import UnreadableSecret, decrypt
from alignment.models import Endpoint, MqlCycle, Opportunity, Scheme, Source
from dashboard.demo.events import lead_fields, standard_event
from dashboard.demo.leads import make_lead, pick
from dashboard.demo.words import LOST, SEGMENTS, STAGES, WON

TIMEOUT = 10.0  # seconds for one request
TRIES = 6
LONGEST_WAIT = 15.0  # seconds between two tries
Transport = Callable[[str, bytes, Mapping[str, str]], tuple[int, str]]
"""(path, body, headers) to (status, Retry-After)."""

HAPPENINGS = {"new_lead": 45, "marketing_touch": 17, "attempt": 18, "disposition": 12, "deal": 8}
REASONS = {"bad_fit": 4, "bad_data": 2, "bad_timing": 3}


class NoSuchEndpoint(Exception):
    """The database holds no endpoint to which signed events could be sent."""


class ServerNotReachable(Exception):
    """Nobody answers at the address."""


class ServerRefused(Exception):
    """The server answers, but does not take the event."""


@dataclass(frozen=True)
class Happening:
    """What is sent next: one event and the same in words."""

    event: dict[str, Any]
    sentence: str


class Stream:
    """Makes and sends one event at a time; knows the leads from the database that the server works on."""

    def __init__(self, endpoint: Endpoint, secret: str, transport: Transport, *, rng: Random) -> None:
        self.endpoint, self.transport, self.rng = endpoint, transport, rng
        self.webhook = Webhook(secret)
        self._number = 0
        self._converted: tuple[str, str, str] | None = (
            None  # lead, its name, and the opportunity just made of it
        )

    def step(self, *, at: datetime, sleep: Callable[[float], None] = time.sleep) -> str:
        """Send what happens now; returns the sentence. Raises ServerNotReachable or ServerRefused."""
        happening = self.next_happening(at)
        self._send(happening.event, at, sleep)
        return happening.sentence

    # --- what happens --------------------------------------------------------------------------------------
    def next_happening(self, at: datetime) -> Happening:
        """One event by the shares of HAPPENINGS; a new opportunity is followed by its lead's conversion."""
        if self._converted:
            lead, name, deal = self._converted
            self._converted = None
            event = standard_event("lead.dispositioned", lead, at, disposition="converted", opportunity=deal)
            return Happening(event, f"Disposition: {name} is converted")
        kind = pick(self.rng, HAPPENINGS)
        found = {
            "new_lead": self._new_lead,
            "marketing_touch": self._marketing_touch,
            "attempt": self._attempt,
            "disposition": self._disposition,
            "deal": self._deal,
        }[kind](at)
        return found or self._new_lead(at)

    def _new_lead(self, at: datetime) -> Happening:
        """Somebody new over the trigger, most of them in the segment whose team is open at any hour."""
        rng = self.rng
        self._number += 1
        number = int(at.timestamp()) % 10**8 * 100 + self._number % 100
        segment = "smb" if rng.random() < 0.7 else ""
        intent = pick(rng, {"demo_request": 4, "pricing": 2, "webinar": 2, "content": 2})
        lead = make_lead(rng, number, segment=segment, intent=intent)
        score = rng.randint(66, 98)
        fields = lead_fields(lead) | {"score": score, "created_at": at.isoformat()}
        event = standard_event("lead.created", f"NW-{number}", at, **fields)
        name = f"{lead.first_name} {lead.last_name} of {lead.company}"
        return Happening(
            event, f"New MQL: {name} ({lead.segment}, {lead.intent.replace('_', ' ')}), score {score}"
        )

    def _marketing_touch(self, at: datetime) -> Happening | None:
        if (cycle := self._open_cycle()) is None:
            return None
        lead = cycle.lead
        touch = {"lead": lead.external_id, "channel": "email", "subject": "Opened the follow-up mail"}
        event = standard_event("touch.recorded", self._new_id("T"), at, **touch)
        return Happening(event, f"Touch: {lead.name} opened the follow-up mail")

    def _attempt(self, at: datetime) -> Happening | None:
        cycle = self._open_cycle()
        if cycle is None or cycle.owner is None or not cycle.owner.email:
            return None
        outcome = pick(self.rng, {"no_answer": 4, "left_message": 3, "connected": 3})
        event = standard_event(
            "touch.recorded",
            self._new_id("A"),
            at,
            lead=cycle.lead.external_id,
            channel="call",
            outcome=outcome,
            subject=f"Call by {cycle.owner.name}",
            is_attempt=True,
            is_connected=outcome == "connected",
            person=cycle.owner.email,
        )
        return Happening(
            event, f"Attempt: {cycle.owner.name} called {cycle.lead.name}: {outcome.replace('_', ' ')}"
        )

    def _disposition(self, at: datetime) -> Happening | None:
        """Set in the CRM, for leads that have been worked."""
        if (cycle := self._open_cycle(Q(attempts__gt=0))) is None:
            return None
        kind = "working" if not cycle.disposition else pick(self.rng, {"disqualified": 5, "recycled": 5})
        fields = {"disposition": kind}
        if kind != "working":
            fields["reason"] = pick(self.rng, REASONS)
        event = standard_event("lead.dispositioned", cycle.lead.external_id, at, **fields)
        why = f", {fields['reason'].replace('_', ' ')}" if "reason" in fields else ""
        return Happening(event, f"Disposition: {cycle.lead.name} is {kind}{why}")

    def _deal(self, at: datetime) -> Happening | None:
        """An open opportunity moves on, or a worked lead becomes one."""
        rng = self.rng
        deals = Opportunity.objects.filter(source=self.endpoint.source_id, is_closed=False, is_deleted=False)
        if rng.random() < 0.6 and (deal := rng.choice([*deals.order_by("pk")[:100], None])) is not None:
            position = STAGES.index(deal.stage) + 1 if deal.stage in STAGES else 1
            stage = STAGES[position] if position < len(STAGES) else pick(rng, {WON: 1, LOST: 1})
            event = standard_event("opportunity.updated", deal.external_id, at, stage=stage)
            return Happening(event, f"Opportunity: {deal.name} moves to {stage}")
        if (cycle := self._open_cycle(Q(attempts__gt=0, disposition="working"))) is None:
            return None
        lead = cycle.lead
        _, least, most, _ = SEGMENTS.get(lead.segment, SEGMENTS["smb"])
        amount = rng.randrange(least, most, 500)
        deal_id = self._new_id("OPP")
        self._converted = (lead.external_id, lead.name, deal_id)
        event = standard_event(
            "opportunity.created",
            deal_id,
            at,
            name=f"{lead.company}: {(lead.product or 'robots').lower()}",
            stage=STAGES[0],
            amount=amount,
            currency="EUR",
            close_on=(at + timedelta(days=60)).date().isoformat(),
            lead=lead.external_id,
        )
        return Happening(event, f"Opportunity: {lead.name} of {lead.company}, {amount:,} EUR")

    def _open_cycle(self, condition: Q | None = None) -> MqlCycle | None:
        cycles = MqlCycle.objects.open().filter(condition or Q(), lead__source=self.endpoint.source_id)
        newest = list(cycles.select_related("lead", "owner").order_by("-pk")[:40])
        return self.rng.choice(newest) if newest else None

    def _new_id(self, prefix: str) -> str:
        return f"{prefix}-{UUID(int=self.rng.getrandbits(128), version=4)}"

    # --- sending -------------------------------------------------------------------------------------------
    def _send(self, event: dict[str, Any], at: datetime, sleep: Callable[[float], None]) -> None:
        """Post with a signature; a 503 is tried again with the same id, so that it counts once."""
        body = json.dumps(event)
        event_id = self._new_id("msg").replace("-", "_", 1)
        headers = {
            "Content-Type": "application/json",
            "webhook-id": event_id,
            "webhook-timestamp": str(int(at.timestamp())),
            "webhook-signature": self.webhook.sign(event_id, at, body),
        }
        wait = 1.0
        for _ in range(TRIES):
            status, retry_after = self.transport(self.endpoint.path, body.encode(), headers)
            if 200 <= status < 300:
                return
            if status != 503:
                break
            sleep(min(max(wait, float(retry_after) if retry_after.isdecimal() else 0), LONGEST_WAIT))
            wait *= 2
        raise ServerRefused(_refusal(status))


def _refusal(status: int) -> str:
    if status == 401:
        return (
            "The server does not know this endpoint or its secret (401). It must run on the same database, with the "
            "same SECRET_KEY, as this command."
        )
    if status == 503:
        return f"The server answered 503 {TRIES} times; its database may be down."
    return f"The server answered {status}."


def find_endpoint(source_key: str, *, at: datetime) -> tuple[Endpoint, str]:
    """The endpoint for signed events of a source, and its plain secret. Raises NoSuchEndpoint."""
    source = Source.objects.filter(key=source_key, is_active=True).first()
    if source is None:
        raise NoSuchEndpoint(f"There is no source “{source_key}”; `manage.py demo` adds demo-crm.")
    endpoints = source.endpoints.filter(is_active=True, scheme=Scheme.STANDARD_WEBHOOKS).order_by("pk")
    for endpoint in endpoints.select_related("source"):
        live = endpoint.secrets.filter(Q(expires_at__isnull=True) | Q(expires_at__gt=at)).order_by(
            "-created_at"
        )
        for secret in live:
            try:
                return endpoint, decrypt(secret.ciphertext)
            except UnreadableSecret:
                continue
    raise NoSuchEndpoint(
        f"“{source_key}” has no endpoint for Standard Webhooks whose secret this SECRET_KEY can open."
    )


def over_http(url: str) -> Transport:
    """Requests to the server at `url`, each on a connection of its own. Raises ServerNotReachable."""
    place = urlsplit(url)
    if place.scheme not in {"http", "https"} or not place.hostname:
        raise ServerNotReachable(
            f"“{url}” is no address of a server; write for example http://127.0.0.1:8000"
        )
    make = http.client.HTTPSConnection if place.scheme == "https" else http.client.HTTPConnection

    def send(path: str, body: bytes, headers: Mapping[str, str]) -> tuple[int, str]:
        connection = make(place.hostname or "", place.port, timeout=TIMEOUT)
        try:
            connection.request("POST", place.path.rstrip("/") + path, body, dict(headers))
            response = connection.getresponse()
            response.read()
            return response.status, response.headers.get("Retry-After", "")
        except (OSError, http.client.HTTPException) as problem:
            raise ServerNotReachable(
                f"Nobody answers at {url} ({problem}). Start the product first: python3 run.py"
            ) from problem
        finally:
            connection.close()

    return send
