"""Both functions' lists of opportunities: what is in, and importing another."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_POST

from alignment.access import roles, viewer
from alignment.importing.problems import UnreadableFile
from alignment.models import Program, Role
from alignment.queries import programs
from alignment.uploads import is_too_large, takes_files
from scorecard.claim_lists import text_of
from scorecard.forms.claims import ClaimsForm
from scorecard.models import ClaimList
from scorecard.models.claims import CLAIMING
from scorecard.queries.attribution import newest_lists
from scorecard.services import claims as services
from scorecard.views.common import READERS, no_program, program_or_404

PROBLEMS_SHOWN = 50
LISTS_SHOWN = 20


@roles(*READERS)
def page(request: HttpRequest) -> HttpResponse:
    """The lists that count, their problems, earlier ones; RevOps imports here."""
    program = programs.current()
    is_revops = viewer(request).has_role(Role.REVOPS)
    if program is None:
        return no_program(request, is_revops=is_revops)
    return _page(request, program, ClaimsForm(), is_revops=is_revops)


@require_POST
@takes_files(Role.REVOPS)
@roles(Role.REVOPS)
def take_in(request: HttpRequest) -> HttpResponse:
    """Replace a function's list."""
    program, form = program_or_404(), ClaimsForm(request.POST, request.FILES)
    if is_too_large(request):
        form.errors.clear()
        form.add_error("file", "The file is too large for a list of opportunities.")
        return _page(request, program, form, is_revops=True, status=413)
    if not form.is_valid():
        return _page(request, program, form, is_revops=True, status=422)
    given, function = form.cleaned_data, form.chosen()
    try:
        file = given["file"]
        found = services.import_claims(
            program=program,
            function=function,
            text=text_of(file) if file else given["text"],
            name=file.name if file else "Said to claim none" if given["claims_none"] else "Pasted",
            claims_all=given["claims_all"],
            claims_none=given["claims_none"],
            by=viewer(request),
            at=timezone.now(),
        )
    except (services.UnreadableList, UnreadableFile) as problem:
        form.add_error("file" if given["file"] else "text", str(problem))
        return _page(request, program, form, is_revops=True, status=422)
    except services.NothingUsable as problem:
        form.add_error(None, str(problem))
        context = [(one.line, one.message) for one in problem.problems[:PROBLEMS_SHOWN]]
        return _page(request, program, form, is_revops=True, status=422, refused=context)
    _tell(request, found)
    return redirect("scorecard:claims")


def _tell(request: HttpRequest, found: services.Imported) -> None:
    good = found.list.rows - len(found.list.problems)
    bad = len(found.list.problems)
    if found.is_new:
        said = f"{found.list}: {good:,} opportunit{'y' if good == 1 else 'ies'} taken."
        if bad:
            said = f"{said[:-1]}, {bad:,} row{'' if bad == 1 else 's'} could not be."
    else:
        said = f"{found.list} says the same already; nothing was changed."
    if found.ignored:
        many = len(found.ignored) > 1
        said += (
            f" Not read: the column{'s' if many else ''} {', '.join(f'“{name}”' for name in found.ignored)}."
        )
    level = (
        messages.INFO if not found.is_new else messages.WARNING if bad or found.ignored else messages.SUCCESS
    )
    messages.add_message(request, level, said)


def _page(
    request: HttpRequest,
    program: Program,
    form: ClaimsForm,
    *,
    is_revops: bool,
    status: int = 200,
    refused: list[tuple[int, str]] | None = None,
) -> HttpResponse:
    lists = newest_lists(program)
    earlier = ClaimList.objects.filter(program=program).exclude(pk__in=[row.pk for row in lists.values()])
    return render(
        request,
        "scorecard/claims.html",
        {
            "now": timezone.now(),
            "is_revops": is_revops,
            "form": form,
            "refused": refused or [],
            "lists": [
                {
                    "function": function,
                    "list": (found := lists.get(function.value)),
                    "good": found.rows - len(found.problems) if found else 0,
                    "problems": found.problems[:PROBLEMS_SHOWN] if found else [],
                    "more": max(len(found.problems) - PROBLEMS_SHOWN, 0) if found else 0,
                }
                for function in CLAIMING
            ],
            "earlier": earlier.select_related("imported_by").order_by("-pk")[:LISTS_SHOWN],
        },
        status=status,
    )
