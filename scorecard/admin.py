"""What of the scorecard can be looked at as records, and what is left out on purpose."""

from __future__ import annotations

from alignment.readonly_admin import site
from scorecard.models import Survey, SurveyInvitee, SurveyRelease

site.leave_out(Survey, "its page shows what may be shown while it runs")
site.leave_out(SurveyInvitee, "who is invited is nobody's reading; the page of the survey counts them")
site.leave_out(SurveyRelease, "the page of the survey shows the results to those who may see them")
