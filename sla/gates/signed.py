"""Gate 2: the SLA is signed by both function leads, and its review date went to both leaders' calendars."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime

from django.urls import reverse

from alignment.blockers import Blocker
from alignment.gates import Basis, Evidence, gate
from alignment.models import Organisation, Program, Role, Step, VersionState
from alignment.queries.artifacts import latest, who_is_missing
from sla.content import KEY, KIND
from sla.page import day
from sla.queries.agreements import load_book
from sla.queries.review import Review, review, signed_sla


@gate(Step.SLA)
def sla_is_signed(program: Program, *, at: datetime) -> list[Evidence]:
    """Both function leads signed the SLA, and that version is in force."""
    what, url = "Joint revenue SLA", reverse("sla:agreement")
    version = signed_sla(at=at)
    if version is not None:
        found = f"Version {version.number}, signed by CRO and CMO"
        begins = version.content["begins_on"]
        if begins and date.fromisoformat(begins) > at.astimezone(Organisation.get().tz).date():
            found += f"; it judges MQLs from {day(date.fromisoformat(begins))} on"
        return [Evidence(what, found, Basis.SIGNED, version.signed_at, url, version=version)]
    found, to_do = "Not signed", "Draft it under SLA, calibrate it, and send it to both."
    last = latest(KIND, KEY)
    if last is not None:
        found = f"Version {last.number}: {last.get_state_display().lower()}"
        if last.state == VersionState.SENT:
            to_do = f"Version {last.number} waits for {' and '.join(who_is_missing(last))}."
        elif last.state == VersionState.DRAFT:
            to_do = f"Version {last.number} is a draft: send it for signature."
    book = load_book()
    runs, revoked = book.at(at), book.revoked_at(at)
    if revoked is not None and (last is None or last.state not in (VersionState.SENT, VersionState.DRAFT)):
        found = f"Version {revoked.agreement.number}: no longer signed"
    said = f" MQLs run on version {runs.agreement.number} of the SLA meanwhile." if runs else ""
    lacks = "The SLA is no longer signed." if revoked else "The CRO and the CMO have not signed the SLA."
    text = f"{lacks} {to_do}{said}"
    return [Evidence(what, found, Basis.SIGNED, None, url, Blocker("sla-unsigned", text, url=url))]


@gate(Step.SLA)
def review_is_on_both_calendars(program: Program, *, at: datetime) -> list[Evidence]:
    """The review date went to the calendars of CRO and CMO; a review that lapsed is shown, and shuts nothing."""
    what, url = "Review date on both leaders' calendars", reverse("sla:review")
    found = review(at=at)
    if found is None:
        text = "The review date goes to both leaders' calendars once the SLA is signed."
        return [
            Evidence(
                what, "No signed SLA", Basis.MEASURED, None, url, Blocker("review-unsigned", text, url=url)
            )
        ]
    since = max((one.since for one in found.leaders if one.is_there and one.since), default=None)
    evidence = Evidence(what, _said(found), Basis.MEASURED, since, url, is_overdue=found.is_lapsed)
    if lacking := found.lacking():
        who = " and ".join(Role(role).label for role in lacking)
        waiting = any(one.state == "waiting" for one in found.leaders if one.role in lacking)
        verb = "has not" if len(lacking) == 1 else "have not"
        text = f"The {who} {verb} got the review date on the calendar yet: " + (
            "the mail is on its way." if waiting else "mail it, or they download it."
        )
        return [replace(evidence, blocker=Blocker("review-date", text, url=url))]
    return [evidence]


def _said(found: Review) -> str:
    due = day(found.due_on)
    if not found.is_lapsed:
        return f"Review on {due}"
    late = -found.days
    return f"The review has lapsed: it was due on {due}, {late} day{'' if late == 1 else 's'} ago"
