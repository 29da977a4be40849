"""What people do about disputes: file, rule, withdraw. Refusals keep what was typed."""

from __future__ import annotations

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_POST

from alignment.access import SEES_FIGURES, roles, viewer
from alignment.asked import asked, read_number
from alignment.definitions.predicate import KEYS
from alignment.models import Lead, MqlCycle, Opportunity, Organisation
from sla.disputed import Subject, Term, columns_of, in_words, kind_of, lead_of
from sla.forms.disputes import FileForm, RulingForm
from sla.models import Clock, Consequence, Dispute, Outcome, RenegotiationCase
from sla.queries import arbitration
from sla.queries.disputes import ruled_function
from sla.services import disputes as services
from sla.services.disputes import refusals
from sla.views.disputes import found, names_leads, show


@roles(*arbitration.FILERS)
def file(request: HttpRequest) -> HttpResponse:
    """The subject, what filing does, and the form."""
    user, now = viewer(request), timezone.now()
    subject = _subject(request)
    if not arbitration.may_file(user, subject):
        raise Http404("Nothing of that kind in your scope.")
    form, status, refusal = FileForm(request.POST or None, subject=subject), 200, ""
    if request.method == "POST":
        status = 422
        if form.is_valid():
            try:
                row = services.file_dispute(subject=subject, **form.cleaned_data, by=user, at=now)
            except refusals.Incomplete as problem:
                form.add_error(problem.field if problem.field in form.fields else None, str(problem))
            except refusals.Refused as problem:
                refusal, status = str(problem), 409
            else:
                messages.success(
                    request, f"Filed. A ruling is due by {row.rule_by:%-d %B %Y}; you will be told of it."
                )
                return redirect("sla:dispute", row.pk)
    cycle = arbitration.newest_cycle(subject)
    bench = arbitration.bench_for(cycle, at=now)
    deciding = [person for person in bench.people("arbitration") if person != user]
    before = Dispute.objects.filter(kind=kind_of(subject), **columns_of(subject)).order_by("-pk")
    context = {
        "now": now,
        "what": in_words(subject, Organisation.get().tz, lead_of(subject, cycle)),
        "kind": kind_of(subject),
        "subject": subject,
        "is_running": isinstance(subject, Clock) and subject.outcome == Outcome.OPEN and now < subject.due_at,
        "lead": lead_of(subject, cycle),
        "ruled": ruled_function(subject) if isinstance(subject, Lead) else None,
        "undecided": next((row for row in before if row.is_undecided), None),
        "before": [row for row in before if not row.is_undecided],
        "bench": bench,
        "bench_people": deciding or [person for person in bench.people("escalation") if person != user],
        "goes_on": bool(deciding),
        "form": form,
        "refusal": refusal,
        "query": request.GET.urlencode(),
    }
    return render(request, "sla/dispute_new.html", context, status=status)


@require_POST
@roles(*SEES_FIGURES)
def rule(request: HttpRequest, pk: int) -> HttpResponse:
    """Decide it, once."""
    row, user, now = found(request, pk), viewer(request), timezone.now()
    hold = getattr(row, "hold", None)
    if not row.is_undecided:
        return show(request, row, status=409, refusal="It was ruled on or withdrawn in the meantime.")
    if not arbitration.may_rule(user, row, at=now):
        return show(request, row, status=403, refusal="You may not rule on this dispute: see below who may.")
    form = RulingForm(request.POST, dispute=row, hold=hold, names_leads=names_leads(user))
    if not form.is_valid():
        return show(request, row, status=422, form=form)
    try:
        services.rule(dispute=row, decided=form.decided, by=user, at=now)
    except refusals.Incomplete as problem:
        form.add_error(problem.field if problem.field in form.fields else None, str(problem))
        return show(request, row, status=422, form=form)
    except refusals.Refused as problem:
        return show(request, found(request, pk), status=409, refusal=str(problem))
    messages.success(
        request, "Ruled. Everybody concerned is told; the ruling can be found among the precedents."
    )
    return redirect("sla:dispute", pk)


@require_POST
@roles(*arbitration.FILERS)
def withdraw(request: HttpRequest, pk: int) -> HttpResponse:
    """End it without a ruling."""
    row = found(request, pk)
    try:
        services.withdraw(dispute=row, by=viewer(request), at=timezone.now())
    except refusals.Refused as problem:
        return show(request, found(request, pk), status=409, refusal=str(problem))
    messages.success(request, "Withdrawn. What it was about stays as it is.")
    return redirect("sla:dispute", pk)


def _subject(request: HttpRequest) -> Subject:
    """What the address names: `clock`, `lead`, `opportunity`, `mql`, `consequence` or `renegotiation` by number, or
    `term` by key."""
    term = asked(request, "term")
    if term in KEYS:
        return Term(term)
    for name, rows in (
        ("clock", Clock.objects.select_related("cycle__lead", "cycle__owner", "owner__team")),
        ("lead", Lead.objects.select_related("crm_owner")),
        ("opportunity", Opportunity.objects.select_related("lead", "owner__team")),
        ("mql", MqlCycle.objects.select_related("lead", "owner__team")),
        ("consequence", Consequence.objects.select_related("judged__agreement")),
        ("renegotiation", RenegotiationCase.objects.select_related("agreement")),
    ):
        number = read_number(asked(request, name))
        row = rows.filter(pk=number).first() if number is not None else None
        if row is not None:
            return row
    raise Http404("This address names nothing that can be disputed.")
