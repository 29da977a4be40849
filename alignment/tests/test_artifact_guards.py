"""The database itself guards what was sent and signed: as the application's role, and as the owner of the tables."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import DatabaseError, DataError, IntegrityError, connection, transaction

from alignment.artifacts import envelope
from alignment.artifacts.kinds import Kind
from alignment.models import (
    Artifact,
    ArtifactVersion,
    Refusal,
    Rendition,
    RestsOn,
    Role,
    Signature,
    SigningChallenge,
)
from alignment.services.artifacts import challenge, decline, revoke, withdraw
from testing.artifacts import draft, kind_of, sent, sign_all, sign_as, signature_row, signed, user_with

NOW = datetime(2026, 11, 23, 10, tzinfo=UTC)
pytestmark = pytest.mark.django_db
OTHER = "0" * 64


@pytest.fixture(autouse=True)
def memo() -> Iterator[Kind]:
    with kind_of() as kind:
        yield kind


def change(version: ArtifactVersion, **values: Any) -> None:
    """Change a row under a savepoint, constraints that wait for the end included."""
    with transaction.atomic():
        ArtifactVersion.objects.filter(pk=version.pk).update(**values)
        with connection.cursor() as cursor:
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE; SET CONSTRAINTS ALL DEFERRED")


@pytest.mark.parametrize(
    "table", ["signature", "refusal", "rendition", "chainentry", "chainhead", "serverkey"]
)
@pytest.mark.parametrize("statement", ["UPDATE {} SET {} = {}", "DELETE FROM {}", "TRUNCATE {} CASCADE"])
@pytest.mark.usefixtures("as_application_role")
def test_the_application_cannot_touch_what_was_recorded(table: str, statement: str) -> None:
    version = signed("memo", {"text": "One"}, at=NOW)
    revoke(version=version, role="cro", reason="No", by=user_with(Role.CRO), at=NOW)
    column = "sequence" if table == "chainentry" else "id"
    name = f"alignment_{table}"
    with (
        pytest.raises(DatabaseError, match=f"permission denied for table {name}"),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute(statement.format(name, column, column))


@pytest.mark.usefixtures("as_application_role")
def test_the_application_does_its_daily_work_as_that_role() -> None:
    draft("memo", {"text": "Zero"}, at=NOW)
    first = signed("memo", {"text": "One"}, at=NOW)
    ground = signed("memo", {"text": "Ground"}, key="g", at=NOW)
    sign_all(sent("memo", {"text": "Two"}, at=NOW, rests_on=[ground]), at=NOW)
    decline(
        version=sent("memo", {"text": "x"}, at=NOW), role="cro", reason="No", by=user_with(Role.CRO), at=NOW
    )
    withdraw(version=sent("memo", {"text": "y"}, at=NOW), reason="No", by=user_with(Role.REVOPS), at=NOW)
    first.refresh_from_db()
    assert first.state == "superseded"


@pytest.mark.parametrize("state", ["sent", "in_force", "declined"])
@pytest.mark.parametrize(
    "values",
    [
        {"content": {"text": "Forged"}},
        {"envelope": "{}"},
        {"digest": OTHER},
        {"previous_digest": OTHER},
        {"number": 7},
        {"revision": 7},
        {"paper": "us-letter"},
        {"sent_at": NOW - timedelta(days=1)},
        {"sent_by": None},
        {"drafted_by": None},
        {"drafted_at": NOW - timedelta(days=1)},
        {"changed_at": NOW - timedelta(days=1)},
        {"expires_at": NOW + timedelta(days=1)},
    ],
    ids=lambda values: next(iter(values)),
)
def test_what_was_sent_never_changes(state: str, values: dict[str, Any]) -> None:
    version = sent("memo", {"text": "One"}, at=NOW)
    if state == "in_force":
        sign_all(version, at=NOW)
    elif state == "declined":
        decline(version=version, role="cro", reason="No", by=user_with(Role.CRO), at=NOW)
    with pytest.raises(IntegrityError, match="what was sent never changes"):
        change(version, **values)


def test_a_version_stays_with_its_artifact_and_the_artifact_keeps_its_name() -> None:
    other = Artifact.objects.create(kind="memo", key="2", created_at=NOW)
    for version in (draft("memo", {"text": "One"}, key="3", at=NOW), sent("memo", {"text": "One"}, at=NOW)):
        with pytest.raises(IntegrityError, match=r"stays with its artifact|what was sent never changes"):
            change(version, artifact=other)
    with pytest.raises(IntegrityError, match="an artifact keeps its kind and key"), transaction.atomic():
        Artifact.objects.filter(pk=other.pk).update(key="9")


def in_state(state: str) -> ArtifactVersion:
    if state == "draft":
        return draft("memo", {"text": "One"}, at=NOW)
    version = sent("memo", {"text": "One"}, at=NOW)
    if state in ("in_force", "superseded", "revoked"):
        sign_all(version, at=NOW)
    if state == "superseded":
        signed("memo", {"text": "Two"}, at=NOW)
    if state == "revoked":
        revoke(version=version, role="cro", reason="No", by=user_with(Role.CRO), at=NOW)
    if state == "declined":
        decline(version=version, role="cro", reason="No", by=user_with(Role.CRO), at=NOW)
    version.refresh_from_db()
    return version


TIMES: dict[str, dict[str, Any]] = {
    "draft": {"sent_at": None, "envelope": "", "digest": "", "signed_at": None, "ended_at": None},
    "sent": {"signed_at": None, "ended_at": None},
    "in_force": {"signed_at": NOW, "ended_at": None},
    "superseded": {"signed_at": NOW, "ended_at": NOW},
    "expired": {"signed_at": NOW, "ended_at": NOW},
    "revoked": {"signed_at": NOW, "ended_at": NOW},
    "declined": {"signed_at": None, "ended_at": NOW},
    "withdrawn": {"signed_at": None, "ended_at": NOW},
}


@pytest.mark.parametrize("before", ["draft", "sent", "in_force", "superseded", "revoked", "declined"])
def test_no_state_is_reached_by_hand(before: str) -> None:
    version = in_state(before)
    for after in TIMES.keys() - {before}:
        with pytest.raises((IntegrityError, DataError)):  # an empty envelope is no JSON
            change(version, state=after, **TIMES[after])
        version.refresh_from_db()
        assert version.state == before


def test_times_are_set_with_the_state_and_stay() -> None:
    version = in_state("superseded")
    for values in ({"signed_at": NOW + timedelta(days=1)}, {"ended_at": NOW + timedelta(days=1)}):
        with pytest.raises(IntegrityError, match="its times were set with its state"):
            change(version, **values)


def test_only_drafts_are_deleted_and_versions_begin_as_drafts() -> None:
    version = sent("memo", {"text": "One"}, at=NOW)
    rows = ArtifactVersion.objects.filter(pk=version.pk)
    with pytest.raises(IntegrityError, match="what was sent stays for good"), transaction.atomic():
        rows._raw_delete(rows.db)
    draft("memo", {"text": "Two"}, at=NOW).delete()
    version.pk, version.number, version.digest = None, 2, OTHER
    with pytest.raises(IntegrityError, match="begins as a draft"), transaction.atomic():
        version.save()


def test_an_envelope_of_other_content_grounds_or_version_is_not_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    real = envelope.envelope
    ground = signed("memo", {"text": "Ground"}, key="g", at=NOW)

    def but(**change: Any) -> None:
        monkeypatch.setattr(envelope, "envelope", lambda kind, **given: real(kind, **given | change))

    cases: list[tuple[dict[str, Any], str]] = [
        ({"content": {"text": "Other"}}, "the envelope holds another content"),
        ({"version": 9}, "the envelope names another version"),
        ({"key": "other"}, "the envelope names another version"),
        ({"paper": "us-letter"}, "the envelope names another version"),
        ({"previous": OTHER}, "the envelope names another version"),
        ({"rests_on": []}, "the envelope rests on other versions"),
    ]
    for n, (forged, saying) in enumerate(cases):
        but(**forged)
        with pytest.raises(IntegrityError, match=saying), transaction.atomic():
            sent("memo", {"text": "One"}, key=f"k{n}", at=NOW, rests_on=[ground])
    but()
    assert sent("memo", {"text": "One"}, key="k", at=NOW, rests_on=[ground]).state == "sent"


def test_a_digest_that_is_not_the_envelopes_is_not_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("alignment.services.artifacts.sending.digest", lambda raw: OTHER)
    with pytest.raises(IntegrityError, match="the digest is not that of the envelope"), transaction.atomic():
        sent("memo", {"text": "One"}, at=NOW)


@pytest.mark.parametrize(
    ("values", "saying"),
    [
        ({"digest": OTHER}, "under another digest"),
        (
            {"role": "finance", "own_role": "finance"},
            "the role does not sign this version|does not have that role",
        ),
        ({"statement": "I agree to nothing."}, "it agrees to another statement"),
        ({"signed_at": NOW - timedelta(seconds=1)}, "older than the sending"),
        ({"own_role": "cmo", "role": "cmo"}, "one_signature_per_role|does not have that role"),
    ],
    ids=["digest", "role", "statement", "time", "own role"],
)
def test_no_signature_is_written_that_nobody_gave(values: dict[str, Any], saying: str) -> None:
    version = sent("memo", {"text": "One"}, at=NOW)
    given = signature_row(version, user_with("cro"), at=NOW)
    with pytest.raises(IntegrityError, match=saying), transaction.atomic():
        Signature.objects.create(**given | values)
    Signature.objects.create(**given)


def test_no_signature_is_written_out_of_turn_by_the_switched_off_or_for_what_does_not_wait() -> None:
    with kind_of("ordered", in_order=True):
        ordered = sent("ordered", {"text": "One"}, at=NOW)
    with pytest.raises(IntegrityError, match="those before it have not signed"), transaction.atomic():
        Signature.objects.create(**signature_row(ordered, user_with("cmo"), at=NOW))
    given = signature_row(sent("memo", {"text": "One"}, at=NOW), user_with("cro"), at=NOW)
    given["signer"].is_active = False
    given["signer"].save()
    with pytest.raises(IntegrityError, match="is switched off"), transaction.atomic():
        Signature.objects.create(**given)
    over = in_state("declined")
    with pytest.raises(IntegrityError, match="does not wait for signatures"), transaction.atomic():
        Signature.objects.create(**signature_row(over, user_with("cmo"), at=NOW))


def test_a_delegation_that_is_none_lets_nobody_sign() -> None:
    version, other = sent("memo", {"text": "One"}, at=NOW), signed("memo", {"text": "x"}, key="2", at=NOW)
    rep = user_with(Role.REP)
    given = signature_row(version, user_with("cro"), at=NOW) | {
        "signer": rep,
        "own_role": "rep",
        "delegation": other,
    }
    with pytest.raises(IntegrityError, match="no delegation in force"), transaction.atomic():
        Signature.objects.create(**given)
    with pytest.raises(IntegrityError, match="role_or_delegation"), transaction.atomic():
        Signature.objects.create(**given | {"delegation": None})


def test_a_refusal_fits_the_state() -> None:
    waiting, over = sent("memo", {"text": "One"}, at=NOW), signed("memo", {"text": "x"}, key="2", at=NOW)
    cro = user_with(Role.CRO)
    for version, kind in ((waiting, "revoked"), (over, "declined"), (over, "withdrawn")):
        with pytest.raises(IntegrityError, match="the version cannot be"), transaction.atomic():
            Refusal.objects.create(
                version=version, kind=kind, role="cro", person=cro, name="x", reason="x", refused_at=NOW
            )


def test_what_a_sent_version_rests_on_never_changes() -> None:
    ground, other = (signed("memo", {"text": key}, key=key, at=NOW) for key in ("a", "b"))
    version = sent("memo", {"text": "One"}, at=NOW, rests_on=[ground])
    row = version.foundations.get()
    again = "what a sent version rests on never changes"
    with pytest.raises(IntegrityError, match=again), transaction.atomic():
        RestsOn.objects.create(version=version, ground=other)
    with pytest.raises(IntegrityError, match=again), transaction.atomic():
        RestsOn.objects.filter(pk=row.pk).update(ground=other)
    with pytest.raises(IntegrityError, match=again), transaction.atomic():
        row.delete()
    loose = draft("memo", {"text": "Two"}, key="2", at=NOW)
    with pytest.raises(IntegrityError, match=again), transaction.atomic():
        RestsOn.objects.filter(pk=row.pk).update(version=loose)
    with pytest.raises(IntegrityError, match="nothing rests on a draft"), transaction.atomic():
        RestsOn.objects.create(version=draft("memo", {"text": "x"}, key="3", at=NOW), ground=loose)


def test_a_pdf_under_another_digest_is_not_kept() -> None:
    version = sent("memo", {"text": "One"}, at=NOW)
    with pytest.raises(IntegrityError, match="a_rendition_has_its_digest"), transaction.atomic():
        Rendition.objects.create(
            version=version, is_signed=True, pdf=b"%PDF", sha256=OTHER, pages=1, made_by="x", made_at=NOW
        )


def test_a_number_stays_as_it_was_given_and_is_used_once() -> None:
    version = sent("memo", {"text": "One"}, at=NOW)
    cro, cmo = user_with(Role.CRO), user_with(Role.CMO)
    challenge(version=version, by=cro, at=NOW)
    rows = SigningChallenge.objects.filter(user=cro)
    for values in ({"user": cmo}, {"digest": OTHER}, {"issued_at": NOW + timedelta(days=1)}):
        with pytest.raises(IntegrityError, match="one-time number"), transaction.atomic():
            rows.update(**values)
    rows.update(used_at=NOW)
    with pytest.raises(IntegrityError, match="one-time number"), transaction.atomic():
        rows.update(used_at=None)


def test_a_signature_outlives_every_attempt_to_remove_it() -> None:
    version = sent("memo", {"text": "One"}, at=NOW)
    signature = sign_as(user_with(Role.CRO), version, at=NOW)
    with pytest.raises(IntegrityError, match="only ever added"), transaction.atomic():
        Signature.objects.filter(pk=signature.pk).update(name="Forged")
    with pytest.raises(IntegrityError, match="only ever added"), transaction.atomic():
        signature.delete()
