"""What the core keeps, to look at."""

from __future__ import annotations

from django.contrib import admin

from alignment.models import (
    Account,
    ApiToken,
    Artifact,
    ArtifactVersion,
    Calendar,
    CalendarVersion,
    Campaign,
    ChainEntry,
    ChainHead,
    ChangedAccount,
    DeadEvent,
    Delivery,
    Destination,
    DestinationSecret,
    DirtyDay,
    DriftAlarm,
    DuplicatePair,
    Endpoint,
    EndpointSecret,
    Erasure,
    ErasureArrival,
    ErasureMark,
    Fact,
    GateDecision,
    Heartbeat,
    Import,
    ImportPiece,
    ImportReject,
    KeptAnswer,
    Lead,
    LeadMerge,
    MqlCycle,
    Notification,
    Opportunity,
    OpportunityStage,
    Organisation,
    OutgoingMail,
    OutgoingMessage,
    Person,
    PersonIdentity,
    Program,
    RateBucket,
    Refusal,
    Rendition,
    RestsOn,
    RetentionRun,
    ServerKey,
    Signature,
    SigningChallenge,
    Source,
    Team,
    Touch,
    User,
)
from alignment.readonly_admin import ReadOnlyAdmin, show, site

site.leave_out(ChangedAccount, "A note between two steps of the drain, gone within seconds.")
site.leave_out(EndpointSecret, "Secrets are shown once, when they are made, and never again.")
site.leave_out(DestinationSecret, "Secrets are shown once, when they are made, and never again.")
site.leave_out(ErasureMark, "Digests that recognise erased people; there is nothing to read in them.")
site.leave_out(KeptAnswer, "What somebody was answered is that person's, and is deleted after a day.")
site.leave_out(SigningChallenge, "One-time numbers work for ten minutes, and are deleted after a day.")
site.leave_out(RateBucket, "Counts of requests mean something for a minute.")


@show(Organisation)
class OrganisationAdmin(ReadOnlyAdmin):
    list_display = ["name", "zone", "currency", "weekly_minimum"]


@show(User)
class UserAdmin(ReadOnlyAdmin):
    list_display = ["email", "name", "role", "is_active", "is_staff", "last_login"]
    list_filter = ["role", "is_active", "is_staff"]
    search_fields = ["email", "name"]
    exclude = ["password"]


@show(Team)
class TeamAdmin(ReadOnlyAdmin):
    list_display = ["name", "function", "calendar"]
    list_filter = ["function"]
    list_select_related = ["calendar"]
    search_fields = ["name"]


@show(Person)
class PersonAdmin(ReadOnlyAdmin):
    list_display = ["name", "email", "function", "team", "is_active"]
    list_filter = ["function", "is_active", "team"]
    list_select_related = ["team"]
    search_fields = ["name", "email"]


@show(PersonIdentity)
class PersonIdentityAdmin(ReadOnlyAdmin):
    list_display = ["external_id", "source", "person"]
    list_filter = ["source"]
    list_select_related = ["source", "person"]
    search_fields = ["external_id", "person__name"]


@show(Calendar)
class CalendarAdmin(ReadOnlyAdmin):
    list_display = ["name"]
    search_fields = ["name"]


@show(CalendarVersion)
class CalendarVersionAdmin(ReadOnlyAdmin):
    list_display = ["calendar", "number", "effective_from", "country", "reason", "entered_by", "entered_at"]
    list_filter = ["calendar"]
    list_select_related = ["calendar", "entered_by"]


@show(Source)
class SourceAdmin(ReadOnlyAdmin):
    list_display = ["name", "key", "kind", "zone", "assigns", "is_active"]
    list_filter = ["kind", "is_active"]


@show(Endpoint)
class EndpointAdmin(ReadOnlyAdmin):
    list_display = ["source", "scheme", "event", "is_active", "created_at"]
    list_filter = ["source", "scheme", "is_active"]
    list_select_related = ["source"]
    exclude = ["address"]  # a secret of the sender: the page of the source shows it to those who connect it


@show(Delivery)
class DeliveryAdmin(ReadOnlyAdmin):
    list_display = ["id", "source", "external_id", "state", "items", "received_at", "applied_at"]
    list_filter = ["state", "source"]
    list_select_related = ["source"]
    search_fields = ["=external_id"]
    exclude = ["body", "body_sha256"]
    readonly_fields = ["digest"]

    @admin.display(description="SHA-256 of the body")
    def digest(self, delivery: Delivery) -> str:
        return bytes(delivery.body_sha256).hex()


@show(DeadEvent)
class DeadEventAdmin(ReadOnlyAdmin):
    list_display = ["delivery", "position", "code", "message", "failures", "failed_at", "replayed_at"]
    list_filter = ["code"]
    list_select_related = ["delivery"]


@show(Fact)
class FactAdmin(ReadOnlyAdmin):
    list_display = ["id", "source", "subject", "external_id", "action", "occurred_at", "received_at", "by"]
    list_filter = ["subject", "source", "is_timed"]
    list_select_related = ["source", "by"]
    search_fields = ["=external_id", "=ref"]


@show(Account)
class AccountAdmin(ReadOnlyAdmin):
    list_display = ["name", "domain", "source", "external_id", "is_deleted"]
    list_filter = ["source", "is_deleted"]
    list_select_related = ["source"]
    search_fields = ["=external_id", "name", "domain"]


@show(Campaign)
class CampaignAdmin(ReadOnlyAdmin):
    list_display = ["name", "channel", "source", "external_id", "is_deleted"]
    list_filter = ["source", "is_deleted"]
    list_select_related = ["source"]
    search_fields = ["=external_id", "name"]


@show(Lead)
class LeadAdmin(ReadOnlyAdmin):
    list_display = ["name", "company", "segment", "score", "status", "crm_owner", "source", "external_id"]
    list_filter = ["source", "is_deleted"]
    list_select_related = ["source", "crm_owner"]
    search_fields = ["=external_id", "=email"]


@show(DuplicatePair)
class DuplicatePairAdmin(ReadOnlyAdmin):
    list_display = ["id", "lead_a", "lead_b", "rule", "found_at", "dismissed_at", "dismissed_by"]
    list_filter = ["rule"]
    list_select_related = ["lead_a", "lead_b", "dismissed_by"]


@show(LeadMerge)
class LeadMergeAdmin(ReadOnlyAdmin):
    list_display = ["id", "survivor", "merged", "merged_at", "merged_by", "reason", "undone_at"]
    list_select_related = ["survivor", "merged", "merged_by"]


@show(MqlCycle)
class MqlCycleAdmin(ReadOnlyAdmin):
    list_display = [
        "id",
        "lead",
        "number",
        "started_at",
        "tier",
        "owner",
        "disposition",
        "closed_at",
        "voided_at",
    ]
    list_filter = ["disposition", "assigned_by", "is_clock_suspect"]
    list_select_related = ["lead", "owner"]
    search_fields = ["=lead__external_id", "=lead__email"]


@show(Touch)
class TouchAdmin(ReadOnlyAdmin):
    list_display = ["id", "lead", "function", "channel", "outcome", "is_attempt", "person", "touched_at"]
    list_filter = ["function", "is_attempt", "is_deleted"]
    list_select_related = ["lead", "person"]
    search_fields = ["=external_id", "=lead__external_id"]


@show(Opportunity)
class OpportunityAdmin(ReadOnlyAdmin):
    list_display = ["name", "stage", "amount_minor", "currency", "close_on", "is_closed", "is_won", "owner"]
    list_filter = ["is_closed", "is_won", "source"]
    list_select_related = ["owner"]
    search_fields = ["=external_id", "name"]


@show(OpportunityStage)
class OpportunityStageAdmin(ReadOnlyAdmin):
    list_display = ["opportunity", "position", "stage", "entered_at"]
    list_select_related = ["opportunity"]
    search_fields = ["=opportunity__external_id"]


@show(DirtyDay)
class DirtyDayAdmin(ReadOnlyAdmin):
    list_display = ["metric", "day"]
    list_filter = ["metric"]


@show(Heartbeat)
class HeartbeatAdmin(ReadOnlyAdmin):
    list_display = ["name", "beat_at", "period"]


@show(RetentionRun)
class RetentionRunAdmin(ReadOnlyAdmin):
    list_display = ["ran_at", "part", "cut_off", "months", "rows", "size", "by"]
    list_select_related = ["by"]


@show(Destination)
class DestinationAdmin(ReadOnlyAdmin):
    list_display = ["source", "is_active", "paused_at", "paused_reason", "failures", "created_at"]
    list_filter = ["is_active"]
    list_select_related = ["source"]
    exclude = ["address"]  # it may carry a token of the receiver


@show(OutgoingMessage)
class OutgoingMessageAdmin(ReadOnlyAdmin):
    list_display = ["key", "type", "destination", "lead", "sequence", "state", "attempts", "created_at"]
    list_filter = ["state", "type"]
    list_select_related = ["destination__source", "lead"]
    search_fields = ["=key", "=lead__external_id"]
    exclude = ["claim"]


@show(Erasure)
class ErasureAdmin(ReadOnlyAdmin):
    list_display = ["erased_at", "lead", "asked_by", "reason", "reference", "by"]
    list_filter = ["asked_by"]
    list_select_related = ["lead", "by"]
    search_fields = ["=lead__external_id", "=reference"]


@show(ErasureArrival)
class ErasureArrivalAdmin(ReadOnlyAdmin):
    list_display = ["arrived_at", "kind", "source", "external_id", "facts", "dropped"]
    list_filter = ["kind", "source"]
    list_select_related = ["source"]


@show(ApiToken)
class ApiTokenAdmin(ReadOnlyAdmin):
    list_display = [
        "name",
        "user",
        "hint",
        "scopes",
        "created_at",
        "expires_at",
        "last_used_at",
        "revoked_at",
    ]
    list_select_related = ["user"]
    search_fields = ["name", "user__email"]
    exclude = ["digest"]


site.leave_out(ImportPiece, "Pieces of files as they were uploaded: compressed bytes full of personal data.")


@show(Import)
class ImportAdmin(ReadOnlyAdmin):
    list_display = ["file_name", "source", "subject", "state", "is_dry_run", "rows", "facts_new", "rejected"]
    list_filter = ["state", "is_dry_run", "source"]
    list_select_related = ["source"]


@show(ImportReject)
class ImportRejectAdmin(ReadOnlyAdmin):
    list_display = ["file", "line", "code", "message"]
    list_filter = ["code"]
    list_select_related = ["file"]


@show(ChainEntry)
class ChainEntryAdmin(ReadOnlyAdmin):
    list_display = ["sequence", "kind", "digest", "added_at"]
    list_filter = ["kind"]
    search_fields = ["=sequence", "=digest"]


@show(ChainHead)
class ChainHeadAdmin(ReadOnlyAdmin):
    list_display = ["entry", "key", "signed_at"]
    list_select_related = ["entry", "key"]


@show(ServerKey)
class ServerKeyAdmin(ReadOnlyAdmin):
    list_display = ["name", "public", "since"]


@show(Notification)
class NotificationAdmin(ReadOnlyAdmin):
    list_display = ["created_at", "user", "kind", "key", "subject", "read_at"]
    list_filter = ["kind"]
    list_select_related = ["user"]
    search_fields = ["=key", "=user__email"]
    exclude = ["text"]  # written for one person


@show(OutgoingMail)
class OutgoingMailAdmin(ReadOnlyAdmin):
    list_display = ["key", "to", "subject", "state", "attempts", "next_attempt_at", "last_error", "sent_at"]
    list_filter = ["state"]
    search_fields = ["=key", "=to"]
    exclude = ["text", "attachments"]  # they may hold links for their receiver alone


@show(Program)
class ProgramAdmin(ReadOnlyAdmin):
    list_display = [
        "number",
        "name",
        "owner",
        "hours_per_week",
        "starts_on",
        "weeks",
        "opened_at",
        "closed_at",
    ]
    list_select_related = ["owner"]


@show(GateDecision)
class GateDecisionAdmin(ReadOnlyAdmin):
    list_display = ["decided_at", "program", "step", "is_open", "waiver"]
    list_filter = ["step", "is_open"]
    list_select_related = ["program", "waiver__artifact"]


@show(DriftAlarm)
class DriftAlarmAdmin(ReadOnlyAdmin):
    list_display = ["kind", "raised_at", "ended_at"]


@show(Artifact)
class ArtifactAdmin(ReadOnlyAdmin):
    list_display = ["kind", "key", "created_at"]
    list_filter = ["kind"]
    search_fields = ["=kind", "=key"]


@show(ArtifactVersion)
class ArtifactVersionAdmin(ReadOnlyAdmin):
    list_display = ["artifact", "number", "state", "revision", "sent_at", "signed_at", "ended_at", "digest"]
    list_filter = ["state", "artifact__kind"]
    list_select_related = ["artifact"]
    search_fields = ["=artifact__kind", "=artifact__key", "=digest"]


@show(RestsOn)
class RestsOnAdmin(ReadOnlyAdmin):
    list_display = ["version", "ground"]
    list_select_related = ["version__artifact", "ground__artifact"]


@show(Signature)
class SignatureAdmin(ReadOnlyAdmin):
    list_display = ["signed_at", "version", "role", "name", "own_role", "delegation", "digest"]
    list_filter = ["role"]
    list_select_related = ["version__artifact", "delegation__artifact"]
    search_fields = ["=digest", "name", "=email"]


@show(Refusal)
class RefusalAdmin(ReadOnlyAdmin):
    list_display = ["refused_at", "version", "kind", "role", "name"]
    list_filter = ["kind"]
    list_select_related = ["version__artifact"]


@show(Rendition)
class RenditionAdmin(ReadOnlyAdmin):
    list_display = ["version", "is_signed", "pages", "sha256", "made_by", "made_at"]
    list_filter = ["is_signed"]
    list_select_related = ["version__artifact"]
    search_fields = ["=sha256"]
    exclude = ["pdf"]
