"""The end of the chain is signed by the server and mailed to witnesses, at each last signature and daily."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
from django.conf import settings
from django.core.checks import run_checks

from alignment import tasks
from alignment.models import (
    ArtifactVersion,
    ChainEntry,
    ChainHead,
    Notification,
    OutgoingMail,
    Role,
    ServerKey,
)
from alignment.queries.bundles import NotInBundle, bundle_of, files_of
from alignment.services.artifacts import Authentication, challenge, decline, expire, revoke, sign, withdraw
from alignment.services.chain import append
from alignment.services.heads import sign_daily_head, sign_head
from alignment.services.server_key import SigningKeyUnusable, key_in_use, private_key, public_hex
from alignment.settings.signing import signing_key
from alignment.tests.sealing import DAY, HOUR, NOON, memos, seal, send, sign_by
from alignment.verification.database import verify_database
from alignment.verification.verify import check_bundle, check_head, collected, witnessed
from testing.artifacts import sent, sign_all, sign_as, user_with

__all__ = ["memos"]
OTHER_KEY = bytes(range(1, 33))


@pytest.fixture(autouse=True)
def _memos(memos: None) -> None: ...


def test_a_last_signature_is_followed_by_a_head_that_anyone_can_verify() -> None:
    head = seal(send(), at=NOON + HOUR)
    assert head.entry == ChainEntry.objects.latest("sequence")
    told = json.loads(head.statement)
    assert (told["sequence"], told["digest"], told["key"]) == (
        head.entry_id,
        head.entry.digest,
        head.key.name,
    )
    assert told["at"] == "2026-11-23T13:00:00.000000+00:00"
    assert not list(check_head(told, head.signature, head.key.public))
    assert list(check_head({**told, "sequence": 1}, head.signature, head.key.public)) == [
        f"The head at entry 1 is not signed by the server's key {head.key.name}."
    ]


def test_the_first_head_brings_its_key_into_the_chain() -> None:
    append("sent", {}, at=NOON)
    head = sign_head(at=NOON)
    assert head is not None and head.entry.kind == "key"
    event = json.loads(head.entry.event)
    assert (event["name"], event["public"]) == (head.key.name, public_hex())


def test_a_chain_that_did_not_move_gets_no_second_head() -> None:
    assert sign_head(at=NOON) is None, "there is nothing to sign yet"
    append("sent", {}, at=NOON)
    assert sign_head(at=NOON) is not None
    assert sign_head(at=NOON + DAY) is None


def test_a_head_names_the_one_before_it() -> None:
    first = seal(send())
    second = seal(send(at=NOON + HOUR), at=NOON + HOUR)
    assert json.loads(first.statement)["previous"] == 0
    assert json.loads(second.statement)["previous"] == first.entry_id


def test_the_daily_head_comes_when_the_last_one_is_a_day_old_and_the_chain_moved() -> None:
    assert sign_daily_head(at=NOON) is None
    seal(send())
    version = send(at=NOON + HOUR)
    sign_by(Role.CRO, version, at=NOON + HOUR)
    assert sign_daily_head(at=NOON + 23 * HOUR) is None
    head = sign_daily_head(at=NOON + DAY)
    assert head is not None and head.entry.kind == "signed"
    assert sign_daily_head(at=NOON + DAY) is None
    assert sign_daily_head(at=NOON + 3 * DAY) is None, "nothing moved"
    assert [json.loads(row.statement)["sequence"] for row in ChainHead.objects.all()] == [7, 10]


@pytest.mark.parametrize("how", ["declined", "withdrawn", "revoked", "expired"])
def test_the_end_of_a_document_is_sealed_at_the_next_tick(how: str) -> None:
    cro, revops, later = user_with(Role.CRO), user_with(Role.REVOPS), NOON + HOUR
    version = sent("memo", {"text": "x", "until_on": "2026-11-23"}, at=NOON)
    seal(send("b"))
    if how in ("revoked", "expired"):
        sign_all(version, at=NOON)
    if how == "expired":
        later = NOON + 13 * HOUR
        assert expire(at=later) == 1
    elif how == "revoked":
        revoke(version=version, role=Role.CRO, reason="No.", by=cro, at=later)
    elif how == "declined":
        decline(version=version, role=Role.CRO, reason="No.", by=cro, at=later)
    else:
        withdraw(version=version, reason="No.", by=revops, at=later)
    head = sign_daily_head(at=later + HOUR)
    assert head is not None and head.entry.kind == how
    assert sign_daily_head(at=later + 2 * HOUR) is None


def test_a_head_is_mailed_but_is_no_news_in_the_app() -> None:
    seal(send())
    assert Notification.objects.filter(kind="head").count() == 2
    assert not Notification.objects.unread().filter(kind="head").exists()
    assert OutgoingMail.objects.filter(key__startswith="head:").count() == 2


def test_what_was_signed_without_a_head_gets_it_at_the_next_tick() -> None:
    version = seal_without_a_head(send())
    with pytest.raises(NotInBundle, match="within the hour"):
        bundle_of(version)
    assert sign_daily_head(at=NOON + HOUR) is not None
    assert bundle_of(version)
    assert sign_daily_head(at=NOON + 2 * HOUR) is None


def seal_without_a_head(version: ArtifactVersion) -> ArtifactVersion:
    """All sign while the key cannot be read, after some head was signed."""
    seal(send("before"))
    with mock.patch("alignment.services.heads.private_key", side_effect=SigningKeyUnusable):
        sign_all(version, at=NOON)
    return version


def test_the_tick_signs_by_the_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    append("sent", {}, at=NOON)
    assert tasks.sign_daily_head() is True
    assert tasks.sign_daily_head() is False
    task = "alignment.tasks.sign_daily_head"
    assert [row["schedule"] for row in settings.CELERY_BEAT_SCHEDULE.values() if row["task"] == task] == [
        3600.0
    ]


def test_witnesses_are_whoever_signed_and_who_holds_the_offices_and_each_gets_one_mail_a_head() -> None:
    finance = user_with(Role.FINANCE, "Fin Ance")
    user_with(Role.CRO, "Gone Away", is_active=False)
    user_with(Role.REP, "Rep Resent")
    moved = user_with(Role.CMO, "Moved On")
    sign_as(moved, send("old"), at=NOON)
    moved.role = Role.MARKETING
    moved.save()
    head = seal(send())
    assert sorted(head.witnesses) == ["Fin Ance", "Moved On", "The CMO", "The CRO"]
    mails = OutgoingMail.objects.filter(key__startswith=f"head:{head.entry_id}:")
    assert sorted(mail.to.split(".")[0] for mail in mails) == ["fin", "moved", "the", "the"]
    assert mails.filter(key=f"head:{head.entry_id}:{finance.pk}").count() == 1


def test_names_in_another_spelling_of_unicode_are_no_finding() -> None:
    for role, name in ((Role.FINANCE, "Rene\u0301 Ange"), (Role.CRO, "Zoe\u0308")):
        user_with(role, name, title="Ge\u0301ne\u0301ral")
    version = send()
    sign_as(user_with(Role.CRO, "Zoe\u0308"), version, at=NOON)
    assert "Ren\u00e9 Ange" in seal(version).witnesses
    assert not verify_database().findings
    version.refresh_from_db()
    assert not collected(check_bundle(files_of(version)))


@pytest.mark.parametrize("ip", ["2001:DB8:0:0::7", "::ffff:192.0.2.7", "::FFFF:C000:207", "192.0.2.7", None])
def test_an_address_is_recorded_as_the_database_reads_it(ip: str | None) -> None:
    version, cro = send(), user_with(Role.CRO)
    sign(
        version=version,
        role=Role.CRO,
        displayed_digest=version.digest,
        nonce=challenge(version=version, by=cro, at=NOON),
        authentication=Authentication(NOON, ("password",)),
        ip=ip,
        user_agent="Browser\n\u200b" * 100,
        by=cro,
        at=NOON,
    )
    assert not verify_database().findings


def test_the_mail_says_all_that_a_witness_needs_and_its_file_is_taken_by_the_verifier() -> None:
    head = seal(send())
    mail = OutgoingMail.objects.filter(key__startswith="head:").first()
    assert mail is not None
    for told in (
        f"Entry         {head.entry_id}\n",
        f"Digest        {head.entry.digest}\n",
        f"Key           {head.key.name}\n",
        f"Signature     {head.signature}\n",
        "2026-11-23T12:00:00.000000+00:00",
        f"--head head-{head.entry_id}.json",
        "/verify/",
    ):
        assert told in mail.text
    attached = mail.attachments[0]
    assert (attached["name"], attached["type"]) == (f"head-{head.entry_id}.json", "application/json")
    assert witnessed(attached["text"]) == (head.entry_id, head.entry.digest, [])
    forged = attached["text"].replace(head.entry.digest, "f" * 64)
    assert witnessed(forged)[2], "the file cannot be changed without the key"


def test_another_key_is_recorded_and_signs_from_then_on(settings: Any) -> None:
    first = seal(send())
    settings.SIGNING_KEY = OTHER_KEY
    second = sign_daily_head(at=NOON + DAY)
    assert second and second.entry.kind == "key"
    assert second.key.name != first.key.name
    assert ServerKey.objects.count() == 2
    assert not verify_database(heads=[f"{first.entry_id}:{first.entry.digest}"]).findings
    settings.SIGNING_KEY = bytes(range(32))
    assert key_in_use(at=NOON + 2 * DAY) == first.key, "a key that comes back is no new one"


# --- the key itself ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        bytes(range(32)).hex(),
        f" {bytes(range(32)).hex().upper()}\n",
        "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=",
    ],
)
def test_the_setting_takes_hex_or_base64(text: str) -> None:
    assert signing_key(text) == bytes(range(32))


@pytest.mark.parametrize("text", ["short", "00" * 31, "zz" * 32, "AAEC", "é"])
def test_a_setting_that_is_no_key_stops_the_start_and_says_what_to_write(text: str) -> None:
    with pytest.raises(RuntimeError, match="openssl rand -hex 32"):
        signing_key(text)


def test_without_a_setting_a_key_is_made_once_for_the_owner_alone(settings: Any, tmp_path: Path) -> None:
    settings.SIGNING_KEY = None
    settings.SIGNING_KEY_FILE = tmp_path / "data" / "signing.key"
    with ThreadPoolExecutor(16) as pool:
        made = {key.private_bytes_raw() for key in pool.map(lambda _: private_key(), range(64))}
    assert len(made) == 1
    assert stat.S_IMODE(settings.SIGNING_KEY_FILE.stat().st_mode) == 0o600
    assert os.listdir(tmp_path / "data") == ["signing.key"]


def test_several_processes_make_one_key(tmp_path: Path) -> None:
    code = (
        "import django; django.setup();"
        "from alignment.services.server_key import public_hex; print(public_hex())"
    )
    environment = {**os.environ, "DATA_DIR": str(tmp_path), "DJANGO_SETTINGS_MODULE": "alignment.settings"}
    environment.pop("SIGNING_KEY", None)
    started = [
        subprocess.Popen([sys.executable, "-c", code], env=environment, stdout=subprocess.PIPE, text=True)
        for _ in range(3)
    ]
    assert len({process.communicate(timeout=60)[0] for process in started}) == 1


@pytest.mark.parametrize("text", ["", "half", "00" * 31])
def test_a_damaged_file_is_named_and_never_written_over(settings: Any, tmp_path: Path, text: str) -> None:
    settings.SIGNING_KEY = None
    settings.SIGNING_KEY_FILE = tmp_path / "signing.key"
    settings.SIGNING_KEY_FILE.write_text(text)
    with pytest.raises(SigningKeyUnusable, match=r"signing\.key holds no signing key"):
        private_key()
    assert settings.SIGNING_KEY_FILE.read_text() == text


def test_the_deployment_check_warns_of_a_key_in_the_data_folder(settings: Any) -> None:
    def warned() -> bool:
        return "alignment.W001" in {message.id for message in run_checks(include_deployment_checks=True)}

    assert not warned()
    settings.SIGNING_KEY = None
    assert warned()
