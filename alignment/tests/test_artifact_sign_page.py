"""The page on which a version is read and, at its end, signed or declined."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.test import Client
from django.utils import timezone

from alignment.models import ArtifactVersion, Refusal, Role, Signature, SigningChallenge, User, VersionState
from alignment.services.artifacts import withdraw
from alignment.tests.artifact_pages import (
    confirm,
    document_of,
    offered,
    pact,
    path_of,
    said,
    sign_on_page,
)
from alignment.tests.pages import signed_in
from alignment.tests.test_artifact_pdf import squeezed
from testing.artifacts import draft, sent, sign_all, signed, user_with
from testing.world import NOW

TEXT = "Marketing hands over leads that asked for a demo within 30 days."


@pytest.fixture
def now(db: None) -> Iterator[Any]:
    with time_machine.travel(NOW, tick=False) as now, pact():
        yield now


@pytest.fixture
def version(now: Any) -> ArtifactVersion:
    return sent("pact", {"text": TEXT}, at=NOW)


@pytest.fixture
def cro(version: ArtifactVersion) -> User:
    return user_with(Role.CRO)


@pytest.fixture
def cmo(version: ArtifactVersion) -> User:
    return user_with(Role.CMO)


def page(user: User, version: ArtifactVersion) -> str:
    answer = signed_in(user).get(path_of(version))
    assert answer.status_code == 200
    return answer.content.decode()


def test_the_page_shows_the_whole_text_who_signs_what_follows_and_the_digest(
    cro: User, version: ArtifactVersion
) -> None:
    answer = signed_in(cro).get(path_of(version))
    words, page = said(answer), answer.content.decode()
    for text in document_of(version.content).texts():
        assert squeezed(text) in squeezed(words)
    assert "I agree that my function works by this pact." in words
    assert "Both functions count by it from that moment." in words
    assert "in this order" in words and "The CRO" in words and "The CMO" in words
    assert "1 page of A4, at most 1" in words
    digest = version.digest
    assert " ".join(digest[at : at + 4] for at in range(0, 16, 4)) in words
    assert digest in page
    assert "The first version" in words
    # the act stands after the text, not before it
    assert page.index(TEXT) < page.index('id="act"')


def test_without_a_fresh_proof_there_is_no_form_to_sign_with_and_no_number_is_given_out(
    cro: User, version: ArtifactVersion
) -> None:
    words = page(cro, version)
    assert "/sign/" not in words
    assert "/accounts/reauthenticate/?next=" in words
    assert not SigningChallenge.objects.exists()


def test_after_the_proof_the_person_comes_back_to_the_act_and_signs_with_one_click(
    cro: User, version: ArtifactVersion
) -> None:
    client = signed_in(cro)
    back = path_of(version, "identity/")
    answer = client.post("/accounts/reauthenticate/", {"password": "correct horse battery", "next": back})
    assert answer["Location"] == back
    assert client.get(back)["Location"] == path_of(version, "#act")
    answer = client.post(
        path_of(version, "sign/"),
        offered(client.get(path_of(version)).content.decode()) | {"has_read": "on"},
        HTTP_USER_AGENT="Browser 1",
        follow=True,
    )
    assert "Signed as CRO" in said(answer)
    found = Signature.objects.get()
    assert (found.role, found.signer, found.digest, found.user_agent, found.ip, found.methods) == (
        "cro",
        cro,
        version.digest,
        "Browser 1",
        "127.0.0.1",
        ["password"],
    )
    assert found.authenticated_at == NOW


def test_signing_in_alone_is_no_proof(cro: User, version: ArtifactVersion) -> None:
    client = Client()
    client.post("/accounts/login/", {"login": cro.email, "password": "correct horse battery"})
    assert "/sign/" not in client.get(path_of(version)).content.decode()
    # nor is it for a form that was made up
    fields = {"role": "cro", "digest": version.digest, "nonce": "x" * 32, "has_read": "on"}
    answer = client.post(path_of(version, "sign/"), fields)
    assert answer.status_code == 409
    assert "Confirm once more that it is you" in said(answer)
    assert not Signature.objects.exists()


def test_five_minutes_after_the_proof_it_is_asked_for_again(
    cro: User, version: ArtifactVersion, now: Any
) -> None:
    client = signed_in(cro)
    confirm(client)
    fields = offered(client.get(path_of(version)).content.decode()) | {"has_read": "on"}
    now.shift(timedelta(minutes=5, seconds=1))
    answer = client.post(path_of(version, "sign/"), fields)
    assert answer.status_code == 409
    assert "Confirm once more" in said(answer)
    assert not Signature.objects.exists()


def test_the_box_is_not_ticked_by_the_page_and_nothing_is_signed_without_it(
    cro: User, version: ArtifactVersion
) -> None:
    client = signed_in(cro)
    confirm(client)
    fields = offered(client.get(path_of(version)).content.decode())
    answer = client.post(path_of(version, "sign/"), fields)
    assert answer.status_code == 422
    assert "Tick that you have read the whole text" in said(answer)
    assert not Signature.objects.exists()


def test_a_text_that_changed_behind_the_page_is_not_signed(cro: User, version: ArtifactVersion) -> None:
    client = signed_in(cro)
    confirm(client)
    fields = offered(client.get(path_of(version)).content.decode()) | {"has_read": "on"}
    answer = client.post(path_of(version, "sign/"), fields | {"digest": "0" * 64})
    assert answer.status_code == 409
    assert "not the one that waits for your signature" in said(answer)
    # a newer version that was sent meanwhile withdraws this one
    draft("pact", {"text": "Another text"}, at=NOW)
    sent("pact", {"text": "Another text"}, at=NOW)
    answer = client.post(path_of(version, "sign/"), fields)
    assert answer.status_code == 409
    assert "does not wait for signatures" in said(answer)
    assert "There is a newer version" in said(answer)
    assert not Signature.objects.exists()


def test_a_page_signs_once(cro: User, cmo: User, version: ArtifactVersion) -> None:
    client = signed_in(cro)
    confirm(client)
    fields = offered(client.get(path_of(version)).content.decode()) | {"has_read": "on"}
    assert client.post(path_of(version, "sign/"), fields).status_code == 302
    answer = client.post(path_of(version, "sign/"), fields)
    assert answer.status_code == 409
    assert "You have signed version 1" in said(answer)
    assert Signature.objects.count() == 1


@pytest.mark.parametrize("missing", ["role", "digest", "nonce"])
def test_a_form_that_lacks_what_was_shown_is_refused_in_words(
    cro: User, version: ArtifactVersion, missing: str
) -> None:
    client = signed_in(cro)
    confirm(client)
    fields = offered(client.get(path_of(version)).content.decode()) | {"has_read": "on"}
    answer = client.post(path_of(version, "sign/"), fields | {missing: ""})
    assert answer.status_code == 422
    assert "Read it again and sign there" in said(answer)


def test_who_is_not_next_reads_and_declines_but_cannot_sign_yet(cmo: User, version: ArtifactVersion) -> None:
    client = signed_in(cmo)
    confirm(client)
    answer = client.get(path_of(version))
    assert "This is signed in order" in said(answer)
    assert "/sign/" not in answer.content.decode()
    assert "Decline with a reason" in said(answer)


def test_the_last_signature_brings_it_into_force_and_the_page_shows_who_signed(
    cro: User, cmo: User, version: ArtifactVersion
) -> None:
    assert sign_on_page(signed_in(cro), version).status_code == 302
    client = signed_in(cmo)
    answer = client.get(sign_on_page(client, version)["Location"])
    words = said(answer)
    assert "Everybody has signed: it is in force now." in words
    assert "Signatures" in words and "not signed yet" not in words
    version.refresh_from_db()
    assert version.state == VersionState.IN_FORCE


def test_declining_asks_for_a_reason_keeps_what_was_typed_and_is_told(
    cro: User, cmo: User, version: ArtifactVersion
) -> None:
    client = signed_in(cmo)
    answer = client.post(path_of(version, "decline/"), {"decline-role": "cmo", "decline-reason": "  "})
    assert answer.status_code == 422
    assert "Write the reason" in said(answer)
    withdraw(version=version, reason="Wrong quarter", by=user_with(Role.REVOPS), at=NOW)
    fields = {"decline-role": "cmo", "decline-reason": "The limit is too low."}
    answer = client.post(path_of(version, "decline/"), fields)
    assert answer.status_code == 409
    assert "does not wait for signatures" in said(answer)
    again = sent("pact", {"text": TEXT}, at=NOW)
    answer = client.post(path_of(again, "decline/"), fields | {"decline-role": "cro"})
    assert answer.status_code == 409
    assert "The limit is too low." in answer.content.decode()  # kept in the form
    answer = client.post(path_of(again, "decline/"), fields, follow=True)
    assert "Declined by The CMO for CMO" in said(answer)
    assert "The limit is too low." in said(answer)
    assert Refusal.objects.filter(kind="declined").count() == 1
    assert "The limit is too low." in said(signed_in(user_with(Role.REVOPS)).get(path_of(again)))


def test_what_changed_since_the_signed_version_is_shown_word_by_word(now: Any) -> None:
    signed("pact", {"text": TEXT, "points": ["Both use one definition."]}, at=NOW)
    second = sent("pact", {"text": TEXT.replace("30", "14"), "points": ["Leads come weekly."]}, at=NOW)
    answer = page(user_with(Role.CRO), second)
    assert "What changed since version 1" in answer
    assert "30<span" in answer and "<del>" in answer and "<ins>" in answer
    words = answer.partition('id="changes"')[2].partition("</section>")[0]
    assert "Removed" in words and "Added" in words and "Changed" in words


def test_a_version_that_says_the_same_says_so(now: Any) -> None:
    signed("pact", {"text": TEXT}, at=NOW)
    assert "Every word is the same" in page(user_with(Role.CRO), sent("pact", {"text": TEXT}, at=NOW))


def test_it_names_what_it_rests_on_and_warns_once_that_is_gone(now: Any) -> None:
    ground = signed("memo", {"text": "Ground"}, at=NOW)
    version = sent("pact", {"text": TEXT}, rests_on=[ground], at=NOW)
    before = page(user_with(Role.CRO), version)
    assert path_of(ground) in before and "rests on what is not in force" not in before
    signed("memo", {"text": "Another ground"}, at=NOW)
    client = signed_in(user_with(Role.CRO))
    confirm(client)
    after = client.get(path_of(version))
    assert "rests on what is not in force" in said(after)
    assert "/sign/" not in after.content.decode()


def test_a_signer_or_holder_revokes_with_a_reason(now: Any) -> None:
    version = signed("pact", {"text": TEXT}, at=NOW)
    client = signed_in(user_with(Role.CMO))
    fields = {"revoke-role": "cmo", "revoke-reason": "The market changed."}
    before = said(client.get(path_of(version)))
    assert "Revoke it as CMO" in before and "Enter your password" in before
    assert "Revoke version 1" not in before and "nothing takes its place" in before
    answer = client.post(path_of(version, "revoke/"), fields)
    assert answer.status_code == 409 and "Nothing was revoked" in said(answer)
    assert "The market changed." in answer.content.decode()
    version.refresh_from_db()
    assert version.state == VersionState.IN_FORCE
    confirm(client)
    assert "Revoke version 1" in said(client.get(path_of(version)))
    answer = client.post(path_of(version, "revoke/"), fields | {"revoke-reason": ""})
    assert answer.status_code == 422
    assert "Revoked by The CMO for CMO" in said(client.post(path_of(version, "revoke/"), fields, follow=True))
    version.refresh_from_db()
    assert version.state == VersionState.REVOKED
    answer = client.post(path_of(version, "revoke/"), fields)
    assert answer.status_code == 409
    # others have no such form, and no such act
    other = signed("pact", {"text": TEXT}, at=NOW)
    marketing = signed_in(user_with(Role.MARKETING))
    confirm(marketing)
    assert "Revoke" not in said(marketing.get(path_of(other)))
    assert marketing.post(path_of(other, "revoke/"), fields).status_code == 409
    other.refresh_from_db()
    assert other.state == VersionState.IN_FORCE


def test_a_letter_page_is_named_as_such(now: Any) -> None:
    version = sent("pact", {"text": TEXT}, paper="us-letter", at=NOW)
    assert "1 page of Letter" in said(signed_in(user_with(Role.CRO)).get(path_of(version)))


def test_the_page_asks_no_more_for_more_versions_signers_and_grounds(
    now: Any, django_assert_max_num_queries: Any
) -> None:
    grounds = [signed("memo", {"text": f"Ground {n}"}, key=f"g{n}", at=NOW) for n in range(8)]
    one = sent("pact", {"text": TEXT}, key="one", at=NOW)
    for _ in range(3):
        signed("pact", {"text": TEXT}, key="many", at=NOW)
    many = sent("pact", {"text": TEXT}, key="many", rests_on=grounds, at=NOW)
    user = user_with(Role.CRO)
    for version in (one, many):
        client = signed_in(user)
        client.get(path_of(version))
        with django_assert_max_num_queries(40):
            client.get(path_of(version))


def test_the_pdf_is_the_one_as_sent_until_all_have_signed(cro: User, version: ArtifactVersion) -> None:
    answer = signed_in(cro).get(path_of(version, "pdf/"))
    assert answer["Content-Type"] == "application/pdf"
    assert 'inline; filename="pact-1-v1.pdf"' in answer["Content-Disposition"]
    sign_all(version, at=timezone.now())
    assert signed_in(cro).get(path_of(version, "pdf/")).content != answer.content
