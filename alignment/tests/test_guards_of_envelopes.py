"""What the database asks of an envelope and its signatures: a part that is missing never passes for one that fits."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import DatabaseError, IntegrityError, connection, transaction

from alignment.artifacts.canonical import digest
from alignment.artifacts.kinds import Kind
from alignment.models import ArtifactVersion, Refusal, Role, Signature
from alignment.services.delegations import grant
from testing.artifacts import draft, kind_of, sent, sign_all, sign_as, signature_row, signed, user_with

NOW = datetime(2026, 11, 23, 10, tzinfo=UTC)
WHOLE: dict[str, Any] = {
    "schema": 1,
    "organisation": "Example",
    "kind": "memo",
    "key": "1",
    "label": "Memo",
    "version": 1,
    "previous": "",
    "rests_on": [],
    "paper": "a4",
    "signers": ["cro", "cmo"],
    "in_order": False,
    "statement": "I agree with this memo.",
    "page_limit": None,
    "content_schema": 1,
    "content": {"text": "One"},
    "expires_on": None,
}
pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("as_application_role")]


@pytest.fixture(autouse=True)
def memo() -> Iterator[Kind]:
    with kind_of() as kind:
        yield kind


def send_as(text: str, *, expires_at: datetime | None = None, **content: Any) -> ArtifactVersion:
    """Send a draft by hand, under an envelope of whatever text."""
    version = draft("memo", {"text": "One"} | content, at=NOW)
    with transaction.atomic():
        ArtifactVersion.objects.filter(pk=version.pk).update(
            state="sent", sent_at=NOW, envelope=text, digest=digest(text.encode()), expires_at=expires_at
        )
    version.refresh_from_db()
    return version


def test_the_whole_envelope_is_sent() -> None:
    assert send_as(json.dumps(WHOLE)).state == "sent"


@pytest.mark.parametrize("part", list(WHOLE))
def test_an_envelope_without_one_of_its_parts_is_not_sent(part: str) -> None:
    with pytest.raises(IntegrityError, match="lacks a part"):
        send_as(json.dumps({name: value for name, value in WHOLE.items() if name != part}))


@pytest.mark.parametrize("part", list(WHOLE))
def test_an_envelope_whose_part_is_of_another_type_is_not_sent(part: str) -> None:
    other: Any = {} if not isinstance(WHOLE[part], dict) else []
    with pytest.raises(IntegrityError, match="of another type"):
        send_as(json.dumps(WHOLE | {part: other}))
    if part not in ("page_limit", "expires_on"):
        with pytest.raises(IntegrityError, match="of another type"):
            send_as(json.dumps(WHOLE | {part: None}))


@pytest.mark.parametrize(
    ("text", "saying"),
    [
        ("[]", "no object"),
        ("null", "no object"),
        ("one", "invalid input syntax"),
        (json.dumps(WHOLE)[:-1] + ', "content": {"text": "One"}}', "holds one twice"),
        (json.dumps(WHOLE | {"also": 1}), "not known"),
        (json.dumps(WHOLE | {"label": ""}), "neither what it is"),
        (json.dumps(WHOLE | {"statement": ""}), "neither what it is"),
        (json.dumps(WHOLE | {"signers": []}), "each role signs once"),
        (json.dumps(WHOLE | {"signers": ["cro", "cro"]}), "each role signs once"),
        (json.dumps(WHOLE | {"signers": [None]}), "each role signs once"),
        (json.dumps(WHOLE | {"signers": ["cro", 1]}), "each role signs once"),
        (json.dumps(WHOLE | {"signers": [""]}), "each role signs once"),
        (json.dumps(WHOLE | {"content": {}}), "another content"),
        (json.dumps(WHOLE | {"kind": "note"}), "names another version"),
        (json.dumps(WHOLE | {"version": 1.5}), "names another version"),
        (json.dumps(WHOLE | {"rests_on": [{}]}), "rests on other versions"),
        (json.dumps(WHOLE | {"rests_on": [None]}), "rests on other versions"),
    ],
)
def test_an_envelope_that_makes_no_sense_is_not_sent(text: str, saying: str) -> None:
    with pytest.raises(DatabaseError, match=saying):
        send_as(text)


@pytest.mark.parametrize(
    ("last_day", "ends", "saying"),
    [
        (None, NOW + timedelta(days=900), "names no last day"),
        ("2026-11-30", None, "ends at another time"),
        ("2026-11-30", datetime(2026, 12, 2, tzinfo=UTC), "ends at another time"),
        ("2026-11-30", datetime(2026, 11, 30, tzinfo=UTC), "ends at another time"),
        ("soon", datetime(2026, 12, 1, tzinfo=UTC), "is no day"),
    ],
)
def test_an_envelope_ends_with_its_last_day(last_day: str | None, ends: datetime | None, saying: str) -> None:
    with pytest.raises(IntegrityError, match=saying):
        send_as(json.dumps(WHOLE | {"expires_on": last_day}), expires_at=ends)


@pytest.mark.parametrize("hour", [-14, 0, 12])
def test_the_last_day_may_end_in_any_zone(hour: int) -> None:
    ends = datetime(2026, 12, 1, tzinfo=UTC) + timedelta(hours=hour)
    assert send_as(json.dumps(WHOLE | {"expires_on": "2026-11-30"}), expires_at=ends).state == "sent"


def test_a_ground_is_named_as_it_is() -> None:
    ground = signed("memo", {"text": "Ground"}, key="g", at=NOW)
    draft("memo", {"text": "One"}, at=NOW, rests_on=[ground])
    right = {"kind": "memo", "key": "g", "version": 1, "digest": ground.digest}
    for wrong in ({"key": "h"}, {"kind": "note"}, {"version": 2}, {"digest": "0" * 64}):
        with pytest.raises(IntegrityError, match="rests on other versions"):
            resting(ground, json.dumps(WHOLE | {"rests_on": [right | wrong]}))
    assert resting(ground, json.dumps(WHOLE | {"rests_on": [right]})).state == "sent"


def resting(ground: ArtifactVersion, text: str) -> ArtifactVersion:
    version = draft("memo", {"text": "One"}, at=NOW, rests_on=[ground])
    with transaction.atomic():
        ArtifactVersion.objects.filter(pk=version.pk).update(
            state="sent", sent_at=NOW, envelope=text, digest=digest(text.encode())
        )
    version.refresh_from_db()
    return version


def put_in_force(version: ArtifactVersion, at: datetime) -> None:
    with transaction.atomic():
        ArtifactVersion.objects.filter(pk=version.pk).update(state="in_force", signed_at=at)


def test_nothing_comes_into_force_by_some_of_its_signatures_or_at_another_time() -> None:
    version = sent("memo", {"text": "One"}, at=NOW)
    for _ in range(2):
        with pytest.raises(IntegrityError, match="a role that must sign has not signed"):
            put_in_force(version, NOW)
        if version.signatures.exists():
            break
        sign_as(user_with(Role.CRO), version, at=NOW)
    given = signature_row(version, user_with(Role.CMO), at=NOW)
    Signature.objects.create(**given)
    with pytest.raises(IntegrityError, match="nobody signed at that time"):
        put_in_force(version, NOW + timedelta(days=1))
    put_in_force(version, NOW)


def test_nothing_comes_into_force_after_its_last_day() -> None:
    version = sent("memo", {"text": "One", "until_on": "2026-11-23"}, at=NOW)
    late = NOW + timedelta(days=2)
    for role in (Role.CRO, Role.CMO):
        Signature.objects.create(**signature_row(version, user_with(role), at=NOW) | {"signed_at": late})
    with pytest.raises(IntegrityError, match="its last day is over"):
        put_in_force(version, late)


@pytest.mark.parametrize(
    "envelope", ["{}", '{"signers": null}', '{"signers": []}', '{"signers": {}}', '{"signers": "cro"}', "[]"]
)
def test_who_must_sign_is_never_nobody(envelope: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT is_signed_by_all(1, %s, '')", [envelope])
        assert cursor.fetchone() == (False,)


def test_a_delegation_past_its_last_day_lets_nobody_sign() -> None:
    cro, deputy = user_with(Role.CRO), user_with(Role.REP)
    delegation = sign_all(
        grant(
            role=Role.CRO,
            holder=cro,
            delegate=deputy,
            from_on=NOW.date(),
            until_on=NOW.date(),
            reason="On leave",
            by=cro,
            at=NOW,
        ),
        at=NOW,
    )
    version = sent("memo", {"text": "One"}, at=NOW)
    given = signature_row(version, deputy, at=NOW) | {"role": "cro", "delegation": delegation}
    with pytest.raises(IntegrityError, match="no delegation in force"), transaction.atomic():
        Signature.objects.create(**given | {"signed_at": NOW + timedelta(days=1)})
    Signature.objects.create(**given)


def test_what_holds_no_version_is_neither_signed_nor_refused() -> None:
    version = sent("memo", {"text": "One"}, at=NOW)
    given = signature_row(version, user_with(Role.CRO), at=NOW)
    del given["version"]
    with pytest.raises(DatabaseError, match="does not wait for signatures"), transaction.atomic():
        Signature.objects.create(**given, version_id=10**9)
    for kind in ("superseded", "expired", "in_force", ""):
        with pytest.raises(IntegrityError, match="the version cannot be"), transaction.atomic():
            Refusal.objects.create(
                version=version, kind=kind, role="cro", name="x", reason="x", refused_at=NOW
            )


def test_what_has_no_end_does_not_expire() -> None:
    version = signed("memo", {"text": "One"}, at=NOW)
    with pytest.raises(IntegrityError, match="its last day is not over"), transaction.atomic():
        ArtifactVersion.objects.filter(pk=version.pk).update(state="expired", ended_at=NOW)
