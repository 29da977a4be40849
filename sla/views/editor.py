"""The editor of the SLA: RevOps drafts the whole of it, each term explained where it is set."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone

from alignment.access import roles, viewer
from alignment.artifacts.kinds import InvalidContent
from alignment.asked import posted, read_number
from alignment.models import Calendar, Organisation, Role, Team, User
from alignment.services import artifacts
from sla.content import KEY, KIND
from sla.forms.editor import SlaForm
from sla.forms.tiers import TierForm
from sla.forms.volumes import VolumeForm
from sla.queries import drafting
from sla.queries.agreements import load_book
from sla.queries.cited import cited
from sla.queries.explained import Explained, explain, lines_of, months_of
from sla.queries.last_quarter import Counted, Quarter, TierPast, last_quarter
from sla.services import drafts
from sla.services.agreements import require_usable
from sla.terms import InvalidTerms, Terms
from sla.views.windows import Row, gap_meanings, tier_rows, uses_of_form


@roles(Role.REVOPS)
def edit(request: HttpRequest) -> HttpResponse:
    """The draft, or what the next one starts from; `act` "check" reads it without saving."""
    now = timezone.now()
    content = drafting.starting_content(at=now) or drafting.blank_content(at=now)
    quarter = last_quarter(at=now)
    form = _form(request, content, quarter, now)
    if request.method != "POST":
        return _page(request, form, content, quarter, now)
    unread = 200 if _is_glance(request) else 422
    if not form.is_valid():
        return _page(request, form, None, quarter, now, status=unread)
    typed = drafting.complete(
        terms=form.document(), clauses=form.clauses(), begins_on=form.cleaned_data["begins_on"]
    )
    try:
        require_usable(form.document(), at=now)
        if posted(request, "act") == "check":
            return _page(request, form, typed, quarter, now, is_checked=True)
        version = drafts.save_draft_of_sla(
            terms=form.document(),
            clauses=form.clauses(),
            begins_on=form.cleaned_data["begins_on"],
            evidence=form.kept_evidence(),
            note=form.cleaned_data["note"],
            expected=read_number(posted(request, "revision")) or 0,
            by=viewer(request),
            at=now,
        )
    except InvalidTerms as problem:
        form.refuse(problem)
        return _page(request, form, None, quarter, now, status=unread)
    except InvalidContent as problem:
        for sentence in problem.problems:
            form.add_error(None, sentence)
        return _page(request, form, None, quarter, now, status=422)
    except artifacts.ChangedMeanwhile as problem:
        form.add_error(None, f"{problem} What you typed stands below; saving it again replaces theirs.")
        return _page(request, form, typed, quarter, now, status=409)
    messages.success(request, "The draft is saved. It changes nothing until both leaders have signed it.")
    if posted(request, "act") == "read":
        return redirect("alignment:artifact-version", kind=KIND, key=KEY, number=version.number)
    return redirect("sla:agreement-draft")


def _is_glance(request: HttpRequest) -> bool:
    """Whether the page asks by itself what the terms come to, while somebody is still writing: no fault to report."""
    return posted(request, "act") == "check" and "HX-Request" in request.headers


def _form(request: HttpRequest, content: Mapping[str, Any], quarter: Quarter, now: datetime) -> SlaForm:
    return SlaForm(
        request.POST if request.method == "POST" else None,
        content=content,
        terms=Terms.from_json(content["terms"]) if content["terms"] else None,
        teams=Team.objects.order_by("name"),
        calendars=Calendar.objects.order_by("name"),
        people=User.objects.filter(is_active=True).order_by("name", "pk"),
        offered=list(quarter.by_segment()),
        today=now.astimezone(Organisation.get().tz).date(),
    )


@dataclass(frozen=True)
class VolumeRow:
    """A segment's form with the MQLs that it had in each month of the last quarter."""

    form: VolumeForm
    months: list[tuple[str, int]]
    met: int | None


def _page(
    request: HttpRequest,
    form: SlaForm,
    content: Mapping[str, Any] | None,
    quarter: Quarter,
    now: datetime,
    *,
    is_checked: bool = False,
    status: int = 200,
) -> HttpResponse:
    """`content`: what the form says where all of it can be read."""
    uses = uses_of_form(form, at=now)
    found = explain(content, quarter, at=now)
    standing = drafting.standing()
    draft = standing.draft
    return render(
        request,
        "sla/draft.html",
        {
            "now": now,
            "form": form,
            "rows": _tiers(tier_rows(form, uses), content, found),
            "gap": gap_meanings(form, uses),
            "hours": [(use, _arrived(found, use.calendar.pk)) for use in uses],
            "refreshed": _refreshed(form),
            "explained": found,
            "drafted": found.drafted,
            "volumes": _volume_rows(form, found),
            "others": _others(content, found),
            "standing": standing,
            "revoked": load_book().revoked_at(now),
            "revision": draft.revision if draft else 0,
            "blockers": artifacts.blockers_of(draft, at=now) if draft and request.method == "GET" else [],
            "cited": cited(form.content["evidence"], (content or form.content)["terms"]),
            "is_checked": is_checked,
            "has_errors": status != 200,
        },
        status=status,
    )


def _arrived(found: Explained, calendar: int) -> Counted | None:
    """Of the MQLs on a calendar those that came while it was closed."""
    return found.drafted.past.arrived_closed.get(calendar) if found.drafted else None


def _refreshed(form: SlaForm) -> str:
    """The parts of the page that say what the terms come to, as a selector."""
    names = ["trigger", "marketing", "assign", "cadence", "hours", "consequences", "gate", "evidence"]
    names += ["volume-others"]
    names += [f"volume-{n}" for n in range(len(form.volumes.rows))]
    names += [f"tier-{n}" for n in range(len(form.tiers) + 1)]
    return ",".join(f"#why-{name}" for name in names)


def _tiers(
    rows: list[Row], content: Mapping[str, Any] | None, found: Explained
) -> list[tuple[Row, TierPast | None]]:
    """Each tier's row with what the last quarter says of it; nothing of rows that are left out."""
    if content is None or found.drafted is None:
        return [(row, None) for row in rows]
    kept = [row for row in rows if not (isinstance(row.form, TierForm) and row.form.is_left_out)]
    named = dict(zip(map(id, kept), content["terms"]["tiers"], strict=True))
    past = found.drafted.past.tiers
    return [(row, past[named[id(row)]["name"]] if id(row) in named else None) for row in rows]


def _volume_rows(form: SlaForm, found: Explained) -> list[VolumeRow]:
    rows = []
    for each in form.volumes.rows:
        name = str(each["segment"].value() or "").strip()
        months = months_of(found.segments, name) if name else []
        owed = str(each["mqls"].value() or "")
        met = sum(count >= int(owed) for count in months) if months and _is_figure(owed) else None
        rows.append(VolumeRow(each, _by_month(months, found), met))
    return rows


def _is_figure(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) < 8


def _by_month(counts: list[int], found: Explained) -> list[tuple[str, int]]:
    """ "July", 12: each count with its month's name."""
    return [(f"{month.first:%B}", count) for month, count in zip(found.quarter.months, counts, strict=False)]


def _others(content: Mapping[str, Any] | None, found: Explained) -> list[tuple[str, int]]:
    """MQLs of each month that the last row counts; nothing while the rows cannot be read."""
    if content is None:
        return []
    volumes = [line for line in content["clauses"]["marketing"]["volumes"] if line["segment"]]
    return _by_month(lines_of([*volumes, {"segment": "", "mqls": 1}], found.quarter)[""], found)
