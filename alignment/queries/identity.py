"""Who is who, for pages: the records of one person, the account with its rule or its candidates, pairs that wait."""

from __future__ import annotations

from dataclasses import dataclass

from django.db.models import Exists, OuterRef, Q, QuerySet

from alignment.matching.free_mail import free_mail_domains
from alignment.models import Account, DuplicatePair, Lead, LeadMerge, MqlCycle, Opportunity

SHOWN = 10


@dataclass(frozen=True)
class AccountView:
    """What is known beside a lead of its account. `candidates` are those between which nobody can tell."""

    account: Account | None
    rule: str
    candidates: list[Account]
    leads: list[Lead]
    opportunities: list[Opportunity]
    more_leads: bool = False


def records_of(lead: Lead) -> list[int]:
    """Ids of the records whose history is this lead's: its own, and those merged into it."""
    return [lead.pk, *Lead.objects.filter(merged_into=lead).order_by("pk").values_list("pk", flat=True)]


def records_of_id(pk: int) -> list[int]:
    """As records_of, by the id of a lead that may not be there."""
    return list(Lead.objects.filter(Q(pk=pk) | Q(merged_into=pk)).order_by("pk").values_list("pk", flat=True))


def homes_of(records: QuerySet[Lead]) -> list[int]:
    """Ids of the leads that have the cycles of these records: themselves, or those that they are merged into."""
    return [stays or pk for pk, stays in records.order_by("pk").values_list("pk", "merged_into")]


def live_merges(lead: Lead) -> list[LeadMerge]:
    """The standing merges of which this lead is either side, the newest first."""
    found = LeadMerge.objects.filter(Q(survivor=lead) | Q(merged=lead), undone_at__isnull=True)
    return list(found.select_related("survivor__source", "merged__source", "merged_by").order_by("-pk"))


def account_view(
    lead: Lead, visible: QuerySet[Lead], visible_opportunities: QuerySet[Opportunity]
) -> AccountView:
    """The lead's account with others of its leads, and what is open there, as far as the viewer may see them.

    Candidates are shown to everybody who sees the lead: they have its domain or company name, and whoever works on
    it chooses between them in the CRM.
    """
    account = lead.matched_account
    if account is None:
        return AccountView(None, "", _candidates(lead), [], [])
    stays = lead.merged_into or lead
    there = visible.filter(matched_account=account, is_deleted=False)
    others = there.filter(merged_into__isnull=True).exclude(pk__in=[lead.pk, stays.pk])
    leads = list(others.order_by("last_name", "pk")[: SHOWN + 1])
    open_deals = visible_opportunities.filter(is_closed=False, is_deleted=False).filter(
        Q(account=account) | Q(lead__in=visible.filter(matched_account=account))
    )
    deals = open_deals.exclude(lead__in=records_of(stays)).order_by("-opened_at", "-pk")
    return AccountView(
        account,
        lead.get_match_rule_display(),
        [],
        leads[:SHOWN],
        list(deals[:SHOWN]),
        len(leads) > SHOWN,
    )


def _candidates(lead: Lead) -> list[Account]:
    """The accounts that the strongest rule finds, where it finds several."""
    standing = Account.objects.filter(is_deleted=False).select_related("source").order_by("name", "pk")
    if lead.domain_key and lead.domain_key not in free_mail_domains():
        found = list(standing.filter(domain_key=lead.domain_key)[:SHOWN])
        if found:
            return found
    return list(standing.filter(name_key=lead.company_key)[:SHOWN]) if lead.company_key else []


def urgent_pairs() -> QuerySet[DuplicatePair]:
    """Open pairs of which both people have an open MQL: two reps may be calling one person."""

    def is_open(side: str) -> Exists:
        return Exists(
            MqlCycle.objects.open().filter(
                Q(lead=OuterRef(side)) | Q(lead=OuterRef(f"{side.removesuffix('_id')}__merged_into"))
            )
        )

    return DuplicatePair.objects.open().filter(is_open("lead_a_id"), is_open("lead_b_id"))
