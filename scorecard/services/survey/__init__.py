"""Acts of the trust survey. The only writers of its tables."""

from scorecard.services.survey.ending import close, close_due, stir, withdraw
from scorecard.services.survey.inviting import invite, retry_failed, send_reminders
from scorecard.services.survey.printing import PrintedLinks, print_again
from scorecard.services.survey.refusals import SurveyRefused
from scorecard.services.survey.responding import Outcome, respond
from scorecard.services.survey.setting_up import launch, save_draft

__all__ = [
    "Outcome",
    "PrintedLinks",
    "SurveyRefused",
    "close",
    "close_due",
    "invite",
    "launch",
    "print_again",
    "respond",
    "retry_failed",
    "save_draft",
    "send_reminders",
    "stir",
    "withdraw",
]
