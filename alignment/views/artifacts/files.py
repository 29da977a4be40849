"""A version as files: its PDF, and the bundle by which anybody checks it without this product."""

from __future__ import annotations

from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.http import content_disposition_header
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from alignment.access import roles, viewer
from alignment.artifacts.kinds import UnknownKind, kind_named
from alignment.artifacts.pdf import make_pdf
from alignment.models import ArtifactVersion, Rendition
from alignment.queries.artifact_access import may_take_bundle
from alignment.queries.bundles import NotInBundle, bundle_of
from alignment.queries.renditions import imprint_of, signature_lines
from alignment.views.artifacts.common import READERS, version_of
from alignment.views.artifacts.page import Refusal, show


@never_cache
@require_safe
@roles(*READERS)
def pdf(request: HttpRequest, kind: str, key: str, number: int) -> HttpResponse:
    """With the signatures once all have signed, else as it was sent; of a draft a preview that says so."""
    version = version_of(request, kind, key, number, at=timezone.now())
    made = _preview(version) if version.is_draft else _rendition(version)
    return _file(made, f"{kind}-{key}-v{number}.pdf", "application/pdf", inline=True)


@never_cache
@require_safe
@roles(*READERS)
def bundle(request: HttpRequest, kind: str, key: str, number: int) -> HttpResponse:
    """All that somebody needs to verify it without this server, once all have signed."""
    now = timezone.now()
    version = version_of(request, kind, key, number, at=now)
    if not may_take_bundle(viewer(request), version, at=now):
        raise PermissionDenied("Bundles are for signers and RevOps, as they name addresses. Take the PDF.")
    try:
        made = bundle_of(version)
    except NotInBundle as problem:
        return show(request, version, at=now, refusal=Refusal("bundle", str(problem)), status=409)
    return _file(made, f"{kind}-{key}-v{number}.zip", "application/zip")


def _rendition(version: ArtifactVersion) -> bytes:
    found = Rendition.objects.filter(version=version).order_by("-is_signed").first()
    if found is None:
        raise Http404("This version has no PDF.")
    return bytes(found.pdf)


def _preview(version: ArtifactVersion) -> bytes:
    try:
        document = kind_named(version.artifact.kind).render(version.content)
    except UnknownKind as problem:
        raise Http404(str(problem)) from problem
    return make_pdf(
        document, paper=version.paper, signatures=signature_lines(version), imprint=imprint_of(version)
    )


def _file(content: bytes, name: str, kind: str, *, inline: bool = False) -> HttpResponse:
    response = HttpResponse(content, content_type=kind)
    response["Content-Disposition"] = content_disposition_header(not inline, name) or ""
    return response
