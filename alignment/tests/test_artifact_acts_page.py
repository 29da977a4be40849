"""What RevOps does on the page of a version: sending, reminding, withdrawing, discarding; and its PDF."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from typing import Any

import pypdf
import pytest
import time_machine

from alignment.models import ArtifactVersion, Role, User, VersionState
from alignment.services.artifacts import save_draft
from alignment.tests.artifact_pages import document_of, pact, path_of, said
from alignment.tests.pages import signed_in
from alignment.tests.test_artifact_pdf import squeezed, words_of
from testing.artifacts import draft, sent, sign_all, sign_as, user_with
from testing.world import NOW

TEXT = "Marketing hands over leads that asked for a demo."


@pytest.fixture(autouse=True)
def now(db: None) -> Iterator[Any]:
    with time_machine.travel(NOW, tick=False) as now, pact():
        yield now


@pytest.fixture
def revops() -> User:
    for role in (Role.CRO, Role.CMO):
        user_with(role)
    return user_with(Role.REVOPS)


def test_a_draft_is_sent_as_it_was_read(revops: User) -> None:
    version = draft("pact", {"text": TEXT}, at=NOW)
    client = signed_in(revops)
    page = client.get(path_of(version))
    assert 'name="revision" value="1"' in page.content.decode()
    assert '<a class="btn" href="/settings/">' in page.content.decode()
    answer = client.post(path_of(version, "send/"), {"revision": 1}, follow=True)
    assert "Sent for signature." in said(answer)
    version.refresh_from_db()
    assert version.state == VersionState.SENT


def test_a_draft_that_somebody_changed_meanwhile_is_not_sent(revops: User) -> None:
    version = draft("pact", {"text": TEXT}, at=NOW)
    save_draft(kind="pact", key="1", content={"text": "Else"}, by=revops, at=NOW)
    for revision in ("1", "", "x"):
        answer = signed_in(revops).post(path_of(version, "send/"), {"revision": revision})
        assert answer.status_code == 409
        assert "changed this draft after you read it" in said(answer)
    version.refresh_from_db()
    assert version.is_draft


def test_the_paper_of_a_draft_is_chosen_on_its_page_and_stays_with_the_document(revops: User) -> None:
    version = draft("pact", {"text": TEXT}, at=NOW)
    client = signed_in(revops)
    assert 'value="us-letter"' in client.get(path_of(version)).content.decode()
    answer = client.post(path_of(version, "paper/"), {"paper": "us-letter", "revision": 1}, follow=True)
    assert "1 page of Letter" in said(answer)
    assert client.post(path_of(version, "send/"), {"revision": 1}).status_code == 409  # it was read on A4
    save_draft(kind="pact", key="1", content={"text": "Else"}, by=revops, at=NOW)
    assert client.post(path_of(version, "send/"), {"revision": 3}).status_code == 302
    version.refresh_from_db()
    assert json.loads(version.envelope)["paper"] == "us-letter"
    assert draft("pact", {"text": "Next"}, at=NOW).paper == "us-letter"


def test_no_other_paper_and_that_of_no_sent_version_is_chosen(revops: User) -> None:
    version = draft("pact", {"text": TEXT}, at=NOW)
    client = signed_in(revops)
    for given, told in (
        ({"paper": "a3", "revision": 1}, "choose one of a4, us-letter"),
        ({"paper": "us-letter", "revision": 7}, "changed this draft after you read it"),
        ({"paper": "us-letter"}, "changed this draft after you read it"),
    ):
        answer = client.post(path_of(version, "paper/"), given)
        assert answer.status_code == 409 and told in said(answer)
    client.post(path_of(version, "send/"), {"revision": 1})
    assert client.post(path_of(version, "paper/"), {"paper": "us-letter", "revision": 1}).status_code == 409
    version.refresh_from_db()
    assert (version.paper, version.state) == ("a4", VersionState.SENT)
    cro = signed_in(user_with(Role.CRO))
    assert cro.post(path_of(version, "paper/"), {"paper": "us-letter"}).status_code == 403


def test_what_stands_against_sending_is_told_before_and_after_trying(revops: User) -> None:
    version = draft("pact", {"text": ""}, at=NOW)
    client = signed_in(revops)
    page = client.get(path_of(version))
    assert "text: write something." in said(page)
    assert "/send/" not in page.content.decode()
    answer = client.post(path_of(version, "send/"), {"revision": 1})
    assert answer.status_code == 409
    assert "It cannot be sent yet." in said(answer) and "text: write something." in said(answer)


def test_what_overflows_the_page_is_named(revops: User) -> None:
    version = draft("pact", {"text": TEXT, "points": [f"Point {n}" for n in range(60)]}, at=NOW)
    words = said(signed_in(revops).get(path_of(version)))
    assert "may take 1 page of A4" in words and "the list that begins with “Point 0”" in words
    answer = signed_in(revops).post(path_of(version, "send/"), {"revision": 1})
    assert answer.status_code == 409


def test_those_who_wait_are_reminded_at_a_click_once_a_minute(revops: User) -> None:
    version = sent("pact", {"text": TEXT}, at=NOW)
    client = signed_in(revops)
    assert "Reminded 1 person." in said(client.post(path_of(version, "remind/"), follow=True))
    assert "reminded within this minute" in said(client.post(path_of(version, "remind/"), follow=True))
    sign_all(version, at=NOW)
    assert client.post(path_of(version, "remind/")).status_code == 409


def test_withdrawing_needs_a_reason_and_keeps_what_was_typed(revops: User) -> None:
    version = sent("pact", {"text": TEXT}, at=NOW)
    client = signed_in(revops)
    answer = client.post(path_of(version, "withdraw/"), {"withdraw-reason": ""})
    assert answer.status_code == 422 and "Write the reason" in said(answer)
    answer = client.post(path_of(version, "withdraw/"), {"withdraw-reason": "Wrong quarter"}, follow=True)
    assert "Withdrawn by The RevOps" in said(answer) and "Wrong quarter" in said(answer)
    answer = client.post(path_of(version, "withdraw/"), {"withdraw-reason": "Again"})
    assert answer.status_code == 409


def test_a_draft_is_discarded_and_what_was_sent_is_not(revops: User) -> None:
    client = signed_in(revops)
    version = draft("pact", {"text": TEXT}, at=NOW)
    assert client.post(path_of(version, "discard/"))["Location"] == "/artifacts/"
    assert not ArtifactVersion.objects.exists()
    version = sent("pact", {"text": TEXT}, at=NOW)
    answer = client.post(path_of(version, "discard/"))
    assert answer.status_code == 409 and "was sent and stays" in said(answer)


@pytest.mark.parametrize("act", ["send/", "withdraw/", "remind/", "discard/"])
def test_these_acts_are_for_revops_alone(revops: User, act: str) -> None:
    version = sent("pact", {"text": TEXT}, at=NOW)
    client = signed_in(user_with(Role.CRO))
    assert client.post(path_of(version, act), {"withdraw-reason": "x"}).status_code == 403
    page = client.get(path_of(version)).content.decode()
    assert act not in page.replace("/sign/", "")


def test_the_pdf_is_a_marked_preview_then_what_was_sent_then_with_the_signatures(revops: User) -> None:
    version = draft("pact", {"text": TEXT}, at=NOW)
    client = signed_in(revops)

    def words() -> str:
        answer = client.get(path_of(version, "pdf/"))
        assert answer["Content-Type"] == "application/pdf"
        assert answer["Cache-Control"].startswith("max-age=0")
        assert len(pypdf.PdfReader(io.BytesIO(answer.content)).pages) == 1
        return words_of(answer.content)

    preview = words()
    assert "DRAFT" in preview
    for text in document_of(version.content).texts():
        assert squeezed(text) in preview
    client.post(path_of(version, "send/"), {"revision": 1})
    version.refresh_from_db()
    as_sent = words()
    assert "DRAFT" not in as_sent and version.digest[:16] in as_sent and as_sent.count("notsignedyet") == 2
    sign_as(user_with(Role.CRO), version, at=NOW)
    assert words().count("notsignedyet") == 2  # made again when all have signed
    sign_as(user_with(Role.CMO), version, at=NOW)
    final = words()
    assert "notsignedyet" not in final and "TheCRO" in final and "TheCMO" in final


def test_markup_in_a_title_stays_text_on_page_and_paper(revops: User) -> None:
    title = '#panic("x") *x* $x$ <script>alert(1)</script>'
    version = draft("pact", {"text": TEXT, "title": title}, at=NOW)
    answer = signed_in(revops).get(path_of(version))
    assert title in said(answer).replace("&lt;", "<") and "<script>alert" not in answer.content.decode()
    assert squeezed(title) in words_of(signed_in(revops).get(path_of(version, "pdf/")).content)


def test_what_the_pdf_can_only_name_by_its_code_is_told(revops: User) -> None:
    client = signed_in(revops)
    plain = draft("pact", {"text": TEXT}, key="plain", at=NOW)
    assert "Named by their code" not in said(client.get(path_of(plain)))
    version = draft("pact", {"text": "日本 says é"}, key="other", at=NOW)
    assert "no font of the PDF has them: 日 本" in said(client.get(path_of(version)))
    assert "[U+65E5][U+672C]saysé" in words_of(client.get(path_of(version, "pdf/")).content)
