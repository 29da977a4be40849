"""Who works here: logins with one role each, the people the CRM knows, and their teams."""

from __future__ import annotations

from typing import Any
from zoneinfo import ZoneInfo, available_timezones

from django.contrib.auth.models import AbstractBaseUser, BaseUserManager, PermissionsMixin
from django.core.exceptions import ValidationError
from django.db import models
from django.db.models.functions import Lower
from simple_history.models import HistoricalRecords


def validate_zone(name: str) -> None:
    if name not in available_timezones():
        raise ValidationError(
            f"“{name}” is not an IANA time zone; write one such as Europe/Berlin or America/New_York."
        )


class Organisation(models.Model):
    """The one company this installation serves."""

    name = models.CharField(max_length=120, default="Our company")
    zone = models.CharField(
        max_length=64,
        default="UTC",
        validators=[validate_zone],
        help_text="Weeks and days of every report are cut in this zone.",
    )
    currency = models.CharField(max_length=3, default="USD")
    weekly_minimum = models.PositiveSmallIntegerField(
        default=10, help_text="A week with fewer MQLs due than this neither opens nor closes a gate."
    )
    body_months = models.PositiveSmallIntegerField(
        default=13,
        db_default=13,
        help_text="How long raw content from outside is kept; what was made of it stays.",
    )
    history = HistoricalRecords()

    class Meta:
        constraints = [
            models.CheckConstraint(condition=models.Q(pk=1), name="one_organisation"),
            models.CheckConstraint(
                condition=models.Q(body_months__gte=1, body_months__lte=120),
                name="bodies_are_kept_1_to_120_months",
                violation_error_message="Raw bodies are kept for 1 to 120 months.",
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @classmethod
    def get(cls) -> Organisation:
        """The organisation; defaults while none has been set up."""
        return cls.objects.filter(pk=1).first() or cls(pk=1)

    @property
    def tz(self) -> ZoneInfo:
        return ZoneInfo(self.zone)


class Function(models.TextChoices):
    SALES = "sales", "Sales"
    MARKETING = "marketing", "Marketing"
    REVOPS = "revops", "RevOps"
    FINANCE = "finance", "Finance"
    UNKNOWN = "unknown", "Not known"


class Role(models.TextChoices):
    REVOPS = "revops", "RevOps"
    CRO = "cro", "CRO"
    CMO = "cmo", "CMO"
    SALES_MANAGER = "sales_manager", "Sales manager"
    REP = "rep", "Rep"
    MARKETING = "marketing", "Marketing"
    FINANCE = "finance", "Finance"
    BOARD_VIEWER = "board_viewer", "Board viewer"


class UserManager(BaseUserManager["User"]):
    def create_user(self, email: str, password: str | None = None, **fields: Any) -> User:
        user = self.model(email=self.normalize_email(email).lower(), **fields)
        user.set_password(password)
        user.save(using=self._db)
        return user

    def create_superuser(self, email: str, password: str | None = None, **fields: Any) -> User:
        """A RevOps login that may open the read-only admin; no login can change data there."""
        fields.setdefault("role", Role.REVOPS)
        return self.create_user(email, password, is_staff=True, is_superuser=True, **fields)


class User(AbstractBaseUser, PermissionsMixin):
    """A login. Exactly one role: one person never signs for two."""

    email = models.EmailField(unique=True)
    name = models.CharField(max_length=120)
    role = models.CharField(max_length=20, choices=Role.choices)
    title = models.CharField(max_length=120, blank=True)
    zone = models.CharField(
        max_length=64, blank=True, validators=[validate_zone], help_text="Empty: the organisation's zone."
    )
    is_active = models.BooleanField(default=True)
    is_staff = models.BooleanField(default=False, help_text="May open the read-only admin.")
    date_joined = models.DateTimeField(auto_now_add=True)

    USERNAME_FIELD = "email"
    EMAIL_FIELD = "email"
    REQUIRED_FIELDS = ["name"]
    objects = UserManager()
    history = HistoricalRecords(excluded_fields=["password", "last_login"])

    class Meta:
        constraints = [
            models.UniqueConstraint(Lower("email"), name="user_email_without_case"),
            models.CheckConstraint(condition=models.Q(role__in=Role.values), name="user_role_is_known"),
        ]

    def __str__(self) -> str:
        return self.name or self.email

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Signing in is no change of a login: it writes no history."""
        if kwargs.get("update_fields") is not None and set(kwargs["update_fields"]) == {"last_login"}:
            self.skip_history_when_saving = True
        try:
            super().save(*args, **kwargs)
        finally:
            if hasattr(self, "skip_history_when_saving"):
                del self.skip_history_when_saving

    def has_role(self, *roles: Role | str) -> bool:
        return self.role in {str(role) for role in roles}

    def get_short_name(self) -> str:
        return self.name.split(" ")[0] if self.name else self.email


class Team(models.Model):
    """A team of one function; its calendar says when its clocks run."""

    name = models.CharField(max_length=80, unique=True)
    function = models.CharField(max_length=10, choices=Function.choices, default=Function.SALES)
    calendar = models.ForeignKey(
        "alignment.Calendar", on_delete=models.PROTECT, null=True, blank=True, related_name="teams"
    )
    managers = models.ManyToManyField(User, blank=True, related_name="managed_teams")
    history = HistoricalRecords()

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class Person(models.Model):
    """Somebody who can own leads. People named by a CRM before anyone set them up are kept as found."""

    name = models.CharField(max_length=120)
    named_from = models.CharField(
        max_length=40,
        blank=True,
        editable=False,
        help_text="How good a name sources gave, and of when: they may give a better one. Empty: named here.",
    )
    email = models.EmailField(blank=True)
    function = models.CharField(max_length=10, choices=Function.choices, default=Function.UNKNOWN)
    team = models.ForeignKey(Team, on_delete=models.PROTECT, null=True, blank=True, related_name="people")
    user = models.OneToOneField(User, on_delete=models.SET_NULL, null=True, blank=True, related_name="person")
    is_active = models.BooleanField(default=True)
    merged_into = models.ForeignKey(
        "self",
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="merged",
        help_text="The same person under another name: what this one was assigned is the other's.",
    )
    history = HistoricalRecords()

    class Meta:
        ordering = ["name", "pk"]
        verbose_name_plural = "people"

    def __str__(self) -> str:
        return self.name


class PersonIdentity(models.Model):
    """How a source names a person; unique per source."""

    source = models.ForeignKey("alignment.Source", on_delete=models.PROTECT, related_name="identities")
    external_id = models.CharField(max_length=190)
    person = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="identities")

    class Meta:
        verbose_name_plural = "person identities"
        constraints = [models.UniqueConstraint(fields=["source", "external_id"], name="identity_per_source")]

    def __str__(self) -> str:
        return f"{self.source_id}:{self.external_id}"
