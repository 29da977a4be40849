"""Disputes: what waits for a ruling, one of them with its evidence, and the precedents."""

from __future__ import annotations

from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone

from alignment.access import SEES_FIGURES, SEES_RECORDS, Scope, roles, scope_of, viewer
from alignment.artifacts.canonical import canonical
from alignment.asked import asked
from alignment.definitions.predicate import KEYS
from alignment.models import Lead, Organisation, User
from alignment.paging import NoSuchPage, by_moment, newest_first
from sla.disputed import in_words, lead_of, subject_of
from sla.forms.disputes import DisputesForm, PrecedentsForm, RulingForm
from sla.models import Dispute
from sla.queries import arbitration, dispute_evidence, dispute_list

MOST_PRECEDENTS = 50


@roles(*SEES_FIGURES)
def index(request: HttpRequest) -> HttpResponse:
    """Those that wait for a ruling, by time left; or those that are over, the newest first."""
    user, form = viewer(request), DisputesForm(request.GET)
    state, kind = form.chosen("state", "open"), form.chosen("kind", "")
    mine = arbitration.visible(user)
    found = dispute_list.loaded(dispute_list.in_state(mine, state, kind))
    after = asked(request, "after")
    try:
        page: Any = by_moment(found, "rule_by", after) if state == "open" else newest_first(found, after)
    except NoSuchPage as problem:
        raise Http404("No such page.") from problem
    tz, scope = Organisation.get().tz, scope_of(user)
    context = {
        "now": timezone.now(),
        "form": form,
        "state": state,
        "states": list(dispute_list.STATES.items()),
        "kind": kind,
        "page": page,
        "rows": [
            (dispute, in_words(subject_of(dispute), tz, _lead(dispute, user, scope))) for dispute in page.rows
        ],
        "has_any": bool(page.rows) or mine.exists(),
        "may_file": user.has_role(*arbitration.FILERS),
        "terms": [(key, label) for key, (label, _) in KEYS.items()],
    }
    return render(request, "sla/disputes.html", context)


@roles(*SEES_FIGURES)
def dispute(request: HttpRequest, pk: int) -> HttpResponse:
    """One dispute: subject, evidence, who rules by when, the ruling and its effect."""
    return show(request, found(request, pk))


@roles(*SEES_FIGURES)
def evidence(request: HttpRequest, pk: int) -> HttpResponse:
    """The evidence as the bytes that its SHA-256 is of."""
    row = found(request, pk)
    response = HttpResponse(canonical(row.evidence), content_type="application/json")
    response["Content-Disposition"] = f'attachment; filename="evidence-of-dispute-{row.pk}.json"'
    return response


@roles(*SEES_FIGURES)
def precedents(request: HttpRequest) -> HttpResponse:
    """Rulings by words, decision and kind: open to everybody, as both sides are ruled by them."""
    user, form = viewer(request), PrecedentsForm(request.GET)
    given = form.cleaned_data if form.is_valid() else {}
    words, decision, kind = given.get("q", ""), given.get("decision", ""), given.get("kind", "")
    rows = list(dispute_list.precedents(words, decision, kind)[: MOST_PRECEDENTS + 1])
    open_to = set(
        arbitration.visible(user).filter(pk__in=[row.pk for row in rows]).values_list("pk", flat=True)
    )
    context = {
        "form": form,
        "rows": rows[:MOST_PRECEDENTS],
        "has_more": len(rows) > MOST_PRECEDENTS,
        "most": MOST_PRECEDENTS,
        "open_to": open_to,
        "is_filtered": bool(words or decision or kind),
    }
    return render(request, "sla/precedents.html", context)


def found(request: HttpRequest, pk: int) -> Dispute:
    """The dispute, if the viewer may read it; else it is not found."""
    row = dispute_list.loaded(arbitration.visible(viewer(request))).filter(pk=pk).first()
    if row is None:
        raise Http404("No such dispute in your scope.")
    return row


def show(
    request: HttpRequest,
    row: Dispute,
    *,
    status: int = 200,
    refusal: str = "",
    form: RulingForm | None = None,
) -> HttpResponse:
    """The page of a dispute, with what was typed where a ruling was refused."""
    user, now = viewer(request), timezone.now()
    judges = arbitration.judges(row, at=now) if row.is_undecided else []
    hold = getattr(row, "hold", None)
    if row.is_undecided and user in judges and form is None:
        form = RulingForm(dispute=row, hold=hold, names_leads=names_leads(user))
    bench = arbitration.bench_of(row)
    ruling = getattr(row, "ruling", None)
    lead = _lead(row, user, scope_of(user))
    context = {
        "now": now,
        "dispute": row,
        "what": in_words(subject_of(row), Organisation.get().tz, lead),
        "lead": lead,
        "evidence": dispute_evidence.readable(row.evidence),
        "is_unchanged": dispute_evidence.is_unchanged(row.evidence, row.evidence_digest),
        "hold": hold,
        "ruling": ruling,
        "override": getattr(ruling, "override", None),
        "judges": judges,
        "escalation": bench.people("escalation"),
        "is_signed": bench.clauses is not None,
        "usual_days": arbitration.USUAL_DAYS,
        "form": form,
        "refusal": refusal,
        "may_withdraw": row.is_undecided and row.filed_by_id == user.pk,
        "is_barred": row.is_undecided and user.pk in arbitration.barred_from(row),
    }
    return render(request, "sla/dispute.html", context, status=status)


def names_leads(user: User) -> bool:
    """Whether the leads of a whole consequence are named to a login that rules on it."""
    return user.has_role(*SEES_RECORDS) and scope_of(user).is_all


def _lead(row: Dispute, user: User, scope: Scope) -> Lead | None:
    """The lead, for who may see it."""
    return lead_of(subject_of(row), row.cycle) if arbitration.sees_lead(user, scope, row) else None
