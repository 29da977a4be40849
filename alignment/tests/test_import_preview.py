"""What an import would make of the rows, before it does."""

from __future__ import annotations

import re

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from alignment.models import Fact, Import, Lead, MqlCycle, Person, Role, Source
from alignment.services import import_drafts
from alignment.tests.import_forms import LEADS, drafted, previewed, start, text, url, worked
from alignment.tests.pages import cards, signed_in
from testing.world import World, add_user


@pytest.fixture
def revops(world: World) -> Client:
    return signed_in(add_user(world, Role.REVOPS, "Ann"))


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
