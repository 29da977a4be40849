"""Lists of claimed opportunities: one bad row stops no other, the same list changes nothing, older ones stay."""

from __future__ import annotations

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import IntegrityError, connection, transaction
from django.test import Client
from django.urls import reverse

from alignment.intake.ids import one_form
from alignment.models import Function, Role, Source
from alignment.services.authority import OnlyRevOps
from scorecard.claim_lists import UnreadableList, read_list
from scorecard.models import Claim, ClaimList
from scorecard.queries.attribution import newest_lists
from scorecard.services.claims import Imported, NothingUsable, import_claims
from scorecard.tests.company import Company, revops
from testing.artifacts import user_with
from testing.world import NOW


def take_in(company: Company, text: str, function: Function = Function.SALES) -> Imported:
    return import_claims(
        program=company.program, function=function, text=text, name="f.csv", by=revops(), at=NOW
    )


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("opportunity,source\nA,marketing\nB,\n", [("A", "", "marketing"), ("B", "", "sales")]),
        ("Opportunity ID;Sourced By\nA;SDR\n", [("A", "", "sales")]),
        ("name\tsource\n Big   deal \tPartner\n", [("", "Big deal", "other")]),
        ("A\nB\n\n", [("A", "", "sales"), ("B", "", "sales")]),
        ("\ufeffid\n'=A\n", [("=A", "", "sales")]),
        ('name,source\n"Deal, with comma",ae\n', [("", "Deal, with comma", "sales")]),
    ],
)
def test_lists_are_read_as_people_have_them(text: str, expected: list[tuple[str, str, str]]) -> None:
    found = read_list(text, function="sales")
    assert [(row.id, row.name, row.source) for row in found.rows] == expected
    assert (found.problems, found.ignored) == ([], ())


@pytest.mark.parametrize("text", ["", " \n", "a,b\n1,2\n", "opportunity,source\n", "id\n\n"])
def test_what_is_no_list_is_refused_with_what_to_write(text: str) -> None:
    with pytest.raises(UnreadableList):
        read_list(text, function="sales")


def test_good_rows_are_taken_and_each_bad_one_says_what_is_wrong(company: Company) -> None:
    one, two = company.opportunity(), company.opportunity(name="Twin")
    company.opportunity(name="twin")
    deleted = company.opportunity(is_deleted=True)
    found = take_in(
        company,
        f"opportunity,name,source\n{one.external_id},,\n,,marketing\nNOPE,,\n,Twin,\n{two.external_id},,luck\n"
        f"{one.external_id},,\n{deleted.external_id},,\n{two.external_id},,other\n",
    ).list
    assert list(found.claims.values_list("line", "opportunity", "source")) == [
        (2, one.pk, "sales"), (9, two.pk, "other"),
    ]  # fmt: skip
    assert found.rows == 8
    assert found.problems == [
        [3, "The row names no opportunity."],
        [4, "No opportunity has the id “NOPE”."],
        [5, "2 opportunities have this name: give the id."],
        [6, "The source is none of marketing, sales, other; leave it empty for the function itself."],
        [7, "Line 2 names the same opportunity already."],
        [8, f"No opportunity has the id “{deleted.external_id}”."],
    ]


def test_the_same_list_again_changes_nothing_and_another_one_replaces_it(company: Company) -> None:
    one, two = company.opportunity(), company.opportunity()
    first = take_in(company, f"{one.external_id}\n{two.external_id}\n")
    again = take_in(company, f"opportunity\n{two.external_id}\n{one.external_id}\n")
    assert (first.is_new, again.is_new, again.list) == (True, False, first.list)
    second = take_in(company, f"{two.external_id}\n")
    assert (second.is_new, second.list.number) == (True, 2)
    assert newest_lists(company.program)["sales"] == second.list
    assert Claim.objects.filter(list=first.list).count() == 2
    assert ClaimList.objects.count() == 2


def test_a_list_without_one_usable_row_leaves_the_one_before_as_it_is(company: Company) -> None:
    one = company.opportunity()
    first = take_in(company, f"{one.external_id}\n").list
    with pytest.raises(NothingUsable, match="None of the 2 rows"):
        take_in(company, "X1\nX2\n")
    assert newest_lists(company.program)["sales"] == first


def test_a_list_of_no_rows_replaces_nothing(company: Company) -> None:
    first = take_in(company, company.opportunity().external_id).list
    with pytest.raises(UnreadableList, match="names no opportunity"):
        take_in(company, "opportunity,source\n")
    assert newest_lists(company.program)["sales"] == first


def test_that_a_function_claims_none_is_said_and_not_read_from_an_empty_file(company: Company) -> None:
    take_in(company, company.opportunity().external_id)
    client = Client()
    client.force_login(revops())
    url = reverse("scorecard:claims-import")
    refused = client.post(url, {"function": "sales", "claims_none": "on", "text": "A"})
    assert "A function that claims none has no list" in refused.content.decode()
    text = client.post(url, {"function": "sales", "claims_none": "on"}, follow=True).content.decode()
    assert "Sales list 2: 0 opportunities taken." in text
    assert newest_lists(company.program)["sales"].claims.count() == 0


@pytest.mark.parametrize("header", ["Original Source Type", "Lead Source", "Quelle"])
def test_a_column_that_may_say_the_source_is_asked_for_and_not_guessed_at(
    company: Company, header: str
) -> None:
    text = f"Record ID,{header}\n{company.opportunity().external_id},ORGANIC_SEARCH\n"
    with pytest.raises(UnreadableList, match=f"“{header}”.*“source”"):
        take_in(company, text)
    assert not ClaimList.objects.exists()
    found = import_claims(
        program=company.program,
        function=Function.SALES,
        text=text,
        name="f",
        claims_all=True,
        by=revops(),
        at=NOW,
    )
    assert (found.list.claims.get().source, found.ignored) == ("sales", (header,))


def test_beside_a_source_other_columns_are_named_as_not_read(company: Company) -> None:
    found = take_in(company, f"id,Amount,source,Stage\n{company.opportunity().external_id},1,other,Won\n")
    assert found.ignored == ("Amount", "Stage")


def test_both_forms_of_a_salesforce_id_name_the_same_opportunity(company: Company) -> None:
    short = "0065g00000ABCdE"
    deal = company.opportunity(external_id=one_form(short))
    assert len(deal.external_id) == 18
    assert take_in(company, f"{short}\n").list.claims.get().opportunity == deal
    assert take_in(company, f"{deal.external_id}\n").is_new is False


@pytest.mark.parametrize(
    ("name", "written"),
    [
        ("Acme  renewal", "Acme  renewal"),
        ("Acme\u00a0renewal", "acme renewal"),
        (" Trailing ", "Trailing"),
        ("MÜLLER Größe", "müller größe"),
        ("İstanbul deal", "İstanbul deal"),
        ("Ångström e\u0301", "Ångström é"),
        ("ΣΊΣΥΦΟΣ", "ΣΊΣΥΦΟΣ"),
        ("Zero\u200bwidth \u00adhyphen", "Zero\u200bwidth \u00adhyphen"),
        ("One\u2028two\u0085three", "One\u2028two\u0085three"),
    ],
)
def test_a_copy_of_a_name_finds_its_opportunity(company: Company, name: str, written: str) -> None:
    deal = company.opportunity(name=name)
    assert take_in(company, f'name\n"{written}"\n').list.claims.get().opportunity == deal


def test_rows_that_contradict_each_other_do_not_count_and_say_so(company: Company) -> None:
    one, two = company.opportunity(), company.opportunity()
    found = take_in(
        company, f"id,source\n{one.external_id},sales\n{one.external_id},other\n{two.external_id},\n"
    )
    assert [claim.opportunity for claim in found.list.claims.all()] == [two]
    assert found.list.problems == [
        [2, "Line 3 names the same opportunity with another source (other, here sales): neither counts. Keep one "
            "of them."],
        [3, "Line 2 names the same opportunity with another source (sales, here other): neither counts. Keep one "
            "of them."],
    ]  # fmt: skip


def test_an_id_that_two_crms_use_needs_the_crm(company: Company) -> None:
    other = Source.objects.create(key="other", name="Other", kind="standard")
    company.opportunity(external_id="7")
    mine = company.opportunity(external_id="7", source=other)
    problems = take_in(company, f"opportunity,crm\n7,\n7,other\n{company.opportunity().external_id},\n").list
    assert problems.problems == [
        [2, "2 opportunities have this id in more than one CRM: add the column “crm”."]
    ]
    assert Claim.objects.filter(opportunity=mine).exists()


def test_names_of_opportunities_are_not_kept_in_problems(company: Company) -> None:
    found = take_in(
        company, f"opportunity,name\n,Jane Doe's deal\n{company.opportunity().external_id},\n"
    ).list
    assert "Jane" not in str(found.problems)


def test_only_revops_imports_and_lists_are_evidence(company: Company) -> None:
    with pytest.raises(OnlyRevOps):
        import_claims(
            program=company.program,
            function=Function.SALES,
            text="A",
            name="x",
            by=user_with(Role.CRO),
            at=NOW,
        )
    take_in(company, company.opportunity().external_id)
    for table in ("scorecard_claim", "scorecard_claimlist"):
        with (
            pytest.raises(IntegrityError, match="evidence"),
            transaction.atomic(),
            connection.cursor() as cursor,
        ):
            cursor.execute(f"DELETE FROM {table}")  # noqa: S608


class TestPage:
    @pytest.fixture
    def client(self, company: Company) -> Client:
        client = Client()
        client.force_login(revops())
        return client

    def test_a_file_is_taken_in(self, company: Company, client: Client) -> None:
        deal = company.opportunity()
        file = SimpleUploadedFile(
            "deals.csv", f"Opportunity;Source\n{deal.external_id};\nX;\n".encode("utf-16")
        )
        response = client.post(
            reverse("scorecard:claims-import"), {"function": "marketing", "file": file}, follow=True
        )
        text = response.content.decode()
        assert "Marketing list 1: 1 opportunity taken, 1 row could not be." in text
        assert "Line 3: No opportunity has the id “X”." in text
        assert ClaimList.objects.get().name == "deals.csv"

    @pytest.mark.parametrize(
        ("data", "said"),
        [
            ({"function": "sales"}, "Choose a file, or paste the list"),
            ({"function": "board", "text": "A"}, "Select a valid choice"),
            ({"text": "A"}, "Say whose list it is"),
            ({"function": "sales", "text": "a,b\n1,2"}, "has to name the columns"),
            (
                {"function": "sales", "text": "id,Quelle\n1,2"},
                "tick “It claims every opportunity in this list”",
            ),
            ({"function": "sales", "text": "id,source\n"}, "The list names no opportunity"),
            ({"function": "sales", "text": "A\0\nB"}, "Null characters are not allowed"),
            ({"function": "sales", "text": "UNKNOWN-ID"}, "The only row could not be used"),
            ({"function": "sales", "file": SimpleUploadedFile("x.xlsx", b"PK\x03\x04rest")}, "spreadsheet"),
        ],
    )
    def test_what_cannot_be_read_says_what_to_do(
        self, company: Company, client: Client, data: dict[str, object], said: str
    ) -> None:
        response = client.post(reverse("scorecard:claims-import"), data)
        assert response.status_code == 422
        assert said in response.content.decode()
        assert not ClaimList.objects.exists()
