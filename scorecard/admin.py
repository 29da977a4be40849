"""What of the scorecard can be looked at as records, and what is left out on purpose."""

from __future__ import annotations

from alignment.readonly_admin import ReadOnlyAdmin, show, site
from scorecard.models import (
    AnswerDraft,
    AnswerSheet,
    Claim,
    ClaimList,
    Diagnosis,
    Nomination,
    QuestionRound,
    Survey,
    SurveyInvitee,
    SurveyRelease,
)

site.leave_out(Survey, "Its page shows what may be shown while it runs.")
site.leave_out(SurveyInvitee, "Who is invited is nobody's reading; the page of the survey counts them.")
site.leave_out(SurveyRelease, "The page of the survey shows the results to those who may see them.")
site.leave_out(AnswerDraft, "Answers somebody has begun to give are theirs alone.")
site.leave_out(
    AnswerSheet, "Answers are given blind: their page shows them once both functions have handed in."
)


@show(QuestionRound)
class QuestionRoundAdmin(ReadOnlyAdmin):
    list_display = ["program", "number", "edition", "opened_by", "opened_at"]
    list_select_related = ["program", "opened_by"]


@show(Nomination)
class NominationAdmin(ReadOnlyAdmin):
    list_display = ["round", "function", "person", "nominated_at"]
    list_filter = ["function"]
    list_select_related = ["round", "person"]


@show(ClaimList)
class ClaimListAdmin(ReadOnlyAdmin):
    list_display = ["program", "function", "number", "name", "rows", "imported_by", "imported_at"]
    list_filter = ["function"]
    list_select_related = ["program", "imported_by"]


@show(Claim)
class ClaimAdmin(ReadOnlyAdmin):
    list_display = ["list", "line", "opportunity", "source"]
    list_filter = ["source"]
    list_select_related = ["list", "opportunity"]
    raw_id_fields = ["opportunity"]


@show(Diagnosis)
class DiagnosisAdmin(ReadOnlyAdmin):
    list_display = ["program", "first_quarter", "last_quarter", "follow_up_hours", "follow_up_time"]
    list_select_related = ["program"]
