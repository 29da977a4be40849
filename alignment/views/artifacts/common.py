"""What every page of artifacts needs: who may come here, and which version the address names."""

from __future__ import annotations

from datetime import datetime

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse

from alignment.access import EVERYONE, viewer
from alignment.models import ArtifactVersion, Role
from alignment.queries.artifact_access import readable_by

READERS = sorted(EVERYONE - {Role.BOARD_VIEWER})


def version_of(request: HttpRequest, kind: str, key: str, number: int, *, at: datetime) -> ArtifactVersion:
    """The version that the address names, if this login may read it; else 404."""
    found = readable_by(viewer(request), at=at)
    return get_object_or_404(found, artifact__kind=kind, artifact__key=key, number=number)


def address_of(version: ArtifactVersion, anchor: str = "") -> str:
    artifact = version.artifact
    return reverse("alignment:artifact-version", args=[artifact.kind, artifact.key, version.number]) + anchor


def identity_of(version: ArtifactVersion) -> str:
    """Where somebody comes back to from proving who they are, for an act on this version."""
    return f"{address_of(version)}identity/"


def done(request: HttpRequest, version: ArtifactVersion, said: str) -> HttpResponse:
    """Back to the page of the version, which says what happened."""
    messages.success(request, said, extra_tags="focus")
    return redirect(address_of(version))
