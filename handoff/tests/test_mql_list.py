"""The list of MQLs: states, search, filters, pages by key, and nobody sees more than the own scope."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from alignment.models import MqlCycle, Person, Role
from handoff.models import PoolMember
from handoff.tests.pages import add_mql, client_of
from testing.world import World, add_user, build_world, event

LINK = re.compile(r'href="/leads/(\d+)/"')


@pytest.fixture
def world(db: None) -> World:
    return build_world(timezone.now() - timedelta(days=10), reps=2)


@pytest.fixture
def revops(world: World) -> Client:
    return client_of(add_user(world, Role.REVOPS))


def shown(client: Client, query: str = "") -> list[str]:
    """Names of the leads in the list, in its order."""
    answer = client.get(f"/mqls/{query}")
    assert answer.status_code == 200, answer.status_code
    names = dict(MqlCycle.objects.values_list("lead_id", "lead__last_name"))
    return [names[int(pk)] for pk in LINK.findall(answer.content.decode())]


def test_each_state_shows_its_mqls(world: World, revops: Client) -> None:
    now = timezone.now()
    add_mql(world, "Open")
    add_mql(world, "Late", at=now - timedelta(days=9))
    add_mql(world, "Done")
    world.send(event("lead.updated", "lead-Done", now, disposition="recycled", reason="bad_fit"), at=now)
    world.crm.mapping = {"closed_statuses": ["Dead"]}
    world.crm.save()
    add_mql(world, "Shut")
    world.send(event("lead.updated", "lead-Shut", now, status="Dead"), at=now)
    add_mql(world, "Reasonless")
    world.send(event("lead.updated", "lead-Reasonless", now, disposition="disqualified"), at=now)
    PoolMember.objects.update(is_paused=True)
    add_mql(world, "Nobodys")
    assert set(shown(revops)) == {"Open", "Late", "Shut", "Nobodys"}
    assert set(shown(revops, "?state=unassigned")) == {"Nobodys"}
    assert set(shown(revops, "?state=untagged")) == {"Shut", "Reasonless"}
    assert set(shown(revops, "?state=overdue")) == {"Late"}
    assert set(shown(revops, "?state=closed")) == {"Done", "Reasonless"}
    assert shown(revops, "?state=voided") == []
    assert len(shown(revops, "?state=all")) == 6
    page = revops.get("/mqls/?state=untagged").content.decode()
    assert "Closed without a complete disposition" in page
    assert "Disqualified without a reason" in page


def test_what_later_facts_disproved_is_listed_as_voided(world: World, revops: Client) -> None:
    at = timezone.now() - timedelta(hours=2)
    add_mql(world, "Ada", at=at)
    # late news: the score was that high an hour before, and sales sent the lead back at once
    before = at - timedelta(hours=1)
    sent_back = event("lead.created", "lead-Ada", before, score=90, disposition="recycled", reason="bad_fit")
    world.send(sent_back, at=timezone.now())
    assert shown(revops, "?state=voided") == ["Ada"]
    assert shown(revops) == []


@pytest.mark.parametrize("asked", ["lovelace", "Ada Lovelace", "ada@engine", "engine co", "  Lovelace  ada "])
def test_search_finds_by_name_company_and_email(world: World, revops: Client, asked: str) -> None:
    add_mql(world, "Lovelace", first_name="Ada", company="Engine Co", email="ada@engine.example")
    add_mql(world, "Hopper")
    assert shown(revops, f"?q={asked.replace(' ', '+')}") == ["Lovelace"]


def test_filters_by_segment_and_owner(world: World, revops: Client) -> None:
    first = add_mql(world, "First", segment="smb")
    add_mql(world, "Second")
    assert shown(revops, "?segment=smb") == ["First"]
    assert shown(revops, "?segment=(none)") == ["Second"]
    assert shown(revops, f"?owner={first.owner_id}") == ["First"]
    assert shown(revops, f"?segment=smb&owner={first.owner_id}&q=second") == []


@pytest.mark.parametrize(
    "nonsense", ["state=x", "segment=none-such", "owner=1e9", "sort=up", "owner=99999999999999999999"]
)
def test_a_filter_that_makes_no_sense_is_left_out(world: World, revops: Client, nonsense: str) -> None:
    add_mql(world, "Ada")
    answer = revops.get(f"/mqls/?{nonsense}")
    assert answer.status_code == 422
    assert "Ada Inc" in answer.content.decode()


@pytest.mark.parametrize(
    "key", ["x", "~", "2026-01-01~", "~7", "2026-01-01T00:00~99999999999999999999", "%00"]
)
def test_a_key_that_cannot_be_read_starts_at_the_top(world: World, revops: Client, key: str) -> None:
    add_mql(world, "Ada")
    assert shown(revops, f"?after={key}") == ["Ada"]


def test_null_characters_are_refused_not_looked_for(world: World, revops: Client) -> None:
    assert revops.get("/mqls/?q=a%00b").status_code == 422


@pytest.mark.parametrize("sort", ["", "&sort=crossed", "&sort=-crossed"])
def test_pages_follow_each_other_without_gap_or_repeat(world: World, revops: Client, sort: str) -> None:
    at = timezone.now() - timedelta(hours=3)
    # many at the same instant: the key decides between them
    moments = [at + timedelta(minutes=n // 30) for n in range(115)]
    world.send(*[event("lead.updated", f"L{n}", m, score=80, last_name=f"N{n}") for n, m in enumerate(moments)],
               at=at + timedelta(hours=1))  # fmt: skip
    seen: list[str] = []
    query = f"?state=all{sort}"
    for _ in range(5):
        page = revops.get(f"/mqls/{query}").content.decode()
        seen += shown(revops, query)
        following = re.search(r'href="(\?[^"]*after=[^"]+)" rel="next"', page)
        query = following.group(1).replace("&amp;", "&") if following else ""
    assert query == ""
    assert len(seen) == len(set(seen)) == 115
    crossed = dict(MqlCycle.objects.values_list("lead__last_name", "crossed_at"))
    times = [crossed[name] for name in seen]
    assert times == sorted(times, reverse=sort != "&sort=crossed")


def test_everybody_sees_the_own_scope(world: World, revops: Client) -> None:
    add_mql(world, "First")
    add_mql(world, "Second")
    PoolMember.objects.update(is_paused=True)
    add_mql(world, "Nobodys")
    assert shown(client_of(world.users["rep.1"])) == ["First"]
    manager = add_user(world, Role.SALES_MANAGER)
    assert set(shown(client_of(manager))) == {"First", "Second", "Nobodys"}
    Person.objects.filter(name="Rep 2").update(team=None)
    assert set(shown(client_of(manager))) == {"First", "Nobodys"}
    for role in (Role.CRO, Role.CMO, Role.MARKETING):
        assert len(shown(client_of(add_user(world, role)))) == 3
    for role in (Role.FINANCE, Role.BOARD_VIEWER):
        assert client_of(add_user(world, role)).get("/mqls/").status_code == 403
    rep = client_of(world.users["rep.1"]).get("/mqls/").content.decode()
    assert "Rep 2" not in rep


def test_queries_do_not_grow_with_the_list(
    world: World, revops: Client, django_assert_max_num_queries: Any
) -> None:
    add_mql(world, "Ada", segment="smb")
    with django_assert_max_num_queries(20) as few:
        revops.get("/mqls/")
    for number in range(20):
        add_mql(world, f"More{number}", segment=f"s{number}")
    with django_assert_max_num_queries(len(few)):
        assert len(shown_names(revops)) == 21


def shown_names(client: Client) -> list[str]:
    return LINK.findall(client.get("/mqls/").content.decode())


def test_the_list_refreshes_itself_calmly(world: World) -> None:
    add_mql(world, "Ada")
    page = client_of(add_user(world, Role.REVOPS)).get("/mqls/?state=open&q=Ada").content.decode()
    region = page.partition('id="mqls"')[2]
    assert "data-calm" in region.partition(">")[0]
    assert 'hx-get="/mqls/?state=open&amp;q=Ada"' in region.partition(">")[0]
    assert "Ada Inc" in region
    assert "js/calm-refresh" in page
