"""What step 1 keeps: the blind questionnaire, both functions' claims, declarations of the diagnosis, the survey."""

from scorecard.models.claims import Claim, ClaimList
from scorecard.models.diagnosis import Diagnosis, FollowUpTime
from scorecard.models.questionnaire import AnswerDraft, AnswerSheet, Nomination, QuestionRound
from scorecard.models.survey import (
    LIVE,
    SMALLEST_GROUP,
    InviteeState,
    Survey,
    SurveyChannel,
    SurveyInvitee,
    SurveyRelease,
    SurveyState,
)

__all__ = [
    "LIVE",
    "SMALLEST_GROUP",
    "AnswerDraft",
    "AnswerSheet",
    "Claim",
    "ClaimList",
    "Diagnosis",
    "FollowUpTime",
    "InviteeState",
    "Nomination",
    "QuestionRound",
    "Survey",
    "SurveyChannel",
    "SurveyInvitee",
    "SurveyRelease",
    "SurveyState",
]
