"""The page of one version: the whole text, what it changes and rests on, and at its end the act."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from alignment.access import roles, viewer
from alignment.artifacts.kinds import UnknownKind, kind_named
from alignment.blockers import Blocker
from alignment.forms.artifacts import ReasonForm, RoleReasonForm, SignForm
from alignment.models import ArtifactVersion, Paper, Role, User, VersionState
from alignment.queries.artifact_access import may_take_bundle
from alignment.queries.artifact_pages import Sheet, Signer, sheet_of
from alignment.queries.artifacts import waiting_for
from alignment.queries.renditions import title_of
from alignment.services import artifacts as services
from alignment.views.artifacts.common import READERS, address_of, identity_of, version_of
from alignment.views.artifacts.proof import proof_of, ways_to_prove


@dataclass
class Refusal:
    """What an act was answered with, for the page that is shown again: what was typed is kept.

    act        "sign", "decline", "send"... of which the page keeps the form open
    problem    why it was refused; blockers where there are several reasons
    form       as it was filled in
    """

    act: str
    problem: str = ""
    blockers: Sequence[Blocker] = ()
    form: Any = None


@never_cache
@require_safe
@roles(*READERS)
def page(request: HttpRequest, kind: str, key: str, number: int) -> HttpResponse:
    """To be read, and at its end signed."""
    now = timezone.now()
    return show(request, version_of(request, kind, key, number, at=now), at=now)


@require_safe
@roles(*READERS)
def identity(request: HttpRequest, kind: str, key: str, number: int) -> HttpResponse:
    """Between two proofs of who somebody is: on to the next that is missing, then back to the act."""
    now = timezone.now()
    version = version_of(request, kind, key, number, at=now)
    if proof_of(request, act=identity_of(version), at=now) is None:
        links = [way for way in ways_to_prove(request, back=request.path, at=now) if not way.by_post]
        if links:
            return redirect(links[0].url)
    return redirect(address_of(version, "#act" if version.state == VersionState.SENT else "#revoke"))


def show(
    request: HttpRequest,
    version: ArtifactVersion,
    *,
    at: datetime,
    refusal: Refusal | None = None,
    status: int = 200,
) -> HttpResponse:
    """The page as `viewer(request)` sees it at this time."""
    user, version = viewer(request), version.standing(at)
    try:
        sheet = sheet_of(version, user, at=at)
    except UnknownKind as problem:
        raise Http404(str(problem)) from problem
    is_revops = user.has_role(Role.REVOPS)
    context = {
        "now": at,
        "sheet": sheet,
        "version": version,
        "is_revops": is_revops,
        "refusal": refusal,
        "signed_here": sheet.signed_by(user),
        "next_up": _next_up(sheet, user, at=at),
        "takes_bundle": may_take_bundle(user, version, at=at),
        "restarts": is_revops and _restarts(sheet),
        "withdraw_form": _kept(refusal, "withdraw") or ReasonForm(prefix="withdraw"),
        **_act(request, sheet, refusal, at=at),
        **_revoking(request, sheet, refusal, at=at),
        **(_sending(version, refusal, at=at) if is_revops and version.is_draft else {}),
    }
    return render(request, "artifacts/version.html", context, status=status)


def _act(request: HttpRequest, sheet: Sheet, refusal: Refusal | None, *, at: datetime) -> dict[str, Any]:
    """Signing and declining, where it is for this login; the one-time number only once who it is was proven."""
    user, version = viewer(request), sheet.version
    signer = sheet.role_of(user)
    if signer is None:
        return {"signer": None}
    found: dict[str, Any] = {
        "signer": signer,
        "decline_form": _kept(refusal, "decline")
        or RoleReasonForm(prefix="decline", initial={"role": signer.role}),
        "delegated_by": _holder_of_grant(signer, user),
    }
    proof = proof_of(request, act=identity_of(version), at=at)
    if not signer.state.is_turn or sheet.lost_grounds:
        return found
    if proof is None:
        return found | {"ways": ways_to_prove(request, back=identity_of(version), at=at)}
    nonce = services.challenge(version=version, by=user, at=at)
    form = SignForm(initial={"role": signer.role, "digest": version.digest, "nonce": nonce})
    return found | {"sign_form": form, "proof": proof}


def _holder_of_grant(signer: Signer, user: User) -> str:
    """For whom a delegate signs; "" for the holder of the role."""
    if user in signer.state.holders:
        return ""
    return next((grant.holder.name for grant in signer.state.grants if grant.delegate == user), "")


def _revoking(request: HttpRequest, sheet: Sheet, refusal: Refusal | None, *, at: datetime) -> dict[str, Any]:
    """For those who signed what is in force, and those who hold a role that signed it; proven as for signing."""
    user, version = viewer(request), sheet.version
    if version.state != VersionState.IN_FORCE:
        return {}
    mine = sheet.signed_by(user) or next((signer for signer in sheet.signers if signer.is_mine), None)
    if mine is None:
        return {}
    typed = _kept(refusal, "revoke")
    if proof_of(request, act=identity_of(version), at=at) is None:
        ways = ways_to_prove(request, back=identity_of(version), at=at)
        return {"revoking_as": mine, "ways": ways, "unproven": True, "revoke_form": typed}
    form = typed or RoleReasonForm(prefix="revoke", initial={"role": mine.role})
    return {"revoking_as": mine, "revoke_form": form}


def _sending(version: ArtifactVersion, refusal: Refusal | None, *, at: datetime) -> dict[str, Any]:
    """What stands against sending it, told before it is tried, and where it is edited."""
    blockers = refusal.blockers if refusal and refusal.blockers else services.blockers_of(version, at=at)
    edit_url = kind_named(version.artifact.kind).edit_url(version)
    return {"blockers": blockers, "edit_url": edit_url, "papers": Paper.choices}


def _next_up(sheet: Sheet, user: User, *, at: datetime) -> dict[str, Any] | None:
    """For who has signed or declined this one: what waits for them next."""
    has_acted = sheet.signed_by(user) or (sheet.refusal and sheet.refusal.person_id == user.pk)
    if not has_acted:
        return None
    waiting = [each.version for each in waiting_for(user, at=at) if each.version != sheet.version]
    if not waiting:
        return None
    return {"title": title_of(waiting[0]), "url": address_of(waiting[0]), "more": len(waiting) - 1}


def _restarts(sheet: Sheet) -> bool:
    """Whether a draft may be begun with its content: it came to nothing, and nothing was begun since."""
    version = sheet.version
    came_to_nothing = version.state in (VersionState.DECLINED, VersionState.WITHDRAWN)
    return (
        came_to_nothing
        and sheet.kind.restarts
        and not sheet.is_over
        and not version.artifact.versions.filter(state=VersionState.DRAFT).exists()
    )


def _kept(refusal: Refusal | None, act: str) -> Any:
    return refusal.form if refusal and refusal.act == act else None
