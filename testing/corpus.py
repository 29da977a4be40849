"""The webhooks that a real EspoCRM sent, and the source that receives them."""

from __future__ import annotations

import csv
import gzip
import json
from collections import Counter
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from django.db.models import Count, Q, Sum
from django.test import Client

from alignment.models import Endpoint, Lead, MqlCycle, Opportunity, Scheme, Source, Touch
from alignment.services import sources

MAPPING = {
    "fields": {
        "lead": {
            "score": "cMqlScore",
            "mql_at": "cMqlAt",
            "segment": "cSegment",
            "channel": "cOrigin",
            "disposition": "cDisposition",
            "reason": "cDisqualificationReason",
            "first_touch_at": "cFirstContactDate",
        }
    }
}


@dataclass
class Corpus:
    deliveries: list[dict[str, Any]]
    expected: dict[str, Any]
    endpoints: dict[str, Endpoint]

    def post(self, client: Client, delivery: dict[str, Any], **changed: str) -> int:
        """Send one recorded delivery with its real headers to its endpoint; the status answered."""
        endpoint = self.endpoints[delivery["path"].removeprefix("/espo/")]
        response = client.post(
            endpoint.path,
            data=delivery["body"].encode(),
            content_type="application/json",
            headers={"X-Signature": delivery["headers"]["X-Signature"]} | changed,
        )
        return response.status_code


def load(folder: Path, at: datetime) -> Corpus:
    """The recorded deliveries in order, and a source with one endpoint per event and the recorded secrets."""
    source = sources.create_source(
        key="espo",
        name="EspoCRM",
        kind="espocrm",
        assigns=Source.Assigns.CRM,
        mapping=MAPPING,
        by=None,
        at=at,
    )
    endpoints = {}
    with (folder / "corpus_secrets.tsv").open() as table:
        for webhook_id, secret, event in csv.reader(table, delimiter="\t"):
            endpoints[event] = sources.add_endpoint(
                source=source,
                scheme=Scheme.ESPOCRM,
                event=event,
                webhook_id=webhook_id,
                secret=secret,
                by=None,
                at=at,
            ).endpoint
    with gzip.open(folder / "corpus_olist600.jsonl.gz", "rt") as lines:
        deliveries = [json.loads(line) for line in lines]
    return Corpus(deliveries, json.loads((folder / "corpus_expected.json").read_text()), endpoints)


def end_state() -> dict[str, Any]:
    """What the corpus' expected file states, computed from the tables."""
    origins = (
        MqlCycle.objects.standing()
        .values("lead__channel")
        .annotate(mqls=Count("pk"), won=Count("pk", filter=Q(opportunity__is_won=True)))
    )
    amount = Opportunity.objects.aggregate(total=Sum("amount_minor"))["total"]
    return {
        "leads": Lead.objects.count(),
        "by_status": dict(Counter(Lead.objects.values_list("status", flat=True))),
        "by_disposition": dict(Counter(Lead.objects.values_list("disposition", flat=True))),
        "mql": MqlCycle.objects.standing().count(),
        "by_origin": {
            "(absent)" if row["lead__channel"] is None else row["lead__channel"]: {
                "mqls": row["mqls"],
                "won": row["won"],
            }
            for row in origins
        },
        "opps": Opportunity.objects.count(),
        "opps_won": Opportunity.objects.filter(is_won=True).count(),
        "opps_amount": amount // 100 if amount else 0,
    }


def detailed_state() -> list[Any]:
    """Every row that a repetition could disturb, without row ids and times of receipt."""
    leads = Lead.objects.order_by("external_id").values_list(
        "external_id", "status", "disposition", "reason", "score", "channel", "crm_owner__name", "sourced_function",
        "first_touch__external_id", "first_touch__touched_at",
    )  # fmt: skip
    cycles = MqlCycle.objects.order_by("lead__external_id", "number").values_list(
        "lead__external_id", "number", "crossed_at", "disposition", "reason", "is_tagged", "attempts",
        "opportunity__external_id", "owner__name", "voided_at",
    )  # fmt: skip
    touches = Touch.objects.order_by("external_id").values_list(
        "external_id", "lead__external_id", "function", "is_attempt", "touched_at", "person__name"
    )
    opportunities = Opportunity.objects.order_by("external_id").values_list(
        "external_id", "stage", "is_won", "amount_minor", "lead__external_id"
    )
    stages = Opportunity.objects.order_by("external_id", "stages__position").values_list(
        "external_id", "stages__position", "stages__stage"
    )
    return [list(rows) for rows in (leads, cycles, touches, opportunities, stages)]
