"""The trust survey: its settings, whom it invites, and the one release of its results.

Tokens and answers are no models: they live in the database schema `survey` and are reached by scorecard.survey.box
only.
"""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from alignment.models import Function

SMALLEST_GROUP = 5


class SurveyState(models.TextChoices):
    DRAFT = "draft", "Being set up"
    INVITING = "inviting", "Invitations are being sent"
    OPEN = "open", "Open"
    CLOSED = "closed", "Closed"
    WITHDRAWN = "withdrawn", "Withdrawn"


class SurveyChannel(models.TextChoices):
    MAIL = "mail", "By e-mail"
    PRINTED = "printed", "Printed links"


LIVE = (SurveyState.INVITING, SurveyState.OPEN)


class Survey(models.Model):
    """One round of five questions. From launch on the database refuses changes of what respondents were told.

    `invited`: {function: number of people}. `groups`: the functions that an answer may carry; all others count as
    one rest, because they are too few to be told apart.
    """

    program = models.ForeignKey("alignment.Program", on_delete=models.PROTECT, related_name="surveys")
    state = models.CharField(max_length=9, choices=SurveyState.choices, default=SurveyState.DRAFT)
    channel = models.CharField(max_length=7, choices=SurveyChannel.choices, default=SurveyChannel.MAIL)
    minimum = models.PositiveSmallIntegerField(default=SMALLEST_GROUP)
    closes_on = models.DateField(help_text="The last day on which answers are taken.")
    closes_at = models.DateTimeField(help_text="The end of that day in the organisation's zone.")
    invited = models.JSONField(default=dict)
    groups = models.JSONField(default=list)
    launched_at = models.DateTimeField(null=True, blank=True)
    launched_by = models.ForeignKey(
        "alignment.User", on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    opened_at = models.DateTimeField(null=True, blank=True)
    next_try_at = models.DateTimeField(null=True, blank=True, help_text="When failed mails are tried again.")
    tries = models.PositiveSmallIntegerField(default=0)
    reminded_on = models.DateField(null=True, blank=True)
    closed_at = models.DateTimeField(null=True, blank=True)
    closed_early_by = models.ForeignKey(
        "alignment.User", on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    is_released = models.BooleanField(default=False, help_text="Closed with answers enough to show results.")
    withdrawn_at = models.DateTimeField(null=True, blank=True)
    withdrawn_reason = models.CharField(max_length=200, blank=True)

    class Meta:
        ordering = ["pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["closed_at"],
                condition=Q(state__in=["draft", "inviting", "open"]),
                name="one_survey_at_a_time",
                nulls_distinct=False,
                violation_error_message="Another survey is being set up or runs.",
            ),
            models.UniqueConstraint(
                fields=["program"],
                condition=Q(is_released=True),
                name="one_release_per_program",
                violation_error_message="This program has its survey results.",
            ),
            models.CheckConstraint(
                condition=Q(minimum__gte=SMALLEST_GROUP),
                name="groups_of_five_at_least",
                violation_error_message="No group is smaller than 5.",
            ),
            models.CheckConstraint(
                condition=Q(state="draft") | Q(launched_at__isnull=False) | Q(state="withdrawn"),
                name="a_survey_that_runs_was_launched",
            ),
            models.CheckConstraint(
                condition=Q(state="closed", closed_at__isnull=False)
                | (~Q(state="closed") & Q(closed_at__isnull=True, is_released=False)),
                name="a_closed_survey_says_when",
            ),
            models.CheckConstraint(
                condition=Q(state="withdrawn", withdrawn_at__isnull=False)
                | (~Q(state="withdrawn") & Q(withdrawn_at__isnull=True)),
                name="a_withdrawn_survey_says_when",
            ),
        ]

    def __str__(self) -> str:
        return f"survey {self.pk}"

    @property
    def is_live(self) -> bool:
        return self.state in LIVE

    @property
    def invited_total(self) -> int:
        return sum(self.invited.values())


class InviteeState(models.TextChoices):
    WAITING = "waiting", "Waiting"
    INVITED = "invited", "Invited"
    FAILED = "failed", "Mail refused"


class SurveyInvitee(models.Model):
    """Somebody who gets a mail: whether it went out, and nothing about the link in it or about an answer.

    Gone when the survey closes.
    """

    survey = models.ForeignKey(Survey, on_delete=models.CASCADE, related_name="invitees")
    person = models.ForeignKey(
        "alignment.Person", on_delete=models.CASCADE, null=True, blank=True, related_name="+"
    )
    user = models.ForeignKey(
        "alignment.User", on_delete=models.CASCADE, null=True, blank=True, related_name="+"
    )
    function = models.CharField(max_length=10, choices=Function.choices)
    state = models.CharField(max_length=8, choices=InviteeState.choices, default=InviteeState.WAITING)

    class Meta:
        ordering = ["pk"]
        constraints = [
            models.UniqueConstraint(fields=["survey", "person"], name="person_invited_once"),
            models.UniqueConstraint(fields=["survey", "user"], name="user_invited_once"),
            models.CheckConstraint(
                condition=Q(person__isnull=False, user__isnull=True)
                | Q(person__isnull=True, user__isnull=False),
                name="an_invitee_is_a_person_or_a_login",
            ),
        ]

    def __str__(self) -> str:
        return f"invitee {self.pk}"


class SurveyRelease(models.Model):
    """What a closed survey shows, frozen when it closed (scorecard.survey.figures). All that is left of the answers."""

    survey = models.OneToOneField(Survey, on_delete=models.PROTECT, related_name="release")
    content = models.JSONField()
    released_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"release of survey {self.survey_id}"
