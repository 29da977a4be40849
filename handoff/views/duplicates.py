"""Pairs of leads that look like one person: RevOps merges them, or says that they are two."""

from __future__ import annotations

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.html import format_html
from django.views.decorators.http import require_POST

from alignment.access import roles, viewer
from alignment.asked import asked, posted
from alignment.models import DuplicatePair, LeadMerge, Role
from alignment.services import merges
from handoff.queries import duplicates as queries

REASON_LONGEST = 200


@roles(Role.REVOPS)
def duplicates(request: HttpRequest) -> HttpResponse:
    """Open pairs side by side, the newest first."""
    return _show(request)


@require_POST
@roles(Role.REVOPS)
def merge(request: HttpRequest, pk: int) -> HttpResponse:
    """Merge the two leads of a pair into the one that was chosen."""
    get_object_or_404(DuplicatePair, pk=pk)
    view = queries.pair_view(pk)
    if view is None:
        messages.info(request, "Somebody settled this pair in the meantime; nothing was changed.")
        return redirect("handoff:duplicates")
    sides = {"left": (view.left.lead, view.right.lead), "right": (view.right.lead, view.left.lead)}
    chosen = sides.get(posted(request, "survivor"))
    if chosen is None:
        return _show(request, pk=pk, refusal="Choose which lead stays.")
    survivor, merged = chosen
    try:
        done = merges.merge_leads(
            survivor=survivor, merged=merged, reason=_reason(request), by=viewer(request), at=timezone.now()
        )
    except (merges.CannotMerge, merges.ReasonNeeded) as refusal:
        return _show(request, pk=pk, refusal=str(refusal))
    said = '{}, {}, is merged into {}, {}. If they are two people, <a href="#merge-{}">undo the merge</a>.'
    names = (merged.name, merged.external_id, survivor.name, survivor.external_id)
    messages.success(request, format_html(said, *names, done.pk))
    return redirect("handoff:lead", pk=survivor.pk)


@require_POST
@roles(Role.REVOPS)
def dismiss(request: HttpRequest, pk: int) -> HttpResponse:
    """Say that the two leads of a pair are two people."""
    pair = get_object_or_404(DuplicatePair, pk=pk)
    try:
        merges.dismiss_pair(pair=pair, reason=_reason(request), by=viewer(request), at=timezone.now())
    except (merges.AlreadySettled, merges.ReasonNeeded) as refusal:
        return _show(request, pk=pk, refusal=str(refusal))
    messages.success(request, "Kept as two people. The pair does not come back.")
    return redirect("handoff:duplicates")


@require_POST
@roles(Role.REVOPS)
def undo(request: HttpRequest, pk: int) -> HttpResponse:
    """Part two merged leads again; with `is_no_duplicate` their pair is dismissed as well."""
    found = LeadMerge.objects.filter(pk=pk).first()
    if found is None:
        raise Http404("There is no such merge.")
    try:
        merges.undo_merge(
            merge=found,
            reason=_reason(request),
            is_no_duplicate=posted(request, "is_no_duplicate") == "1",
            by=viewer(request),
            at=timezone.now(),
        )
    except (merges.AlreadyUndone, merges.ReasonNeeded) as refusal:
        messages.error(request, str(refusal))
    else:
        messages.success(request, "The merge is undone: each lead has its own history again.")
    return redirect("handoff:lead", pk=found.merged_id)


def _reason(request: HttpRequest) -> str:
    return posted(request, "reason", longest=REASON_LONGEST)


def _show(request: HttpRequest, *, pk: int | None = None, refusal: str = "") -> HttpResponse:
    """The page; after a refusal with that pair first, and what was typed."""
    is_urgent_only = asked(request, "urgent") == "1"
    page = queries.pair_page(after=asked(request, "after"), is_urgent_only=is_urgent_only)
    refused = queries.pair_view(pk) if pk is not None else None
    pairs = ([refused] if refused else []) + [view for view in page.pairs if view.pair.pk != pk]
    context = {
        "page": page,
        "pairs": pairs,
        "is_only": len(pairs) == 1,
        "is_urgent_only": is_urgent_only,
        "merges": queries.latest_merges(),
        "refused_pk": pk,
        "refusal": refusal,
        "typed": {"reason": _reason(request), "survivor": posted(request, "survivor")},
        "now": timezone.now(),
    }
    return render(request, "handoff/duplicates.html", context, status=409 if refusal else 200)
