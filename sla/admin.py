"""Agreements, clocks and what the clocks found, to look at."""

from __future__ import annotations

from alignment.readonly_admin import ReadOnlyAdmin, show, site
from sla.models import (
    AdherenceReport,
    AdoptionCase,
    AdoptionCaseClosing,
    Agreement,
    Breach,
    ClausePeriod,
    Clock,
    ClockCorrection,
    ClockHold,
    ClockRedating,
    ComplianceDay,
    Consequence,
    ConsequenceCycle,
    ConsequenceUndone,
    Dispute,
    Elapsed,
    ElapsedCoverage,
    KnownWeek,
    Opening,
    Override,
    Profile,
    RenegotiationCase,
    ReviewTaken,
    Ruling,
    Scenario,
    StaleCycle,
)


@show(Agreement)
class AgreementAdmin(ReadOnlyAdmin):
    list_display = ["number", "in_force_from", "is_signed", "note", "entered_by", "entered_at"]
    list_filter = ["is_signed"]
    list_select_related = ["entered_by"]


@show(Clock)
class ClockAdmin(ReadOnlyAdmin):
    list_display = ["id", "cycle", "kind", "ordinal", "due_at", "met_at", "breached_at", "outcome", "owner"]
    list_filter = ["kind", "outcome"]
    list_select_related = ["cycle", "owner"]
    search_fields = ["=cycle__lead__external_id"]


@show(Breach)
class BreachAdmin(ReadOnlyAdmin):
    list_display = ["clock", "breached_at", "stamped_at", "agreement", "calendar_version", "owner"]
    list_select_related = ["clock", "agreement", "calendar_version__calendar", "owner"]
    search_fields = ["=clock__cycle__lead__external_id"]


@show(ClockCorrection)
class ClockCorrectionAdmin(ReadOnlyAdmin):
    list_display = ["clock", "outcome", "met_at", "due_at", "corrected_at"]
    list_filter = ["outcome"]
    list_select_related = ["clock"]


@show(ClockRedating)
class ClockRedatingAdmin(ReadOnlyAdmin):
    list_display = ["clock", "old_due_at", "new_due_at", "reason", "redated_at"]
    list_select_related = ["clock"]
    search_fields = ["reason"]


@show(ComplianceDay)
class ComplianceDayAdmin(ReadOnlyAdmin):
    list_display = ["day", "kind", "team", "owner", "segment", "met", "missed", "restated", "running"]
    list_filter = ["kind", "team"]
    list_select_related = ["team", "owner"]
    date_hierarchy = "day"


@show(ReviewTaken)
class ReviewTakenAdmin(ReadOnlyAdmin):
    list_display = ["version", "user", "taken_at"]
    list_select_related = ["version__artifact", "user"]


@show(Dispute)
class DisputeAdmin(ReadOnlyAdmin):
    list_display = [
        "id",
        "kind",
        "owner",
        "filed_by",
        "filed_at",
        "rule_by",
        "overdue_at",
        "ended_at",
        "ending",
    ]
    list_filter = ["kind", "ending"]
    list_select_related = ["owner", "filed_by"]


@show(ClockHold)
class ClockHoldAdmin(ReadOnlyAdmin):
    list_display = ["dispute", "clock", "starts_at", "ends_at", "stands"]
    list_filter = ["stands"]
    list_select_related = ["clock"]


@show(Ruling)
class RulingAdmin(ReadOnlyAdmin):
    list_display = ["dispute", "about", "decision", "summary", "ruled_by", "ruled_at"]
    list_filter = ["decision"]
    list_select_related = ["ruled_by"]
    search_fields = ["summary", "reason", "tags"]


@show(Override)
class OverrideAdmin(ReadOnlyAdmin):
    list_display = ["ruling", "effect", "function", "made_at"]
    list_filter = ["effect"]


@show(AdherenceReport)
class AdherenceReportAdmin(ReadOnlyAdmin):
    list_display = ["monday", "as_known_at", "complete_until", "agreement", "definition_version", "told"]
    list_select_related = ["agreement"]
    date_hierarchy = "monday"


@show(KnownWeek)
class KnownWeekAdmin(ReadOnlyAdmin):
    list_display = ["monday", "zone", "agreement", "known_at", "tzdata"]
    list_select_related = ["agreement"]


@show(AdoptionCase)
class AdoptionCaseAdmin(ReadOnlyAdmin):
    list_display = ["first_week", "agreement", "opened_at"]
    list_select_related = ["agreement"]


@show(AdoptionCaseClosing)
class AdoptionCaseClosingAdmin(ReadOnlyAdmin):
    list_display = ["case", "closed_at", "closed_by"]
    list_select_related = ["case", "closed_by"]


@show(ClausePeriod)
class ClausePeriodAdmin(ReadOnlyAdmin):
    list_display = [
        "kind",
        "first",
        "unit",
        "part",
        "whole",
        "percent",
        "is_missed",
        "agreement",
        "judged_at",
    ]
    list_filter = ["kind", "is_missed"]
    list_select_related = ["agreement"]


@show(Consequence)
class ConsequenceAdmin(ReadOnlyAdmin):
    list_display = ["judged", "kind", "first", "fired_at"]
    list_select_related = ["judged"]


@show(ConsequenceCycle)
class ConsequenceCycleAdmin(ReadOnlyAdmin):
    list_display = ["consequence", "cycle", "clock", "state", "executed_at"]
    list_filter = ["state"]
    list_select_related = ["consequence__judged", "cycle", "clock"]
    search_fields = ["=cycle__lead__external_id"]


@show(ConsequenceUndone)
class ConsequenceUndoneAdmin(ReadOnlyAdmin):
    list_display = ["entry", "ruling", "is_reopened", "undone_at"]
    list_select_related = ["entry", "ruling"]


@show(RenegotiationCase)
class RenegotiationCaseAdmin(ReadOnlyAdmin):
    list_display = ["first", "last", "agreement", "opened_at", "closed_at", "closed_by", "ruling"]
    list_select_related = ["agreement", "closed_by__artifact", "ruling"]


@show(Scenario)
class ScenarioAdmin(ReadOnlyAdmin):
    list_display = ["name", "first", "end", "which", "as_of", "saved_by", "saved_at"]
    list_select_related = ["saved_by"]
    search_fields = ["name"]


for _cache in (Elapsed, ElapsedCoverage, Opening, Profile, StaleCycle):
    site.leave_out(_cache, "A cache for calibration, made anew from cycles, clocks and facts.")
