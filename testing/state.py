"""The end state that must not depend on how events arrived: what people see, without ids and receipts."""

from __future__ import annotations

from typing import Any

from alignment.models import Lead, MqlCycle, Opportunity, Touch
from sla.models import Clock


def end_state() -> dict[str, list[Any]]:
    return {
        "leads": list(
            Lead.objects.order_by("external_id").values_list(
                "external_id", "first_name", "company", "segment", "channel", "score", "status", "disposition",
                "reason", "sourced_function", "first_touch__external_id", "crm_owner__email", "is_deleted",
            )
        ),
        "touches": list(
            Touch.objects.order_by("external_id").values_list(
                "external_id", "lead__external_id", "function", "channel", "is_attempt", "touched_at", "is_deleted"
            )
        ),
        "opportunities": list(
            Opportunity.objects.order_by("external_id").values_list(
                "external_id", "stage", "amount_minor", "is_closed", "is_won", "lead__external_id", "closed_at"
            )
        ),
        "stages": list(
            Opportunity.objects.order_by("external_id", "stages__position").values_list(
                "external_id", "stages__stage", "stages__entered_at"
            )
        ),
        "cycles": list(
            MqlCycle.objects.standing().order_by("lead__external_id", "crossed_at").values_list(
                "lead__external_id", "crossed_at", "started_at", "closed_at", "disposition", "reason", "is_tagged",
                "disposed_at", "accepted_at", "first_follow_up_at", "attempts", "assigned_at", "tier",
                "opportunity__external_id",
            )
        ),
        "clocks": list(
            Clock.objects.filter(cycle__voided_at__isnull=True)
            .exclude(outcome="not_owed")
            .order_by("cycle__lead__external_id", "cycle__crossed_at", "kind", "ordinal")
            .values_list(
                "cycle__lead__external_id", "kind", "ordinal", "started_at", "due_at", "met_at", "outcome",
                    "is_suspect", "team__name"
            )
        ),
    }  # fmt: skip
