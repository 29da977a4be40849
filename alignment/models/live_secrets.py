"""What endpoints and destinations keep of their secrets."""

from __future__ import annotations

from django.db import models


class LiveSecret(models.Model):
    """A live secret, encrypted with a key outside the database. Two slots, so that one can be rotated: until
    `expires_at` the older one is live beside the newer."""

    slot = models.PositiveSmallIntegerField()
    ciphertext = models.BinaryField()
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        abstract = True
