"""The hash chain of signed events, its heads signed by the server, and the server's keys. All append-only."""

from __future__ import annotations

from django.db import models
from django.db.models import Q


class ServerKey(models.Model):
    """An Ed25519 key by which the server signs heads: its public half (the private one is in a file or setting)."""

    name = models.CharField(
        max_length=16, unique=True, help_text="First 16 hex digits of the public key's SHA-256."
    )
    public = models.CharField(max_length=64, unique=True, help_text="32 bytes in hex.")
    since = models.DateTimeField()

    def __str__(self) -> str:
        return self.name


class ChainEntry(models.Model):
    """One event of the chain: `digest` = SHA-256(0x00 ‖ previous ‖ mark ‖ SHA-256 of the event), in hex.

    `mark`: 32 zero bytes without a version, else SHA-256(0x01 ‖ sequence as 8 bytes ‖ the version's “sent” event).
    `event`: canonical JSON (RFC 8785) as text, which names its own sequence number, kind and time.
    """

    sequence = models.PositiveBigIntegerField(primary_key=True)
    kind = models.CharField(max_length=40)
    event = models.TextField()
    previous = models.CharField(max_length=64, unique=True, help_text="64 zeros for the first entry.")
    digest = models.CharField(max_length=64, unique=True)
    added_at = models.DateTimeField()
    version = models.ForeignKey(
        "alignment.ArtifactVersion", on_delete=models.PROTECT, null=True, blank=True, related_name="chain"
    )

    class Meta:
        ordering = ["sequence"]
        verbose_name_plural = "chain entries"
        constraints = [
            models.CheckConstraint(condition=Q(sequence__gte=1), name="the_chain_begins_with_1"),
        ]

    def __str__(self) -> str:
        return f"{self.sequence} {self.kind}"


class ChainHead(models.Model):
    """The end of the chain at one moment, signed by the server and mailed to the witnesses."""

    entry = models.OneToOneField(ChainEntry, on_delete=models.PROTECT, related_name="head")
    statement = models.TextField(
        help_text="Canonical JSON that was signed: organisation, sequence, digest, time."
    )
    key = models.ForeignKey(ServerKey, on_delete=models.PROTECT, related_name="+")
    signature = models.CharField(max_length=128, help_text="64 bytes in hex.")
    signed_at = models.DateTimeField()
    witnesses = models.JSONField(default=list, help_text="Names of those to whom it was mailed.")

    class Meta:
        ordering = ["entry"]

    def __str__(self) -> str:
        return f"head at {self.entry_id}"
