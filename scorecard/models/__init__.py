from scorecard.models.survey import (
    InviteeState,
    Survey,
    SurveyChannel,
    SurveyInvitee,
    SurveyRelease,
    SurveyState,
)

__all__ = ["InviteeState", "Survey", "SurveyChannel", "SurveyInvitee", "SurveyRelease", "SurveyState"]
