"""The acts on signed artifacts. Nothing else writes them; each act is one transaction, chained and told to people."""

from alignment.services.artifacts.authentication import Authentication
from alignment.services.artifacts.challenges import challenge, forget_challenges
from alignment.services.artifacts.drafts import choose_paper, discard_draft, restart, save_draft
from alignment.services.artifacts.ending import decline, expire, revoke, withdraw
from alignment.services.artifacts.refusals import (
    AlreadySigned,
    AuthenticationTooOld,
    AuthenticationTooWeak,
    CannotRestart,
    ChallengeExpired,
    ChallengeUnknown,
    ChallengeUsed,
    ChangedMeanwhile,
    DigestDiffers,
    GroundNotInForce,
    NotADraft,
    NotInForce,
    NotSent,
    NotTheHolder,
    NotYourTurn,
    OnePersonOneRole,
    PastItsEnd,
    ReasonMissing,
    Refused,
    RoleDoesNotSign,
)
from alignment.services.artifacts.reminding import remind, remind_now
from alignment.services.artifacts.renditions import render_missing
from alignment.services.artifacts.sending import blockers_of, send
from alignment.services.artifacts.signing import sign

__all__ = [
    "AlreadySigned",
    "Authentication",
    "AuthenticationTooOld",
    "AuthenticationTooWeak",
    "CannotRestart",
    "ChallengeExpired",
    "ChallengeUnknown",
    "ChallengeUsed",
    "ChangedMeanwhile",
    "DigestDiffers",
    "GroundNotInForce",
    "NotADraft",
    "NotInForce",
    "NotSent",
    "NotTheHolder",
    "NotYourTurn",
    "OnePersonOneRole",
    "PastItsEnd",
    "ReasonMissing",
    "Refused",
    "RoleDoesNotSign",
    "blockers_of",
    "challenge",
    "choose_paper",
    "decline",
    "discard_draft",
    "expire",
    "forget_challenges",
    "remind",
    "remind_now",
    "render_missing",
    "restart",
    "revoke",
    "save_draft",
    "send",
    "sign",
    "withdraw",
]
