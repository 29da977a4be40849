"""Pages of step 1, and the public page on which invited people answer the trust survey."""

from django.urls import path

from scorecard.views import claims, questions, respond, rows, scorecard, settings, survey

app_name = "scorecard"
urlpatterns = [
    path("scorecard/", scorecard.page, name="scorecard"),
    path("scorecard/measure/", scorecard.measure, name="measure"),
    path("scorecard/declarations/", settings.declarations, name="declarations"),
    path("scorecard/bands/", settings.bands, name="bands"),
    path("scorecard/questions/", questions.page, name="questions"),
    path("scorecard/questions/answers/", questions.answer, name="answer"),
    path("scorecard/questions/rounds/", questions.open_round, name="questions-open"),
    path("scorecard/questions/people/", questions.nominate, name="nominate"),
    path("scorecard/questions/compare/", questions.compare, name="compare"),
    path("scorecard/claims/", claims.page, name="claims"),
    path("scorecard/claims/lists/", claims.take_in, name="claims-import"),
    path("scorecard/measures/<slug:name>/rows/", rows.page, name="rows"),
    path("scorecard/measures/<slug:name>/rows.csv", rows.download, name="rows-csv"),
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
