"""The public page for verifying a digest or a file: it asks for no login and keeps nothing of what is given."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from alignment.access import viewer
from alignment.accounts import client_address
from alignment.asked import asked, posted
from alignment.models import ArtifactVersion, Organisation
from alignment.queries.artifact_access import readable_by
from alignment.queries.verification import LARGEST_UPLOAD, Answer, NothingToVerify, examine, look_up
from alignment.services.rates import take
from alignment.uploads import is_too_large, takes_small_files

BURST, PER_SECOND = 30, 0.5  # look-ups of one address at once, and in the long run


@takes_small_files(LARGEST_UPLOAD)
@never_cache
@login_not_required
@require_http_methods(["GET", "HEAD", "POST"])
def page(request: HttpRequest) -> HttpResponse:
    """By a digest (also as `?digest=`, for links), or by a file that is uploaded."""
    context: dict[str, Any] = {
        "digest": _digest(request),
        "largest": LARGEST_UPLOAD // 2**20,
        "now": timezone.now(),
    }
    if request.method == "POST" or context["digest"]:
        rate = take(holder=f"verify:{client_address(request)}"[:80], burst=BURST, per_second=PER_SECOND)
        if not rate.is_allowed:
            wait = max(1, math.ceil(rate.wait))
            said = f"Many look-ups came from your address. Wait {wait} s and try again."
            response = render(request, "artifacts/verify.html", context | {"problem": said}, status=429)
            response["Retry-After"] = str(wait)
            return response
        try:
            context["answer"] = _answer(request)
        except NothingToVerify as problem:
            context["problem"] = str(problem)
            return render(request, "artifacts/verify.html", context, status=422)
    with timezone.override(Organisation.get().zone):
        return render(request, "artifacts/verify.html", context)


def _answer(request: HttpRequest) -> Answer:
    """Raises NothingToVerify."""
    upload = request.FILES.get("file")
    if is_too_large(request):
        raise NothingToVerify(f"The file is larger than {LARGEST_UPLOAD // 2**20} MB; no signed document is.")
    return examine(upload.read()) if upload else look_up(_digest(request), may_read=_reads(request))


def _reads(request: HttpRequest) -> Callable[[ArtifactVersion], bool]:
    """Whether the login that asks, if any, may open a version here."""
    if not request.user.is_authenticated:
        return lambda version: False
    readable = readable_by(viewer(request), at=timezone.now())
    return lambda version: readable.filter(pk=version.pk).exists()


def _digest(request: HttpRequest) -> str:
    return posted(request, "digest") if request.method == "POST" else asked(request, "digest")
