"""Who acts for the program, and how each of them signs."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from alignment.models import ArtifactVersion, Role, User
from alignment.services.artifacts import Authentication, challenge, send, sign
from dashboard.demo import people

_AUTHENTICATED_BEFORE = timedelta(seconds=40)
_AT_A_DESK = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"


@dataclass(frozen=True)
class Cast:
    """One login of each role that has a part."""

    revops: User
    cro: User
    cmo: User
    finance: User

    @classmethod
    def found(cls) -> Cast:
        """The demo's people, by the role that they were given."""
        users = {user.email: user for user in User.objects.filter(email__endswith=f"@{people.DOMAIN}")}
        of = {role: users[people.email_of(name)] for name, role, _, _ in people.OTHERS}
        return cls(of[Role.REVOPS], of[Role.CRO], of[Role.CMO], of[Role.FINANCE])

    @property
    def leaders(self) -> tuple[User, User]:
        return self.cro, self.cmo

    @property
    def all_signers(self) -> tuple[User, User, User]:
        return self.cro, self.cmo, self.finance


def sign_as(user: User, version: ArtifactVersion, *, at: datetime) -> None:
    """As the page has it: the version is shown, the password asked for again, the digest on the screen signed."""
    version.refresh_from_db()
    nonce = challenge(version=version, by=user, at=at - _AUTHENTICATED_BEFORE)
    sign(
        version=version,
        role=user.role,
        displayed_digest=version.digest,
        nonce=nonce,
        authentication=Authentication(at - _AUTHENTICATED_BEFORE / 2, ("password",)),
        ip=None,
        user_agent=_AT_A_DESK,
        by=user,
        at=at,
    )


def agree(
    version: ArtifactVersion,
    cast: Cast,
    signers: tuple[User, ...],
    *,
    at: datetime,
    every: timedelta = timedelta(hours=2),
) -> ArtifactVersion:
    """RevOps sends the draft at `at`, and the signers sign it one after the other."""
    version = send(version=version, by=cast.revops, at=at)
    for place, user in enumerate(signers, start=1):
        sign_as(user, version, at=at + place * every)
    version.refresh_from_db()
    return version
