"""Pages of the agreement and of how it is kept."""

from django.urls import path

from sla.views import (
    adherence,
    agreement,
    calibration,
    cases,
    compliance,
    consequences,
    dispute_acts,
    disputes,
    editor,
    new_version,
    review,
)

app_name = "sla"
urlpatterns = [
    path("compliance/", compliance.overview, name="compliance"),
    path("compliance/rows/", compliance.rows, name="compliance-rows"),
    path("compliance/rows.csv", compliance.download, name="compliance-csv"),
    path("adherence/", adherence.newest, name="adherence"),
    path("adherence/figures.csv", adherence.download, name="adherence-csv"),
    path("adherence/rows/", adherence.rows, name="adherence-rows"),
    path("adherence/<str:monday>/", adherence.sent, name="adherence-report"),
    path("adherence/<str:monday>/figures.csv", adherence.sent_download, name="adherence-report-csv"),
    path("consequences/", consequences.overview, name="consequences"),
    path("consequences/volume/", consequences.volume_rows, name="volume-rows"),
    path("consequences/<int:pk>/", consequences.detail, name="consequence"),
    path("consequences/<int:pk>/rows.csv", consequences.download, name="consequence-csv"),
    path("disputes/", disputes.index, name="disputes"),
    path("disputes/new/", dispute_acts.file, name="dispute-new"),
    path("disputes/<int:pk>/", disputes.dispute, name="dispute"),
    path("disputes/<int:pk>/evidence.json", disputes.evidence, name="dispute-evidence"),
    path("disputes/<int:pk>/ruling/", dispute_acts.rule, name="dispute-rule"),
    path("disputes/<int:pk>/withdrawal/", dispute_acts.withdraw, name="dispute-withdraw"),
    path("precedents/", disputes.precedents, name="precedents"),
    path("compliance/cases/", cases.page, name="adoption-cases"),
    path("compliance/cases/<int:pk>/closing/", cases.close, name="adoption-case-close"),
    path("agreement/", agreement.in_force, name="agreement"),
    path("agreement/new/", new_version.create, name="agreement-new"),
    path("agreement/draft/", editor.edit, name="agreement-draft"),
    path("agreement/calibration/", calibration.page, name="calibration"),
    path("agreement/calibration/save/", calibration.save, name="scenario-save"),
    path("agreement/calibration/<int:pk>/", calibration.scenario, name="scenario"),
    path("agreement/calibration/<int:pk>/draft/", calibration.draft, name="scenario-draft"),
    path("agreement/review/", review.page, name="review"),
    path("agreement/review/file/", review.take, name="review-take"),
    path("agreement/review/mail/", review.send, name="review-send"),
    path("agreement/<int:number>/", agreement.version, name="agreement-version"),
]
