"""Pages of step 1, and the public page on which invited people answer the trust survey."""

from django.urls import path

from scorecard.views import respond, survey

app_name = "scorecard"
urlpatterns = [
    path("survey/", respond.page, name="respond"),
    path("survey/thanks/", respond.thanks, name="responded"),
    path("scorecard/survey/", survey.page, name="survey"),
    path("scorecard/survey/settings/", survey.save, name="survey-save"),
    path("scorecard/survey/launch/", survey.launch, name="survey-launch"),
    path("scorecard/survey/links/", survey.print_again, name="survey-print-again"),
    path("scorecard/survey/reminder/", survey.remind, name="survey-remind"),
    path("scorecard/survey/failed/", survey.retry, name="survey-retry"),
    path("scorecard/survey/close/", survey.close, name="survey-close"),
    path("scorecard/survey/withdrawal/", survey.withdraw, name="survey-withdraw"),
]
