"""The PDF of a version: made at sending, and again when all have signed. It proves nothing: its digest is chained."""

from __future__ import annotations

import hashlib
import logging
from datetime import datetime

from django.db import transaction

from alignment.artifacts.events import rendered_event
from alignment.artifacts.kinds import kind_named
from alignment.artifacts.pdf import MADE_BY, make_pdf, overflow, pages_of
from alignment.blockers import Blocker
from alignment.models import SIGNED_STATES, ArtifactVersion, Rendition
from alignment.queries.renditions import imprint_of, signature_lines
from alignment.services import chain
from alignment.services.artifacts.locks import lock

log = logging.getLogger(__name__)


def blockers_of(version: ArtifactVersion) -> list[Blocker]:
    """What overflows the pages that the kind allows, with room for the signatures; empty where it fits."""
    kind = kind_named(version.artifact.kind)
    if kind.page_limit is None:
        return []
    problem = overflow(
        kind.render(version.content),
        version.paper,
        kind.page_limit,
        signatures=signature_lines(version),
        imprint=imprint_of(version),
    )
    return [Blocker("pages", problem, url=kind.edit_url(version))] if problem else []


def make(version: ArtifactVersion, *, is_signed: bool, at: datetime) -> Rendition:
    """Make and keep the PDF, and chain its digest, in the caller's transaction."""
    signatures = list(version.signatures.select_related("delegation")) if is_signed else []
    document = kind_named(version.artifact.kind).rendered(version.content)
    lines, imprint = signature_lines(version, signatures), imprint_of(version)
    pdf = make_pdf(document, paper=version.paper, signatures=lines, imprint=imprint)
    rendition = Rendition.objects.create(
        version=version,
        is_signed=is_signed,
        pdf=pdf,
        sha256=hashlib.sha256(pdf).hexdigest(),
        pages=pages_of(document, version.paper, signatures=lines, imprint=imprint),
        made_by=MADE_BY,
        made_at=at,
    )
    chain.append(*rendered_event(rendition), version=version, at=at)
    return rendition


def try_to_make_signed(version: ArtifactVersion, *, at: datetime) -> Rendition | None:
    """The PDF with its signatures; None where that failed: the signature stands, and `render_missing` tries again."""
    try:
        with transaction.atomic():
            return make(version, is_signed=True, at=at)
    except Exception:
        log.exception("a signed version could not be set in type", extra={"version": version.pk})
        return None


def render_missing(*, at: datetime) -> int:
    """Make the PDFs of signed versions that have none yet; how many were made."""
    missing = ArtifactVersion.objects.filter(state__in=SIGNED_STATES).exclude(renditions__is_signed=True)
    return sum(_render(version, at=at) for version in missing.order_by("signed_at", "pk"))


@transaction.atomic
def _render(version: ArtifactVersion, *, at: datetime) -> bool:
    version = lock(version)
    if version.renditions.filter(is_signed=True).exists():
        return False
    return try_to_make_signed(version, at=at) is not None
