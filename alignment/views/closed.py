"""Account pages that the login library offers and this product does not: RevOps keeps addresses and sign-in ways."""

from __future__ import annotations

from django.contrib.auth.decorators import login_not_required
from django.http import Http404, HttpRequest, HttpResponse


@login_not_required
def closed(request: HttpRequest, **_: object) -> HttpResponse:
    raise Http404("Addresses of logins are kept by RevOps.")
