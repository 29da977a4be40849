"""Lists of artifacts: what waits for whom, what is in force, what was; and the versions of one, with who did what."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.db.models import Q, QuerySet

from alignment.models import ArtifactVersion, Refusal, RefusalKind, Role, Signature, VersionState
from alignment.paging import Page, newest_first
from alignment.queries.artifact_pages import label_of, title_of
from alignment.queries.signers import is_in_order, roles_of, roles_whose_turn_it_is

SHELVES = {
    "waiting": ("Waiting for signatures", frozenset({VersionState.SENT})),
    "drafts": ("Drafts", frozenset({VersionState.DRAFT})),
    "in-force": ("In force", frozenset({VersionState.IN_FORCE})),
    "earlier": (
        "Earlier",
        frozenset(
            {
                VersionState.SUPERSEDED,
                VersionState.EXPIRED,
                VersionState.REVOKED,
                VersionState.DECLINED,
                VersionState.WITHDRAWN,
            }
        ),
    ),
}


@dataclass(frozen=True)
class Row:
    """A version in a list. `next_roles`: whose turn it is, as people read them; `moment`: of its present state."""

    version: ArtifactVersion
    title: str
    label: str
    signed: int
    required: int
    next_roles: tuple[str, ...]
    moment: datetime


@dataclass(frozen=True)
class Happening:
    """Something that happened to a version. `look`: of its icon; `reason` where one was given."""

    at: datetime
    what: str
    look: str
    by: str = ""
    reason: str = ""


def shelf(
    found: QuerySet[ArtifactVersion], name: str, after: str = "", *, at: datetime
) -> tuple[list[Row], str | None]:
    """One page of a shelf at this time, newest first, and the cursor of the next. Raises NoSuchPage."""
    over = Q(state=VersionState.IN_FORCE, expires_at__isnull=False, expires_at__lte=at)
    states = Q(state__in=SHELVES[name][1])
    versions = found.filter(states | over if name == "earlier" else states & ~over)
    page: Page[ArtifactVersion] = newest_first(versions.prefetch_related("signatures"), after)
    return [row_of(version.standing(at)) for version in page.rows], page.cursor


def row_of(version: ArtifactVersion) -> Row:
    """`version` with its artifact and signatures fetched."""
    signed = [signature.role for signature in version.signatures.all()]
    return Row(
        version=version,
        title=title_of(version),
        label=label_of(version),
        signed=len(signed),
        required=len(roles_of(version)),
        next_roles=tuple(_label(role) for role in roles_whose_turn_it_is(version, signed)),
        moment=version.ended_at or version.signed_at or version.sent_at or version.changed_at,
    )


def story_of(version: ArtifactVersion) -> list[Happening]:
    """What happened to a version, oldest first; its signatures and refusal fetched, the people as they were."""
    found = [Happening(version.drafted_at, "Draft begun", "file-text", _name(version.drafted_by))]
    if version.sent_at:
        found.append(Happening(version.sent_at, "Sent for signature", "send", _name(version.sent_by)))
    found += [_signed(signature) for signature in version.signatures.all()]
    if version.signed_at:
        found.append(Happening(version.signed_at, "In force", "circle-check"))
    refusal = getattr(version, "refusal", None)
    if refusal is not None:
        found.append(_refused(refusal))
    elif version.ended_at and version.state == VersionState.SUPERSEDED:
        found.append(Happening(version.ended_at, "Superseded by a newer version", "history"))
    elif version.ended_at and version.state == VersionState.EXPIRED:
        found.append(Happening(version.ended_at, "Expired: its last day was over", "calendar"))
    return found


def signers_in_words(version: ArtifactVersion) -> str:
    """Who signed it so far, and who should have: "signed by CRO, then CMO", "to be signed by CRO, CMO"."""
    roles = roles_of(version)
    signed = {signature.role for signature in version.signatures.all()}
    link = ", then " if is_in_order(version) else ", "
    by = link.join(_label(role) for role in roles if role in signed)
    missing = link.join(_label(role) for role in roles if role not in signed)
    if not missing:
        return f"signed by {by}"
    if version.state == VersionState.DRAFT:
        return f"to be signed by {missing}"
    if version.state == VersionState.SENT:
        return f"signed by {by}, waits for {missing}" if by else f"waits for {missing}"
    return f"signed by {by} alone, not by {missing}" if by else "signed by nobody"


def _signed(signature: Signature) -> Happening:
    own = "" if signature.delegation_id is None else f", by delegation as {_label(signature.own_role)}"
    return Happening(
        signature.signed_at, f"Signed for {_label(signature.role)}{own}", "signature", signature.name
    )


def _refused(refusal: Refusal) -> Happening:
    words = {
        RefusalKind.DECLINED: ("Declined for {}", "circle-x"),
        RefusalKind.WITHDRAWN: ("Withdrawn by {}", "arrow-back-up"),
        RefusalKind.REVOKED: ("Revoked for {}", "circle-x"),
    }
    said, look = words[RefusalKind(refusal.kind)]
    return Happening(
        refusal.refused_at, said.format(_label(refusal.role)), look, refusal.name, refusal.reason
    )


def _label(role: str) -> str:
    return str(Role(role).label) if role in Role.values else role


def _name(user: object) -> str:
    return str(getattr(user, "name", "") or "") if user is not None else ""
