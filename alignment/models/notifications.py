"""What people are told: a line in the app, and a mail that is sent from an outbox."""

from __future__ import annotations

from django.db import models
from django.db.models import Q


class NotificationQuerySet(models.QuerySet["Notification"]):
    def unread(self) -> NotificationQuerySet:
        return self.filter(read_at__isnull=True)


class Notification(models.Model):
    """One line for one person. `key` names what happened: the same thing is told to a person once."""

    user = models.ForeignKey("alignment.User", on_delete=models.CASCADE, related_name="notifications")
    key = models.CharField(max_length=120)
    kind = models.CharField(max_length=40)
    subject = models.CharField(max_length=200)
    text = models.TextField(blank=True)
    url = models.CharField(max_length=300, blank=True, help_text="Path within this product.")
    created_at = models.DateTimeField()
    read_at = models.DateTimeField(null=True, blank=True)

    objects = NotificationQuerySet.as_manager()

    class Meta:
        ordering = ["-pk"]
        constraints = [models.UniqueConstraint(fields=["user", "key"], name="told_once")]
        indexes = [
            models.Index(fields=["user"], condition=Q(read_at__isnull=True), name="unread_by_user"),
        ]

    def __str__(self) -> str:
        return self.subject


class MailState(models.TextChoices):
    WAITING = "waiting", "Waiting"
    SENT = "sent", "Sent"
    DEAD = "dead", "Given up"


class OutgoingMail(models.Model):
    """A mail that waits or went out. `key`: the same mail is entered once. Its text is emptied some time after sending.

    `attachments`: list of {"name", "type", "text"}, text in UTF-8 (calendar files, JSON).
    """

    key = models.CharField(max_length=160, unique=True)
    user = models.ForeignKey(
        "alignment.User",
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
        db_index=False,
        help_text="Whose login it is meant for: once that is switched off nothing more is sent. Empty: for no login.",
    )
    to = models.EmailField()
    subject = models.CharField(max_length=200)
    text = models.TextField()
    attachments = models.JSONField(default=list)
    state = models.CharField(max_length=8, choices=MailState.choices, default=MailState.WAITING)
    attempts = models.PositiveSmallIntegerField(default=0)
    next_attempt_at = models.DateTimeField()
    last_error = models.CharField(max_length=200, blank=True)
    created_at = models.DateTimeField()
    sent_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(state="sent", sent_at__isnull=False)
                | (~Q(state="sent") & Q(sent_at__isnull=True)),
                name="a_sent_mail_says_when",
            ),
        ]
        indexes = [
            models.Index(fields=["next_attempt_at"], condition=Q(state="waiting"), name="mail_waiting"),
        ]

    def __str__(self) -> str:
        return self.subject
