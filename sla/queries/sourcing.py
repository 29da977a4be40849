"""The standing rulings on who sourced a lead or an opportunity."""

from __future__ import annotations

from django.db.models.functions import Coalesce

from alignment.ruled_sources import RuledSources
from sla.models import Effect, Override


def sources_by_ruling() -> RuledSources:
    """The newest ruling of each, those on records merged into a lead included; in one query."""
    leads, opportunities = dict[int, str](), dict[int, str]()
    rows = Override.objects.filter(effect=Effect.SOURCED).order_by("made_at", "pk")
    stays = Coalesce("lead__merged_into_id", "lead_id")
    for lead, opportunity, function in rows.values_list(stays, "opportunity_id", "function"):
        if opportunity:
            opportunities[opportunity] = function
        else:
            leads[lead] = function
    return RuledSources(leads, opportunities)
