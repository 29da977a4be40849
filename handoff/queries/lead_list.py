"""All leads as a list: found by name, company, e-mail or id, the newest first, each with its MQL where it had one."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import BooleanField, Exists, F, Func, OuterRef, Q, QuerySet, Value

from alignment.access import Scope
from alignment.intake.ids import forms_of
from alignment.matching import keys
from alignment.models import Erasure, Lead, MqlCycle, Person, Source
from alignment.models.leads import creation_of_leads, words_of_leads
from alignment.paging import PAGE_ROWS
from handoff.queries.cycles import missing_in, owners, visible, visible_leads

STATES = {
    "all": "All",
    "none": "No MQL",
    "open": "Open MQL",
    "closed": "Closed MQL",
    "merged": "Merged",
    "erased": "Erased",
}
MOST_WORDS = 8
SHORTEST_PREFIX = 2  # letters; a shorter word is looked for whole


@dataclass(frozen=True)
class LeadFilters:
    """What the list shows. `text`: words of name and company, an e-mail or its start, @domain, or an id of the CRM.

    `owner`: in the CRM, or of an MQL. `since` and `until` (exclusive): when the lead was created.
    """

    state: str = "all"
    text: str = ""
    source: int | None = None
    owner: int | None = None
    since: datetime | None = None
    until: datetime | None = None


@dataclass(frozen=True)
class LeadRow:
    """One lead. `cycle`: its open MQL, else the last that stands. `survivor`: whom it is merged into, where the
    viewer may see that one. `erased_at`: when it was erased last."""

    lead: Lead
    cycle: MqlCycle | None
    cycles: int
    survivor: Lead | None
    erased_at: datetime | None

    @property
    def created_at(self) -> datetime:
        return self.lead.crm_created_at or self.lead.first_seen_at

    @property
    def owner(self) -> Person | None:
        """Of the open MQL, else in the CRM, else of the last MQL; None: nobody."""
        if self.cycle is None or not self.is_open:
            return self.lead.crm_owner or (self.cycle.owner if self.cycle else None)
        return self.cycle.owner

    @property
    def is_open(self) -> bool:
        return self.cycle is not None and self.cycle.is_open and not self.cycle.is_history

    @property
    def missing(self) -> str:
        return missing_in(self.cycle) if self.cycle else ""


@dataclass(frozen=True)
class LeadPage:
    """Some leads, and the key after which the next ones follow (None at the end)."""

    rows: list[LeadRow] = field(default_factory=list)
    cursor: str | None = None


def page(filters: LeadFilters, scope: Scope, *, after: str = "") -> LeadPage:
    """50 leads by falling creation, after the key `after` (unreadable: from the start). Five queries, however many."""
    found = _in_state(filters.state, _in_scope(scope)).annotate(created=creation_of_leads())
    if filters.text.split():
        found = found.filter(matches(filters.text))
    if filters.source is not None:
        found = found.filter(source=filters.source)
    if filters.owner is not None:
        found = found.filter(_owned_by(filters.owner, filters.state))
    if filters.since is not None:
        found = found.filter(created__gte=filters.since)
    if filters.until is not None:
        found = found.filter(created__lt=filters.until)
    if key := _read_key(after):
        found = found.filter(Q(created__lt=key[0]) | Q(created=key[0], pk__lt=key[1]), created__lte=key[0])
    leads = list(
        found.select_related("source", "crm_owner", "merged_into__source").order_by("-created", "-pk")[
            : PAGE_ROWS + 1
        ]
    )
    cursor = _key(leads[PAGE_ROWS - 1]) if len(leads) > PAGE_ROWS else None
    return LeadPage(_rows(leads[:PAGE_ROWS], scope), cursor)


def people(scope: Scope) -> QuerySet[Person]:
    """Who can be asked for as the owner: people in scope with an MQL, or with a lead in the CRM."""
    if not scope.is_all:
        return owners(scope)
    found = Person.objects.filter(
        Exists(MqlCycle.objects.filter(owner=OuterRef("pk")))
        | Exists(Lead.objects.filter(crm_owner=OuterRef("pk")))
    )
    return found.order_by("name", "pk")


# --- conditions ----------------------------------------------------------------------------------------


class _IsAnyOf(Func):
    """`_IsAnyOf("pk", rows)`: the ids of `rows` are looked up first and the leads by them. Joined to the list, a rare
    word would be looked for by reading the leads one by one in their order."""

    output_field = BooleanField()
    template, arg_joiner = "%(expressions)s", " = "

    def __init__(self, column: str, rows: QuerySet[Any, Any]) -> None:
        super().__init__(F(column), ArraySubquery(rows, template="ANY(ARRAY(%(subquery)s))"))


class _HasWords(Func):
    output_field = BooleanField()
    template, arg_joiner = "%(expressions)s::tsquery", " @@ "


def _in_scope(scope: Scope) -> QuerySet[Lead]:
    """As visible_leads, by the ids of the few whom somebody with a narrow scope may see."""
    if scope.is_all:
        return Lead.objects.all()
    own = visible(scope).values("lead")
    return Lead.objects.filter(Q(_IsAnyOf("pk", own)) | Q(_IsAnyOf("merged_into_id", own)))


def _in_state(state: str, found: QuerySet[Lead]) -> QuerySet[Lead]:
    cycles = MqlCycle.objects.filter(lead=OuterRef("pk"))
    standing, open_ = Exists(cycles.standing()), Exists(cycles.open())
    if state == "none":
        return found.filter(~standing, merged_into__isnull=True)
    if state == "open":
        return found.filter(open_)
    if state == "closed":
        return found.filter(standing, ~open_)
    if state == "merged":
        return found.filter(merged_into__isnull=False)
    if state == "erased":
        return found.filter(Exists(Erasure.objects.filter(lead=OuterRef("pk"))))
    return found


def _owned_by(person: int, state: str) -> Q:
    own = Q(crm_owner=person)
    if state == "none":
        return own
    return own | Q(_IsAnyOf("pk", MqlCycle.objects.standing().filter(owner=person).values("lead")))


def matches(text: str) -> Q:
    """Condition on leads: `text` as LeadFilters say. Each way of reading it has an index."""
    text = text.strip()
    leads = Lead.objects.order_by()
    domain = keys.site_domain_key(text.removeprefix("@"))
    at_domain = Q(_IsAnyOf("pk", _ids(leads.exclude(domain_key="").filter(domain_key=domain))))
    if text.startswith("@"):
        return at_domain
    if "@" in text:
        start = keys.email_key(text) or keys.lower(text)
        return Q(_IsAnyOf("pk", _ids(leads.exclude(email_key="").filter(email_key__startswith=start))))
    named = Q(_IsAnyOf("pk", _ids(leads.filter(source__in=_sources(), external_id__in=_written(text)))))
    if words := keys.fold_name(text).split()[:MOST_WORDS]:
        asked = _HasWords(words_of_leads(), Value(" & ".join(_prefix(word) for word in words)))
        named |= Q(_IsAnyOf("pk", _ids(leads.filter(asked))))
    return named | at_domain if domain else named


def _written(text: str) -> frozenset[str]:
    """An id as it may stand in the CRM: also in capitals or small letters, which the index finds; but one of
    Salesforce means another record in another case."""
    forms = forms_of(text)
    return forms if len(forms) > 1 else forms | {text.upper(), text.lower()}


def _prefix(word: str) -> str:
    quoted = word.replace("\\", "\\\\").replace("'", "''")
    return f"'{quoted}':*" if len(word) >= SHORTEST_PREFIX else f"'{quoted}'"


def _ids(leads: QuerySet[Lead]) -> QuerySet[Lead, Any]:
    return leads.values("pk")


def _sources() -> list[int]:
    """Ids come first in the index by source and id of the CRM."""
    return list(Source.objects.values_list("pk", flat=True))


# --- rows ----------------------------------------------------------------------------------------------


def _rows(leads: Sequence[Lead], scope: Scope) -> list[LeadRow]:
    pks = [lead.pk for lead in leads]
    cycles: dict[int, list[MqlCycle]] = defaultdict(list)
    for cycle in MqlCycle.objects.standing().filter(lead__in=pks).select_related("owner").order_by("number"):
        cycles[cycle.lead_id].append(cycle)
    erased = dict(
        Erasure.objects.filter(lead__in=pks).order_by("erased_at").values_list("lead_id", "erased_at")
    )
    survivors = {lead.merged_into_id for lead in leads if lead.merged_into_id}
    if survivors and not scope.is_all:
        survivors = set(visible_leads(scope).filter(pk__in=survivors).values_list("pk", flat=True))
    return [
        LeadRow(
            lead,
            _shown(cycles[lead.pk]),
            len(cycles[lead.pk]),
            lead.merged_into if lead.merged_into_id in survivors else None,
            erased.get(lead.pk),
        )
        for lead in leads
    ]


def _shown(cycles: list[MqlCycle]) -> MqlCycle | None:
    live = [cycle for cycle in cycles if cycle.is_open and not cycle.is_history]
    return live[0] if live else cycles[-1] if cycles else None


def _key(lead: Any) -> str:
    return f"{lead.created.astimezone(UTC).isoformat().removesuffix('+00:00')}~{lead.pk}"


def _read_key(text: str) -> tuple[datetime, int] | None:
    instant, _, pk = text.partition("~")
    try:
        number, found = int(pk), datetime.fromisoformat(instant).replace(tzinfo=UTC)
    except ValueError:
        return None
    return (found, number) if 0 <= number < 2**63 else None
