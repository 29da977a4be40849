"""What people do on an MQL: an attempt, a disposition, another owner. The services decide, as for the pages."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from django.core.exceptions import PermissionDenied
from django.http import Http404
from drf_spectacular.utils import OpenApiExample
from rest_framework import serializers

from alignment.access import WORKS_LEADS, may_work
from alignment.api.acts import Act, Given
from alignment.api.filters import MOST
from alignment.models import (
    Disposition,
    DisqualificationReason,
    MqlCycle,
    Person,
    Role,
    TokenScope,
    User,
)
from handoff.api.cycles import CycleSerializer, shown
from handoff.queries import cycles as queries
from handoff.queries import leads, routing
from handoff.services import acts as services
from handoff.services.acts import CHANNELS, OUTCOMES


class ActOnCycle(Act):
    """On a cycle in scope; the answer is the cycle as it then is."""

    tag, scope = "MQL cycles", TokenScope.LEADS_WRITE
    serializer_class = CycleSerializer

    def about(self, pk: int) -> MqlCycle:
        found = queries.visible(self.rows_in_scope).select_related("lead__source", "owner__team")
        cycle = found.filter(pk=pk).first()
        if cycle is None:
            raise Http404
        return cycle

    def _fresh(self, cycle: MqlCycle) -> MqlCycle:
        return shown(MqlCycle.objects.filter(pk=cycle.pk)).get()


class WorkOnCycle(ActOnCycle):
    roles = WORKS_LEADS

    def about(self, pk: int) -> MqlCycle:
        cycle = super().about(pk)
        if not may_work(self.viewer, cycle):
            raise PermissionDenied("Assign this MQL to somebody of your team first.")
        return cycle


class AttemptGiven(Given):
    channel = serializers.ChoiceField(choices=list(CHANNELS.items()))
    outcome = serializers.ChoiceField(choices=list(OUTCOMES.items()))
    note = serializers.CharField(max_length=200, required=False, default="", allow_blank=True)


class LogAttempt(WorkOnCycle):
    """Record one outbound attempt, now, by the login that asks."""

    operation, given, status = "log_attempt", AttemptGiven, 201
    refusals = (services.CycleIsOver,)
    examples = [
        OpenApiExample("A call", value={"channel": "call", "outcome": "no_answer"}, request_only=True)
    ]

    def act(self, about: MqlCycle, given: Any, *, by: User, at: datetime, act: UUID) -> MqlCycle:
        services.log_attempt(cycle=about, **given, by=by, at=at, act=act)
        return self._fresh(about)


class DispositionGiven(Given):
    disposition = serializers.ChoiceField(choices=Disposition.choices)
    reason = serializers.ChoiceField(
        choices=DisqualificationReason.choices,
        required=False,
        help_text="Owed with disqualified and recycled.",
    )
    opportunity = serializers.IntegerField(
        min_value=1,
        max_value=MOST,
        required=False,
        help_text="Owed with converted: id of the lead's opportunity.",
    )


class Dispose(WorkOnCycle):
    """Set the disposition of an open cycle, or complete that of a closed one that lacks its tagging."""

    operation, given = "set_disposition", DispositionGiven
    refusals = (
        services.CycleIsOver,
        services.ReasonMissing,
        services.TooFewAttempts,
        services.OpportunityMissing,
    )
    examples = [
        OpenApiExample(
            "Back to nurture",
            value={"disposition": "recycled", "reason": "bad_timing"},
            request_only=True,
        ),
        OpenApiExample("Accepted", value={"disposition": "working"}, request_only=True),
    ]

    def act(self, about: MqlCycle, given: Any, *, by: User, at: datetime, act: UUID) -> MqlCycle:
        wanted = (row for row in leads.opportunities(about.lead) if row.pk == given.get("opportunity"))
        services.dispose(
            cycle=about,
            disposition=given["disposition"],
            reason=given.get("reason", ""),
            opportunity=next(wanted, None),
            by=by,
            at=at,
            act=act,
        )
        return self._fresh(about)


class OwnerGiven(Given):
    person = serializers.IntegerField(min_value=1, max_value=MOST, help_text="Id of the new owner.")
    note = serializers.CharField(max_length=200, required=False, default="", allow_blank=True)


class Assign(ActOnCycle):
    """Make somebody the owner: RevOps anybody in sales, a manager the people of the own teams."""

    roles = frozenset({Role.REVOPS, Role.SALES_MANAGER})
    operation, given = "assign_owner", OwnerGiven
    refusals = (services.CycleIsOver, services.PersonCannotOwn)
    examples = [
        OpenApiExample("Somebody", value={"person": 7, "note": "Knows the account"}, request_only=True)
    ]

    def act(self, about: MqlCycle, given: Any, *, by: User, at: datetime, act: UUID) -> MqlCycle:
        person = self._choices(by).filter(pk=given["person"]).first()
        if person is None:
            raise serializers.ValidationError({"person": ["Nobody of this id whom you may make an owner."]})
        services.assign_by_hand(cycle=about, person=person, by=by, at=at, note=given["note"])
        return self._fresh(about)

    def _choices(self, by: User) -> Any:
        return routing.people_managed_by(by) if by.has_role(Role.SALES_MANAGER) else Person.objects.all()
