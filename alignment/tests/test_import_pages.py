"""History comes in through the browser: upload, mapping, preview, dry run, import, and what came of it."""

from __future__ import annotations

import csv
import io
import json
import re
import tempfile
import tracemalloc
from datetime import timedelta
from html import unescape
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from alignment.importing.mapping import InvalidMapping
from alignment.importing.rows import Row, read_rows
from alignment.models import Fact, Import, ImportPiece, ImportState, Lead, MqlCycle, Person, Role, Source
from alignment.queries.erasure_preview import files_of_sources
from alignment.services import import_drafts
from alignment.services.erasure import erase_person
from alignment.services.import_run import run_waiting
from alignment.services.imports import NothingToResume, NotUnderWay, cancel_import, resume_import
from alignment.services.imports import mapping_of as mapping_of_source
from alignment.services.sources import create_source
from alignment.tests.pages import cards, found, signed_in
from testing.world import World, add_user

LEADS = """Lead ID,First Name,Last Name,Email,Company / Account,Lead Source,Lead Status,Lead Owner,Disposition,\
Create Date,MQL Date
00Q5f000001AAAA,Ada,Lovelace,ada@example.com,Engines,Web,Open,Rep 1,,3/1/2026 9:00,3/2/2026 9:14
00Q5f000001AAAB,Emmy,Noether,emmy@example.com,Rings,Web,Dead,Nobody Known,Trash,3/13/2026 9:00,3/14/2026 10:00
00Q5f000001AAAC,Grace,Hopper,grace@example.com,Compilers,Events,Open,Rep 1,,tomorrow,
"""
BACKEND = "allauth.account.auth_backends.AuthenticationBackend"
OTHER = "Ref;When;Note\n1;2026-03-02;x\n"


@pytest.fixture
def revops(world: World) -> Client:
    return signed_in(add_user(world, Role.REVOPS, "Ann"))


def url(name: str, **given: Any) -> str:
    return reverse(f"alignment:{name}", kwargs={"key": "crm", **given})


def text(response: Any) -> str:
    body = b"".join(response) if response.streaming else response.content
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", body.decode())).split())


def upload(client: Client, content: str | bytes = LEADS, name: str = "leads.csv", **more: Any) -> Any:
    body = content.encode() if isinstance(content, str) else content
    return client.post(url("import-upload"), {"file": SimpleUploadedFile(name, body), **more})


def drafted(client: Client, content: str | bytes = LEADS, **more: Any) -> Import:
    answer = upload(client, content, **more)
    assert answer.status_code == 302, text(answer)
    return Import.objects.latest("pk")


def controls(page: str) -> dict[str, str]:
    """What a browser would send of the form of the mapping, untouched."""
    form = page[page.index('id="import-mapping"') : page.index("</form>", page.index('id="import-mapping"'))]
    found: dict[str, str] = {}
    for tag in re.findall(r"<input[^>]*>", form):
        name, kind = re.search(r'name="([^"]*)"', tag), re.search(r'type="(\w+|datetime-local)"', tag)
        if name is None or (kind and kind[1] == "checkbox" and " checked" not in tag):
            continue
        value = re.search(r'value="([^"]*)"', tag)
        found[name[1]] = unescape(value[1]) if value else "on" if kind and kind[1] == "checkbox" else ""
    for name, body in re.findall(r'<select name="([^"]*)".*?>(.*?)</select>', form, re.DOTALL):
        picked = re.search(r'<option value="([^"]*)" selected', body)
        found[name] = unescape(picked[1]) if picked else ""
    for name, body in re.findall(r'<textarea name="([^"]*)"[^>]*>(.*?)</textarea>', form, re.DOTALL):
        found[name] = unescape(body).strip()
    return found


def mapped(client: Client, draft: Import, *, act: str = "save", **changes: str) -> Any:
    """Submit the mapping form as it is shown, with these changes."""
    address = url("import-mapping", pk=draft.pk)
    given = controls(client.get(address).content.decode())
    return client.post(address, given | {"act": act} | changes)


SURE = {"zone": "Europe/Berlin", "is_zone_sure": "on"}


def previewed(client: Client, draft: Import, **changes: str) -> Any:
    answer = mapped(client, draft, **SURE | changes)
    assert answer.status_code == 302 and answer.url == url("import-preview", pk=draft.pk), text(answer)
    return client.get(answer.url)


def start(client: Client, draft: Import, act: str = "import", seen: str | None = None) -> Any:
    draft.refresh_from_db()
    given = {"act": act, "seen": import_drafts.fingerprint(draft) if seen is None else seen}
    return client.post(url("import-start", pk=draft.pk), given)


def worked() -> Import | None:
    return run_waiting(now=timezone.now)


# --- upload ---------------------------------------------------------------------------------------------------


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


# --- mapping --------------------------------------------------------------------------------------------------


def test_the_suggested_mapping_is_the_form_and_comes_back_as_it_was(revops: Client) -> None:
    draft = drafted(revops)
    before = draft.mapping
    assert mapped(revops, draft, **SURE).status_code == 302
    draft.refresh_from_db()
    assert draft.mapping == before | {"zone": "Europe/Berlin", "dates": "mdy", "decimal": "."}
    assert draft.mapping["columns"]["owner"] == draft.mapping["columns"]["owner_name"] == "Lead Owner"
    again = draft.mapping
    assert mapped(revops, draft).status_code == 302
    draft.refresh_from_db()
    assert draft.mapping == again


def test_the_zone_of_times_without_an_offset_must_be_confirmed(revops: Client) -> None:
    draft = drafted(revops)
    answer = mapped(revops, draft)
    assert answer.status_code == 422 and "Confirm it: “3/1/2026 9:00” says no offset" in text(answer)
    answer = mapped(revops, draft, zone="", is_zone_sure="on")
    assert answer.status_code == 422 and "name the zone of who exported it" in text(answer)
    assert "not an IANA time zone" in text(mapped(revops, draft, zone="CET+1", is_zone_sure="on"))


def test_times_with_an_offset_need_no_zone(revops: Client) -> None:
    draft = drafted(revops, "Id,LeadSource,CreatedDate\n1,Web,2026-03-02T09:00:00Z\n")
    assert mapped(revops, draft).status_code == 302
    draft.refresh_from_db()
    assert "zone" not in draft.mapping


def test_the_order_of_day_and_month_is_asked_for_where_nothing_proves_it(revops: Client) -> None:
    draft = drafted(revops, "Lead ID,Lead Owner,Create Date\n1,Ann,3/3/2026 9:00\n2,Ann,3/2/2026 9:00\n")
    page = text(revops.get(url("import-mapping", pk=draft.pk)))
    assert "day first: 3/2/2026 is 3 February 2026" in page and "3/2/2026 is 2 March 2026" in page
    assert "Is “3/2/2026” 3 February 2026 or 2 March 2026? No date" in text(mapped(revops, draft, **SURE))
    assert mapped(revops, draft, dates="dmy", **SURE).status_code == 302
    proven = drafted(revops)
    assert "proves the other order by “3/13/2026”: choose month first" in text(
        mapped(revops, proven, dates="dmy", **SURE)
    )


def test_dates_in_both_orders_are_told_apart_from_those_that_could_be_either(revops: Client) -> None:
    draft = drafted(revops, "Lead ID,Lead Owner,Create Date\n1,Ann,13/2/2026 9:00\n2,Ann,2/14/2026 9:00\n")
    said = text(mapped(revops, draft, **SURE))
    assert "Some dates have the day first (13/2/2026), others the month (2/14/2026)" in said
    assert "rows in the other order are rejected" in said
    assert mapped(revops, draft, dates="mdy", **SURE).status_code == 302


def test_a_select_holds_the_short_name_of_a_field_and_below_it_stands_what_it_means(revops: Client) -> None:
    draft = drafted(revops)
    page = revops.get(url("import-mapping", pk=draft.pk)).content.decode()
    chosen = found(r'<select name="field-0"(.*?)</div>', page)
    assert re.search(
        r'<option value="company" title="name of the company as written">\s*Company\s*</option>', chosen
    )
    assert re.search(r"<option value=\"\"[^>]*>not imported</option>", chosen)
    assert chosen.endswith("data-said>the record&#x27;s id in the CRM")


def test_a_field_has_one_column_and_the_record_needs_its_id(revops: Client) -> None:
    draft = drafted(revops)
    answer = mapped(revops, draft, **SURE | {"field-1": "email"})
    assert answer.status_code == 422 and "is mapped to email already" in text(answer)
    answer = mapped(revops, draft, **SURE | {"field-0": ""})
    assert answer.status_code == 422 and "external_id: name the column" in text(answer)
    assert 'value="Europe/Berlin"' in answer.content.decode(), "what was typed stays"


def test_values_that_were_met_are_mapped_beside_their_columns(revops: Client) -> None:
    draft = drafted(revops)
    page = revops.get(url("import-mapping", pk=draft.pk))
    assert "Trash (1) none of ours: this row would be rejected" in text(page)
    name = re.search(r'<select name="(value-disposition-\d+-0)"', page.content.decode())
    assert name is not None
    assert mapped(revops, draft, **SURE | {name[1]: "disqualified"}).status_code == 302
    draft.refresh_from_db()
    assert draft.mapping["values"] == {"disposition": {"Trash": "disqualified"}}
    assert (
        '<option value="disqualified" selected'
        in revops.get(url("import-mapping", pk=draft.pk)).content.decode()
    )


def test_constants_further_values_and_a_made_up_id_are_said_in_lines(revops: Client) -> None:
    draft = drafted(revops)
    changes = {
        "constants": "segment = enterprise\nproduct =",
        "other_values": "status: Dead = Lost = gone\nstatus: Open =",
        "field-0": "",
        "id_from": "3",
    }
    assert mapped(revops, draft, **SURE | changes).status_code == 302
    draft.refresh_from_db()
    assert draft.mapping["constants"] == {"segment": "enterprise", "product": None}
    assert draft.mapping["values"]["status"] == {"Dead = Lost": "gone", "Open": None}
    assert draft.mapping["id_from"] == ["Email"]
    again = draft.mapping
    assert mapped(revops, draft).status_code == 302
    draft.refresh_from_db()
    assert draft.mapping == again
    answer = mapped(revops, draft, constants="segment")
    assert answer.status_code == 422 and "“segment”: write our field = value." in text(answer)


def test_columns_of_stages_are_named_beside_their_columns(revops: Client) -> None:
    draft = drafted(revops, "Record ID,Deal Name,Deal Stage,Demo since\n1,Big,Demo,2026-03-02 10:00\n")
    assert mapped(revops, draft, **SURE | {"stage-3": "Demo"}).status_code == 302
    draft.refresh_from_db()
    assert draft.mapping["stage_columns"] == {"Demo since": "Demo"}


def test_applying_shows_the_controls_of_what_is_chosen_and_finds_no_fault(revops: Client) -> None:
    draft = drafted(revops, "Id,Note\n1,Dead\n", object="lead")
    answer = mapped(revops, draft, act="apply", **{"field-1": "disposition"})
    assert answer.status_code == 200 and "Values of disposition" in text(answer)
    assert "field-error" not in answer.content.decode()
    draft.refresh_from_db()
    assert "disposition" not in draft.mapping["columns"], "nothing is kept yet"


def test_a_time_to_come_is_no_time_of_an_export(revops: Client, world: World) -> None:
    later = (timezone.now() + timedelta(days=2)).strftime("%Y-%m-%dT%H:%M:%S")
    answer = mapped(revops, drafted(revops), **SURE | {"as_of_time": later})
    assert answer.status_code == 422 and "cannot be in the future" in text(answer)


def test_a_mapping_is_kept_as_a_file_and_loaded_again(revops: Client) -> None:
    draft = drafted(revops)
    previewed(revops, draft)
    answer = revops.get(url("import-mapping-file", pk=draft.pk))
    assert "attachment" in answer["Content-Disposition"]
    document = json.loads(answer.content)
    assert document["zone"] == "Europe/Berlin"
    for given in (
        {"text": json.dumps(document)},
        {"file": SimpleUploadedFile("mapping.json", answer.content)},
    ):
        other = drafted(revops)
        said = text(revops.post(url("import-load", pk=other.pk), given, follow=True))
        other.refresh_from_db()
        assert "The mapping is loaded" in said and other.mapping == document


def test_the_mapping_of_an_earlier_import_of_the_source_is_offered(revops: Client) -> None:
    first = drafted(revops)
    previewed(revops, first)
    start(revops, first)
    draft = drafted(revops, LEADS.replace("Lead Source", "Origin"))
    assert "Leads: leads.csv" in text(revops.get(url("import-mapping", pk=draft.pk)))
    said = text(revops.post(url("import-load", pk=draft.pk), {"earlier": str(first.pk)}, follow=True))
    assert "columns that this file lacks; they are left out: Lead Source" in said
    assert previewed(revops, draft).status_code == 200


def test_a_file_with_the_same_headers_begins_with_the_mapping_of_the_last_one(revops: Client) -> None:
    first = drafted(revops)
    previewed(revops, first, currency="EUR")
    assert "Filled in as in" not in text(revops.get(url("import-mapping", pk=drafted(revops).pk))), (
        "not begun"
    )
    start(revops, first)
    first.refresh_from_db()
    turned = "\n".join(
        ",".join(reversed(line.split(","))) for line in LEADS.replace("ada", "bob").strip().split("\n")
    )
    draft = drafted(revops, turned, name="april.csv")
    page = text(revops.get(url("import-mapping", pk=draft.pk)))
    assert draft.mapping == first.mapping and draft.mapping["currency"] == "EUR", "columns in another order"
    assert "Filled in as in the import of leads.csv on" in page and "were read in Europe/Berlin" in page
    anew = text(revops.post(url("import-object", pk=draft.pk), {"object": "lead"}, follow=True))
    draft.refresh_from_db()
    assert "Filled in as in" not in anew and "currency" not in draft.mapping
    assert "zone" not in draft.mapping, "it has to be said again"


def test_the_mapping_of_a_trial_a_cancelled_one_or_another_kind_is_not_offered(revops: Client) -> None:
    tried = drafted(revops)
    previewed(revops, tried, currency="EUR")
    start(revops, tried, act="try")
    worked()
    assert "currency" not in drafted(revops).mapping
    start(revops, tried)
    cancel_import(Import.objects.get(pk=tried.pk), by=None, at=timezone.now())
    assert "currency" not in drafted(revops).mapping
    resume_import(Import.objects.get(pk=tried.pk), by=None, at=timezone.now())
    assert "currency" in drafted(revops).mapping
    assert "currency" not in drafted(revops, object="account").mapping
    assert "currency" not in drafted(revops, LEADS.replace("Email", "E-mail")).mapping
    create_source(key="other", name="Other", kind="standard", by=None, at=timezone.now())
    Import.objects.filter(pk=tried.pk).update(source=Source.objects.get(key="other"))
    assert "currency" not in drafted(revops).mapping


def test_an_unknown_export_is_known_when_it_comes_again(revops: Client) -> None:
    first = drafted(revops, OTHER, object="touch")
    mapping = {
        "object": "touch",
        "columns": {"lead": "Ref", "touched_at": "When"},
        "zone": "UTC",
        "id_from": ["Ref"],
    }
    import_drafts.save_mapping(first, mapping=mapping, by=None, at=timezone.now())
    start(revops, first)
    again = drafted(revops, OTHER + "2;2026-03-03;y\n")
    assert (again.subject, again.mapping) == ("touch", mapping)


def test_rejects_come_in_again_under_the_mapping_and_the_time_of_their_file(revops: Client) -> None:
    """Also after a newer file with the same headers came in: what the old one said does not pass for newer."""
    first = drafted(revops)
    previewed(revops, first, as_of_time="2026-03-20T08:00:00")
    start(revops, first)
    worked()
    first.refresh_from_db()
    newer = drafted(revops, LEADS.replace("Engines", "Looms"), name="newer.csv")
    previewed(revops, newer, as_of_time="2026-03-27T08:00:00", currency="EUR")
    start(revops, newer)
    worked()
    newer.refresh_from_db()
    rejects = b"".join(revops.get(url("import-rejects", pk=first.pk)))
    draft = drafted(revops, rejects.replace(b"tomorrow", b"3/4/2026"), name="rejects.csv")
    assert (draft.mapping, draft.as_of) == (first.mapping, first.as_of)
    page = text(revops.get(url("import-mapping", pk=draft.pk)))
    assert "Corrected rejects of leads.csv" in page and "same columns" not in page
    start(revops, draft)
    done = worked()
    assert done is not None and (done.rows, done.rejected) == (2, 1)
    full = drafted(revops, LEADS.replace("Ada", "Adah"), name="next.csv")
    page = text(revops.get(url("import-mapping", pk=full.pk)))
    assert "Filled in as in the import of newer.csv" in page and full.mapping == newer.mapping
    again = drafted(revops, rejects, name="rejects again.csv")
    assert "Corrected rejects of leads.csv" in text(revops.get(url("import-mapping", pk=again.pk)))
    for line in (b"1,2,", b"x,2,", f"{newer.pk + 99},2,".encode()):
        other = drafted(revops, rejects.replace(f"{first.pk},3,".encode(), line, 1))
        assert other.as_of > newer.as_of, "of no import, or of several"


LEAD = '{"object": "lead", "columns": {"external_id": "Lead ID"}'
NO_MAPPINGS = [
    "{",
    "[1]",
    '{"object": "planet"}',
    '{"object": []}',
    '{"object": {}}',
    '{"object": "lead", "columns": {"colour": "C"}}',
    '{"object": "lead", "columns": {"external_id": "\\u0000"}}',
    '{"object": "lead", "columns": {"external_id": "\\ud800"}}',
    '{"object": "lead", "columns": {"external_id": ["Lead ID"]}}',
    LEAD + ', "constants": {"last_name": "\\u0000"}}',
    LEAD + ', "values": {"channel": {"\\udfff": "web"}}}',
    LEAD + ', "constants": {"score": NaN}}',
    LEAD + ', "constants": {"score": 1e999}}',
    LEAD + ', "constants": {"score": ' + "9" * 5000 + "}}",
    LEAD + ', "object": "lead"}',
    LEAD + ', "zone": "\\u0000"}',
    LEAD + ', "zone": {}}',
    LEAD + ', "id_from": [[]]}',
    LEAD + ', "dates": []}',
    "[" * 100_000,
    '{"a":' * 50_000,
]


@pytest.mark.parametrize("given", [{}, {"earlier": "999999"}, *({"text": text} for text in NO_MAPPINGS)])
def test_what_is_no_mapping_is_refused(revops: Client, given: dict[str, str]) -> None:
    draft = drafted(revops)
    before = draft.mapping
    answer = revops.post(url("import-load", pk=draft.pk), given, follow=True)
    assert answer.status_code == 200 and "alert-danger" in answer.content.decode()
    draft.refresh_from_db()
    assert draft.mapping == before


@pytest.mark.parametrize(
    "content", [*(text.encode() for text in NO_MAPPINGS), b"\xff{}", b"\x00", b"{" * 300_000]
)
def test_a_file_that_is_no_mapping_is_refused(revops: Client, content: bytes) -> None:
    draft = drafted(revops)
    before = draft.mapping
    given = {"file": SimpleUploadedFile("mapping.json", content)}
    answer = revops.post(url("import-load", pk=draft.pk), given, follow=True)
    assert answer.status_code == 200 and "alert-danger" in answer.content.decode()
    draft.refresh_from_db()
    assert draft.mapping == before


def test_fractions_in_a_mapping_are_kept_as_written(revops: Client) -> None:
    draft = drafted(revops)
    document = {"object": "opportunity", "columns": {"external_id": "Id"}, "constants": {"amount": 12.5}}
    revops.post(url("import-load", pk=draft.pk), {"text": json.dumps(document)})
    draft.refresh_from_db()
    assert draft.mapping == document


@pytest.mark.parametrize(("width", "left_out"), [(400, 0), (3000, 2402)])
def test_a_wide_export_can_be_mapped(revops: Client, width: int, left_out: int) -> None:
    wide = ",".join(["Opportunity ID", *(f"Custom {n}" for n in range(width)), "Opportunity Owner"])
    draft = drafted(revops, f"{wide}\n1{',x' * width},Ann\n")
    said = text(revops.get(url("import-mapping", pk=draft.pk)))
    assert (f"{left_out} more columns are not shown" in said) == bool(left_out)
    assert mapped(revops, draft).status_code == 302
    draft.refresh_from_db()
    assert draft.mapping["columns"]["owner"] == "Opportunity Owner"


def wide(width: int) -> str:
    return ",".join(["Lead ID", *(f"Own {n}" for n in range(width - 1))]) + "\n1" + ",x" * (width - 1) + "\n"


def test_the_page_of_a_wide_export_stays_small(revops: Client) -> None:
    draft = drafted(revops, wide(300))
    page = revops.get(url("import-mapping", pk=draft.pk))
    assert len(page.content) < 300_000
    assert page.content.count(b"<select") < 10, "columns without a field name theirs out of one list"


def test_columns_of_a_wide_export_are_named_out_of_one_list(revops: Client) -> None:
    draft = drafted(revops, wide(300))
    page = revops.get(url("import-mapping", pk=draft.pk)).content.decode()
    place = draft_place(page, "Own 150")
    assert '<option value="company">' in page and 'list="our-fields"' in page
    refused = mapped(revops, draft, **{f"field-{place}": "compny"})
    assert refused.status_code == 422 and "compny is not one of the available choices" in text(refused)
    assert mapped(revops, draft, **{f"field-{place}": "company"}).status_code == 302
    draft.refresh_from_db()
    assert draft.mapping["columns"]["company"] == "Own 150"
    assert 'value="company" selected' in revops.get(url("import-mapping", pk=draft.pk)).content.decode()


def draft_place(page: str, header: str) -> str:
    return found(rf'name="field-(\d+)"[^>]*aria-label="{header}: our field"', page)


@pytest.mark.parametrize("width", [5001, 100_000])
def test_an_absurd_number_of_columns_is_refused_with_what_to_do(revops: Client, width: int) -> None:
    answer = upload(revops, wide(width).encode())
    assert answer.status_code == 422 and len(answer.content) < 100_000
    assert f"{width:,} columns; at most 5,000 are read" in text(answer)
    assert not Import.objects.exists()


def test_headers_that_come_twice_are_named_but_not_by_the_thousand(revops: Client) -> None:
    names = [f"c{n}" for n in range(1000)] * 2
    answer = upload(revops, (",".join(names) + "\n").encode())
    assert answer.status_code == 422 and "“c9” and 990 more come more than once" in text(answer)


# --- preview --------------------------------------------------------------------------------------------------


def test_the_preview_says_in_words_what_the_rows_would_make(revops: Client) -> None:
    draft = drafted(revops)
    answer = previewed(revops, draft)
    page, said = answer.content.decode(), text(answer)
    assert "Lead 00Q5f000001AAAAEA4 New" in said and "email ada@example.com" in said
    assert "MQL date 2 Mar 2026, 08:14" in said, "09:14 in Berlin, shown in UTC"
    assert "Line 3 is rejected. Disposition (disposition): “Trash” is not one of" in said
    assert "Line 4 is rejected. Create Date (created_at): “tomorrow” is not a date" in said
    assert "read in Europe/Berlin" in said
    assert "What these 3 rows would change" in said and "2 rows would be rejected" in said
    assert cards(page, "Records by kind")[0] == {"New": "1", "Would change": "0", "Stay as they are": "0"}
    assert "Leads 1 0 0" in said and "1 MQL date is new" in said
    assert "cannot be undone as a whole" in said and "Compare some MQL dates of the preview" in said
    assert not Fact.objects.exists() and not Lead.objects.exists()


def test_the_preview_holds_the_rows_against_what_is_known(revops: Client) -> None:
    first = drafted(revops)
    previewed(revops, first)
    start(revops, first)
    worked()
    same = text(previewed(revops, drafted(revops))).split("Line 2")[1]
    trial = Import.objects.get(pk=start(revops, Import.objects.latest("pk"), act="try").url.split("/")[-2])
    worked()
    said = text(revops.get(url("import", pk=trial.pk)))
    assert (
        "Leads 0 0 1 0" in said and "Stay as they are: rows of theirs" in said and "upper bounds" not in said
    )
    assert "Unchanged" in same and " New " not in same and " Changed " not in same
    changed = LEADS.replace("Engines", "Looms").replace("3/2/2026 9:14", "4/2/2026 9:14")
    page = previewed(revops, drafted(revops, changed))
    assert "Engines → becomes Looms" in text(page) and "Changed" in text(page)
    assert "Leads 0 1 0" in text(page) and "1 MQL date is new" in text(page)
    assert MqlCycle.objects.count() == 1


DATED = """Lead ID,Email,Lead Owner,Last Modified Date
L1,ada@example.com,Tom Becker,2026-03-01T09:00:00Z
L2,emmy@example.com,Tom Becker,2026-03-01T09:00:00Z
"""


def test_the_preview_leaves_out_what_was_said_before_as_the_import_does(revops: Client) -> None:
    tom = Person.objects.create(name="Tom Becker", email="tom.becker@example.com")
    lara = Person.objects.create(name="Lara Meyer", email="lara@example.com")
    previewed(revops, drafted(revops, DATED))
    start(revops, Import.objects.latest("pk"))
    worked()
    by_mail = DATED.replace("Tom Becker", tom.email, 1).replace("Tom Becker", lara.email)
    previewed(revops, drafted(revops, by_mail))
    start(revops, Import.objects.latest("pk"))
    worked()
    page = previewed(revops, drafted(revops, DATED))
    assert "Leads 0 0 2" in text(page) and "becomes" not in text(page)
    assert "stays lara@example.com" in text(page), "said later, by somebody else"
    assert "stays tom.becker" not in text(page), "the same person"
    changed = DATED.replace("Tom Becker,2026-03-01", "tom.becker@example.com,2026-03-03")
    page = previewed(revops, drafted(revops, changed))
    assert "Leads 0 1 1" in text(page) and "lara@example.com → becomes tom.becker@example.com" in text(page)


def test_the_preview_has_the_fields_in_the_order_of_the_columns(revops: Client) -> None:
    page = previewed(revops, drafted(revops)).content.decode()
    told = re.findall(r"<dt>([^<]*)</dt>", page[page.index('id="records"') :])
    assert told[:5] == ["first name", "last name", "email", "company", "channel"]


def test_the_zone_is_optional_only_where_no_time_needs_it(revops: Client) -> None:
    needing = revops.get(url("import-mapping", pk=drafted(revops).pk)).content.decode()
    label = r"Zone of the file&#x27;s times( <span[^>]*>optional</span>)?<"
    assert re.search(label, needing)[1] is None  # type: ignore[index]
    draft = drafted(revops, DATED)
    assert re.search(label, revops.get(url("import-mapping", pk=draft.pk)).content.decode())[1]  # type: ignore[index]


def test_the_preview_warns_of_people_that_another_source_knows(revops: Client) -> None:
    other = Source.objects.create(key="demo", name="Demo CRM", kind="standard")
    for n, mail in enumerate(("ADA@example.com", "ada@example.com", "emmy@example.com", "kim@example.com")):
        Lead.objects.create(source=other, external_id=f"D{n}", email=mail, first_seen_at=timezone.now())
    said = text(previewed(revops, drafted(revops, DATED)))
    assert "2 of 2 new e-mail addresses in these rows are already known from Demo CRM." in said
    start(revops, Import.objects.latest("pk"))
    worked()
    assert "already known from" not in text(previewed(revops, drafted(revops, DATED))), "it is too late"


def test_the_preview_names_columns_left_out_and_amounts_without_a_currency(revops: Client) -> None:
    content = "Opportunity ID,Opportunity Name,Amount,Remark,None\n1,Acme,10,x,\n2,Bcme,20,y,\n"
    said = text(previewed(revops, drafted(revops, content)))
    assert "2 amounts have no currency" in said and "1 column with values is not imported: Remark ." in said
    said = text(previewed(revops, Import.objects.latest("pk"), currency="EUR"))
    assert "no currency" not in said


def test_the_preview_counts_each_record_once_however_many_rows_name_it(revops: Client) -> None:
    columns = {"external_id": "O", "stage": "S", "stage_at": "T"}
    mapping = {"object": "stage", "columns": columns, "zone": "UTC"}
    content = "O,S,T\nO1,demo,2026-01-01\nO1,offer,2026-01-09\nO2,demo,2026-01-03\n"

    def looked_at(rows: str) -> str:
        draft = drafted(revops, rows, object="stage")
        import_drafts.save_mapping(draft, mapping=mapping, by=None, at=timezone.now())
        return text(revops.get(url("import-preview", pk=draft.pk)))

    assert "Opportunities 2 0 0" in looked_at(content)
    start(revops, Import.objects.latest("pk"))
    worked()
    more = (
        "O1,offer,2026-01-09\nO1,won,2026-02-01\nO1,won,2026-02-01\nO2,demo,2026-01-03\nO3,demo,2026-02-02\n"
    )
    assert "Opportunities 1 1 1" in looked_at("O,S,T\n" + more)


def test_the_preview_has_rejects_first_and_folds_what_changes_nothing(revops: Client) -> None:
    known = DATED + "".join(f"K{n},k{n}@example.com,Tom Becker,2026-03-01T09:00:00Z\n" for n in range(2))
    previewed(revops, drafted(revops, known))
    start(revops, Import.objects.latest("pk"))
    worked()
    more = "".join(f"N{n},n{n}@example.com,Tom Becker,2026-03-01T09:00:00Z\n" for n in range(7))
    wrong = "W1,w1@example.com,Tom Becker,tomorrow\n"
    page = previewed(revops, drafted(revops, known + more + wrong)).content.decode()
    reject, first = page.index("Line 13 is rejected."), page.index('aria-label="Line 6"')
    same = page.index("4 rows that would change nothing")
    assert reject < first < page.index("Line 12: lead N6") < same < page.index('aria-label="Line 2"')
    assert all(f'aria-label="Line {line}"' in page[first:same] for line in range(6, 11)), (
        "the first five are open"
    )
    assert page.count('<details class="import-row">') == 3


def test_the_preview_asks_the_database_the_same_number_of_times_for_one_row_and_for_twenty(
    revops: Client,
) -> None:
    head, row = LEADS.splitlines()[0], LEADS.splitlines()[1]
    counts = []
    for number in (1, 20):
        rows = [row.replace("AAAA,", f"A{n:03d},").replace("ada@", f"ada{n}@") for n in range(number)]
        draft = drafted(revops, "\n".join([head, *rows]) + "\n")
        previewed(revops, draft, dates="mdy")
        with CaptureQueriesContext(connection) as caught:
            assert revops.get(url("import-preview", pk=draft.pk)).status_code == 200
        counts.append(len(caught))
    assert counts[0] == counts[1]


def test_a_preview_without_a_complete_mapping_goes_back_to_the_mapping(revops: Client) -> None:
    draft = drafted(revops, "Note\nx\n", object="lead")
    answer = revops.get(url("import-preview", pk=draft.pk), follow=True)
    assert answer.redirect_chain[-1][0] == url("import-mapping", pk=draft.pk)


# --- dry run and import ---------------------------------------------------------------------------------------


def test_a_dry_run_counts_and_leaves_the_draft_for_the_import(revops: Client) -> None:
    draft = drafted(revops)
    previewed(revops, draft)
    answer = start(revops, draft, "try")
    trial = Import.objects.latest("pk")
    assert trial.pk != draft.pk and answer.url == url("import", pk=trial.pk)
    assert worked() == trial
    said = text(revops.get(answer.url))
    assert "nothing was written" in said and "Statements in its rows that would be new: 2." in said
    assert not Lead.objects.exists()
    draft.refresh_from_db()
    assert draft.state == "draft"
    assert f'action="{url("import-start", pk=draft.pk)}"' in revops.get(answer.url).content.decode()
    assert start(revops, draft).url == url("import", pk=draft.pk)
    worked()
    draft.refresh_from_db()
    trial.refresh_from_db()
    assert (draft.state, draft.rows, draft.rejected) == ("done", trial.rows, trial.rejected) == ("done", 3, 2)
    assert (draft.facts_new, draft.counts) == (trial.facts_new, trial.counts)
    assert Lead.objects.count() == 1


def test_an_import_is_history_and_its_page_says_what_came_of_it(revops: Client) -> None:
    draft = drafted(revops, LEADS.replace("Trash", "Recycled"))
    previewed(revops, draft)
    address = start(revops, draft).url
    assert "Waits for a worker" in text(revops.get(address))
    worked()
    said = text(revops.get(address))
    assert "Done, with rejects" in said and "Leads 2" in said
    records = cards(revops.get(address).content.decode(), "Records by kind")
    assert records[0] == {"New": "2", "Changed": "0", "Unchanged": "0", "Named only": "0"}
    assert "4 Create Date (created_at): “tomorrow” is not a date" in said
    assert "People are named whom nobody has set up yet (1)" in said and "Such as Nobody Known" in said
    assert set(MqlCycle.objects.values_list("is_history", flat=True)) == {True}


def test_a_field_filled_by_mistake_is_emptied_by_a_line_and_the_same_file(revops: Client) -> None:
    """What the page says before an import about a wrong column."""
    wrong = drafted(revops)
    previewed(revops, wrong, **{"field-3": "phone"})
    start(revops, wrong)
    worked()
    assert set(Lead.objects.values_list("phone", "email")) == {("ada@example.com", "")}
    right = drafted(revops)
    previewed(revops, right, **{"field-3": "email", "constants": "phone ="})
    start(revops, right)
    worked()
    assert set(Lead.objects.values_list("phone", "email")) == {("", "ada@example.com")}


def test_pressing_import_twice_starts_one(revops: Client) -> None:
    draft = drafted(revops)
    previewed(revops, draft)
    seen = import_drafts.fingerprint(Import.objects.get(pk=draft.pk))
    first, second = (start(revops, draft, seen=seen) for _ in range(2))
    assert first.url == second.url == url("import", pk=draft.pk)
    assert Import.objects.filter(state=ImportState.WAITING).count() == 1
    again = drafted(revops)
    previewed(revops, again)
    Import.objects.filter(pk=again.pk).update(as_of=draft.as_of)
    answer = start(revops, again)
    assert answer.url == url("import", pk=draft.pk), "the same file with the same mapping is under way"


def test_pressing_dry_run_twice_starts_one(revops: Client) -> None:
    draft = drafted(revops)
    previewed(revops, draft)
    assert start(revops, draft, "try").url == start(revops, draft, "try").url
    assert Import.objects.count() == 2


def test_what_was_not_previewed_is_not_imported(revops: Client) -> None:
    draft = drafted(revops)
    previewed(revops, draft)
    seen = import_drafts.fingerprint(Import.objects.get(pk=draft.pk))
    mapped(revops, draft, zone="America/New_York")
    answer = start(revops, draft, seen=seen)
    assert answer.url == url("import-preview", pk=draft.pk)
    assert "changed meanwhile" in text(revops.get(answer.url))
    assert Import.objects.get().state == "draft"


def test_a_draft_that_is_gone_says_to_upload_again(revops: Client) -> None:
    draft = drafted(revops)
    previewed(revops, draft)
    draft.refresh_from_db()
    ImportPiece.objects.all().delete()
    for name in ("import-mapping", "import-preview"):
        assert "upload the file again" in text(revops.get(url(name, pk=draft.pk), follow=True))
    assert "upload the file again" in text(
        revops.post(url("import-start", pk=draft.pk), {"seen": import_drafts.fingerprint(draft)}, follow=True)
    )
    draft.delete()
    for name in ("import-mapping", "import-preview", "import"):
        assert revops.get(url(name, pk=draft.pk or 1)).status_code == 404


def test_an_upload_can_be_removed_but_not_what_has_begun(revops: Client) -> None:
    draft = drafted(revops)
    assert "nothing of it was imported" in text(revops.post(url("import-discard", pk=draft.pk), follow=True))
    assert not Import.objects.exists() and not ImportPiece.objects.exists()
    begun = drafted(revops)
    previewed(revops, begun)
    start(revops, begun)
    assert "cancel it instead" in text(revops.post(url("import-discard", pk=begun.pk), follow=True))
    assert Import.objects.get().state == "waiting"


def test_uploads_nobody_went_on_with_for_a_day_are_forgotten(revops: Client) -> None:
    old, fresh = drafted(revops), drafted(revops)
    done = drafted(revops, LEADS + "\n")
    previewed(revops, done)
    start(revops, done)
    day_ago = timezone.now() - timedelta(hours=25)
    Import.objects.filter(pk__in=[old.pk, done.pk]).update(requested_at=day_ago)
    assert import_drafts.forget_drafts(at=timezone.now()) == 1
    assert set(Import.objects.values_list("pk", flat=True)) == {fresh.pk, done.pk}
    assert not ImportPiece.objects.filter(file_id=old.pk).exists()


def test_the_same_file_states_the_same_facts_again(revops: Client) -> None:
    draft = drafted(revops)
    previewed(revops, draft)
    start(revops, draft)
    worked()
    again = drafted(revops)
    assert again.as_of == Import.objects.get(pk=draft.pk).as_of
    previewed(revops, again)
    start(revops, again)
    worked()
    again.refresh_from_db()
    assert (again.facts_new, again.facts_unchanged > 0) == (0, True)


def test_a_draft_is_neither_cancelled_nor_resumed(revops: Client, world: World) -> None:
    draft = drafted(revops)
    with pytest.raises(NotUnderWay):
        cancel_import(draft, by=None, at=world.at)
    with pytest.raises(NothingToResume):
        resume_import(draft, by=None, at=world.at)
    with pytest.raises(InvalidMapping):
        import_drafts.save_mapping(draft, mapping={"object": "lead"}, by=None, at=timezone.now())


# --- progress, result, rejects -----------------------------------------------------------------------------------


def test_progress_is_asked_for_until_the_end_and_no_longer(revops: Client) -> None:
    draft = drafted(revops)
    previewed(revops, draft)
    address = start(revops, draft).url
    asked = {"HX-Request": "true", "HX-Target": "progress"}
    part = revops.get(address, headers=asked)
    assert 'hx-trigger="every 2s"' in part.content.decode() and "<html" not in part.content.decode()
    worked()
    end = revops.get(address, headers=asked)
    assert (end["HX-Retarget"], end["HX-Reselect"]) == ("#import", "#import")
    assert "every 2s" not in end.content.decode() and "Rejected rows" in text(end)


def test_an_import_is_cancelled_and_resumed(revops: Client) -> None:
    draft = drafted(revops)
    previewed(revops, draft)
    address = start(revops, draft).url
    assert "What is in stays in" in text(revops.post(url("import-cancel", pk=draft.pk), follow=True))
    assert "It has ended already" in text(revops.post(url("import-cancel", pk=draft.pk), follow=True))
    assert "Resume" in text(revops.get(address))
    assert "goes on behind" in text(revops.post(url("import-resume", pk=draft.pk), follow=True))
    assert "It is waiting" in text(revops.post(url("import-resume", pk=draft.pk), follow=True))
    worked()
    assert "Done, with rejects" in text(revops.get(address))


def rejects_of(client: Client, found: Import, delimiter: str = ",") -> list[dict[str, str]]:
    answer = client.get(url("import-rejects", pk=found.pk))
    assert "attachment" in answer["Content-Disposition"] and "no-store" in answer["Cache-Control"]
    return list(csv.DictReader(io.StringIO(b"".join(answer).decode("utf-8-sig")), delimiter=delimiter))


def test_rejects_come_in_the_columns_of_the_file_safe_for_spreadsheets(revops: Client) -> None:
    draft = drafted(revops, LEADS.replace("00Q5f000001AAAC,", "=cmd|x,"))
    previewed(revops, draft)
    start(revops, draft)
    worked()
    rows = rejects_of(revops, draft)
    added = ["rejected by import", "rejected line", "rejected code", "rejected because"]
    assert list(rows[0])[:4] == added and rows[0]["rejected by import"] == str(draft.pk)
    assert list(rows[0])[4:-1] == LEADS.partition("\n")[0].split(",") and list(rows[0])[-1] == "original line"
    assert [row["rejected line"] for row in rows] == ["3", "4"]
    assert (rows[1]["Lead ID"], rows[1]["First Name"], rows[1]["original line"]) == ("'=cmd|x", "Grace", "")
    assert "tomorrow" in rows[1]["rejected because"]
    ImportPiece.objects.all().delete()
    rows = rejects_of(revops, draft)
    assert [row["rejected line"] for row in rows] == ["3", "4"] and "Lead ID" not in rows[0]


SEMICOLONS = """Id;Name, first;Phone;Title;Score\r
1;Ada;+49 30 1;"=1+1";5\r
2;"Emmy\r
Noether";-7;|x;many\r
3;Grace;%2; \t=x;4;surplus\r
4;"Alan" T;;;\r
=5;Kurt;'@home;'plain;none\r
6;Rosa;"@";=;-3\r
"""
PLAIN = {
    "object": "lead",
    "columns": {"last_name": "Name, first", "phone": "Phone", "title": "Title", "score": "Score"},
    "id_from": ["Id", "Phone"],
}


def test_corrected_rejects_are_taken_in_again_as_the_corrected_rows_would_have_been(
    revops: Client, world: World
) -> None:
    """A row given back and corrected states what it would have stated in the file itself."""

    def run(content: str) -> Import:
        draft = drafted(revops, content, object="lead")
        revops.post(url("import-load", pk=draft.pk), {"text": json.dumps(PLAIN)})
        import_drafts.save_mapping(
            draft, mapping=PLAIN, as_of=world.at - timedelta(days=3), by=None, at=timezone.now()
        )
        start(revops, draft)
        worked()
        return Import.objects.get(pk=draft.pk)

    def stated() -> list[Any]:
        found = Fact.objects.filter(subject="lead").order_by("ref")
        return list(found.values_list("ref", "external_id", "fields", "occurred_at"))

    assert run(SEMICOLONS).rejected == 4
    first = Import.objects.latest("pk")
    rows = rejects_of(revops, first, ";")
    assert [row["rejected code"] for row in rows] == [
        "bad_number",
        "too_many_cells",
        "bad_quotation",
        "bad_number",
    ]
    assert [row["original line"] for row in rows] == ["", "3;Grace;%2; \t=x;4;surplus", '4;"Alan" T;;;', ""]
    assert (rows[0]["Name, first"], rows[3]["Phone"]) == ("Emmy\r\nNoether", "'@home")
    uncorrected = b"".join(revops.get(url("import-rejects", pk=first.pk))).decode("utf-8-sig")
    again = run(uncorrected)
    assert (again.rows, again.rejected, again.facts_new) == (4, 4, 0), "nothing of it passes by mistake"
    kept = rejects_of(revops, again, ";")
    assert list(kept[0]) == list(rows[0]), "columns do not pile up"

    for row, corrected in zip(rows, ("9", "4", "", "8"), strict=True):
        row["Score"] = corrected
    rows[1] |= {"Id": "3", "Name, first": "Grace", "Phone": "%2", "Title": " \t=x"}
    rows[2] |= {"Id": "4", "Name, first": "Alan T"}
    out = io.StringIO()
    writer = csv.DictWriter(out, list(rows[0]), delimiter=";")
    writer.writeheader()
    writer.writerows(rows)
    assert run(out.getvalue()).rejected == 0
    from_rejects = stated()

    assert len(from_rejects) == 6
    mended = SEMICOLONS.replace("many", "9").replace(";surplus", "").replace('"Alan" T', "Alan T")
    whole = read_rows_of(mended.replace(";none", ";8"))
    assert {(key, json.dumps(fields, sort_keys=True)) for _, key, fields, _ in from_rejects} == whole


def read_rows_of(content: str) -> set[tuple[str, str]]:
    mapping = mapping_of_source(PLAIN, Source.objects.get(key="crm"))
    found = list(read_rows(io.BytesIO(content.encode()), mapping))
    assert all(isinstance(row, Row) for row in found), found
    return {
        (draft.external_id, json.dumps(draft.fields, sort_keys=True))
        for row in found
        if isinstance(row, Row)
        for draft in row.drafts
    }


def test_rejects_whose_file_an_erasure_removed_are_to_be_exported_again(revops: Client) -> None:
    draft = drafted(revops)
    previewed(revops, draft)
    start(revops, draft)
    worked()
    assert "Download all as CSV" in text(revops.get(url("import", pk=draft.pk)))
    (lead,) = Lead.objects.all()
    (before,) = files_of_sources([lead])
    assert before.quoting == 2
    erase_person(leads=[lead], asked_by="person", reason="Asked", by=draft.requested_by, at=timezone.now())
    said = text(revops.get(url("import", pk=draft.pk)))
    assert "were removed by the erasure of" in said and "export these rows again" in said
    assert "Download all as CSV" not in said and "in the columns of your file" not in said
    assert files_of_sources([lead]) == [], "nothing is left that rejects quote"


def test_what_came_in_is_told_by_origin(revops: Client) -> None:
    assert "No MQL is known" in text(revops.get(url("imports-came-in")))
    draft = drafted(revops, LEADS.replace("Trash", "Recycled"))
    previewed(revops, draft)
    start(revops, draft)
    worked()
    said = text(revops.get(url("imports-came-in")))
    assert "Web 2 MQLs 0 0.0% (0 of 2)" in said and "All 2 MQLs 0" in said


def test_the_list_tells_of_every_import_with_as_many_queries_for_one_as_for_twenty(
    revops: Client, world: World
) -> None:
    draft = drafted(revops)
    previewed(revops, draft)
    start(revops, draft)
    worked()
    with CaptureQueriesContext(connection) as one:
        said = text(revops.get(url("imports")))
    assert "leads.csv" in said and "Ann" in said and "Done, with rejects" in said
    found = Import.objects.get(pk=draft.pk)
    for n in range(20):
        found.pk = None
        found.requested_by = add_user(world, Role.REVOPS, f"Ann {n}")
        found.save()
    with CaptureQueriesContext(connection) as many:
        assert revops.get(url("imports")).status_code == 200
    assert len(one) == len(many)


# --- who ------------------------------------------------------------------------------------------------------


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
