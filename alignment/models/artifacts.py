"""Artifacts, their versions and signatures. What was sent never changes; what was signed stays for good."""

from __future__ import annotations

from datetime import datetime

from django.db import models
from django.db.models import Exists, F, Func, OuterRef, Q, Value
from django.db.models.expressions import RawSQL

from alignment.models.people import Role

KEY_PATTERN = "[A-Za-z0-9_.-]{1,60}"
"""What the key of an artifact is made of."""


class Paper(models.TextChoices):
    A4 = "a4", "A4"
    LETTER = "us-letter", "Letter"


class VersionState(models.TextChoices):
    """Draft → sent → in force → superseded, expired or revoked; or declined or withdrawn after it was sent."""

    DRAFT = "draft", "Draft"
    SENT = "sent", "Waiting for signatures"
    IN_FORCE = "in_force", "In force"
    SUPERSEDED = "superseded", "Superseded"
    EXPIRED = "expired", "Expired"
    REVOKED = "revoked", "Revoked"
    DECLINED = "declined", "Declined"
    WITHDRAWN = "withdrawn", "Withdrawn"


SIGNED_STATES = frozenset(
    {VersionState.IN_FORCE, VersionState.SUPERSEDED, VersionState.EXPIRED, VersionState.REVOKED}
)


class Artifact(models.Model):
    """One document through all its versions: a kind (see alignment.artifacts.kinds) and a key within the kind."""

    kind = models.CharField(max_length=40)
    key = models.CharField(max_length=60)
    created_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["kind", "key"], name="artifact_by_kind_and_key")]

    def __str__(self) -> str:
        return f"{self.kind} {self.key}"


class ArtifactVersionQuerySet(models.QuerySet["ArtifactVersion"]):
    def in_force(self) -> ArtifactVersionQuerySet:
        return self.filter(state=VersionState.IN_FORCE)

    def signed_by(self, *roles: str) -> ArtifactVersionQuerySet:
        """Those under whose digest each of these roles has signed, whatever the versions say of who must."""
        found = self
        for role in roles:
            signatures = Signature.objects.filter(
                version=OuterRef("pk"), digest=OuterRef("digest"), role=role
            )
            found = found.filter(Exists(signatures))
        return found

    def sent(self) -> ArtifactVersionQuerySet:
        """Waiting for signatures."""
        return self.filter(state=VersionState.SENT)

    def signable(self, at: datetime) -> ArtifactVersionQuerySet:
        """Sent, not past the last day, and resting on nothing that is gone by then, nor on what does: a signature would
        count."""
        open_ended = Q(expires_at__isnull=True) | Q(expires_at__gt=at)
        return self.sent().filter(open_ended).exclude(pk__in=RawSQL(_ON_LOST_GROUND, [at]))  # noqa: S611 - fixed text

    def of(self, kind: str, key: str) -> ArtifactVersionQuerySet:
        return self.filter(artifact__kind=kind, artifact__key=key)


# Versions that wait for signatures and rest, directly or through others, on what is not in force at a time.
_ON_LOST_GROUND = """
    WITH RECURSIVE beneath (version_id, ground_id) AS (
        SELECT r.version_id, r.ground_id FROM alignment_restson r
        JOIN alignment_artifactversion v ON v.id = r.version_id AND v.state = 'sent'
        UNION
        SELECT b.version_id, r.ground_id FROM beneath b JOIN alignment_restson r ON r.version_id = b.ground_id
    )
    SELECT b.version_id FROM beneath b JOIN alignment_artifactversion g ON g.id = b.ground_id
    WHERE g.state <> 'in_force' OR g.expires_at <= %s
"""


class ArtifactVersion(models.Model):
    """One version. A draft changes (each change raises `revision`); from sending on everything that is signed stands.

    `envelope`: what was signed, as its canonical bytes in UTF-8 (RFC 8785); `digest`: SHA-256 of these bytes in hex;
    `previous_digest`: of the version that was sent last before it, "" for the first. Drafts have none of them.
    `signed_at`: when the last required role signed; from then on it was in force until `ended_at`.
    """

    artifact = models.ForeignKey(Artifact, on_delete=models.PROTECT, related_name="versions")
    number = models.PositiveIntegerField()
    state = models.CharField(max_length=12, choices=VersionState.choices, default=VersionState.DRAFT)
    revision = models.PositiveIntegerField(default=1)
    content = models.JSONField()
    paper = models.CharField(max_length=10, choices=Paper.choices, default=Paper.A4)
    rests_on = models.ManyToManyField(
        "self", symmetrical=False, through="RestsOn", related_name="carries", blank=True
    )
    drafted_by = models.ForeignKey(
        "alignment.User", on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    drafted_at = models.DateTimeField()
    changed_at = models.DateTimeField()
    sent_by = models.ForeignKey(
        "alignment.User", on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    sent_at = models.DateTimeField(null=True, blank=True)
    envelope = models.TextField(blank=True)
    digest = models.CharField(max_length=64, blank=True)
    previous_digest = models.CharField(max_length=64, blank=True)
    signed_at = models.DateTimeField(null=True, blank=True)
    expires_at = models.DateTimeField(null=True, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)

    objects = ArtifactVersionQuerySet.as_manager()

    class Meta:
        ordering = ["artifact", "number"]
        constraints = [
            models.UniqueConstraint(fields=["artifact", "number"], name="version_of_artifact"),
            models.UniqueConstraint(fields=["digest"], condition=~Q(digest=""), name="version_by_digest"),
            models.UniqueConstraint(
                fields=["artifact"], condition=Q(state="draft"), name="one_draft_of_an_artifact"
            ),
            models.UniqueConstraint(
                fields=["artifact"], condition=Q(state="sent"), name="one_sent_version_of_an_artifact"
            ),
            models.UniqueConstraint(
                fields=["artifact"], condition=Q(state="in_force"), name="one_version_in_force"
            ),
            models.CheckConstraint(
                condition=Q(state="draft", digest="", envelope="", sent_at__isnull=True)
                | (~Q(state="draft") & ~Q(digest="") & ~Q(envelope="") & Q(sent_at__isnull=False)),
                name="a_version_has_a_digest_from_sending_on",
            ),
            models.CheckConstraint(
                condition=Q(state__in=["draft", "sent", "declined", "withdrawn"], signed_at__isnull=True)
                | Q(state__in=sorted(SIGNED_STATES), signed_at__gte=F("sent_at")),
                name="in_force_only_by_signature",
            ),
            models.CheckConstraint(
                condition=Q(state__in=["draft", "sent", "in_force"], ended_at__isnull=True)
                | Q(
                    state__in=["superseded", "expired", "revoked", "declined", "withdrawn"],
                    ended_at__isnull=False,
                ),
                name="what_ended_says_when",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.artifact} v{self.number}"

    @property
    def is_draft(self) -> bool:
        return self.state == VersionState.DRAFT

    def is_over(self, at: datetime) -> bool:
        """Whether it was in force and its last day is over, marked as expired or not yet."""
        return self.state == VersionState.IN_FORCE and self.expires_at is not None and self.expires_at <= at

    def standing(self, at: datetime) -> ArtifactVersion:
        """This row, to be shown: expired from the end of its last day on, whether the sweep has marked it or not."""
        if self.is_over(at):
            self.state, self.ended_at = VersionState.EXPIRED, self.expires_at
        return self


class RestsOn(models.Model):
    """A version rests on another one: its numbers or words were taken from there. Part of what is signed."""

    version = models.ForeignKey(ArtifactVersion, on_delete=models.CASCADE, related_name="foundations")
    ground = models.ForeignKey(ArtifactVersion, on_delete=models.PROTECT, related_name="+")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["version", "ground"], name="rests_on_once"),
            models.CheckConstraint(condition=~Q(version=F("ground")), name="rests_on_another"),
        ]

    def __str__(self) -> str:
        return f"{self.version_id} on {self.ground_id}"


class SigningChallenge(models.Model):
    """A one-time number given with the page that shows a version: bound to person, digest and some minutes."""

    nonce_sha256 = models.CharField(max_length=64, unique=True)
    version = models.ForeignKey(ArtifactVersion, on_delete=models.CASCADE, related_name="+")
    user = models.ForeignKey("alignment.User", on_delete=models.CASCADE, related_name="+")
    digest = models.CharField(max_length=64)
    issued_at = models.DateTimeField(db_index=True)
    used_at = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return f"challenge of {self.user_id} for {self.version_id}"


class Signature(models.Model):
    """One role's signature under one digest. Append-only: person and role as they were at that time."""

    version = models.ForeignKey(ArtifactVersion, on_delete=models.PROTECT, related_name="signatures")
    role = models.CharField(max_length=20, choices=Role.choices)
    digest = models.CharField(max_length=64)
    signer = models.ForeignKey("alignment.User", on_delete=models.PROTECT, related_name="signatures")
    name = models.CharField(max_length=120)
    title = models.CharField(max_length=120, blank=True)
    email = models.CharField(max_length=254)
    own_role = models.CharField(max_length=20, choices=Role.choices)
    delegation = models.ForeignKey(
        ArtifactVersion,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        help_text="The signed grant by which a delegate signed for the role.",
    )
    statement = models.TextField()
    signed_at = models.DateTimeField()
    authenticated_at = models.DateTimeField()
    methods = models.JSONField(help_text='How they proved who they are: ["password", "totp"] or ["oidc"].')
    ip = models.GenericIPAddressField(null=True, blank=True)
    user_agent = models.CharField(max_length=400, blank=True)

    class Meta:
        ordering = ["pk"]
        constraints = [
            models.UniqueConstraint(fields=["version", "role"], name="one_signature_per_role"),
            models.UniqueConstraint(fields=["version", "signer"], name="one_role_per_person"),
            models.CheckConstraint(
                condition=Q(delegation__isnull=False) | Q(own_role=F("role")), name="role_or_delegation"
            ),
            models.CheckConstraint(
                condition=Q(authenticated_at__lte=F("signed_at")), name="authenticated_before_signing"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.name} for {self.role} under {self.digest[:16]}"


class RefusalKind(models.TextChoices):
    DECLINED = "declined", "Declined"
    WITHDRAWN = "withdrawn", "Withdrawn"
    REVOKED = "revoked", "Revoked"


class Refusal(models.Model):
    """Why a sent or signed version went out: declined or revoked by a signer, withdrawn by RevOps. Append-only."""

    version = models.OneToOneField(ArtifactVersion, on_delete=models.PROTECT, related_name="refusal")
    kind = models.CharField(max_length=10, choices=RefusalKind.choices)
    role = models.CharField(max_length=20, choices=Role.choices)
    person = models.ForeignKey(
        "alignment.User",
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        help_text="Empty: the product itself, while it was set up.",
    )
    name = models.CharField(max_length=120, blank=True)
    reason = models.TextField()
    refused_at = models.DateTimeField()

    class Meta:
        constraints = [models.CheckConstraint(condition=~Q(reason=""), name="a_refusal_has_a_reason")]

    def __str__(self) -> str:
        return f"{self.kind} by {self.name}"


class Rendition(models.Model):
    """The PDF of a version: as it was sent, and again with its signatures. Append-only; its digest is in the chain."""

    version = models.ForeignKey(ArtifactVersion, on_delete=models.PROTECT, related_name="renditions")
    is_signed = models.BooleanField()
    pdf = models.BinaryField()
    sha256 = models.CharField(max_length=64)
    pages = models.PositiveSmallIntegerField()
    made_by = models.CharField(max_length=40, help_text="Program and version that set the type.")
    made_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["version", "is_signed"], name="one_rendition_of_each"),
            models.CheckConstraint(
                condition=Q(
                    sha256=Func(
                        Func(F("pdf"), function="sha256"),
                        Value("hex"),
                        function="encode",
                        output_field=models.CharField(),
                    )
                ),
                name="a_rendition_has_its_digest",
            ),
        ]

    def __str__(self) -> str:
        return f"PDF of {self.version_id}, {self.pages} pages"
