"""The review of the signed SLA: when it is due, who has it on the calendar, and whether it has lapsed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from alignment.models import ArtifactVersion, MailState, Organisation, OutgoingMail, Role, User
from alignment.queries.artifacts import in_force
from sla.clauses import Clauses
from sla.content import KEY, KIND
from sla.models import ReviewTaken

LEADERS = (Role.CRO, Role.CMO)


@dataclass(frozen=True)
class OnCalendar:
    """One leader and the review date. `state`: taken (as a file), mailed, waiting (in the outbox), failed, missing."""

    user: User
    role: Role
    state: str
    since: datetime | None

    @property
    def is_there(self) -> bool:
        return self.state in ("taken", "mailed")


@dataclass(frozen=True)
class Review:
    """Of the SLA in force. `due_on`: a day in the organisation's zone; `days`: until then, negative once it is over."""

    version: ArtifactVersion
    clauses: Clauses
    days: int
    leaders: tuple[OnCalendar, ...]

    @property
    def due_on(self) -> date:
        return self.clauses.review_on

    @property
    def is_lapsed(self) -> bool:
        return self.days < 0

    def lacking(self) -> list[Role]:
        """Leaders' roles of which nobody has the date."""
        there = {leader.role for leader in self.leaders if leader.is_there}
        return [role for role in LEADERS if role not in there]


def signed_sla(*, at: datetime) -> ArtifactVersion | None:
    """The SLA that both leaders signed and that counts at `at`."""
    return in_force(KIND, KEY, at=at, signed_by=LEADERS)


def review(*, at: datetime) -> Review | None:
    """The review that comes next; None while no signed SLA is in force."""
    version = signed_sla(at=at)
    if version is None:
        return None
    clauses = Clauses.from_json(version.content["clauses"])
    today = at.astimezone(Organisation.get().tz).date()
    return Review(version, clauses, (clauses.review_on - today).days, tuple(_leaders(version)))


def mail_key(version: ArtifactVersion) -> str:
    """Of the notice that carries the date; the outbox adds whom it is for."""
    return f"sla-review:{version.pk}"


def _leaders(version: ArtifactVersion) -> list[OnCalendar]:
    users = list(User.objects.filter(role__in=LEADERS, is_active=True).order_by("role", "name", "pk"))
    taken = dict(ReviewTaken.objects.filter(version=version).values_list("user_id", "taken_at"))
    mails = {
        mail.user_id: mail
        for mail in OutgoingMail.objects.filter(
            key__in=[f"{mail_key(version)}:{user.pk}" for user in users]
        ).only("user_id", "state", "sent_at", "created_at")
    }
    return [_on_calendar(user, taken.get(user.pk), mails.get(user.pk)) for user in users]


def _on_calendar(user: User, taken_at: datetime | None, mail: OutgoingMail | None) -> OnCalendar:
    role = Role(user.role)
    if taken_at is not None:
        return OnCalendar(user, role, "taken", taken_at)
    if mail is None:
        return OnCalendar(user, role, "missing", None)
    if mail.state == MailState.SENT:
        return OnCalendar(user, role, "mailed", mail.sent_at)
    return OnCalendar(user, role, "failed" if mail.state == MailState.DEAD else "waiting", mail.created_at)
