"""Imports of history: the file, how far its reading has come, and what could not be read."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db import models
from django.db.models import Q
from django.utils.functional import cached_property


class ImportState(models.TextChoices):
    DRAFT = "draft", "Draft"
    WAITING = "waiting", "Waiting"
    RUNNING = "running", "Running"
    DONE = "done", "Done"
    FAILED = "failed", "Failed"
    CANCELLED = "cancelled", "Cancelled"


LIVE_STATES = (ImportState.WAITING, ImportState.RUNNING)
ENDED_STATES = (ImportState.DONE, ImportState.FAILED, ImportState.CANCELLED)


class ImportQuerySet(models.QuerySet["Import"]):
    def unfinished(self) -> ImportQuerySet:
        """Waiting for a worker, or with one."""
        return self.filter(state__in=LIVE_STATES)

    def applied(self) -> ImportQuerySet:
        """Those that wrote: no trials."""
        return self.filter(is_dry_run=False)


class Import(models.Model):
    """One file of history on its way into the ledger.

    The rows go in by chunks; each chunk is one transaction that also moves `position`, the line on which the last
    row of it starts, so that whoever goes on after a kill goes on there. `as_of`: the time at which what the file
    states held, wherever a row gives none. `runner` names the process that works on it; only that one may commit.
    A draft is an uploaded file whose mapping somebody still works on, last at `requested_at`: its mapping may be
    incomplete, no worker takes it, and it is removed after a day.
    """

    source = models.ForeignKey("alignment.Source", on_delete=models.PROTECT, related_name="imports")
    subject = models.CharField(max_length=20, help_text="What the rows are about: lead, touch, cycle…")
    mapping = models.JSONField()
    file_name = models.CharField(max_length=200)
    sha256 = models.CharField(max_length=64)
    headers = models.CharField(
        max_length=64, blank=True, help_text="Digest of the file's headers in any order; empty: not known."
    )
    rejects_of = models.ForeignKey(
        "self",
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
        help_text="The import, or trial, whose corrected rejects the file has.",
    )
    size = models.PositiveBigIntegerField(help_text="Bytes of the file.")
    as_of = models.DateTimeField()
    is_dry_run = models.BooleanField(default=False, help_text="Everything but the writing.")
    state = models.CharField(max_length=10, choices=ImportState.choices, default=ImportState.WAITING)
    is_first = models.BooleanField(
        default=False, help_text="The ledger held nothing of the source when it began."
    )
    requested_by = models.ForeignKey(
        "alignment.User", on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    requested_at = models.DateTimeField()
    started_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)
    heartbeat_at = models.DateTimeField(null=True, blank=True)
    runner = models.CharField(max_length=40, blank=True, help_text="Empty: free to be taken on.")
    position = models.PositiveIntegerField(default=0, help_text="Line of the last row that is in.")
    bytes_read = models.PositiveBigIntegerField(default=0)
    seconds = models.FloatField(default=0, help_text="Time spent working on it.")
    rows = models.PositiveIntegerField(default=0)
    facts_new = models.PositiveIntegerField(default=0)
    facts_unchanged = models.PositiveIntegerField(default=0)
    rejected = models.PositiveIntegerField(default=0)
    counts = models.JSONField(default=dict, help_text="Per kind of record: new, changed, unchanged.")
    names_erased = models.BooleanField(
        default=False, help_text="A row named somebody erased: the file goes once the import has ended."
    )
    warnings = models.JSONField(default=dict, help_text="Per code: how often, and some examples.")
    error = models.CharField(max_length=500, blank=True)

    objects = ImportQuerySet.as_manager()

    class Meta:
        ordering = ["-pk"]
        constraints = [
            models.CheckConstraint(condition=Q(state__in=ImportState.values), name="import_state_is_known"),
            models.UniqueConstraint(
                fields=["source"],
                condition=Q(state=ImportState.RUNNING),
                name="one_import_at_a_time_per_source",
            ),
            models.CheckConstraint(
                condition=Q(state__in=[state.value for state in ENDED_STATES], finished_at__isnull=False)
                | (~Q(state__in=[state.value for state in ENDED_STATES]) & Q(finished_at__isnull=True)),
                name="an_import_ends_at_a_time",
            ),
        ]
        indexes = [
            models.Index(
                fields=["id"], condition=Q(state__in=["waiting", "running"]), name="import_unfinished"
            ),
            models.Index(fields=["source", "sha256"], name="import_by_file"),
        ]

    def __str__(self) -> str:
        return f"{self.file_name} ({self.get_state_display()})"

    @property
    def is_live(self) -> bool:
        return self.state in LIVE_STATES

    @property
    def share(self) -> float:
        """How much of the file has been read, from 0 to 1."""
        return 1.0 if self.state == ImportState.DONE else min(self.bytes_read / max(self.size, 1), 1.0)

    @property
    def rate(self) -> float:
        """Rows a second so far."""
        return self.rows / self.seconds if self.seconds else 0.0

    @property
    def remaining(self) -> timedelta | None:
        """Estimated time left; None while nothing is known."""
        if not self.is_live or not self.bytes_read or not self.seconds:
            return None
        return timedelta(seconds=round(self.seconds * (1 - self.share) / max(self.share, 1e-9)))

    @cached_property
    def has_file(self) -> bool:
        return self.pieces.exists()

    def is_abandoned(self, at: datetime) -> bool:
        """Running by its state, but between two slices of time, or nobody has been heard of for a minute."""
        if self.state != ImportState.RUNNING:
            return False
        return not self.runner or self.heartbeat_at is None or at - self.heartbeat_at > ABANDONED_AFTER


ABANDONED_AFTER = timedelta(seconds=60)


class ImportPiece(models.Model):
    """A piece of the file of about 1 MiB, compressed by zlib: any worker can go on with it. Removed by retention."""

    file = models.ForeignKey(Import, on_delete=models.CASCADE, related_name="pieces")
    number = models.PositiveIntegerField()
    body = models.BinaryField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["file", "number"], name="one_piece_per_number")]

    def __str__(self) -> str:
        return f"piece {self.number} of import {self.file_id}"


class ImportReject(models.Model):
    """A row that could not be read or applied, and why. The first hundred thousand of a file are kept."""

    file = models.ForeignKey(Import, on_delete=models.CASCADE, related_name="rejects")
    line = models.PositiveIntegerField()
    code = models.CharField(max_length=40)
    message = models.CharField(max_length=500)

    class Meta:
        ordering = ["file", "line"]
        constraints = [
            models.UniqueConstraint(fields=["file", "line", "code"], name="one_reject_per_line_and_code")
        ]

    def __str__(self) -> str:
        return f"line {self.line}: {self.code}"
