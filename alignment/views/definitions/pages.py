"""The five definitions, and one of them with its draft: everybody reads, RevOps writes, three functions sign."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_POST

from alignment.access import SEES_ALL, SEES_FIGURES, SEES_RECORDS, roles, scope_of, viewer
from alignment.artifacts.kinds import InvalidContent
from alignment.asked import posted, read_number
from alignment.blockers import Blocked, Blocker
from alignment.definitions.content import empty
from alignment.definitions.content import render as render_document
from alignment.definitions.kind import KIND
from alignment.definitions.predicate import KEYS, Definition
from alignment.definitions.suggestions import suggestion
from alignment.forms import definitions as forms
from alignment.models import ArtifactVersion, Role, User
from alignment.queries import drift
from alignment.queries.called import called
from alignment.queries.completeness import completeness
from alignment.queries.definition_counts import count
from alignment.queries.definition_pages import standing, standings
from alignment.queries.definitions import definition_in_force, latest_version, version_numbered
from alignment.services import artifacts


@roles(*SEES_FIGURES)
def index(request: HttpRequest) -> HttpResponse:
    """All five: where each stands, and how well the records keep to the MQL."""
    user, now = viewer(request), timezone.now()
    found = definition_in_force("mql")
    context: dict[str, Any] = {"now": now, "rows": standings(user), "mql": found}
    if found is not None:
        scope = scope_of(user)
        context |= {
            "month": completeness(found.definition, "month", at=now, scope=scope, shown=1)[0],
            "last": drift.last_mqls(found.definition),
            "disagreements": drift.disagreements(found.definition, at=now),
            "compared_note": f"Of the latest {drift.COMPARED:,} leads by creation that are neither deleted nor "
            "merged, compared with the signed rows as of now.",
            "called": called(found.definition, at=now),
            "sees_leads": user.has_role(*SEES_ALL),
            "gap": drift.gap(found.definition.limits, at=now),
            "crm_status": found.definition.crm_status,
            "incomplete_url": reverse("alignment:mqls-incomplete") if user.has_role(*SEES_RECORDS) else "",
            "is_own": not scope.is_all,
        }
    return render(request, "alignment/definitions/index.html", context)


@roles(*SEES_FIGURES)
def page(request: HttpRequest, key: str) -> HttpResponse:
    """One definition as it is in force; for RevOps also its draft."""
    _require_known(key)
    return _page(request, key)


@require_POST
@roles(Role.REVOPS)
def start(request: HttpRequest, key: str) -> HttpResponse:
    """A draft to write in: from our suggestion, from a version that there is, or from nothing."""
    _require_known(key)
    user = viewer(request)
    base = version_numbered(key, read_number(posted(request, "from")))
    content: Mapping[str, Any] = suggestion(key)
    if base is not None:
        content = base.content
    elif posted(request, "from") == "nothing":
        content = empty(key)
    try:
        _save(key, content, expected=0, by=user)
    except artifacts.ChangedMeanwhile:
        messages.info(request, "There is a draft already: here it is.")
        return redirect("alignment:definition", key=key)
    messages.success(request, "This is a draft: it counts for nothing before it is sent and signed.")
    return redirect("alignment:definition", key=key)


@require_POST
@roles(Role.REVOPS)
def change(request: HttpRequest, key: str) -> HttpResponse:
    """Save the draft, or only bring or take away a row, or count again what it would match."""
    _require_known(key)
    content = forms.read_content(key, request.POST)
    revision = read_number(posted(request, "revision")) or 0
    if posted(request, "act") not in ("save", "send"):
        return _page(request, key, content=content, revision=revision)
    user = viewer(request)
    try:
        draft = _save(key, content, expected=revision, by=user)
    except artifacts.ChangedMeanwhile:
        return _page(request, key, content=content, is_conflict=True, status=409)
    except InvalidContent as problem:
        return _page(request, key, content=content, revision=revision, refused=problem.problems, status=422)
    if posted(request, "act") == "send":
        return _send(request, key, draft, user)
    left = forms.problems(draft.content)
    if left:
        messages.warning(request, "Saved. It cannot be sent yet: what is missing stands below.")
    else:
        messages.success(request, "Saved. It is complete and can be sent for signature.")
    return redirect("alignment:definition", key=key)


@require_POST
@roles(Role.REVOPS)
def discard(request: HttpRequest, key: str) -> HttpResponse:
    """Throw the draft away."""
    _require_known(key)
    user = viewer(request)
    draft = standing(key, user).draft
    if draft is not None:
        try:
            artifacts.discard_draft(version=draft, by=user, at=timezone.now())
        except artifacts.NotADraft as problem:
            messages.error(request, str(problem))
        else:
            messages.success(request, "The draft is gone.")
    return redirect("alignment:definition", key=key)


@require_POST
@roles(Role.REVOPS)
def counts(request: HttpRequest, key: str) -> HttpResponse:
    """What follows the typing: how many records the rows match, which are not complete, and whether it can be sent."""
    _require_known(key)
    user = viewer(request)
    content = forms.read_content(key, request.POST, keeps_blank=True)
    context = _counts(key, content, user) | _readiness(key, content) | {"row": standing(key, user)}
    return render(request, "alignment/definitions/_followed.html", context)


def _send(request: HttpRequest, key: str, draft: ArtifactVersion, user: User) -> HttpResponse:
    try:
        artifacts.send(version=draft, by=user, at=timezone.now(), expected=draft.revision)
    except Blocked as refused:
        return _page(request, key, blockers=refused.blockers, status=409)
    except artifacts.ChangedMeanwhile:
        return _page(request, key, content=draft.content, is_conflict=True, status=409)
    except artifacts.Refused as problem:
        messages.error(request, str(problem))
        return redirect("alignment:definition", key=key)
    messages.success(request, "Sent. CRO, CMO and finance are asked to sign.")
    return redirect("alignment:definition", key=key)


def _save(key: str, content: Mapping[str, Any], *, expected: int, by: User) -> ArtifactVersion:
    return artifacts.save_draft(
        kind=KIND.name, key=key, content=content, expected=expected, by=by, at=timezone.now()
    )


def _page(
    request: HttpRequest,
    key: str,
    *,
    content: Mapping[str, Any] | None = None,
    revision: int | None = None,
    is_conflict: bool = False,
    blockers: tuple[Blocker, ...] = (),
    refused: tuple[str, ...] = (),
    status: int = 200,
) -> HttpResponse:
    """`content`: what was typed, where it is not what the draft says."""
    user = viewer(request)
    found = standing(key, user)
    shown = found.in_force or found.sent
    latest = latest_version(key)
    context: dict[str, Any] = {
        "now": timezone.now(),
        "key": key,
        "row": found,
        "shown": shown,
        "ended": latest if latest is not None and latest.ended_at is not None else None,
        "document": render_document(shown.content) if shown is not None else None,
        "is_revops": user.has_role(Role.REVOPS),
        "is_editing": False,
    }
    if user.has_role(Role.REVOPS) and (found.draft is not None or content is not None):
        typed = content if content is not None else found.draft.content  # type: ignore[union-attr]
        context |= _counts(key, typed, user) | _readiness(key, typed)
        context |= {
            "is_editing": True,
            "prose": str(typed.get("prose") or ""),
            "revision": revision if revision is not None else found.draft.revision if found.draft else 0,
            "field_groups": forms.field_groups(key),
            "only_mql": forms.only_mql(typed),
            "is_typed": content is not None,
            "theirs": render_document(found.draft.content) if is_conflict and found.draft else None,
            "is_conflict": is_conflict,
            "blockers": blockers,
            "refused": refused,
        }
    elif shown is not None:
        context |= _counts(key, shown.content, user)
    return render(request, "alignment/definitions/page.html", context, status=status)


def _counts(key: str, content: Mapping[str, Any], user: User) -> dict[str, Any]:
    return {
        "key": key,
        "counts": count(key, Definition.of(content), at=timezone.now()),
        "sees_leads": user.has_role(*SEES_ALL),
        "uncounted": [],
    }


def _readiness(key: str, content: Mapping[str, Any]) -> dict[str, Any]:
    """Of a draft: its parts to edit, the rows that take no part in the count, and what holds back the sending."""
    parts = forms.lines(key, content)
    return {
        "parts": parts,
        "uncounted": forms.uncounted(parts),
        "problems": forms.problems(content),
    }


def _require_known(key: str) -> None:
    if key not in KEYS:
        raise Http404("There is no such definition.")
