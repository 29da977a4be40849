"""A delegate revokes one document and signs another, while the login may be switched off: no act waits in a circle."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any
from unittest.mock import patch

import pytest
from django.db import OperationalError

from alignment import retry
from alignment.artifacts.kinds import Kind
from alignment.models import Role, User
from alignment.services.artifacts import (
    Authentication,
    NotTheHolder,
    challenge,
    decline,
    ending,
    locks,
    revoke,
    sign,
)
from alignment.services.delegations import grant
from alignment.services.people import deactivate_user
from testing.artifacts import kind_of, sent, sign_all, signed, user_with
from testing.at_once import at_once

NOW = datetime(2026, 11, 23, 10, tzinfo=UTC)
pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def memo() -> Iterator[Kind]:
    with kind_of() as kind:
        yield kind


def test_revoking_signing_declining_and_switching_off_never_lock_each_other(
    examples: Callable[[int, int], int],
) -> None:
    cro, deputy, revops = user_with(Role.CRO), user_with(Role.FINANCE, "Deputy"), user_with(Role.REVOPS)
    day = NOW.date()
    sign_all(
        grant(role="cro", holder=cro, delegate=deputy, from_on=day, until_on=day, reason="x", by=cro, at=NOW),
        at=NOW,
    )
    rounds = examples(3, 40)
    for n in range(rounds):
        acts, is_last = acts_of(deputy, n), n == rounds - 1
        if is_last:
            acts.append(lambda: deactivate_user(user=deputy, by=revops, at=NOW))
        with patch.object(retry, "TRIES", 1):  # the order of the locks alone must do
            found = at_once(*acts, refusals=(NotTheHolder, OperationalError))
        assert not [each for each in found if isinstance(each, OperationalError)]
        assert is_last or not [each for each in found if isinstance(each, NotTheHolder)]


def acts_of(deputy: User, n: int) -> list[Callable[[], Any]]:
    """To revoke one, sign another and decline a third for the CRO."""
    over = signed("memo", {"text": "a"}, key=f"a{n}", at=NOW)
    waiting, other = (sent("memo", {"text": "b"}, key=f"{name}{n}", at=NOW) for name in "bc")
    nonce = challenge(version=waiting, by=deputy, at=NOW)
    return [
        lambda: revoke(version=over, role="cro", reason="x", by=deputy, at=NOW),
        lambda: sign(
            version=waiting,
            role="cro",
            displayed_digest=waiting.digest,
            nonce=nonce,
            authentication=Authentication(NOW, ("password",)),
            ip=None,
            user_agent="",
            by=deputy,
            at=NOW,
        ),
        lambda: decline(version=other, role="cro", reason="x", by=deputy, at=NOW),
    ]


def test_an_act_is_tried_again_after_a_deadlock() -> None:
    version, tries = signed("memo", {"text": "a"}, at=NOW), list[int]()

    def fail_once(*given: Any, **more: Any) -> Any:
        tries.append(1)
        if len(tries) == 1:
            raise OperationalError("deadlock detected")
        return real(*given, **more)

    real = locks.lock
    with patch.object(ending, "lock", fail_once):
        revoke(version=version, role="cro", reason="x", by=user_with(Role.CRO), at=NOW)
    version.refresh_from_db()
    assert (version.state, len(tries)) == ("revoked", 2)
