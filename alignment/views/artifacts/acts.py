"""What RevOps does with a version: send, withdraw, remind, begin again, choose its paper, discard."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.views.decorators.http import require_POST

from alignment.access import roles, viewer
from alignment.artifacts.kinds import InvalidContent, kind_named
from alignment.asked import posted, read_number
from alignment.blockers import Blocked
from alignment.forms.artifacts import ReasonForm
from alignment.models import Role
from alignment.services import artifacts as services
from alignment.views.artifacts.common import address_of, done, version_of
from alignment.views.artifacts.page import Refusal, show


@require_POST
@roles(Role.REVOPS)
def send(request: HttpRequest, kind: str, key: str, number: int) -> HttpResponse:
    """Fix the draft that was on the screen as what is signed, and ask those whose turn it is."""
    now = timezone.now()
    version = version_of(request, kind, key, number, at=now)
    expected = read_number(posted(request, "revision")) or 0
    try:
        version = services.send(version=version, by=viewer(request), at=now, expected=expected)
    except Blocked as blocked:
        refusal = Refusal("send", "It cannot be sent yet.", blocked.blockers)
    except services.Refused as problem:
        refusal = Refusal("send", str(problem))
    else:
        return done(request, version, "Sent for signature. Those whose turn it is were told by mail.")
    version.refresh_from_db()
    return show(request, version, at=now, refusal=refusal, status=409)


@require_POST
@roles(Role.REVOPS)
def withdraw(request: HttpRequest, kind: str, key: str, number: int) -> HttpResponse:
    """Take back what waits for signatures."""
    now = timezone.now()
    version = version_of(request, kind, key, number, at=now)
    form = ReasonForm(request.POST, prefix="withdraw")
    if not form.is_valid():
        return show(request, version, at=now, refusal=Refusal("withdraw", form=form), status=422)
    try:
        services.withdraw(version=version, **form.cleaned_data, by=viewer(request), at=now)
    except services.Refused as problem:
        version.refresh_from_db()
        return show(
            request, version, at=now, refusal=Refusal("withdraw", str(problem), form=form), status=409
        )
    return done(request, version, "Withdrawn. Those who were asked to sign were told why.")


@require_POST
@roles(Role.REVOPS)
def remind(request: HttpRequest, kind: str, key: str, number: int) -> HttpResponse:
    """Ask those who have not signed once more, at once."""
    now = timezone.now()
    version = version_of(request, kind, key, number, at=now)
    try:
        told = services.remind_now(version=version, by=viewer(request), at=now)
    except services.Refused as problem:
        return show(request, version, at=now, refusal=Refusal("remind", str(problem)), status=409)
    if told:
        return done(request, version, f"Reminded {told} {'person' if told == 1 else 'people'}.")
    return done(request, version, "They were reminded within this minute already.")


@require_POST
@roles(Role.REVOPS)
def restart(request: HttpRequest, kind: str, key: str, number: int) -> HttpResponse:
    """Begin the next draft with the content of a version that was declined or withdrawn."""
    now = timezone.now()
    version = version_of(request, kind, key, number, at=now)
    try:
        draft = services.restart(version=version, by=viewer(request), at=now)
    except services.Refused as problem:
        return show(request, version, at=now, refusal=Refusal("restart", str(problem)), status=409)
    messages.success(
        request,
        f"This is a draft with the content of version {number}. Change it, then send it for signature.",
    )
    return redirect(kind_named(kind).edit_url(draft) or address_of(draft))


@require_POST
@roles(Role.REVOPS)
def paper(request: HttpRequest, kind: str, key: str, number: int) -> HttpResponse:
    """Set a draft on A4 or Letter."""
    now = timezone.now()
    version = version_of(request, kind, key, number, at=now)
    expected = read_number(posted(request, "revision")) or 0
    try:
        draft = services.choose_paper(
            version=version, paper=posted(request, "paper"), expected=expected, by=viewer(request), at=now
        )
    except (InvalidContent, services.Refused) as problem:
        version.refresh_from_db()
        return show(request, version, at=now, refusal=Refusal("paper", str(problem)), status=409)
    return done(request, draft, f"Set on {draft.get_paper_display()}; what does not fit is told below.")


@require_POST
@roles(Role.REVOPS)
def discard(request: HttpRequest, kind: str, key: str, number: int) -> HttpResponse:
    """Delete a draft."""
    now = timezone.now()
    version = version_of(request, kind, key, number, at=now)
    try:
        services.discard_draft(version=version, by=viewer(request), at=now)
    except services.Refused as problem:
        return show(request, version, at=now, refusal=Refusal("discard", str(problem)), status=409)
    messages.success(request, f"The draft of version {number} is discarded.")
    return redirect("alignment:artifacts")
