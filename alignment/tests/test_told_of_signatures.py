"""Who is told: whoever holds a role hears what was signed in its name; whose signature was voided; who is not."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from django.core import mail as outbox

from alignment.artifacts.kinds import Kind
from alignment.models import ArtifactVersion, ChainEntry, MailState, OutgoingMail, Role, User
from alignment.queries.artifact_access import readable_by
from alignment.queries.artifact_list import shelf
from alignment.services.artifacts import (
    NotInForce,
    OnePersonOneRole,
    PastItsEnd,
    decline,
    expire,
    remind,
    remind_now,
    revoke,
    withdraw,
)
from alignment.services.delegations import grant
from alignment.services.mail import SWITCHED_OFF, deliver_mail
from alignment.services.people import deactivate_user
from testing.artifacts import kind_of, sent, sign_all, sign_as, signed, user_with

NOW = datetime(2026, 11, 23, 10, tzinfo=UTC)
OVER = datetime(2026, 11, 26, 0, tzinfo=UTC)
pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def memo() -> Iterator[Kind]:
    with kind_of() as kind:
        yield kind


@pytest.fixture
def deputy() -> User:
    """Signs for the CMO, and for the CRO, today."""
    deputy = user_with(Role.FINANCE, "Deputy")
    for holder in (user_with(Role.CRO), user_with(Role.CMO)):
        day = NOW.date()
        sign_all(
            grant(
                role=holder.role,
                holder=holder,
                delegate=deputy,
                from_on=day,
                until_on=day,
                reason="Leave",
                by=holder,
                at=NOW,
            ),
            at=NOW,
        )
    return deputy


def mailed(subject: str) -> set[str]:
    found = OutgoingMail.objects.filter(subject__startswith=subject).select_related("user")
    return {mail.user.role for mail in found if mail.user}


def test_the_holder_hears_what_a_delegate_signed_and_that_it_is_in_force(deputy: User) -> None:
    version = sent("memo", {"text": "One"}, at=NOW)
    sign_as(deputy, version, "cmo", at=NOW)
    assert mailed("Deputy signed for the CMO") == {"cmo"}
    sign_as(user_with(Role.CRO), version, at=NOW)
    assert mailed("In force: Memo") == {"cro", "cmo", "finance", "revops"}


def test_a_delegate_who_was_asked_hears_that_it_was_withdrawn_or_declined(deputy: User) -> None:
    withdraw(version=sent("memo", {"text": "One"}, at=NOW), reason="No", by=user_with(Role.REVOPS), at=NOW)
    assert mailed("Withdrawn") == {"cro", "cmo", "finance"}
    later = NOW + timedelta(days=3)  # the delegation is over, the question was not forgotten
    second = sent("memo", {"text": "Two"}, at=NOW)
    decline(version=second, role="cro", reason="No", by=user_with(Role.CRO), at=later)
    assert mailed("The CRO declined") == {"cmo", "finance", "revops"}


def test_whose_signature_is_voided_by_a_newer_version_hears_it_by_mail() -> None:
    first = sent("memo", {"text": "One"}, at=NOW)
    sign_as(user_with(Role.CRO), first, at=NOW)
    sent("memo", {"text": "Two"}, at=NOW)
    assert mailed("Withdrawn") == {"cro"}
    assert "counts no more" in OutgoingMail.objects.get(subject__startswith="Withdrawn").text


def test_who_signed_for_one_role_does_not_decline_for_another(deputy: User) -> None:
    version = sent("memo", {"text": "One"}, at=NOW)
    sign_as(deputy, version, "cro", at=NOW)
    with pytest.raises(OnePersonOneRole):
        decline(version=version, role="cmo", reason="No", by=deputy, at=NOW)
    decline(version=version, role="cmo", reason="No", by=user_with(Role.CMO), at=NOW)


def test_a_mail_to_a_login_that_was_switched_off_meanwhile_is_not_sent() -> None:
    sent("memo", {"text": "One"}, at=NOW)
    cro = user_with(Role.CRO)
    deactivate_user(user=cro, by=user_with(Role.REVOPS), at=NOW)
    deliver_mail(at=NOW)
    assert cro.email not in [address for sent_one in outbox.outbox for address in sent_one.to]
    row = OutgoingMail.objects.get(user=cro)
    assert (row.state, row.last_error, row.attempts) == (MailState.DEAD, SWITCHED_OFF, 0)


def test_nobody_is_reminded_of_what_cannot_be_signed_any_more() -> None:
    version = sent("memo", {"text": "One", "until_on": "2026-11-25"}, at=NOW)
    with pytest.raises(PastItsEnd):
        remind_now(version=version, by=user_with(Role.REVOPS), at=OVER)


def test_a_version_of_a_kind_that_is_gone_stops_no_reminder() -> None:
    with kind_of("gone"):
        sent("gone", {"text": "One"}, at=NOW)
    sent("memo", {"text": "One"}, at=NOW)
    assert remind(at=NOW + timedelta(days=9)) == 2


class TestAfterTheLastDay:
    @pytest.fixture
    def version(self) -> ArtifactVersion:
        return signed("memo", {"text": "One", "until_on": "2026-11-25"}, at=NOW)

    def on(self, name: str, at: datetime) -> list[str]:
        rows, _ = shelf(readable_by(user_with(Role.REVOPS), at=at), name, at=at)
        return [row.version.state for row in rows]

    def test_it_ended_when_that_was_over_and_not_when_it_was_marked(self, version: ArtifactVersion) -> None:
        assert expire(at=OVER + timedelta(hours=9)) == 1
        version.refresh_from_db()
        assert (version.state, version.ended_at) == ("expired", OVER)
        entry = ChainEntry.objects.get(kind="expired")
        assert "2026-11-26T00:00:00" in entry.event
        assert entry.added_at == OVER + timedelta(hours=9)

    def test_lists_say_so_before_it_is_marked(self, version: ArtifactVersion) -> None:
        before = OVER - timedelta(seconds=1)
        assert (self.on("in-force", before), self.on("earlier", before)) == (["in_force"], [])
        assert (self.on("in-force", OVER), self.on("earlier", OVER)) == ([], ["expired"])
        version.refresh_from_db()
        assert version.state == "in_force"

    def test_it_is_not_revoked_any_more(self, version: ArtifactVersion) -> None:
        with pytest.raises(NotInForce, match="its last day is over"):
            revoke(version=version, role="cro", reason="x", by=user_with(Role.CRO), at=OVER)

    def test_its_successor_does_not_supersede_it(self, version: ArtifactVersion) -> None:
        signed("memo", {"text": "Two"}, at=OVER + timedelta(hours=1))
        version.refresh_from_db()
        assert (version.state, version.ended_at) == ("expired", OVER)
