"""The list of leads: those that are no MQL too, found by name, company, e-mail or id, in the viewer's scope."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from alignment.access import Scope
from alignment.models import Function, Lead, LeadMerge, MqlCycle, Role, Source, Team
from alignment.services.erasure import erase_person
from alignment.services.merges import merge_leads
from handoff.models import PoolMember
from handoff.queries.lead_list import LeadFilters, page
from handoff.tests.pages import add_mql, client_of
from handoff.tests.test_api_finds_by_index import multiply
from testing.world import World, add_rep, add_user, build_world, event

ROW = re.compile(r'<th class="lead-name" scope="row">\s*<a href="/leads/(\d+)/\?from=leads"')


@pytest.fixture
def world(db: None) -> World:
    return build_world(timezone.now() - timedelta(days=10), reps=2)


@pytest.fixture
def revops(world: World) -> Client:
    return client_of(add_user(world, Role.REVOPS))


def add_lead(world: World, name: str, *, at: Any = None, **fields: Any) -> Lead:
    """A lead far below the trigger."""
    world.send(event("lead.created", name, at or world.at, **({"score": 3, "last_name": name} | fields)))
    return Lead.objects.latest("pk")


def text(client: Client, **query: Any) -> str:
    answer = client.get("/leads/", query)
    assert answer.status_code == 200, answer.status_code
    return answer.content.decode()


def shown(client: Client, **query: Any) -> list[str]:
    """External ids of the leads that the rows lead to, in their order."""
    ids = dict(Lead.objects.values_list("pk", "external_id"))
    return [ids[int(pk)] for pk in ROW.findall(text(client, **query))]


# --- search ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "asked",
    [
        "Lovelace", "lov", "ada love", "LOVELACE  ada", "ada engine", "Engine", "co. engine", "Ädà",
        "ada@engine.example", "ADA@Engine.Example", "ada@eng", "ada@", "@engine.example", "engine.example",
        "00Q-1/x", " 00Q-1/x ", "Engine Co GmbH", "o'hara", "O’Hara",
    ],
)  # fmt: skip
def test_a_lead_that_is_no_mql_is_found_by(world: World, revops: Client, asked: str) -> None:
    add_lead(
        world,
        "00Q-1/x",
        first_name="Ada",
        last_name="O'Hara-Lovelace",
        company="Engine Co. GmbH",
        email="Ada@engine.example",
    )
    add_lead(
        world, "00Q-1/y", first_name="Grace", last_name="Hopper", company="Navy", email="gh@navy.example"
    )
    assert shown(revops, q=asked) == ["00Q-1/x"]


@pytest.mark.parametrize(
    "asked",
    [
        "velace", "ada hopper", "00q-1/x", "00Q", "a", "@engine", "@", "!!!", "' | 'hopper", "\\", "ada:*",
        "da@engine.example", "%", "ada@%", "_da@", "& | !", "@@", "' OR 1=1 --", "x" * 254,
    ],
)  # fmt: skip
def test_nothing_else_is_found_by(world: World, revops: Client, asked: str) -> None:
    add_lead(world, "00Q-1/x", first_name="Grace", last_name="Lovelace", email="ada@engine.example")
    assert shown(revops, q=asked) == []
    assert "No lead matches" in text(revops, q=asked)
    assert "at least up to the @" in text(revops, q=asked)


def test_an_id_of_salesforce_is_found_in_either_form(world: World, revops: Client) -> None:
    add_lead(world, "00Q5g00000AbCdE", last_name="Lovelace")
    (lead,) = Lead.objects.all()
    assert len(lead.external_id) == 18
    for asked in ("00Q5g00000AbCdE", lead.external_id):
        assert shown(revops, q=asked) == [lead.external_id]


@pytest.mark.parametrize("written", ["NW-10013", "nw-10013"])
def test_an_id_is_found_in_capitals_and_in_small_letters(world: World, revops: Client, written: str) -> None:
    add_lead(world, written, last_name="Lovelace")
    assert [shown(revops, q=asked) for asked in ("NW-10013", "nw-10013")] == [[written]] * 2


def test_an_id_of_salesforce_in_another_case_is_another_record(world: World, revops: Client) -> None:
    add_lead(world, "00Q5g00000ABCDE", last_name="Lovelace")
    assert shown(revops, q="00Q5g00000abcde") == []


def test_the_page_of_a_lead_names_its_id_and_leads_back_to_the_list_it_was_opened_from(
    world: World, revops: Client
) -> None:
    lead = add_mql(world, "NW-1").lead
    for address, back in ((f"/leads/{lead.pk}/?from=leads", "Leads"), (f"/leads/{lead.pk}/", "MQLs")):
        found = revops.get(address).content.decode()
        assert re.search(r"</svg>\s*" + back + "</a>", found), back
        who = found.partition('aria-labelledby="who"')[2].partition("<details")[0]
        assert f">{lead.external_id}</code>" in who


def test_null_characters_are_refused_not_looked_for(world: World, revops: Client) -> None:
    assert revops.get("/leads/?q=a%00b").status_code == 422


# --- filters --------------------------------------------------------------------------------------------


def test_each_state_shows_its_leads(world: World, revops: Client) -> None:
    now = timezone.now()
    add_lead(world, "never")
    add_mql(world, "Open")
    add_mql(world, "Done")
    world.send(event("lead.updated", "lead-Done", now, disposition="recycled", reason="bad_fit"), at=now)
    add_mql(world, "Void")
    MqlCycle.objects.filter(lead__external_id="lead-Void").update(voided_at=now, void_reason="x")
    assert set(shown(revops)) == {"never", "lead-Open", "lead-Done", "lead-Void"}
    assert set(shown(revops, state="none")) == {"never", "lead-Void"}
    assert shown(revops, state="open") == ["lead-Open"]
    assert shown(revops, state="closed") == ["lead-Done"]
    assert shown(revops, state="merged") == shown(revops, state="erased") == []
    assert "No lead is merged" in text(revops, state="merged")
    assert "Nobody was erased" in text(revops, state="erased")


def test_filters_by_source_owner_and_day_of_creation(world: World, revops: Client) -> None:
    other = Source.objects.create(key="other", name="Other CRM", kind="standard")
    one = add_lead(world, "one", created_at="2024-05-01T22:30:00+00:00", owner=world.reps[0].email)
    two = add_lead(world, "two", created_at="2024-05-02T22:30:00+00:00")
    Lead.objects.filter(pk=two.pk).update(source=other)
    mine = add_mql(world, "Mine", owner=world.reps[1].email)
    Lead.objects.filter(pk=mine.lead_id).update(crm_owner=None)
    assert shown(revops, source=other.pk) == ["two"]
    assert shown(revops, owner=world.reps[0].pk) == ["one"]
    assert shown(revops, owner=world.reps[1].pk) == ["lead-Mine"]
    assert shown(revops, owner=world.reps[1].pk, state="none") == []
    assert shown(revops, since="2024-05-02", until="2024-05-02") == ["two"]
    assert shown(revops, until="2024-05-01") == ["one"] == shown(revops, until="2024-05-02", q="one")
    assert one.crm_created_at is not None
    assert shown(revops, since="2024-05-03") == [
        "lead-Mine"
    ]  # no time in the CRM: when it was first heard of


@pytest.mark.parametrize(
    "nonsense",
    [{"state": "x"}, {"source": "x"}, {"owner": "99999999999999999999"}, {"since": "soon"}, {"until": "9999-12-31"},
     {"since": "2026-05-02", "until": "2026-05-01"}],
)  # fmt: skip
def test_a_filter_that_makes_no_sense_is_left_out_and_said(
    world: World, revops: Client, nonsense: dict[str, str]
) -> None:
    add_lead(world, "Ada")
    answer = revops.get("/leads/", {"since": "2001-01-01"} | nonsense)
    assert answer.status_code == 422 and ROW.search(answer.content.decode())


def test_each_row_names_the_mql_and_who_owns_the_lead(world: World, revops: Client) -> None:
    now = timezone.now()
    first, second = world.reps

    def row(client: Client = revops, **query: Any) -> str:
        (found,) = re.findall(r"<tr>\s*<th class=\"lead-name\".*?</tr>", text(client, **query), re.S)
        return str(found)

    add_lead(world, "cold", owner=second.email, company="Cold Inc", status="on_hold")
    found = row(q="cold")
    assert "Rep 2" in found and "none" in found and "Cold Inc" in found and "CRM, on hold" in found
    cycle = add_mql(world, "Open", owner=first.email)
    Lead.objects.filter(pk=cycle.lead_id).update(crm_owner=second)
    assert "Rep 1" in row(q="open") and "Open</span>" in row(q="open")
    PoolMember.objects.update(is_paused=True)
    add_mql(world, "Nobodys")
    assert "Nobody</span>" in row(q="nobodys")
    world.send(event("lead.updated", "lead-Open", now, disposition="disqualified"), at=now)
    Lead.objects.filter(pk=cycle.lead_id).update(crm_owner=None)
    found = row(q="open")
    assert "Disqualified" in found and "Disqualified without a reason" in found and "Rep 1" in found
    Lead.objects.filter(pk=cycle.lead_id).update(is_deleted=True)
    assert "Deleted in the CRM" in row(q="open")


def test_who_sees_the_own_leads_alone_is_not_asked_for_the_owner(world: World, revops: Client) -> None:
    for rep in world.reps:
        add_mql(world, f"Of {rep.pk}", owner=rep.email)
    assert 'name="owner"' in text(revops)
    assert 'name="owner"' not in text(client_of(world.users["rep.1"]))


# --- pages by key ---------------------------------------------------------------------------------------


def test_pages_of_fifty_follow_each_other_without_gap_or_repetition(world: World, revops: Client) -> None:
    add_lead(world, "first")
    multiply_leads(119, world)
    seen: list[str] = []
    query: dict[str, str] = {}
    for expected in (50, 50, 20):
        found = page(LeadFilters(), Scope(is_all=True), after=query.get("after", ""))
        rows = shown(revops, **query)
        assert rows == [row.lead.external_id for row in found.rows] and len(rows) == expected
        seen += rows
        query = {"after": found.cursor or ""}
    assert found.cursor is None and len(set(seen)) == 120


def multiply_leads(number: int, world: World) -> None:
    """More leads, several of them created at one instant."""
    moments = [world.at - timedelta(hours=n // 7) for n in range(number)]
    Lead.objects.bulk_create(
        Lead(source=world.crm, external_id=f"n{n}", last_name="Many", first_seen_at=at)
        for n, at in enumerate(moments)
    )


@pytest.mark.parametrize(
    "key", ["x", "~", "2026-01-01~", "~7", "2026-01-01T00:00~99999999999999999999", "\x00"]
)
def test_a_key_that_cannot_be_read_starts_at_the_top(world: World, revops: Client, key: str) -> None:
    add_lead(world, "Ada")
    assert shown(revops, after=key) == ["Ada"]


def test_queries_do_not_grow_with_the_rows(
    world: World, revops: Client, django_assert_max_num_queries: Any
) -> None:
    def add(name: str) -> None:
        mql = add_mql(world, name)
        merged = add_lead(world, f"m-{name}")
        Lead.objects.filter(pk=merged.pk).update(merged_into=mql.lead)

    add("A")
    text(revops)
    with django_assert_max_num_queries(25) as few:
        text(revops)
    for n in range(20):
        add(f"N{n}")
    with django_assert_max_num_queries(len(few)):
        assert text(revops).count('class="lead-name"') == 42


def test_a_search_among_many_reads_no_table_to_its_end(world: World) -> None:
    world.send(event("lead.updated", "first", world.at, last_name="First", company="Co"))
    multiply(Lead, email="'X' || n || '@ACME' || n || '.example'", last_name="'Last' || n")
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    for asked, number in {
        "last777": 11,
        "x777@": 1,
        "@acme777.example": 1,
        "x777": 1,
        "last19999 co": 1,
    }.items():
        with CaptureQueriesContext(connection) as told:
            found = page(LeadFilters(text=asked), Scope(is_all=True))
        assert len(found.rows) == number, asked
        (plan,) = [explained(row["sql"]) for row in told.captured_queries if "LIMIT 51" in row["sql"]]
        assert "Seq Scan on alignment_lead" not in plan and "lead_by_creation" not in plan, plan
    with CaptureQueriesContext(connection) as told:
        assert len(page(LeadFilters(), Scope(is_all=True)).rows) == 50
    (plan,) = [explained(row["sql"]) for row in told.captured_queries if "LIMIT 51" in row["sql"]]
    assert "lead_by_creation" in plan and "Seq Scan on alignment_lead" not in plan


def explained(statement: str) -> str:
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN {statement}")
        return "\n".join(row[0] for row in cursor.fetchall())


# --- scope ----------------------------------------------------------------------------------------------


def test_everybody_sees_the_leads_whose_pages_open_to_them(world: World) -> None:
    others = Team.objects.create(name="Others", function=Function.SALES)
    stranger = add_rep(world, "Stranger", team=others)
    mine = add_mql(world, "Mine", owner=world.reps[0].email)
    add_mql(world, "Mate", owner=world.reps[1].email)
    add_mql(world, "Theirs", owner=stranger.email)
    PoolMember.objects.update(is_paused=True)
    add_mql(world, "Nobodys")
    add_lead(world, "cold", owner=world.reps[0].email)
    part = add_lead(world, "part")
    Lead.objects.filter(pk=part.pk).update(merged_into=mine.lead)
    everything = {"lead-Mine", "lead-Mate", "lead-Theirs", "lead-Nobodys", "cold", "part"}
    manager = add_user(world, Role.SALES_MANAGER)
    logins = {
        world.users["rep.1"]: {"lead-Mine", "part"},
        manager: {"lead-Mine", "lead-Mate", "lead-Nobodys", "part"},
        add_user(world, Role.MARKETING): everything,
        add_user(world, Role.CRO): everything,
    }
    for user, expected in logins.items():
        client = client_of(user)
        found = set(re.findall(r"<code>([^<]+)</code>", text(client)))
        assert found == expected, user.role
        for lead in Lead.objects.all():
            opens = client.get(f"/leads/{lead.pk}/").status_code == 200
            assert opens == (lead.external_id in expected), (user.role, lead.external_id)
    rep = client_of(world.users["rep.1"])
    assert shown(rep, q="theirs") == [] and shown(rep, q="lead-Theirs") == []
    assert shown(rep, q="theirs@example.com") == [] == shown(rep, state="none")
    assert stranger.name not in text(rep)


def test_a_merged_record_leads_to_the_one_that_counts(world: World, revops: Client) -> None:
    by = add_user(world, Role.REVOPS, "Rhea")
    kept, gone = add_lead(world, "kept", last_name="Kept"), add_lead(world, "gone", last_name="Gone")
    merge_leads(survivor=kept, merged=gone, reason="x", by=by, at=timezone.now())
    assert shown(revops, q="gone") == ["kept"] == shown(revops, state="merged")
    found = text(revops, state="merged")
    assert f'href="/leads/{gone.pk}/"' in found and "Merged" in found and "counts there" in found
    assert shown(revops, state="none") == ["kept"]
    assert LeadMerge.objects.count() == 1


def test_a_survivor_out_of_scope_is_not_named(world: World) -> None:
    own = add_mql(world, "Own", owner=world.reps[0].email)
    other = add_mql(world, "Secret", owner=world.reps[1].email)
    Lead.objects.filter(pk=own.lead_id).update(merged_into=other.lead)
    found = text(client_of(world.users["rep.1"]))
    assert "Own" in found and "Merged" in found and "Secret" not in found


def test_an_erased_lead_is_listed_as_erased_and_no_more_found_by_name(world: World, revops: Client) -> None:
    lead = add_lead(world, "L1", last_name="Canary", email="wilma@feathers.example")
    by = add_user(world, Role.REVOPS, "Rhea")
    erase_person(leads=[lead], asked_by="person", reason="Asked", by=by, at=timezone.now())
    assert shown(revops, q="canary") == [] == shown(revops, q="wilma@feathers.example")
    assert (
        shown(revops, q="L1") == ["L1"] == shown(revops, state="erased") == shown(revops, q="erased person")
    )
    found = text(revops, state="erased")
    assert "Canary" not in found and "Erased person" in found


# --- ways in --------------------------------------------------------------------------------------------


def test_the_empty_list_says_what_to_do(world: World, revops: Client) -> None:
    assert "No leads yet" in text(revops) and "Connect a source" in text(revops)
    assert "when its MQL is assigned" in text(client_of(world.users["rep.1"]))


def test_a_search_among_mqls_that_finds_nothing_leads_to_all_leads(world: World, revops: Client) -> None:
    add_lead(world, "cold", last_name="Müller & Söhne")
    found = revops.get("/mqls/", {"q": "Müller &"}).content.decode()
    assert 'href="/leads/?q=M%C3%BCller%20%26"' in found
    assert shown(revops, q="Müller &") == ["cold"]


def test_the_application_s_role_may_search(world: World, revops: Client, as_application_role: str) -> None:
    assert "No lead matches" in text(revops, q="Ada")
