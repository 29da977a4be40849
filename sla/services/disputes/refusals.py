"""Why a dispute is not taken, or not ruled on."""

from __future__ import annotations

from django.core.exceptions import PermissionDenied


class NotConcerned(PermissionDenied):
    """Who files is concerned: the owner, the owner's managers, marketing, CRO, CMO and RevOps."""


class Refused(Exception):
    """The act is not done; the message says why and what to do."""


class AlreadyDisputed(Refused):
    """The subject has an undecided dispute."""


class AlreadyRuled(Refused):
    """The same question about the same clock was ruled on."""


class NothingToDispute(Refused):
    """The clock was met or is no longer owed, or the cycle is void."""


class DisputeIsOver(Refused):
    """It was ruled on or withdrawn."""


class Incomplete(Refused):
    """Something is missing from what is filed or ruled; `field` is the field of the form that lacks it."""

    def __init__(self, message: str, field: str = "") -> None:
        super().__init__(message)
        self.field = field


class NamesThePerson(Incomplete):
    """The text, which stays as evidence, names the lead."""


class MayNotRule(PermissionDenied):
    """Only the arbitration owner rules, after the time is over the escalation owner too; never on what is their own."""


class NotTheFiler(PermissionDenied):
    """Only who filed a dispute withdraws it."""
