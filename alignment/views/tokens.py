"""API tokens: everybody makes and revokes their own; RevOps sees and revokes all."""

from __future__ import annotations

from allauth.account.decorators import reauthentication_required
from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST

from alignment.access import EVERYONE, roles, viewer
from alignment.asked import asked
from alignment.forms.tokens import TokenForm
from alignment.models import Role
from alignment.paging import NoSuchPage, newest_first
from alignment.queries.tokens import token_row, visible_tokens
from alignment.services import tokens as services


@never_cache
@roles(*sorted(EVERYONE))
def index(request: HttpRequest) -> HttpResponse:
    """Tokens, and a form for a new one; its secret is shown in the answer to the form, and never again.

    A token outlives the session: to make one, somebody proves once more who it is, as for the second factor.
    """
    user, status = viewer(request), 200
    form = TokenForm(request.POST or None, user=user)
    if request.method == "POST":
        status = 422
        if form.is_valid():
            try:
                made: services.NewToken = reauthentication_required(_made)(request, form)
            except services.TooManyTokens as refusal:
                form.add_error(None, str(refusal))
                status = 409
            except ValidationError as problem:
                form.add_error("name", problem.messages)
            else:
                return render(request, "alignment/api_token_made.html", {"made": made})
    return _page(request, form, status)


def _made(request: HttpRequest, form: TokenForm) -> services.NewToken:
    user = viewer(request)
    return services.create_token(user=user, **form.cleaned_data, by=user, at=timezone.now())


@require_POST
@roles(*sorted(EVERYONE))
def revoke(request: HttpRequest, pk: int) -> HttpResponse:
    """End a token with its next request."""
    user = viewer(request)
    token = get_object_or_404(visible_tokens(user), pk=pk)
    try:
        services.revoke_token(token=token, by=user, at=timezone.now())
    except services.AlreadyRevoked as refusal:
        messages.info(request, str(refusal))
    else:
        messages.success(request, f"“{token}” is revoked; its next request is refused.")
    return redirect("alignment:api-tokens")


@roles(*sorted(EVERYONE))
def docs(request: HttpRequest) -> HttpResponse:
    """The API's document as a page on which requests can be tried, with the session of whoever reads it."""
    return render(request, "alignment/api_docs.html")


def _page(request: HttpRequest, form: TokenForm, status: int) -> HttpResponse:
    user, now = viewer(request), timezone.now()
    try:
        page = newest_first(visible_tokens(user), asked(request, "after"))
    except NoSuchPage as problem:
        raise Http404("No such page.") from problem
    return render(
        request,
        "alignment/api_tokens.html",
        {
            "rows": [token_row(token, user, at=now) for token in page.rows],
            "page": page,
            "form": form,
            "is_revops": user.has_role(Role.REVOPS),
            "now": now,
        },
        status=status,
    )
