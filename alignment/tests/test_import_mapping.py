"""The mapping form: suggested, changed, kept, loaded again."""

from __future__ import annotations

import json
import re
from datetime import timedelta

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.utils import timezone

from alignment.models import Import, Role, Source
from alignment.services import import_drafts
from alignment.services.imports import cancel_import, resume_import
from alignment.services.sources import create_source
from alignment.tests.import_forms import (
    LEADS,
    OTHER,
    SURE,
    drafted,
    mapped,
    previewed,
    start,
    text,
    upload,
    url,
    worked,
)
from alignment.tests.pages import found, signed_in
from testing.world import World, add_user


@pytest.fixture
def revops(world: World) -> Client:
    return signed_in(add_user(world, Role.REVOPS, "Ann"))


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
