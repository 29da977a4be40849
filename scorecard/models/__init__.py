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
    "InviteeState",
    "Survey",
    "SurveyChannel",
    "SurveyInvitee",
    "SurveyRelease",
    "SurveyState",
]
