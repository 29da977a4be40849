"""Declining, withdrawing, revoking and expiring. What was signed by then stays as evidence."""

from __future__ import annotations

import logging
from datetime import datetime

from django.db import transaction

from alignment.artifacts.canonical import NotCanonical, normalised
from alignment.artifacts.events import refusal_event
from alignment.models import ArtifactVersion, Refusal, RefusalKind, Role, User, VersionState
from alignment.queries.signers import roles_of
from alignment.retry import again_after_a_deadlock
from alignment.services import chain
from alignment.services.artifacts import telling
from alignment.services.artifacts.authority import require_authority
from alignment.services.artifacts.force import end_by_time, tell_hooks
from alignment.services.artifacts.locks import lock, lock_people
from alignment.services.artifacts.refusals import (
    AlreadySigned,
    NotInForce,
    NotSent,
    NotTheHolder,
    OnePersonOneRole,
    ReasonMissing,
    RoleDoesNotSign,
)
from alignment.services.authority import require_revops

log = logging.getLogger(__name__)
LONGEST_REASON = 2000


@again_after_a_deadlock
@transaction.atomic
def decline(*, version: ArtifactVersion, role: str, reason: str, by: User, at: datetime) -> Refusal:
    """Say no for a role, with the reason: the version ends, the one in force stays.

    Raises ReasonMissing, NotSent, RoleDoesNotSign, AlreadySigned, OnePersonOneRole or NotTheHolder.
    """
    words = _reason(reason)
    version = lock(version)
    _require_sent(version)
    _require_signs(version, role)
    if version.signatures.filter(role=role).exists():
        raise AlreadySigned(
            "This role has signed. Ask RevOps to withdraw the version; once it is in force it can be revoked."
        )
    if version.signatures.filter(signer=by).exists():
        raise OnePersonOneRole(
            "You signed this version for another role; who declines must be another person."
        )
    person, _ = require_authority(version, role, by=by, at=at)
    refusal = _end(version, RefusalKind.DECLINED, role, words, by=person, at=at)
    telling.declined(refusal, at=at)
    return refusal


@again_after_a_deadlock
@transaction.atomic
def withdraw(*, version: ArtifactVersion, reason: str, by: User, at: datetime) -> Refusal:
    """Take back what was sent and is not signed by all. Raises OnlyRevOps, ReasonMissing or NotSent."""
    require_revops(by, "Documents")
    words = _reason(reason)
    version = lock(version)
    _require_sent(version)
    refusal = _end(version, RefusalKind.WITHDRAWN, by.role, words, by=by, at=at)
    telling.withdrawn(refusal, at=at)
    return refusal


@again_after_a_deadlock
@transaction.atomic
def revoke(*, version: ArtifactVersion, role: str, reason: str, by: User, at: datetime) -> Refusal:
    """End what is in force, for a role that signed it: by whoever signed for it, or may sign for it today.

    Nothing else comes into force by it. Raises ReasonMissing, NotInForce, RoleDoesNotSign or NotTheHolder.
    """
    words = _reason(reason)
    version = lock(version)
    if version.state != VersionState.IN_FORCE:
        raise NotInForce(
            f"Version {version.number} is not in force: it is {version.get_state_display().lower()}."
        )
    if version.is_over(at):
        raise NotInForce(f"Version {version.number} is not in force: its last day is over.")
    _require_signs(version, role)
    if version.signatures.filter(role=role, signer=by).exists():
        person = lock_people(by)[by.pk]
        if not person.is_active:
            raise NotTheHolder("This login is switched off.")
    else:  # which locks the grant before people, as signing does
        person, _ = require_authority(version, role, by=by, at=at)
    refusal = _end(version, RefusalKind.REVOKED, role, words, by=person, at=at)
    tell_hooks(version, at=at)
    telling.revoked(refusal, at=at)
    return refusal


def expire(*, at: datetime) -> int:
    """End what is in force beyond its last day; how many versions that were. One that fails holds up no other."""
    due = ArtifactVersion.objects.in_force().filter(expires_at__lte=at).order_by("expires_at", "pk")
    expired = 0
    for version in due.select_related("artifact"):
        try:
            expired += _expire(version, at=at)
        except Exception:
            log.exception("a version could not be expired", extra={"version": version.pk})
    return expired


@transaction.atomic
def _expire(version: ArtifactVersion, *, at: datetime) -> bool:
    version = lock(version)
    if not version.is_over(at):
        return False
    end_by_time(version, at=at)
    return True


def _end(
    version: ArtifactVersion, kind: RefusalKind, role: str, reason: str, *, by: User, at: datetime
) -> Refusal:
    at = max(at, version.signed_at or version.sent_at or at)
    refusal = Refusal.objects.create(
        version=version, kind=kind, role=role, person=by, name=by.name, reason=reason, refused_at=at
    )
    version.state, version.ended_at = VersionState(kind.value), at
    version.save(update_fields=["state", "ended_at"])
    chain.append(*refusal_event(refusal), version=version, at=at)
    return refusal


def _reason(text: str) -> str:
    try:
        words = str(normalised(text.strip(), "reason"))
    except NotCanonical as problem:
        raise ReasonMissing(str(problem)) from problem
    if not words:
        raise ReasonMissing("Write the reason: it is kept, and the others read it.")
    if len(words) > LONGEST_REASON:
        raise ReasonMissing(f"Write the reason in at most {LONGEST_REASON} characters.")
    return words


def _require_sent(version: ArtifactVersion) -> None:
    if version.state != VersionState.SENT:
        raise NotSent(
            f"Version {version.number} does not wait for signatures: it is {version.get_state_display().lower()}."
        )


def _require_signs(version: ArtifactVersion, role: str) -> None:
    if role not in roles_of(version):
        label = Role(role).label if role in Role.values else role
        raise RoleDoesNotSign(f"This version asks for no signature of {label}.")
