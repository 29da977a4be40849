"""The blind questionnaire: rounds, who answers for which function, drafts, and the sheets that were handed in."""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from simple_history.models import HistoricalRecords

from alignment.models import Function

ANSWERING = (Function.SALES, Function.MARKETING, Function.FINANCE)
REQUIRED = (Function.SALES, Function.MARKETING)


class QuestionRound(models.Model):
    """One try at the questions by all functions. The newest round of a program is the one that counts.

    `edition`: which list of questions was asked (see scorecard.questions).
    """

    program = models.ForeignKey("alignment.Program", on_delete=models.PROTECT, related_name="question_rounds")
    number = models.PositiveIntegerField()
    edition = models.PositiveSmallIntegerField()
    opened_by = models.ForeignKey(
        "alignment.User", on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    opened_at = models.DateTimeField()

    class Meta:
        ordering = ["program", "number"]
        constraints = [
            models.UniqueConstraint(fields=["program", "number"], name="question_round_of_program"),
        ]

    def __str__(self) -> str:
        return f"Round {self.number}"


class Nomination(models.Model):
    """Who answers for a function in a round. RevOps may name another person until the sheet is handed in."""

    round = models.ForeignKey(QuestionRound, on_delete=models.PROTECT, related_name="nominations")
    function = models.CharField(max_length=10, choices=Function.choices)
    person = models.ForeignKey("alignment.User", on_delete=models.PROTECT, related_name="nominations")
    nominated_at = models.DateTimeField()
    history = HistoricalRecords()

    class Meta:
        ordering = ["round", "pk"]
        constraints = [
            models.UniqueConstraint(fields=["round", "function"], name="one_answerer_of_a_function"),
            models.UniqueConstraint(fields=["round", "person"], name="nobody_answers_for_two_functions"),
            models.CheckConstraint(
                condition=Q(function__in=[function.value for function in ANSWERING]),
                name="answering_functions_are_known",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_function_display()}: {self.person_id}"


class AnswerDraft(models.Model):
    """Answers somebody has begun to give: theirs alone, gone once the sheet is handed in."""

    nomination = models.OneToOneField(Nomination, on_delete=models.CASCADE, related_name="draft")
    answers = models.JSONField(default=dict, help_text="Key of a question → key of a choice.")
    saved_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"draft of {self.nomination_id}"


class AnswerSheet(models.Model):
    """A function's answers as handed in. Append-only; shown to nobody before all required functions handed in."""

    nomination = models.OneToOneField(Nomination, on_delete=models.PROTECT, related_name="sheet")
    answers = models.JSONField(help_text="Key of a question → key of a choice, every question answered.")
    name = models.CharField(max_length=120, help_text="Of whoever answered, as it was then.")
    submitted_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"sheet of {self.nomination_id}"
