"""What the REST API keeps: tokens, answers to requests that may be repeated, and counts of requests."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q
from simple_history.models import HistoricalRecords


class TokenScope(models.TextChoices):
    """What a token is for. It narrows what its login may do, and never widens it."""

    READ = "read", "Read everything that the login sees"
    LEADS_WRITE = "leads:write", "Record attempts and dispositions, and assign owners"
    ROUTING_WRITE = "routing:write", "Pause and resume members of pools, enter and end leave"
    EVENTS_WRITE = "events:write", "Send events of a source, as its CRM would (RevOps)"
    INBOX_WRITE = "inbox:write", "Replay or set aside what could not be read (RevOps)"
    IMPORTS_WRITE = "imports:write", "Start, cancel and resume imports of history (RevOps)"
    OUTBOX_WRITE = "outbox:write", "Retry or set aside messages of write-back, pause and resume it (RevOps)"
    MERGES_WRITE = "merges:write", "Merge leads, undo merges and dismiss pairs (RevOps)"
    ERASURE_WRITE = "erasure:write", "Erase persons for good (RevOps)"
    SETUP_WRITE = "setup:write", "Set up pools, people, teams, calendars, sources and retention (RevOps)"


class ApiTokenQuerySet(models.QuerySet["ApiToken"]):
    def live(self, at: datetime) -> ApiTokenQuerySet:
        """Neither revoked nor expired."""
        return self.filter(revoked_at__isnull=True, expires_at__gt=at)


class ApiToken(models.Model):
    """A key for programs that acts as its login. Only the SHA-256 of the secret is kept, and found by it.

    `hint` is the beginning of the secret, by which people tell tokens apart. A token never changes: it can only
    be revoked, which is for good.
    """

    user = models.ForeignKey("alignment.User", on_delete=models.PROTECT, related_name="api_tokens")
    name = models.CharField(max_length=80)
    scopes = ArrayField(models.CharField(max_length=20, choices=TokenScope.choices))
    hint = models.CharField(max_length=16)
    digest = models.BinaryField(max_length=32, unique=True)
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    last_used_at = models.DateTimeField(null=True, blank=True, help_text="To the minute.")
    revoked_at = models.DateTimeField(null=True, blank=True)
    revoked_by = models.ForeignKey(
        "alignment.User", on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    history = HistoricalRecords(excluded_fields=["digest", "last_used_at"])

    objects = ApiTokenQuerySet.as_manager()

    class Meta:
        verbose_name = "API token"
        ordering = ["-pk"]
        constraints = [
            models.CheckConstraint(
                condition=Q(scopes__contained_by=TokenScope.values) & Q(scopes__len__gte=1),
                name="token_scopes_are_known",
            ),
            models.CheckConstraint(condition=Q(expires_at__gt=F("created_at")), name="a_token_expires"),
        ]

    def __str__(self) -> str:
        return self.name

    def has_scope(self, scope: str) -> bool:
        return scope in self.scopes

    def state(self, at: datetime) -> str:
        """`live`, `expired` or `revoked`."""
        if self.revoked_at is not None:
            return "revoked"
        return "live" if at < self.expires_at else "expired"


class KeptAnswer(models.Model):
    """The answer to a request with an Idempotency-Key: repeating the request within a day repeats the answer.

    Written in the transaction of the request's effect: there is no effect without it, and no two with one key.
    """

    KEPT_FOR = timedelta(hours=24)

    user = models.ForeignKey("alignment.User", on_delete=models.CASCADE, related_name="+")
    key = models.CharField(max_length=100)
    request_digest = models.BinaryField(max_length=32)
    status = models.PositiveSmallIntegerField(default=0, help_text="0: not answered yet.")
    body = models.TextField(blank=True)
    kept_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["user", "key"], name="one_answer_per_key")]
        indexes = [models.Index(fields=["kept_at"], name="kept_answer_by_age")]

    def __str__(self) -> str:
        return f"answer {self.pk}"


class RateBucket(models.Model):
    """Requests that somebody may still make at once: it fills steadily, and each request takes one."""

    holder = models.CharField(max_length=40, primary_key=True, help_text="token:12 or user:3.")
    level = models.FloatField()
    filled_at = models.DateTimeField()

    def __str__(self) -> str:
        return self.holder
