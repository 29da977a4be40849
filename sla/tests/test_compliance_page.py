"""Compliance: a week's figures, each of them leading to exactly the clocks that it counts."""

from __future__ import annotations

import random
import re
from collections.abc import Callable
from datetime import datetime, timedelta
from html import unescape
from random import Random
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import time_machine
from django.test import Client

from alignment.business_time import Week
from alignment.models import DirtyDay, Person, Role, Team, User
from sla.models import METRIC, Clock, ClockKind, Outcome
from sla.services import mark_breached, roll_up
from sla.tests.pages import found, signed_in
from testing.sla import signed_sla
from testing.world import World, add_rep, add_user, event, terms

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
WEEK = "2026-11-16"
LINK = re.compile(r'href="(/compliance/rows/\?[^"]+)"')
COUNTED = {
    "due": {Outcome.MET, Outcome.MISSED, Outcome.RESTATED},
    "met": {Outcome.MET},
    "missed": {Outcome.MISSED, Outcome.RESTATED},
    "restated": {Outcome.RESTATED},
    "met_restated": {Outcome.MET, Outcome.RESTATED},
    "running": {Outcome.OPEN},
}


def counts(clock: Clock, outcome: str) -> bool:
    """Whether a clock is among those of an outcome; the gate of the handoff counts met ones for itself."""
    if not outcome.startswith("gate_"):
        return clock.outcome in COUNTED[outcome]
    is_kept = clock.outcome == Outcome.MET
    if clock.kind == "follow_up":
        is_kept = is_kept and clock.owner_id is not None
    elif clock.cycle.closed_at or clock.cycle.crm_closed_at:
        is_kept = is_kept and bool(clock.cycle.closed_at) and clock.cycle.is_tagged
    is_due = clock.outcome in COUNTED["due"]
    return {"gate_due": is_due, "gate_met": is_kept, "gate_unmet": is_due and not is_kept}[outcome]


def get(client: Client, address: str, status: int = 200) -> str:
    response = client.get(address)
    assert response.status_code == status
    return response.content.decode()


def settle(world: World, at: datetime) -> None:
    mark_breached(at=at)
    roll_up(at=at)


def eventful_week(world: World, *, seed: int, leads: int) -> datetime:
    """Leads that cross at random, some worked in time, some late, some told late; returns the moment of reading."""
    random = Random(seed)
    other = Team.objects.create(name="Outbound", calendar=world.calendar)
    for n in range(2):
        add_rep(world, f"Other {n}", team=other)
    events: list[tuple[datetime, dict[str, Any]]] = []
    late: list[tuple[datetime, dict[str, Any]]] = []
    for n in range(leads):
        crossed = world.at + random.random() * timedelta(days=3)
        lead = f"L{n}"
        segment = random.choice(["smb", "mid market & co", ""])
        intent = random.choice(["demo_request", ""])
        events.append(
            (crossed, event("lead.created", lead, crossed, score=80, segment=segment, intent=intent))
        )
        for m in range(random.randrange(3)):
            touched = crossed + random.random() * timedelta(days=3)
            told = event("touch.recorded", f"T{n}.{m}", touched, lead=lead, is_attempt=True, channel="call")
            (late if random.random() < 0.3 else events).append((touched, told))
        if intent and random.random() < 0.5:
            touched = crossed + timedelta(minutes=3)
            told = event("touch.recorded", f"T{n}.soon", touched, lead=lead, is_attempt=True, channel="call")
            late.append((touched, told))
        if random.random() < 0.4:
            closed = crossed + random.random() * timedelta(days=4)
            events.append(
                (
                    closed,
                    event("lead.dispositioned", lead, closed, disposition="recycled", reason="bad_timing"),
                )
            )
    reading = world.at + timedelta(days=4, hours=6)
    told_in_time = sorted((pair for pair in events if pair[0] < reading), key=lambda pair: pair[0])
    now = world.at
    while now < reading:
        now += 3 * HOUR
        while told_in_time and told_in_time[0][0] < now:
            at, told = told_in_time.pop(0)
            world.deliver(told, external_id=told["id"], received_at=at)
        world.send(at=now)
        mark_breached(at=now)
    settle(world, reading)
    world.send(*(told for at, told in late if at < reading), at=reading + HOUR)
    settle(world, reading + HOUR)
    return reading + HOUR


def brute_force(query: dict[str, str], may_see: Callable[[Clock], bool]) -> set[int]:
    week = Week.starting(datetime.fromisoformat(query["week"]).date(), "UTC")
    counted = set()
    for clock in Clock.objects.select_related("cycle", "owner"):
        group_key = {
            None: None,
            "rep": str(clock.owner_id or ""),
            "team": str(clock.team_id or ""),
            "segment": clock.segment,
        }[query.get("group")]
        if (
            clock.kind == query["kind"]
            and week.starts_at <= clock.due_at < week.ends_at
            and clock.cycle.voided_at is None
            and counts(clock, query["outcome"])
            and ("group" not in query or group_key == query.get("key", ""))
            and may_see(clock)
        ):
            counted.add(clock.pk)
    return counted


def rows_of(client: Client, address: str) -> int:
    """How many rows all pages of a list have together."""
    seen, page = 0, get(client, address)
    while True:
        seen += page.count('<th scope="row">')
        following = re.search(r'href="([^"]+)" rel="next"', page)
        if following is None:
            return seen
        page = get(client, "/compliance/rows/" + unescape(following[1]))


@pytest.mark.parametrize("role", [Role.REVOPS, Role.SALES_MANAGER, Role.REP])
def test_every_figure_leads_to_as_many_rows_as_it_says(
    world: World, role: Role, examples: Callable[[int, int], int]
) -> None:
    now = eventful_week(world, seed=7, leads=45)
    user = world.users["rep.1"] if role == Role.REP else add_user(world, role)
    me = Person.objects.filter(user=user).first()

    def may_see(clock: Clock) -> bool:
        if role == Role.REVOPS:
            return True
        if role == Role.REP:
            return clock.owner == me
        return clock.owner is not None and clock.owner.team_id == world.team.pk

    client = signed_in(user)
    seen = set()
    with time_machine.travel(now, tick=False):
        for group in ("rep", "team", "segment"):
            page = get(client, f"/compliance/?week={WEEK}&group={group}")
            for link in re.finditer(
                r'<a[^>]+href="(?P<to>/compliance/rows/\?[^"]+)"[^>]*>(?P<said>[^<]+)<', page
            ):
                seen.add((unescape(link["to"]), link["said"].strip()))
        assert len({said for _, said in seen}) > 15
        if role == Role.REVOPS:
            assert any("restated" in said for _, said in seen)
        for address, said in sorted(seen)[random.randrange(examples(3, 1)) :: examples(3, 1)]:
            query = {name: values[0] for name, values in parse_qs(urlsplit(address).query).items()}
            wanted = brute_force(query, may_see)
            shares = re.search(r"\(([\d,]+) of ([\d,]+)\)", said)
            if shares is None:
                figure = int(found(r"^([\d,]+)", said)) if said != "no data" else 0
            else:
                figure = int(shares[1] if query["outcome"] == "met_restated" else shares[2])
            assert figure == len(wanted), address
            assert f"<strong>{len(wanted)} clock" in get(client, address)
        biggest = f"/compliance/rows/?week={WEEK}&kind=follow_up&outcome=all"
        shown = int(found(r"<strong>(\d+) clock", get(client, biggest)))
        assert rows_of(client, biggest) == shown > 0


def test_late_evidence_stands_beside_the_figure_as_known(world: World) -> None:
    world.send(event("lead.created", "L1", world.at, score=70, intent="demo_request"))
    settle(world, world.at + HOUR)
    touched = world.at + timedelta(minutes=2)
    world.send(
        event("touch.recorded", "T1", touched, lead="L1", is_attempt=True, channel="call"),
        at=world.at + 2 * HOUR,
    )
    settle(world, world.at + 2 * HOUR)
    client = signed_in(add_user(world, Role.REVOPS))
    page = get(client, f"/compliance/?week={WEEK}")
    assert "0.0% (0 of 1)" in page and "100.0% (1 of 1)" in page and "1 restated" in page
    rows = get(client, f"/compliance/rows/?week={WEEK}&kind=follow_up&outcome=restated")
    assert "Met, late evidence" in rows and "Stamped" in rows


def test_a_day_that_waits_for_its_roll_up_is_said_so(world: World) -> None:
    client = signed_in(add_user(world, Role.REVOPS))
    roll_up(at=world.at)
    assert "being recomputed" not in get(client, f"/compliance/?week={WEEK}")
    DirtyDay.objects.create(metric=METRIC, day="2026-11-20")
    assert "being recomputed" in get(client, f"/compliance/?week={WEEK}")
    assert "being recomputed" not in get(client, "/compliance/?week=2026-11-09")


def test_a_list_that_is_ahead_of_its_figure_says_so(world: World) -> None:
    world.send(event("lead.created", "L1", world.at, score=70))
    client = signed_in(add_user(world, Role.REVOPS))
    address = f"/compliance/rows/?week={WEEK}&kind=follow_up&outcome=running"
    assert "being recomputed" in get(client, address)
    roll_up(at=world.at)
    assert "being recomputed" not in get(client, address)


def test_any_day_names_its_week_and_nonsense_the_current_one(world: World) -> None:
    client = signed_in(add_user(world, Role.REVOPS))
    with time_machine.travel(world.at, tick=False):
        assert "9 Nov 2026 – 15 Nov 2026" in get(client, "/compliance/?week=2026-11-12")
        for nonsense in ("?week=soon", "?week=0001-01-01", "?week=9999-12-31", "?group=x&kind=y", ""):
            assert "16 Nov 2026 – 22 Nov 2026" in get(client, f"/compliance/{nonsense}")
    page = get(client, "/compliance/?week=2026-11-09")
    assert "week=2026-11-02" in page and "week=2026-11-16" in page


def test_finance_sees_figures_and_no_rows_and_the_board_neither(world: World) -> None:
    world.send(event("lead.created", "L1", world.at, score=70))
    settle(world, world.at + HOUR)
    finance, board = signed_in(add_user(world, Role.FINANCE)), signed_in(add_user(world, Role.BOARD_VIEWER))
    page = get(finance, f"/compliance/?week={WEEK}")
    assert "100.0% (1 of 1)" in page and not LINK.search(page)
    for address in ("rows/", "rows.csv"):
        asked = f"/compliance/{address}?week={WEEK}&kind=assign&outcome=met"
        get(finance, asked, 403)
        get(board, asked, 403)
    get(board, "/compliance/", 403)


def test_a_rep_finds_nobody_elses_clocks(world: World) -> None:
    world.send(
        event("lead.created", "L1", world.at, score=70), event("lead.created", "L2", world.at, score=70)
    )
    roll_up(at=world.at)
    client = signed_in(world.users["rep.1"])
    address = f"/compliance/rows/?week={WEEK}&kind=follow_up&outcome=all"
    assert "1 clock<" in get(client, address)
    other = world.reps[1].pk
    assert "0 clocks<" in get(client, f"{address}&group=rep&key={other}")
    assert client.get(f"/compliance/rows.csv?{urlsplit(address).query}").content.count(b"\r\n") == 2


@pytest.mark.parametrize("group", ["rep", "team"])
def test_an_address_tells_no_names_of_those_whose_mqls_one_may_not_see(world: World, group: str) -> None:
    team = Team.objects.create(name="Skunkworks", calendar=world.calendar)
    stranger = add_rep(world, "Sam Stranger", team=team)
    manager = add_user(world, Role.SALES_MANAGER)
    world.send(
        event("lead.created", "mine", world.at, score=70, owner=world.reps[0].email),
        event("lead.created", "theirs", world.at, score=70, owner=stranger.email),
    )
    roll_up(at=world.at)

    def said_to(user: User, whose: Person) -> str:
        assert whose.team is not None
        key = whose.pk if group == "rep" else whose.team.pk
        page = get(
            signed_in(user),
            f"/compliance/rows/?week={WEEK}&kind=follow_up&outcome=all&group={group}&key={key}",
        )
        return " ".join(found(r'<p class="row-count">(.*?)</p>', page).split())

    name, other = ("Rep 1", "Sam Stranger") if group == "rep" else ("Inbound", "Skunkworks")
    for user in (world.users["rep.1"], manager):
        assert f"1 clock</strong> · {name} ·" in said_to(user, world.reps[0])
        foreign = said_to(user, stranger)
        assert "0 clocks</strong> · Nobody with MQLs that you may see ·" in foreign
        assert other not in get(signed_in(user), f"/compliance/?week={WEEK}&group={group}")
    assert f"1 clock</strong> · {other} ·" in said_to(add_user(world, Role.REVOPS), stranger)
    nobody = f"/compliance/rows/?week={WEEK}&kind=follow_up&group={group}&key=999999999"
    assert "Nobody with MQLs that you may see" in get(signed_in(manager), nobody)


@pytest.mark.parametrize(
    "query",
    [
        "",
        "week=2026-11-16",
        "kind=follow_up",
        "week=soon&kind=follow_up",
        "week=2026-11-16&kind=lunch",
        "week=2026-11-16&kind=follow_up&group=planet",
        "week=2026-11-16&kind=follow_up&group=rep&key=x",
        "week=2026-11-16&kind=follow_up&outcome=won",
        "week=2026-11-16&kind=follow_up&after=x",
        "week=2026-11-16&kind=follow_up&after=999999999999999999-1",
    ],
)
def test_an_address_that_names_no_figure_is_not_found(world: World, query: str) -> None:
    get(signed_in(add_user(world, Role.REVOPS)), f"/compliance/rows/?{query}", 404)


def test_rows_that_fall_due_together_are_paged_without_loss(world: World) -> None:
    world.send(*(event("lead.created", f"L{n}", world.at, score=70) for n in range(120)))
    roll_up(at=world.at)
    assert Clock.objects.filter(kind=ClockKind.FOLLOW_UP).values("due_at").distinct().count() == 1
    client = signed_in(add_user(world, Role.REVOPS))
    assert rows_of(client, f"/compliance/rows/?week={WEEK}&kind=follow_up") == 120


def test_the_number_of_queries_does_not_grow_with_the_rows(
    world: World, django_assert_max_num_queries: Callable[[int], object]
) -> None:
    client = signed_in(add_user(world, Role.REVOPS))
    for leads in (1, 20):
        world.send(*(event("lead.created", f"L{leads}.{n}", world.at, score=70) for n in range(leads)))
        settle(world, world.at + HOUR)
        with django_assert_max_num_queries(25):  # type: ignore[attr-defined]
            get(client, f"/compliance/?week={WEEK}")
        with django_assert_max_num_queries(13):  # type: ignore[attr-defined]
            get(client, f"/compliance/rows/?week={WEEK}&kind=follow_up")


def test_a_small_week_that_is_over_opens_no_gate(world: World) -> None:
    signed_sla(terms(world.calendar), at=world.at - 8 * DAY)
    world.send(event("lead.created", "L1", world.at, score=70, intent="demo_request"))
    settle(world, world.at + 3 * DAY)
    user = add_user(world, Role.REVOPS)
    said = "1 of at least 10 MQLs were due: this week neither"
    with time_machine.travel(world.at, tick=False):
        assert said not in get(signed_in(user), f"/compliance/?week={WEEK}")
    with time_machine.travel(world.at + timedelta(days=7), tick=False):
        assert said in get(signed_in(user), f"/compliance/?week={WEEK}")
        assert said not in get(signed_in(world.users["rep.1"]), f"/compliance/?week={WEEK}")
