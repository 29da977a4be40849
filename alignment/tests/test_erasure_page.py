"""RevOps finds a person, sees what an erasure would change, and confirms it by the record's id."""

from __future__ import annotations

from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.test import Client

from alignment.models import Delivery, Erasure, Import, ImportPiece, ImportReject, Lead, Role, Source
from alignment.tests.pages import signed_in
from testing.world import World, add_user, event

EMAIL = "wilma.canary@feathers.example"


@pytest.fixture
def revops(world: World) -> Client:
    return signed_in(add_user(world, Role.REVOPS, "Rhea"))


@pytest.fixture
def lead(world: World) -> Lead:
    world.send(
        event("lead.created", "L1", world.at, score=80, email=EMAIL, last_name="Canary"),
        event("lead.created", "L2", world.at, email=EMAIL.upper(), last_name="Canary"),
        event("lead.created", "L3", world.at, email="other@example.com", last_name="Other"),
        event("touch.recorded", "T1", world.at, lead="L1", subject="Saw her"),
    )
    return Lead.objects.get(external_id="L1")


def text(answer: Any) -> str:
    return str(answer.content.decode())


def form(**changes: Any) -> dict[str, Any]:
    given = {"asked_by": "person", "reason": "Asked by letter", "reference": "DSR-7", "confirmation": "L1"}
    return given | changes


def test_a_person_is_found_by_email_in_any_case_and_by_id(revops: Client, lead: Lead) -> None:
    page = text(revops.post("/erasure/", {"who": EMAIL.title()}))
    assert f"/erasure/{lead.pk}/" in page and "<code>L2</code>" in page and "<code>L3</code>" not in page
    page = text(revops.post("/erasure/", {"who": " L3 "}))
    assert "<code>L3</code>" in page and "<code>L1</code>" not in page
    assert "Nobody found" in text(revops.post("/erasure/", {"who": "nobody@example.com"}))
    assert revops.post("/erasure/", {"who": ""}).status_code == 422


def test_the_preview_counts_and_offers_the_duplicates(revops: Client, lead: Lead) -> None:
    page = text(revops.get(f"/erasure/{lead.pk}/"))
    assert 'data-label="Facts" class="num">2<' in page  # with the touch's
    assert 'data-label="MQL cycles, which stay" class="num">1<' in page
    assert "L2 in CRM" in page and "L3 in CRM" not in page
    assert Erasure.objects.count() == 0


def test_the_page_says_how_many_bodies_go_before_anybody_confirms(
    revops: Client, world: World, lead: Lead
) -> None:
    """As many as the erasure then empties: those of the records, and those of others that name the person."""
    world.send(
        event("touch.recorded", "T2", world.at, lead="L3", subject="Knows Ms Canary"),
        event("touch.recorded", "T3", world.at, lead="L3", subject=f"Copied to {EMAIL}"),
        event("touch.recorded", "T4", world.at, lead="L3", subject="Knows Ms Canaryan"),
        event("opportunity.created", "O1", world.at, lead="L1", name="Cages"),
    )
    page = " ".join(text(revops.get(f"/erasure/{lead.pk}/")).split())
    assert "<strong>6 raw bodies</strong> are emptied" in page
    assert "4 carried events of these records" in page
    assert "2 more name the person" in page and "1 of them by the last name alone" in page
    revops.post(f"/erasure/{lead.pk}/", form(also=[Lead.objects.get(external_id="L2").pk]))
    assert Delivery.objects.filter(body__isnull=True).count() == 6
    assert sum(erasure.counts["raw bodies"] for erasure in Erasure.objects.all()) == 6


def test_bodies_that_name_nobody_else_are_no_warning(revops: Client, world: World, lead: Lead) -> None:
    page = text(revops.get(f"/erasure/{Lead.objects.get(external_id='L3').pk}/"))
    assert "<strong>1 raw body</strong> is emptied" in page and "more name the person" not in page


def test_it_is_confirmed_by_the_id_and_said_afterwards(revops: Client, lead: Lead) -> None:
    duplicate = Lead.objects.get(external_id="L2")
    answer = revops.post(f"/erasure/{lead.pk}/", form(also=[duplicate.pk]), follow=True)
    assert answer.redirect_chain == [("/erasure/", 302)]
    page = text(answer)
    assert "2 records are erased" in page and "DSR-7" in page and "by Rhea" in page
    assert EMAIL not in page.lower() and "Canary" not in page
    assert not Lead.objects.filter(email__iexact=EMAIL).exists()
    erased = Erasure.objects.get(lead=lead)
    assert erased.pseudonym in text(revops.get(f"/leads/{lead.pk}/"))
    assert "erased before" in text(revops.get(f"/erasure/{lead.pk}/"))


def test_one_of_two_can_be_erased_alone(revops: Client, lead: Lead) -> None:
    revops.post(f"/erasure/{lead.pk}/", form())
    assert Lead.objects.get(external_id="L2").email == EMAIL.upper()
    assert [erasure.lead for erasure in Erasure.objects.all()] == [lead]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"confirmation": "l1"}, "This is not the id of the record; nothing was erased."),
        ({"reason": ""}, "This field is required"),
        ({"reason": "Ms Canary wrote"}, "write them without e-mail, phone or name"),
        ({"asked_by": "nobody"}, "Select a valid choice"),
        ({"also": ["999"]}, "Select a valid choice"),
    ],
)
def test_what_is_missing_or_wrong_is_said_and_nothing_happens(
    revops: Client, lead: Lead, changes: dict[str, Any], said: str
) -> None:
    answer = revops.post(f"/erasure/{lead.pk}/", form(**changes))
    assert answer.status_code == 422
    assert said in text(answer)
    assert not Erasure.objects.exists()
    assert Lead.objects.get(pk=lead.pk).email == EMAIL


def test_an_id_that_names_the_person_is_said(revops: Client, world: World) -> None:
    world.send(event("lead.created", EMAIL, world.at, email=EMAIL))
    page = text(revops.get(f"/erasure/{Lead.objects.get().pk}/"))
    assert "itself names the person" in page


def test_who_came_back_is_shown(revops: Client, world: World, lead: Lead) -> None:
    revops.post(f"/erasure/{lead.pk}/", form(also=[Lead.objects.get(external_id="L2").pk]))
    world.send(event("lead.created", "L9", world.at, email=EMAIL))
    page = text(revops.get("/erasure/"))
    assert "Came back as another record" in page
    assert f'/erasure/{Lead.objects.get(external_id="L9").pk}/"><code>L9</code>' in page


def test_the_list_takes_as_many_queries_for_one_as_for_twenty(
    revops: Client, world: World, lead: Lead, django_assert_max_num_queries: Any
) -> None:
    revops.post(f"/erasure/{lead.pk}/", form())
    with django_assert_max_num_queries(15) as few:
        revops.get("/erasure/")
    one = len(few)
    for _ in range(19):
        revops.post(f"/erasure/{lead.pk}/", form())
    with django_assert_max_num_queries(one):
        assert text(revops.get("/erasure/")).count("DSR-7") == 20


def test_revops_gets_there_from_the_lead_and_from_the_settings(
    revops: Client, world: World, lead: Lead
) -> None:
    link = f'href="/erasure/{lead.pk}/"'
    assert link in text(revops.get(f"/leads/{lead.pk}/"))
    assert link not in text(signed_in(add_user(world, Role.CMO)).get(f"/leads/{lead.pk}/"))
    assert 'href="/erasure/"' in text(revops.get("/settings/"))


def test_the_command_says_first_and_does_it_with_yes(world: World, lead: Lead) -> None:
    def run(*arguments: str) -> str:
        out = StringIO()
        call_command("erase_person", "crm", "L1", "--reason", "Asked by letter", *arguments, stdout=out)
        return out.getvalue()

    said = run()
    assert "Would be erased: crm L1." in said and "crm L2" in said
    assert "3 raw bodies would be emptied, 1 of them about others" in said
    assert not Erasure.objects.exists()
    assert "facts of the lead" in run("--with-duplicates", "--yes")
    assert Erasure.objects.count() == 2
    assert EMAIL not in said.lower()
    with pytest.raises(CommandError, match="no such record"):
        call_command("erase_person", "crm", "L0", "--reason", "x")
    with pytest.raises(CommandError, match="without e-mail"):
        call_command("erase_person", "crm", "L3", "--reason", "Ms Other wrote", "--yes")


def test_the_page_says_beforehand_what_the_source_s_imports_lose(
    world: World, revops: Client, lead: Lead
) -> None:
    page = text(revops.get(f"/erasure/{lead.pk}/"))
    assert "lose their files" not in page
    elsewhere = Source.objects.create(key="other", name="Other", kind="standard")

    def add(source: Source, state: str) -> Import:
        made = Import.objects.create(
            source=source, subject="lead", mapping={}, file_name="leads.csv", sha256="x", size=1,
            as_of=world.at, state=state, requested_at=world.at,
            finished_at=world.at if state in ("done", "failed") else None,
        )  # fmt: skip
        ImportPiece.objects.create(file=made, number=0, body=b"x")
        return made

    done = add(world.crm, "done")
    for state in ("failed", "draft", "waiting"):
        add(world.crm, state)
    add(elsewhere, "done")
    for line, message in enumerate(("“Somebody” is no number", "the row is empty")):
        ImportReject.objects.create(file=done, line=line, code="bad", message=message)
    page = text(revops.get(f"/erasure/{lead.pk}/"))
    for words in (
        "Imports of CRM lose their files",
        "2 files of ended imports are removed whole",
        "1 upload not imported yet is removed with its mapping",
        "1 import under way goes on",
        "1 rejected row keeps its line and reason and loses what it quotes",
    ):
        assert words in page, words
    assert "Imports of Other" not in page
    kept = set(ImportPiece.objects.values_list("file__state", "file__source__key"))
    revops.post(f"/erasure/{lead.pk}/", form())
    gone = kept - set(ImportPiece.objects.values_list("file__state", "file__source__key"))
    assert gone == {("done", "crm"), ("failed", "crm"), ("draft", "crm")}
    assert "“Somebody”" not in "".join(ImportReject.objects.values_list("message", flat=True))
