"""Disputes and rulings as lists: what waits for a ruling by time left, what was decided, and precedents by words."""

from __future__ import annotations

from django.contrib.postgres.search import SearchQuery, SearchRank
from django.db.models import Q, QuerySet

from sla.models import Decision, Dispute, DisputeKind, Ending, Ruling
from sla.models.disputes import words_of_rulings

STATES = {"open": "Waits for a ruling", "ruled": "Ruled on", "withdrawn": "Withdrawn", "all": "All"}
_RELATED = (
    "clock__cycle", "cycle__lead", "cycle__owner", "lead", "opportunity__lead", "owner", "filed_by",
    "ruling__ruled_by", "hold", "consequence__judged", "renegotiation",
)  # fmt: skip


def loaded(found: QuerySet[Dispute]) -> QuerySet[Dispute]:
    """With all that a row, or the page of one, shows of its subject."""
    return found.select_related(*_RELATED, "agreement", "clock__owner")


def in_state(found: QuerySet[Dispute], state: str, kind: str) -> QuerySet[Dispute]:
    """Disputes in one of STATES; `kind` empty: about everything."""
    if kind:
        found = found.filter(kind=kind)
    if state == "open":
        return found.filter(ended_at__isnull=True)
    return found.filter(ending=state) if state in Ending.values else found


def precedents(words: str = "", decision: str = "", kind: str = "") -> QuerySet[Ruling]:
    """Rulings that hold these words in what they are about, summary, reason, tags or kind: the best match first, else
    the newest. Words as in a web search: "crm outage" -holiday."""
    found = Ruling.objects.select_related("dispute", "ruled_by", "override")
    if decision:
        found = found.filter(decision=decision)
    if kind:
        found = found.filter(dispute__kind=kind)
    if not words:
        return found.order_by("-ruled_at", "-pk")
    query = SearchQuery(words, search_type="websearch", config="english")
    kinds = [value for value, label in DisputeKind.choices if words.strip().lower() in str(label).lower()]
    decided = [value for value, label in Decision.choices if words.strip().lower() == str(label).lower()]
    said = words_of_rulings()
    return (
        found.annotate(said=said, rank=SearchRank(said, query))
        .filter(Q(said=query) | Q(dispute__kind__in=kinds) | Q(decision__in=decided))
        .order_by("-rank", "-ruled_at", "-pk")
    )
