"""Why an act on an artifact is refused. Each message says what happened and what to do."""

from __future__ import annotations


class Refused(Exception):
    """An act on an artifact that does not happen; the exceptions below say why."""


class ChangedMeanwhile(Refused):
    """Somebody else changed or sent the draft after its author opened it."""


class NotADraft(Refused):
    """What was sent never changes; a change is a new version."""


class CannotRestart(Refused):
    """Only what came to nothing, and was written by RevOps, is begun again with the same content."""


class NotSent(Refused):
    """The version does not wait for signatures: it is a draft, or its time is over."""


class NotInForce(Refused):
    """Only what is in force can be revoked."""


class RoleDoesNotSign(Refused):
    """The version asks for no signature of this role."""


class NotTheHolder(Refused):
    """Neither an active holder of the role nor a delegate by a signed grant that is in force today."""


class NotYourTurn(Refused):
    """Signers before this one in the order have not signed yet."""


class AlreadySigned(Refused):
    """This role has signed this version."""


class OnePersonOneRole(Refused):
    """This person signed the version for another role; two functions are two people."""


class DigestDiffers(Refused):
    """What was on the screen is not what waits for a signature."""


class ChallengeUnknown(Refused):
    """The one-time number was given to somebody else, for another version, or not at all."""


class ChallengeUsed(Refused):
    """The one-time number of this page has done its work."""


class ChallengeExpired(Refused):
    """The page was open for too long before it was signed."""


class AuthenticationTooOld(Refused):
    """The signer did not prove within the last minutes who they are."""


class AuthenticationTooWeak(Refused):
    """The signer has a second factor and did not use it."""


class GroundNotInForce(Refused):
    """What the version rests on went out of force after it was sent."""


class PastItsEnd(Refused):
    """The last day on which the version would be in force is over."""


class ReasonMissing(Refused):
    """Declining, withdrawing and revoking need a reason; it is kept."""
