"""The list of artifacts, and the versions of one."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from alignment.access import roles, viewer
from alignment.artifacts.kinds import kinds
from alignment.asked import asked
from alignment.models import Role
from alignment.paging import NoSuchPage
from alignment.queries.artifact_access import readable_by
from alignment.queries.artifact_list import SHELVES, row_of, shelf, signers_in_words, story_of
from alignment.queries.artifact_pages import label_of, title_of
from alignment.queries.artifact_ripples import of_closed_programs
from alignment.queries.artifacts import history_of, waiting_for
from alignment.views.artifacts.common import READERS


@require_safe
@roles(*READERS)
def index(request: HttpRequest) -> HttpResponse:
    """What waits for this login's signature first, then what others sign, what is in force, and what was."""
    user, now = viewer(request), timezone.now()
    found = readable_by(user, at=now)
    of_kind, only = asked(request, "kind"), asked(request, "state")
    if of_kind:
        found = found.filter(artifact__kind=of_kind)
    mine = (
        []
        if only
        else [each for each in waiting_for(user, at=now) if of_kind in ("", each.version.artifact.kind)]
    )
    drafts_too = user.has_role(Role.REVOPS) or found.filter(state="draft").exists()
    names = [only] if only in SHELVES else [name for name in SHELVES if name != "drafts" or drafts_too]
    try:
        shelves = [_shelf(found, name, asked(request, "after") if only else "", at=now) for name in names]
    except NoSuchPage as problem:
        raise Http404("There is no such page of the list.") from problem
    waiting = {each.version.pk for each in mine}
    for each in shelves:
        each["rows"] = [row for row in each["rows"] if row.version.pk not in waiting]
    shown = [row.version for each in shelves if each["name"] == "in-force" for row in each["rows"]]
    return render(
        request,
        "artifacts/list.html",
        {
            "over": of_closed_programs(shown),
            "now": now,
            "mine": [(each, row_of(each.version)) for each in mine],
            "shelves": [each for each in shelves if each["rows"]],
            "kinds": sorted(((kind.name, kind.label) for kind in kinds()), key=lambda pair: pair[1]),
            "states": [
                (name, label) for name, (label, _) in SHELVES.items() if name != "drafts" or drafts_too
            ],
            "of_kind": of_kind,
            "only": only if only in SHELVES else "",
            "signs": user.has_role(Role.CRO, Role.CMO, Role.FINANCE),
            "can_delegate": user.has_role(Role.REVOPS, Role.CRO, Role.CMO, Role.FINANCE),
        },
    )


def _shelf(found: Any, name: str, after: str, *, at: datetime) -> dict[str, Any]:
    rows, cursor = shelf(found, name, after, at=at)
    return {"name": name, "label": SHELVES[name][0], "rows": rows, "cursor": cursor}


@require_safe
@roles(*READERS)
def versions(request: HttpRequest, kind: str, key: str) -> HttpResponse:
    """Every version of one artifact that this login may read, newest first, with who did what and when."""
    user, now = viewer(request), timezone.now()
    readable = set(
        readable_by(user, at=now).filter(artifact__kind=kind, artifact__key=key).values_list("pk", flat=True)
    )
    found = [version.standing(now) for version in history_of(kind, key) if version.pk in readable]
    if not found:
        raise Http404("There is no such document.")
    return render(
        request,
        "artifacts/versions.html",
        {
            "now": now,
            "title": title_of(found[0]),
            "label": label_of(found[0]),
            "rows": [(version, story_of(version), signers_in_words(version)) for version in found],
        },
    )
