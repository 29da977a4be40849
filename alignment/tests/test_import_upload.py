"""A file is uploaded and looked at."""

from __future__ import annotations

import io
import tempfile
import tracemalloc
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from alignment.models import Import, ImportPiece, Role, Source
from alignment.services import import_drafts
from alignment.services.sources import create_source
from alignment.tests.import_forms import BACKEND, LEADS, OTHER, drafted, text, upload, url, worked
from alignment.tests.pages import signed_in
from testing.world import World, add_user


@pytest.fixture
def revops(world: World) -> Client:
    return signed_in(add_user(world, Role.REVOPS, "Ann"))


def test_a_source_without_imports_says_what_to_export(revops: Client) -> None:
    said = text(revops.get(url("imports")))
    assert "Exports of the past four quarters" in said and "never routed, notified or timed" in said
    names = [
        "Campaigns",
        "Accounts",
        "Leads",
        "MQL cycles",
        "Touches",
        "Opportunities",
        "Stages of opportunities",
    ]
    places = [said.index(f"{name} : a row is") for name in names]
    assert places == sorted(places)


def test_an_upload_is_recognised_and_waits_for_its_mapping(revops: Client, world: World) -> None:
    answer = upload(revops)
    draft = Import.objects.get()
    assert answer.url == url("import-mapping", pk=draft.pk)
    assert (draft.state, draft.subject, str(draft.requested_by)) == ("draft", "lead", "Ann")
    assert ImportPiece.objects.get().file == draft
    said = text(revops.get(answer.url))
    assert (
        "looks like Salesforce report" in said
        and "Engines" in said
        and "3/1/2026 9:00 do not say their zone" in said
    )
    assert worked() is None and Import.objects.get().state == "draft", "no worker takes a draft"


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"PK\x03\x04 sheet", "open it and save as CSV"),
        (b"", "The file is empty"),
        (b"\x1f\x8b\x08", "unpack it"),
        (b"\x00\x01\x02\x03" * 99, "This is no text"),
        (b"<!doctype html><p>", "This is a web page"),
        (b"a,a\n1,2\n", "come more than once"),
    ],
)
def test_what_is_no_table_of_text_is_refused_with_what_to_do(
    revops: Client, content: bytes, sentence: str
) -> None:
    answer = upload(revops, content)
    assert answer.status_code == 422 and sentence in text(answer)
    assert not Import.objects.exists() and not ImportPiece.objects.exists()


def test_no_file_is_asked_for(revops: Client) -> None:
    answer = revops.post(url("import-upload"), {})
    assert answer.status_code == 422 and "Choose the file to import." in text(answer)


def test_a_file_beyond_the_limit_is_refused_and_not_kept(revops: Client, settings: Any) -> None:
    settings.IMPORT_MAX_BYTES = 1024 * 1024
    answer = upload(revops, b"Id,Email\n" + b"1,a@example.com\n" * 200_000)
    assert answer.status_code == 413 and "larger than 1 MB: export it in parts" in text(answer)
    assert not Import.objects.exists()


def test_files_are_taken_only_where_a_page_asks_for_them_and_only_of_revops(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept: list[str] = []

    def keep() -> io.BytesIO:
        kept.append("file")
        return io.BytesIO()

    monkeypatch.setattr("alignment.uploads.tempfile.TemporaryFile", keep)
    nobody, finance, revops = (Client(enforce_csrf_checks=True) for _ in range(3))
    finance.force_login(add_user(world, Role.FINANCE, "Finn"), backend=BACKEND)
    revops.force_login(add_user(world, Role.REVOPS, "Ann"), backend=BACKEND)

    def send(client: Client, address: str) -> int:
        # the check of the form's token reads the whole form before any view is asked
        client.cookies["csrftoken"] = "x" * 32
        return client.post(address, {"file": SimpleUploadedFile("x.csv", b"1")}).status_code

    assert send(nobody, url("import-upload")) == send(finance, url("import-upload")) == 403
    assert send(nobody, "/accounts/login/") == send(revops, reverse("alignment:source-new")) == 403
    assert kept == []
    assert send(revops, url("import-upload")) == 403
    assert kept == ["file"]


def test_an_unknown_export_is_asked_what_its_rows_are(revops: Client) -> None:
    draft = drafted(revops, OTHER)
    assert draft.subject == ""
    assert "The headers are of no export that is known here: Ref , When , Note" in text(
        revops.get(url("import-mapping", pk=draft.pk))
    )
    revops.post(url("import-object", pk=draft.pk), {"object": "touch"})
    draft.refresh_from_db()
    assert draft.subject == "touch"
    assert "Our field" in text(revops.get(url("import-mapping", pk=draft.pk)))
    assert "Say what a row" in text(
        revops.post(url("import-object", pk=draft.pk), {"object": "planet"}, follow=True)
    )


def test_an_object_said_at_the_upload_counts(revops: Client) -> None:
    assert drafted(revops, OTHER, object="campaign").subject == "campaign"


def test_a_large_file_is_kept_and_looked_at_in_flat_memory(world: World) -> None:
    row = b"00Q%012d,Ada,Lovelace,ada%d@example.com,Engines,Web,Open,Rep 1,,3/13/2026 9:00,\n"
    with tempfile.TemporaryFile() as file:
        file.write(LEADS.splitlines(keepends=True)[0].encode())
        for n in range(750_000):
            file.write(row % (n, n))
        size = file.tell()
        assert size > 60_000_000
        tracemalloc.start()
        given: dict[str, Any] = {"file_name": "big.csv", "source": world.crm, "by": None, "at": world.at}
        draft = import_drafts.create_draft(file=file, **given)
        assert len(import_drafts.first_rows(draft, 20)) == 20
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert peak < size / 2
    assert (draft.size, draft.pieces.count()) == (size, -(-size // (1 << 20)))


def test_an_import_of_another_source_is_not_found(revops: Client) -> None:
    draft = drafted(revops)
    Source.objects.exclude(key="crm").delete()
    create_source(key="other", name="Other", kind="standard", by=None, at=timezone.now())
    names = ["import", "import-mapping", "import-preview", "import-mapping-file", "import-rejects"]
    acts = [
        "import-object",
        "import-load",
        "import-start",
        "import-discard",
        "import-cancel",
        "import-resume",
    ]
    for given in ({"key": "other", "pk": draft.pk}, {"key": "crm", "pk": draft.pk + 99}):
        for name in names:
            assert revops.get(reverse(f"alignment:{name}", kwargs=given)).status_code == 404, name
        for name in acts:
            assert revops.post(reverse(f"alignment:{name}", kwargs=given)).status_code == 404, name
            assert revops.get(reverse(f"alignment:{name}", kwargs=given)).status_code == 405, name


@pytest.mark.parametrize("role", [role for role in Role if role != Role.REVOPS])
def test_only_revops_comes_in(world: World, revops: Client, role: Role) -> None:
    draft = drafted(revops)
    client = signed_in(add_user(world, role, f"The {role.value}"))
    for name in ("imports", "import-upload", "imports-came-in"):
        assert client.get(url(name)).status_code == 403
    assert client.get(url("import-mapping", pk=draft.pk)).status_code == 403
    assert client.post(url("import-start", pk=draft.pk)).status_code == 403
