"""Signing and declining, by whoever the version waits for."""

from __future__ import annotations

from allauth.account.adapter import get_adapter
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.views.decorators.http import require_POST

from alignment.access import roles, viewer
from alignment.forms.artifacts import RoleReasonForm, SignForm
from alignment.models import Role, VersionState
from alignment.services import artifacts as services
from alignment.views.artifacts.common import READERS, done, identity_of, version_of
from alignment.views.artifacts.page import Refusal, show
from alignment.views.artifacts.proof import proof_of

UNPROVEN = "Confirm once more that it is you; a signature asks for it at most five minutes before. Nothing was signed."
UNPROVEN_REVOKING = (
    "Confirm once more that it is you; it is asked at most five minutes before. Nothing was revoked; take your reason "
    "along."
)


@require_POST
@roles(*READERS)
def sign(request: HttpRequest, kind: str, key: str, number: int) -> HttpResponse:
    """Sign what was on the screen."""
    now = timezone.now()
    version = version_of(request, kind, key, number, at=now)
    form = SignForm(request.POST)
    if not form.is_valid():
        said = next((errors[0] for errors in form.errors.values()), "")
        if "has_read" not in form.errors:
            said = "This page was not sent as it was shown. Read it again and sign there."
        return show(request, version, at=now, refusal=Refusal("sign", str(said)), status=422)
    proof = proof_of(request, act=identity_of(version), at=now)
    if proof is None and version.state == VersionState.SENT:
        return show(request, version, at=now, refusal=Refusal("sign", UNPROVEN), status=409)
    try:
        signature = services.sign(
            version=version,
            role=form.cleaned_data["role"],
            displayed_digest=form.cleaned_data["digest"],
            nonce=form.cleaned_data["nonce"],
            authentication=proof or services.Authentication(now, ()),
            ip=_address(request),
            user_agent=request.META.get("HTTP_USER_AGENT", ""),
            by=viewer(request),
            at=now,
        )
    except services.Refused as refusal:
        version.refresh_from_db()
        return show(request, version, at=now, refusal=Refusal("sign", str(refusal)), status=409)
    version.refresh_from_db()
    label = Role(signature.role).label
    if version.state == VersionState.IN_FORCE:
        return done(request, version, f"Signed as {label}. Everybody has signed: it is in force now.")
    return done(request, version, f"Signed as {label}. It comes into force when the others have signed.")


@require_POST
@roles(*READERS)
def decline(request: HttpRequest, kind: str, key: str, number: int) -> HttpResponse:
    """Say no, with the reason; RevOps and the other signers are told."""
    now = timezone.now()
    version = version_of(request, kind, key, number, at=now)
    form = RoleReasonForm(request.POST, prefix="decline")
    if not form.is_valid():
        return show(request, version, at=now, refusal=Refusal("decline", form=form), status=422)
    try:
        services.decline(version=version, **form.cleaned_data, by=viewer(request), at=now)
    except services.Refused as refusal:
        version.refresh_from_db()
        return show(request, version, at=now, refusal=Refusal("decline", str(refusal), form=form), status=409)
    return done(request, version, "Declined. RevOps and the other signers read your reason.")


@require_POST
@roles(*READERS)
def revoke(request: HttpRequest, kind: str, key: str, number: int) -> HttpResponse:
    """End what is in force; nothing takes its place by it. Asks for a fresh proof, as a signature does."""
    now = timezone.now()
    version = version_of(request, kind, key, number, at=now)
    form = RoleReasonForm(request.POST, prefix="revoke")
    if not form.is_valid():
        return show(request, version, at=now, refusal=Refusal("revoke", form=form), status=422)
    if version.state == VersionState.IN_FORCE and proof_of(request, act=identity_of(version), at=now) is None:
        return show(
            request, version, at=now, refusal=Refusal("revoke", UNPROVEN_REVOKING, form=form), status=409
        )
    try:
        services.revoke(version=version, **form.cleaned_data, by=viewer(request), at=now)
    except services.Refused as refusal:
        version.refresh_from_db()
        return show(request, version, at=now, refusal=Refusal("revoke", str(refusal), form=form), status=409)
    return done(
        request, version, "Revoked: it is no longer in force. RevOps and the other signers were told."
    )


def _address(request: HttpRequest) -> str | None:
    try:
        address: str = get_adapter().get_client_ip(request)
    except PermissionDenied:
        return None
    return address
