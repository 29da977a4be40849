"""What the CRM knows, as far as the login sees the leads: leads, accounts, campaigns, touches, opportunities."""

from __future__ import annotations

from typing import Any

from django.db.models import Exists, OuterRef, Prefetch, Q, QuerySet
from rest_framework import serializers

from alignment.access import SEES_RECORDS
from alignment.api.base import Resource
from alignment.api.filters import Choice, Email, ExternalId, FilterSet, Instant, OfSource, Text, Truth, Whole
from alignment.api.shapes import MaybeOneOf, PersonRef, SourceKey
from alignment.matching.keys import site_domain_key
from alignment.models import (
    Account,
    Campaign,
    Lead,
    MatchRule,
    Opportunity,
    OpportunityStage,
    Touch,
    TouchFunction,
)
from alignment.queries.identity import records_of_id
from handoff.queries.cycles import visible_leads, visible_opportunities
from handoff.queries.lead_list import matches


class RecordFilter(FilterSet):
    source = OfSource(field_name="source__key", help_text="Key of the source.")
    external_id = ExternalId(help_text="The record's id in its source; without `source` in any.")
    is_deleted = Truth()


class OfLead(Whole):
    """Id of a lead: what is its own, and what records have that are merged into it."""

    def __init__(self) -> None:
        super().__init__(field_name="lead_id", help_text="Id of a lead; also of records merged into it.")

    def filter(self, found: QuerySet[Any], value: Any) -> QuerySet[Any]:
        return found if value is None else found.filter(lead__in=records_of_id(value))


class LeadSerializer(serializers.ModelSerializer[Lead]):
    source = SourceKey()  # type: ignore[assignment]
    match_rule = MaybeOneOf(MatchRule.choices, help_text="Why the lead belongs to its matched account.")
    crm_owner = PersonRef(read_only=True, allow_null=True)

    class Meta:
        model = Lead
        fields = [
            "id", "source", "external_id", "is_deleted", "email", "first_name", "last_name", "title", "phone",
            "company", "country", "segment", "channel", "intent", "product", "score", "lifecycle", "status",
            "disposition", "reason", "crm_created_at", "account", "crm_owner", "first_touch", "sourced_function",
            "first_seen_at", "matched_account", "match_rule", "merged_into",
        ]  # fmt: skip
        read_only_fields = fields


class LeadFilter(RecordFilter):
    email = Email(help_text="The whole address; capital letters make no difference.")
    search = Text(
        method="found_by",
        help_text="Words of name and company, each from its start; or an e-mail, at least up to the @; or @ and a "
        "domain; or a whole id in the source.",
    )
    segment = Text()
    account = Whole(field_name="account_id")
    first_seen_from = Instant(field_name="first_seen_at", lookup_expr="gte")
    first_seen_before = Instant(field_name="first_seen_at", lookup_expr="lt")

    def found_by(self, found: QuerySet[Lead], name: str, value: str) -> QuerySet[Lead]:
        return found.filter(matches(value))


class Leads(Resource[Lead]):
    """Leads as the CRM has them now."""

    roles, tag = SEES_RECORDS, "Leads"
    serializer_class, filterset_class = LeadSerializer, LeadFilter

    def get_queryset(self) -> QuerySet[Lead]:
        return visible_leads(self.rows_in_scope).select_related("source", "crm_owner")


class AccountSerializer(serializers.ModelSerializer[Account]):
    source = SourceKey()  # type: ignore[assignment]

    class Meta:
        model = Account
        fields = ["id", "source", "external_id", "is_deleted", "name", "domain"]
        read_only_fields = fields


class AccountFilter(RecordFilter):
    domain = Text(method="of_domain", help_text="As the account has it; capital letters make no difference.")

    def of_domain(self, found: QuerySet[Account], name: str, value: str) -> QuerySet[Account]:
        if key := site_domain_key(value):  # has an index, of all subdomains
            found = found.filter(domain_key=key)
        return found.filter(domain__iexact=value)


class Accounts(Resource[Account]):
    """Companies of leads."""

    roles, tag = SEES_RECORDS, "Accounts"
    serializer_class, filterset_class = AccountSerializer, AccountFilter

    def get_queryset(self) -> QuerySet[Account]:
        found, scope = Account.objects.select_related("source"), self.rows_in_scope
        if scope.is_all:
            return found
        named = Q(account=OuterRef("pk")) | Q(matched_account=OuterRef("pk"))
        return found.filter(Exists(visible_leads(scope).filter(named)))


class CampaignSerializer(serializers.ModelSerializer[Campaign]):
    source = SourceKey()  # type: ignore[assignment]

    class Meta:
        model = Campaign
        fields = ["id", "source", "external_id", "is_deleted", "name", "channel"]
        read_only_fields = fields


class CampaignFilter(RecordFilter):
    channel = Text()


class Campaigns(Resource[Campaign]):
    """Campaigns of marketing."""

    roles, tag = SEES_RECORDS, "Campaigns"
    serializer_class, filterset_class = CampaignSerializer, CampaignFilter

    def get_queryset(self) -> QuerySet[Campaign]:
        found, scope = Campaign.objects.select_related("source"), self.rows_in_scope
        if scope.is_all:
            return found
        seen = Touch.objects.filter(campaign=OuterRef("pk"), lead__in=visible_leads(scope))
        return found.filter(Exists(seen))


class TouchSerializer(serializers.ModelSerializer[Touch]):
    source = SourceKey()  # type: ignore[assignment]
    person = PersonRef(read_only=True, allow_null=True)

    class Meta:
        model = Touch
        fields = [
            "id", "source", "external_id", "is_deleted", "lead", "function", "channel", "subject", "outcome",
            "is_attempt", "is_connected", "person", "campaign", "touched_at", "received_at",
        ]  # fmt: skip
        read_only_fields = fields


class TouchFilter(RecordFilter):
    lead = OfLead()
    campaign = Whole(field_name="campaign_id")
    function = Choice(choices=TouchFunction.choices)
    is_attempt = Truth()
    touched_from = Instant(field_name="touched_at", lookup_expr="gte")
    touched_before = Instant(field_name="touched_at", lookup_expr="lt")


class Touches(Resource[Touch]):
    """Dated interactions of leads; attempts are those by sales."""

    roles, tag = SEES_RECORDS, "Touches"
    serializer_class, filterset_class = TouchSerializer, TouchFilter

    def get_queryset(self) -> QuerySet[Touch]:
        found, scope = Touch.objects.select_related("source", "person"), self.rows_in_scope
        return found if scope.is_all else found.filter(lead__in=visible_leads(scope))


class StageSerializer(serializers.ModelSerializer[OpportunityStage]):
    class Meta:
        model = OpportunityStage
        fields = ["position", "stage", "entered_at"]
        read_only_fields = fields


class OpportunitySerializer(serializers.ModelSerializer[Opportunity]):
    source = SourceKey()  # type: ignore[assignment]
    owner = PersonRef(read_only=True, allow_null=True)
    stages = StageSerializer(many=True, read_only=True)

    class Meta:
        model = Opportunity
        fields = [
            "id", "source", "external_id", "is_deleted", "name", "amount_minor", "currency", "stage", "is_closed",
            "is_won", "close_on", "opened_at", "closed_at", "lead", "account", "owner", "first_seen_at", "stages",
        ]  # fmt: skip
        read_only_fields = fields


class OpportunityFilter(RecordFilter):
    lead = OfLead()
    account = Whole(field_name="account_id")
    owner = Whole(field_name="owner_id")
    is_closed = Truth()
    is_won = Truth()


class Opportunities(Resource[Opportunity]):
    """Deals with the stages that they entered. Amounts are in whole minor units of their currency (ISO 4217)."""

    roles, tag = SEES_RECORDS, "Opportunities"
    serializer_class, filterset_class = OpportunitySerializer, OpportunityFilter

    def get_queryset(self) -> QuerySet[Opportunity]:
        stages = Prefetch("stages", OpportunityStage.objects.order_by("position"))
        found = visible_opportunities(self.rows_in_scope)
        return found.select_related("source", "owner").prefetch_related(stages)
