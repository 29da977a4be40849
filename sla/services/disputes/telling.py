"""Who is told of disputes: in the app and by mail, each once. Texts name nobody of the lead's side."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from django.urls import reverse

from alignment.models import Organisation, User
from alignment.notifications import notify
from sla.disputed import in_words, subject_of
from sla.models import Dispute, DisputeKind, Ruling
from sla.page import day
from sla.queries.arbitration import bench_of, judges


def filed(dispute: Dispute, *, at: datetime) -> None:
    """To who rules, and everybody concerned."""
    what = _what(dispute)
    wanted = judges(dispute, at=at)
    due = _day(dispute.rule_by)
    _tell(
        dispute, wanted, "wanted", f"Your ruling by {due}: {what}",
        f"{dispute.filed_by.name} disputes it: {dispute.text}\n\nAsked for: {dispute.asked}\n\n"
        f"The evidence is attached on the page. Rule by {due}; then it goes to the escalation owner.",
        at=at,
    )  # fmt: skip
    told = {user.pk for user in wanted}
    _tell(
        dispute, (user for user in concerned(dispute) if user.pk not in told), "filed", f"Disputed: {what}",
        f"{dispute.filed_by.name} disputes it: {dispute.text}\n\nAsked for: {dispute.asked}\n\n"
        f"{', '.join(user.name for user in wanted) or 'Nobody'} rules on it by {due}.",
        at=at,
    )  # fmt: skip


def overdue(dispute: Dispute, *, at: datetime) -> None:
    """To everybody concerned, and the escalation owner, who may rule now."""
    what = _what(dispute)
    people = [*judges(dispute, at=at), *concerned(dispute)]
    _tell(
        dispute, people, "overdue", f"Not ruled on in time: {what}",
        f"It was filed on {_day(dispute.filed_at)} and was to be ruled on by {_day(dispute.rule_by)}. The "
        "escalation owner may rule on it now, as the arbitration owner still may.",
        at=at,
    )  # fmt: skip


def ruled(ruling: Ruling, *, at: datetime) -> None:
    """To everybody concerned, and who might have ruled."""
    dispute = ruling.dispute
    bench = bench_of(dispute)
    people = [*bench.people("arbitration"), *concerned(dispute)]
    if dispute.overdue_at is not None:
        people += bench.people("escalation")
    _tell(
        dispute, (user for user in people if user.pk != ruling.ruled_by_id), "ruled",
        f"{ruling.get_decision_display()}: {ruling.about}",
        f"{ruling.ruled_by.name} ruled: {ruling.summary}\n\n{ruling.reason}",
        at=at,
    )  # fmt: skip


def withdrawn(dispute: Dispute, *, at: datetime) -> None:
    """To everybody concerned, and who was to rule."""
    people = [*bench_of(dispute).people("arbitration"), *concerned(dispute)]
    _tell(
        dispute, (user for user in people if user.pk != dispute.filed_by_id), "withdrawn",
        f"Withdrawn: {_what(dispute)}",
        f"{dispute.filed_by.name} withdrew the dispute. What it was about stays as it is.",
        at=at,
    )  # fmt: skip


def concerned(dispute: Dispute) -> list[User]:
    """Who filed it, the owner and the owner's managers; on what both functions count by, their named owners too."""
    found = [dispute.filed_by]
    owner = dispute.owner
    if owner is not None:
        if owner.user is not None:
            found.append(owner.user)
        if owner.team is not None:
            found += owner.team.managers.filter(is_active=True).order_by("pk")
    clauses = bench_of(dispute).clauses
    if dispute.kind != DisputeKind.CLOCK and clauses is not None:
        named = {clauses.owners[part].user for part in ("sales", "marketing")}
        found += User.objects.filter(pk__in=named).order_by("pk")
    return list(dict.fromkeys(user for user in found if user.is_active))


def _what(dispute: Dispute) -> str:
    return in_words(subject_of(dispute), Organisation.get().tz)


def _day(instant: datetime) -> str:
    return day(instant.astimezone(Organisation.get().tz).date())


def _tell(
    dispute: Dispute, people: Iterable[User], what: str, subject: str, text: str, *, at: datetime
) -> None:
    notify(
        to=people,
        key=f"dispute:{dispute.pk}:{what}",
        kind=f"dispute-{what}",
        subject=subject,
        text=text,
        url=reverse("sla:dispute", args=[dispute.pk]),
        at=at,
    )
