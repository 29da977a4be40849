"""Signed memos for tests of the chain, sent and signed by the services as people do it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta

import pytest

from alignment.models import ArtifactVersion, ChainHead, Role
from alignment.services.artifacts import decline, revoke, withdraw
from testing.artifacts import kind_of, sent, sign_all, sign_as, user_with

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)


@pytest.fixture
def memos(db: None) -> Iterator[None]:
    """Memos exist, and two people who sign them."""
    with kind_of("memo"):
        user_with(Role.CRO, title="Chief, Zürich")
        user_with(Role.CMO)
        yield


def send(
    key: str = "a",
    *,
    text: str = "Zürich \U0001d11e",
    rests_on: Sequence[ArtifactVersion] = (),
    at: datetime = NOON,
) -> ArtifactVersion:
    """The next version of a memo, sent."""
    return sent("memo", {"text": text}, key=key, rests_on=rests_on, at=at)


def sign_by(role: str, version: ArtifactVersion, *, at: datetime = NOON) -> None:
    """One of the two signs."""
    sign_as(user_with(role), version, at=at)


def seal(version: ArtifactVersion, *, at: datetime = NOON) -> ChainHead:
    """Both sign; it is in force, and the head after it is signed."""
    sign_all(version, at=at)
    return newest_head()


def newest_head() -> ChainHead:
    return ChainHead.objects.select_related("entry", "key").latest("entry")


def history(versions: int, *, at: datetime = NOON) -> list[ArtifactVersion]:
    """Versions of two memos in turn; some declined, withdrawn or revoked, and at the end one that waits."""
    made: list[ArtifactVersion] = []
    cro, revops = user_with(Role.CRO), user_with(Role.REVOPS)
    for number in range(versions):
        when = at + number * HOUR
        grounds = [row for row in made if row.artifact.key == "b" and row.state == "in_force"]
        version = send("ab"[number % 2], rests_on=[] if number % 2 else grounds[-1:], at=when)
        if number % 7 == 4:
            decline(version=version, role=Role.CRO, reason="Not so.", by=cro, at=when)
        elif number % 7 == 5:
            sign_by(Role.CMO, version, at=when)
            withdraw(version=version, reason="Later.", by=revops, at=when)
        else:
            seal(version, at=when + MINUTE)
            if number % 7 == 6:
                version.refresh_from_db()
                revoke(version=version, role=Role.CRO, reason="No more.", by=cro, at=when + 2 * MINUTE)
        made.append(version)
        for row in made:
            row.refresh_from_db()
    return made
