"""The act of signing. The last signature brings the version into force in the same transaction."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction

from alignment.artifacts import envelope
from alignment.artifacts.events import signature_event
from alignment.models import ArtifactVersion, Role, Signature, User, VersionState
from alignment.queries.artifacts import stale_grounds
from alignment.queries.renditions import title_of
from alignment.queries.signers import roles_of, roles_whose_turn_it_is
from alignment.retry import again_after_a_deadlock
from alignment.services import chain
from alignment.services.artifacts import challenges, telling
from alignment.services.artifacts.authentication import Authentication, require_fresh
from alignment.services.artifacts.authority import require_authority
from alignment.services.artifacts.force import bring_into_force
from alignment.services.artifacts.locks import lock
from alignment.services.artifacts.refusals import (
    AlreadySigned,
    DigestDiffers,
    GroundNotInForce,
    NotSent,
    NotYourTurn,
    OnePersonOneRole,
    PastItsEnd,
    RoleDoesNotSign,
)


@again_after_a_deadlock
@transaction.atomic
def sign(
    *,
    version: ArtifactVersion,
    role: str,
    displayed_digest: str,
    nonce: str,
    authentication: Authentication,
    ip: str | None,
    user_agent: str,
    by: User,
    at: datetime,
) -> Signature:
    """Sign a sent version for a role, as its holder or as a delegate.

    `displayed_digest` and `nonce` (see `challenge`) come from the page that showed it. Raises NotSent, AlreadySigned,
    RoleDoesNotSign, OnePersonOneRole, NotTheHolder, NotYourTurn, PastItsEnd, GroundNotInForce, DigestDiffers,
    ChallengeUnknown, ChallengeUsed, ChallengeExpired, AuthenticationTooOld or AuthenticationTooWeak.
    """
    version = lock(version)
    signatures = list(version.signatures.all())
    _require_waiting(version, role, signatures, by=by)
    signer, authority = require_authority(version, role, by=by, at=at)
    _require_turn(version, role, signatures)
    require_signable(version, at=at)
    if displayed_digest != version.digest:
        raise DigestDiffers(
            "The text on your screen is not the one that waits for your signature. Open it again, read it, and sign "
            "what you see."
        )
    challenges.use(nonce, version=version, by=signer, at=at)
    require_fresh(authentication, by=signer, at=at)
    signature = Signature.objects.create(
        version=version,
        role=role,
        digest=version.digest,
        signer=signer,
        name=signer.name,
        title=signer.title,
        email=signer.email,
        own_role=signer.role,
        delegation=authority.grant.version if authority.grant else None,
        statement=envelope.read(version.envelope)["statement"],
        signed_at=_moment(version, authentication, at),
        authenticated_at=authentication.at,
        methods=list(authentication.methods),
        ip=ip,
        user_agent=_printable(user_agent)[:400],
    )
    chain.append(*signature_event(signature), version=version, at=at)
    signatures.append(signature)
    if {each.role for each in signatures} >= set(roles_of(version)):
        bring_into_force(version, signatures, at=signature.signed_at)
    else:
        telling.signed(signature, at=at)
        telling.signatures_wanted(version, at=at)
    return signature


def _require_waiting(version: ArtifactVersion, role: str, signatures: list[Signature], *, by: User) -> None:
    """Refuse what is signed already in words of its own, whatever became of the version since."""
    for signature in signatures:
        if signature.role == role:
            who = "You have" if signature.signer_id == by.pk else f"{signature.name} has"
            raise AlreadySigned(
                f"{who} signed version {version.number} for this role; there is nothing more to do."
            )
    if version.state != VersionState.SENT:
        raise NotSent(
            f"Version {version.number} does not wait for signatures: it is {version.get_state_display().lower()}. "
            "Look at the versions there are."
        )
    if role not in roles_of(version):
        raise RoleDoesNotSign("This version asks for no signature of this role.")
    if any(signature.signer_id == by.pk for signature in signatures):
        raise OnePersonOneRole(
            f"You signed this version for another role. The {Role(role).label} must be another person."
        )


def _require_turn(version: ArtifactVersion, role: str, signatures: list[Signature]) -> None:
    turn = roles_whose_turn_it_is(version, (signature.role for signature in signatures))
    if role not in turn:
        raise NotYourTurn(
            f"This is signed in order, and the {Role(turn[0]).label} is next. You will be told when it is your turn."
        )


def require_signable(version: ArtifactVersion, *, at: datetime) -> None:
    """Raises PastItsEnd or GroundNotInForce where no signature would count."""
    if version.expires_at and version.expires_at <= at:
        raise PastItsEnd(
            "The last day on which this would be in force is over. RevOps has to send a new version."
        )
    if stale := stale_grounds(version, at=at):
        raise GroundNotInForce(
            f"This rests on {title_of(stale[0].ground)}, which is no longer in force. RevOps has to send a "
            "new version that rests on what is."
        )


def _moment(version: ArtifactVersion, authentication: Authentication, at: datetime) -> datetime:
    """`at`, but never before the sending: the clocks of two machines may differ by a little."""
    return max(at, version.sent_at or at, authentication.at)


def _printable(text: str) -> str:
    return "".join(letter for letter in text if letter.isprintable())
