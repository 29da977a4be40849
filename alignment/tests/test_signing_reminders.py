"""Reminders go to those whose turn it is, in business days, once each; PDFs that failed are made later."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from alignment import tasks
from alignment.artifacts.kinds import Kind
from alignment.models import ArtifactVersion, ChainEntry, Notification, Organisation, OutgoingMail, Role
from alignment.queries.artifacts import in_force, waiting_for
from alignment.services.artifacts import NotSent, remind, remind_now, render_missing, renditions, revoke
from alignment.services.authority import OnlyRevOps
from testing.artifacts import kind_of, sent, sign_all, sign_as, signed, user_with

NOW = datetime(2026, 11, 19, 10, tzinfo=UTC)  # a Thursday
pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def memo() -> Iterator[Kind]:
    with kind_of() as kind:
        yield kind


@pytest.fixture
def version() -> ArtifactVersion:
    return sent("memo", {"text": "One"}, at=NOW)


def reminded() -> list[str]:
    return sorted(notice.user.role for notice in Notification.objects.filter(kind="reminder"))


def test_the_first_reminder_comes_after_two_business_days_and_then_every_two(
    version: ArtifactVersion,
) -> None:
    due = [datetime(2026, 11, day, tzinfo=UTC) for day in (24, 26, 28)]  # Fri + Mon, Tue + Wed, Thu + Fri
    for moment in due:
        assert remind(at=moment - timedelta(seconds=1)) == 0
        assert remind(at=moment) == 2
        assert remind(at=moment + timedelta(hours=1)) == 0
    assert OutgoingMail.objects.filter(key__contains=":reminder:").count() == 6


def test_days_are_those_of_the_organisations_zone() -> None:
    Organisation.objects.update_or_create(pk=1, defaults={"zone": "America/New_York"})
    sent("memo", {"text": "One"}, at=datetime(2026, 11, 20, 2, tzinfo=UTC))  # still Thursday there
    assert remind(at=datetime(2026, 11, 24, 4, 59, tzinfo=UTC)) == 0
    assert remind(at=datetime(2026, 11, 24, 5, tzinfo=UTC)) == 2


def test_ticks_that_were_missed_make_no_flood(version: ArtifactVersion) -> None:
    assert remind(at=NOW + timedelta(days=60)) == 2


def test_who_has_signed_is_left_alone(version: ArtifactVersion) -> None:
    sign_as(user_with(Role.CRO), version, at=NOW)
    remind(at=NOW + timedelta(days=5))
    assert reminded() == ["cmo"]
    sign_as(user_with(Role.CMO), version, at=NOW + timedelta(days=5))
    assert remind(at=NOW + timedelta(days=30)) == 0


def test_in_an_order_the_days_count_from_the_signature_before() -> None:
    with kind_of("ordered", in_order=True):
        version = sent("ordered", {"text": "One"}, at=NOW)
        remind(at=NOW + timedelta(days=5))
        assert reminded() == ["cro"]
        sign_as(user_with(Role.CRO), version, at=NOW + timedelta(days=5))  # a Tuesday
        assert remind(at=NOW + timedelta(days=7)) == 0
        assert remind(at=NOW + timedelta(days=8)) == 1
        assert reminded() == ["cmo", "cro"]


def test_what_is_past_its_last_day_reminds_nobody() -> None:
    sent("memo", {"text": "One", "until_on": "2026-11-23"}, at=NOW)
    assert remind(at=NOW + timedelta(days=10)) == 0


def test_what_rests_on_something_gone_waits_for_revops_and_reminds_no_signer() -> None:
    ground = signed("memo", {"text": "Ground"}, key="g", at=NOW)
    sent("memo", {"text": "One"}, at=NOW, rests_on=[ground])
    cro = user_with(Role.CRO)
    assert len(waiting_for(cro, at=NOW)) == 1
    revoke(version=ground, role="cro", reason="No", by=cro, at=NOW)
    assert waiting_for(cro, at=NOW) == []
    assert remind(at=NOW + timedelta(days=10)) == 0


def test_revops_reminds_at_once(version: ArtifactVersion) -> None:
    revops = user_with(Role.REVOPS)
    assert remind_now(version=version, by=revops, at=NOW) == 2
    assert remind_now(version=version, by=revops, at=NOW + timedelta(seconds=20)) == 0
    assert remind_now(version=version, by=revops, at=NOW + timedelta(minutes=2)) == 2
    with pytest.raises(OnlyRevOps):
        remind_now(version=version, by=user_with(Role.CRO), at=NOW)
    sign_all(version, at=NOW)
    with pytest.raises(NotSent, match="nobody to remind"):
        remind_now(version=version, by=revops, at=NOW)


def test_a_signature_stands_when_its_pdf_cannot_be_made_and_the_sweep_makes_it_later(
    version: ArtifactVersion, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*args: object, **more: object) -> bytes:
        raise RuntimeError("no type today")

    with monkeypatch.context() as broken:
        broken.setattr(renditions, "make_pdf", fail)
        sign_all(version, at=NOW)
        assert in_force("memo", "1") == version
        assert render_missing(at=NOW) == 0
    assert "could not be set in type" in caplog.text
    assert not version.renditions.filter(is_signed=True).exists()
    later = NOW + timedelta(hours=1)
    assert (render_missing(at=later), render_missing(at=later)) == (1, 0)
    made = version.renditions.get(is_signed=True)
    event = ChainEntry.objects.filter(kind="rendered", version=version).last()
    assert event is not None and made.sha256 in event.event and made.made_at == later


def test_the_pdf_of_a_superseded_version_is_made_too(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*args: object, **more: object) -> bytes:
        raise RuntimeError

    first = sent("memo", {"text": "One"}, at=NOW)
    with monkeypatch.context() as broken:
        broken.setattr(renditions, "make_pdf", fail)
        sign_all(first, at=NOW)
    signed("memo", {"text": "Two"}, at=NOW)
    assert render_missing(at=NOW) == 1
    assert first.renditions.filter(is_signed=True).count() == 1


def test_a_head_that_cannot_be_signed_loses_no_signature(
    version: ArtifactVersion, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*, at: datetime) -> None:
        raise OSError("no key")

    monkeypatch.setattr("alignment.services.artifacts.force.sign_head", fail)
    sign_all(version, at=NOW)
    assert in_force("memo", "1") == version
    assert "head of the chain could not be signed" in caplog.text


def test_the_ticks_ask_the_services() -> None:
    assert tasks.expire_artifacts() == tasks.remind_signers() == tasks.render_artifacts() == 0
    assert tasks.forget_challenges() == 0
