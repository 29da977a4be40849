"""The review of the signed SLA: on both leaders' calendars, reminded of, and told when it has lapsed."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from django.db import transaction
from django.urls import reverse

from alignment.ics import MIME
from alignment.models import ArtifactVersion, Organisation, Role, User
from alignment.notifications import notify
from alignment.services.authority import require_revops
from alignment.services.gates import evaluate_after_commit
from sla import review_calendar
from sla.clauses import Clauses
from sla.models import Agreement, ReviewTaken
from sla.page import day
from sla.queries.exceptions import entered_since
from sla.queries.review import LEADERS, Review, mail_key, review, signed_sla

REMINDED_BEFORE = (14, 7, 1)
"""Days before the review; a tick that comes late reminds of the nearest only."""


class NothingToReview(ValueError):
    """No signed SLA is in force, so no review is due."""


def send_date(version: ArtifactVersion, *, at: datetime) -> int:
    """Mail the review date of a version in force to both leaders, each once; how many were told."""
    clauses = Clauses.from_json(version.content["clauses"])
    text = review_calendar.write(version, zone=Organisation.get().zone, at=at)
    return notify(
        to=User.objects.filter(role__in=LEADERS, is_active=True),
        key=mail_key(version),
        kind="sla-review",
        subject=f"For your calendar: review of the SLA on {day(clauses.review_on)}",
        text=f"Version {version.number} of the joint revenue SLA is signed. Its review is on {day(clauses.review_on)}: "
        "open the attached file to put it on your calendar.",
        url=reverse("sla:review"),
        at=at,
        attachments=[{"name": review_calendar.NAME, "type": MIME, "text": text}],
    )


@transaction.atomic
def send_date_again(*, by: User | None, at: datetime) -> int:
    """Mail the date to leaders who have not been sent it, such as a new CMO; how many. Raises OnlyRevOps or
    NothingToReview."""
    require_revops(by, "Review dates")
    evaluate_after_commit(at=at)
    return send_date(_next(at).version, at=at)


@transaction.atomic
def take_date(*, by: User, at: datetime) -> str:
    """The review as a calendar file (.ics); where a leader takes it, that is noted. Raises NothingToReview."""
    found = _next(at)
    if by.has_role(*LEADERS):
        ReviewTaken.objects.get_or_create(version=found.version, user=by, defaults={"taken_at": at})
        evaluate_after_commit(at=at)
    return review_calendar.write(found.version, zone=Organisation.get().zone, at=at)


def remind_of_review(*, at: datetime) -> int:
    """Remind leaders, named owners and RevOps of a review that comes near, and tell them once it has lapsed; each once.
    How many were told."""
    found = review(at=at)
    if found is None:
        return 0
    if found.is_lapsed:
        return _tell(
            found,
            "lapsed",
            f"The review of the SLA has lapsed: it was due on {day(found.due_on)}",
            "The SLA stays in force, and gate 2 shows that its review is overdue. Calibrate it against the last "
            "quarter, then sign an amendment, or the same terms with a new review date.",
            at=at,
        )
    near = min((days for days in REMINDED_BEFORE if found.days <= days), default=None)
    if near is None:
        return 0
    when = "today" if not found.days else "tomorrow" if found.days == 1 else f"in {found.days} days"
    return _tell(
        found,
        f"in-{near}",
        f"Review of the SLA {when}, on {day(found.due_on)}",
        "Calibrate the terms against the last quarter before you meet: what would other windows have led to?",
        at=at,
    )


def tell_of_exceptions(*, at: datetime) -> int:
    """Tell both leaders, in the app, of each calendar exception entered since they signed; each once, however often
    this runs, and also where they signed an amendment before it ran. How many lines were written."""
    version = signed_sla(at=at)
    if version is None:
        return 0
    leaders = list(User.objects.filter(role__in=LEADERS, is_active=True))
    before = Agreement.objects.filter(is_signed=True).exclude(version=version).order_by("-number").first()
    since = before.version.signed_at if before and before.version else version.signed_at
    told = 0
    for entered in (
        entered_since(version, since=since).select_related("calendar", "entered_by").order_by("pk")
    ):
        by = f" by {entered.entered_by}" if entered.entered_by else ""
        told += notify(
            to=leaders,
            key=f"calendar-exception:{entered.pk}",
            kind="calendar-exception",
            subject=f"Exception in {entered.calendar}: {entered.reason}",
            text=f"Entered{by} after the SLA was signed. It acts only on hours after that: clocks that ran out before "
            "keep their due time, and running ones were dated anew.",
            url=reverse("alignment:calendar", args=[entered.calendar_id]),
            at=at,
            by_mail=False,
        )
    return told


def _tell(found: Review, which: str, subject: str, text: str, *, at: datetime) -> int:
    return notify(
        to=_concerned(found),
        key=f"sla-review-{which}:{found.version.pk}",
        kind="sla-review",
        subject=subject,
        text=text,
        url=reverse("sla:review"),
        at=at,
    )


def _concerned(found: Review) -> Iterable[User]:
    owners = [named.user for named in found.clauses.owners.values()]
    leads = User.objects.filter(role__in=[*LEADERS, Role.REVOPS], is_active=True)
    return [*leads, *User.objects.filter(pk__in=owners, is_active=True)]


def _next(at: datetime) -> Review:
    found = review(at=at)
    if found is None:
        raise NothingToReview("No signed SLA is in force, so there is no review date yet.")
    return found
