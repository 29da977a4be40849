"""The adherence report: its figures against counts by hand, and each of them against the rows that it leads to."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from html import unescape
from itertools import pairwise
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import time_machine
from hypothesis import given
from hypothesis import strategies as st

from alignment.business_days import BusinessDays
from alignment.business_time import Week
from alignment.models import MqlCycle, Role
from alignment.tests.pages import cards
from sla.models import Clock, Outcome
from sla.periods import Period
from sla.queries.adherence.figures import LABELS, SALES, Cell, Report, Signed, from_json, to_json
from sla.queries.adherence.near import more_misses
from sla.queries.adherence.promised import WorkingMonth
from sla.queries.adherence.report import adherence
from sla.services.disputes import Decided, file_dispute, rule
from sla.tests.pages import found, signed_in
from sla.tests.test_compliance_page import eventful_week, settle
from sla.views.adherence_parts import verdict
from testing.artifacts import user_with
from testing.definitions import COMPLETE
from testing.sla import amended, clauses, signed_sla
from testing.world import World, add_user, event, terms

LINES = [{"segment": "smb", "mqls": 40}, {"segment": "", "mqls": 60}]
LINK = re.compile(r'<a[^>]+href="(?P<to>/adherence/rows/\?[^"]+)"[^>]*>(?P<said>.*?)</a>', re.DOTALL)
DUE = {Outcome.MET, Outcome.MISSED, Outcome.RESTATED}
OF_CLOCKS = {
    "due": DUE,
    "kept": {Outcome.MET},
    "missed": {Outcome.MISSED, Outcome.RESTATED},
    "restated": {Outcome.MET, Outcome.RESTATED},
    "waiting": {Outcome.OPEN},
    "ruled": {Outcome.MET, Outcome.RESTATED},
    "ruled_due": DUE,
}


def eventful_weeks(world: World) -> datetime:
    """A signed SLA, a week of random events with some complete MQLs, and the week after it; the moment of reading."""
    volumes = {"volumes": LINES, "completeness_percent": 90}
    signed_sla(terms(world.calendar), at=world.at - timedelta(days=60), marketing=marketing(world, **volumes))
    read = eventful_week(world, seed=7, leads=30)
    for n in range(12):
        at = read + timedelta(hours=n)
        fields: dict[str, Any] = COMPLETE | {"email": f"c{n}@acme.com", "segment": "smb" if n % 3 else ""}
        world.send(event("lead.created", f"C{n}", at, **fields), at=at)
    reading = read + timedelta(days=4)
    world.send(event("lead.created", "D1", reading, score=80, owner=world.reps[0].email), at=reading)
    settle(world, reading)
    dispute_two(world, reading)
    settle(world, reading)
    return reading


def dispute_two(world: World, at: datetime) -> None:
    """A breach of the full week that a ruling sets aside, and a running clock that an open dispute holds."""
    revops = user_with(Role.REVOPS)
    manager = add_user(world, Role.SALES_MANAGER)
    clocks = Clock.objects.filter(owner__team=world.team).order_by("pk")
    missed = clocks.filter(kind="follow_up", outcome=Outcome.MISSED).first()
    running = clocks.filter(kind="disposition", outcome=Outcome.OPEN, due_at__gt=at).first()
    assert missed is not None and running is not None
    for clock in (missed, running):
        dispute = file_dispute(
            subject=clock, text="The CRM was down.", asked="Set it aside.", by=manager, at=at
        )
        if clock == missed:
            decided = Decided("upheld", "An outage is nobody's miss.", "The provider's status page says so.")
            rule(dispute=dispute, decided=decided, by=revops, at=at)


def marketing(world: World, **changes: Any) -> dict[str, Any]:
    usual: dict[str, Any] = clauses(at=world.at - timedelta(days=60))["marketing"]
    return usual | changes


def days_of(query: dict[str, str]) -> tuple[datetime, datetime]:
    first, last = (datetime.fromisoformat(query[name]).replace(tzinfo=UTC) for name in ("from", "to"))
    return first, last + timedelta(days=1)


def rows_by_hand(query: dict[str, str], now: datetime) -> int:
    """How many rows a figure's address has to list."""
    start, end = days_of(query)
    if query["of"] in SALES:
        return sum(
            clock.kind == query["of"]
            and clock.cycle.voided_at is None
            and (
                (start <= clock.due_at < end and clock.outcome in OF_CLOCKS[query["outcome"]])
                or by_ruling(clock, query["outcome"], start, end)
            )
            for clock in Clock.objects.select_related("cycle").prefetch_related("disputes")
        )
    crossed = [
        cycle
        for cycle in MqlCycle.objects.select_related("lead")
        if start <= cycle.crossed_at < end
        and cycle.voided_at is None
        and ("line" not in query or (cycle.segment == "smb") == (query["line"] == "smb"))
    ]
    if query["of"] == "completeness":
        complete = [cycle.lead.external_id.startswith("C") and bool(cycle.segment) for cycle in crossed]
        return {"due": len(crossed), "kept": sum(complete), "missed": len(crossed) - sum(complete)}[
            query["outcome"]
        ]
    return len(crossed) if query["outcome"] == "counted" else min(len(crossed), due_by_hand(query, now))


def by_ruling(clock: Clock, outcome: str, start: datetime, end: datetime) -> bool:
    """Counted for a ruling, or for a dispute that has none yet."""
    for dispute in clock.disputes.all():
        due = dispute.clock_due_at or clock.due_at
        if start <= due < end and outcome == ("ruled" if dispute.ended_at else "ruled_due"):
            return True
    return False


def due_by_hand(query: dict[str, str], now: datetime) -> int:
    """Of October and November 2026, full months of the SLA without holidays in this world."""
    start, end = days_of(query)
    until = min(end, now.replace(hour=0, minute=0)).date()
    lines = [{"smb": 40, "-": 60}[query["line"]]] if "line" in query else [40, 60]
    found = 0
    for month, length in ((10, 31), (11, 30)):
        weekdays = [day for n in range(1, length + 1) if (day := date(2026, month, n)).weekday() < 5]
        before, passed = (sum(day < edge for day in weekdays) for edge in (start.date(), until))
        found += sum(line * passed // len(weekdays) - line * before // len(weekdays) for line in lines)
    return found


def all_rows(client: Any, address: str) -> tuple[int, str]:
    """How many rows all pages of a list have together, and its first page."""
    seen, first, page = 0, "", client.get(address).content.decode()
    while True:
        first = first or page
        seen += page.count('<th scope="row">')
        following = re.search(r'href="([^"]+)" rel="next"', page)
        if following is None:
            return seen, first
        page = client.get("/adherence/rows/" + unescape(following[1])).content.decode()


def test_every_percentage_leads_to_the_rows_of_its_numerator_and_its_denominator(
    world: World, django_assert_max_num_queries: Callable[[int], Any], examples: Callable[[int, int], int]
) -> None:
    now = eventful_weeks(world)
    with time_machine.travel(now, tick=False):
        client = signed_in(add_user(world, Role.CMO))
        with django_assert_max_num_queries(57):
            page = client.get("/adherence/").content.decode()
        links = {
            (unescape(link["to"]), " ".join(re.sub("<[^>]+>", " ", link["said"]).split()))
            for link in LINK.finditer(page)
        }
        promises = set()
        for address, said in sampled(links, examples(4, 1)):
            query = {name: values[0] for name, values in parse_qs(urlsplit(address).query).items()}
            share = re.search(r"\(([\d,]+) of ([\d,]+)\)", said)
            is_numerator = query["outcome"] in {"restated", "ruled"}
            figure = int(share[1 if is_numerator else 2] if share else found(r"^(?:of )?([\d,]+)", said))
            rows, listed = all_rows(client, address)
            without = re.search(r"([\d,]+) by none", listed)
            assert figure == rows + (int(without[1]) if without else 0), address
            assert rows == rows_by_hand(query, now), address
            assert "being recomputed" not in listed
            if query["of"] == "volume" and query["outcome"] == "due":
                assert figure == due_by_hand(query, now)
            promises.add((query["of"], query["outcome"]))
        assert {of for of, _ in promises} == set(LABELS)
        assert {("volume", "counted"), ("completeness", "missed"), ("follow_up", "restated")} <= promises
        assert {("follow_up", "ruled"), ("disposition", "ruled_due")} <= promises
        assert "1 waits for a ruling" in page
        groups_lead_to_their_clocks(client, step=examples(3, 1))
        report = adherence(Week.of(now, "UTC").previous(), at=now)
        assert from_json(Report, to_json(report)) == report
        the_download_has_the_figures_of_the_page(client, report)
        regions = (
            "Marketing: kept of due",
            "Sales: kept of due",
            "Kept of due by segment",
            "Eight weeks, all promises",
        )
        for role in (
            Role.MARKETING,
            Role.CRO,
            Role.SALES_MANAGER,
        ):  # one report for both sides, whoever reads it
            other = signed_in(user_with(role)).get("/adherence/").content.decode()
            for region in regions:
                assert shares(other, region) == shares(page, region) != []
            assert ("Sales in the full week: your own scope" in other) == (role == Role.SALES_MANAGER)
        page = signed_in(world.users["rep.1"]).get("/adherence/?group=rep").content.decode()
        assert "MQLs delivered" in page and "/adherence/rows/" not in page
        assert "Rep 1" in page and "Rep 2" not in page
        finance = signed_in(add_user(world, Role.FINANCE)).get("/adherence/?group=rep").content.decode()
        assert "Rep 2" in finance and "/rows/" not in finance


def shares(page: str, region: str) -> list[list[str]]:
    """The shares in each row of a table."""
    return [
        re.findall(r"[\d.]+% \([\d,]+ of [\d,]+\)", " ".join(row.values())) for row in cards(page, region)
    ]


def the_download_has_the_figures_of_the_page(client: Any, report: Report) -> None:
    answer = client.get("/adherence/figures.csv")
    rows = list(csv.DictReader(io.StringIO(answer.content.decode("utf-8-sig"))))
    told = {(row["promise"], row["of"], row["first_day"]): (row["kept"], row["due"]) for row in rows}
    for line in (*report.marketing, *report.sales):
        for span, cell in zip(report.spans, line.cells, strict=True):
            assert told[line.label, "all", span.first.isoformat()] == (str(cell.kept), str(cell.due))
    assert {row["of"].split()[0] for row in rows} == {"all", "segment", "rep", "team"}


def sampled(links: set[tuple[str, str]], step: int) -> list[tuple[str, str]]:
    """Of the report's own columns one of each kind and every so many-th, of the weeks before a fifth of that."""
    earlier = {link for link in links if not re.search(r"from=2026-11-(01|16|23)", link[0])}
    own = sorted(links - earlier)
    of_each_kind = {re.sub(r"\b(from|to)=[^&]*", "", address): (address, said) for address, said in own}
    return sorted({*of_each_kind.values(), *own[::step], *sorted(earlier)[:: 5 * step]})


def groups_lead_to_their_clocks(client: Any, step: int) -> None:
    for group in ("rep", "segment"):
        page = client.get(f"/adherence/?group={group}").content.decode()
        links = re.findall(r'href="(/compliance/rows/\?[^"]+)"[^>]*>(?:<span[^>]*>)?([^<]+)<', page)
        assert links
        for address, said in links[::step]:
            share = re.search(r"([\d,]+) of ([\d,]+)\)", said)
            is_numerator = "outcome=met_restated" in address
            count = share[1 if is_numerator else 2] if share else found(r"^(?:of )?([\d,]+)", said.strip())
            assert f"<strong>{count} clock" in client.get(unescape(address)).content.decode()


def test_segments_add_up_to_the_volume_of_a_month_in_which_the_sla_was_amended(world: World) -> None:
    signed_sla(
        terms(world.calendar),
        at=world.at - timedelta(days=60),
        marketing=marketing(world, volumes=LINES),
    )
    amended(at=world.at, marketing=marketing(world, volumes=[{"segment": "", "mqls": 100}]))
    now = world.at + timedelta(days=2)
    report = adherence(Week.of(now, "UTC").previous(), at=now)
    volume = [line for line in report.by_segment if line.promise == "volume"]
    assert {line.segment for line in volume} == {"", "smb"}
    for place in range(len(report.spans)):
        due = sum(line.cells[place].due for line in volume)
        assert due == report.marketing[0].cells[place].due > 0


def test_without_a_signed_sla_the_page_says_what_to_do(world: World) -> None:
    page = signed_in(add_user(world, Role.REVOPS)).get("/adherence/").content.decode()
    assert "No signed SLA yet" in page and "Draft the SLA" in page
    assert "Draft the SLA" not in signed_in(add_user(world, Role.CRO)).get("/adherence/").content.decode()


@pytest.mark.parametrize(
    "query",
    ["", "of=volume", "of=lunch&from=2026-11-16&to=2026-11-22", "of=volume&from=2026-11-22&to=2026-11-16",
     "of=volume&from=2026-01-01&to=2026-11-16", "of=volume&from=2026-11-16&to=2026-11-22&outcome=missed",
     "of=attempt&from=2026-11-16&to=2026-11-22&line=smb", "of=assign&from=2026-11-16&to=2026-11-22&after=x",
     "of=volume&from=0001-01-01&to=0001-01-02", "of=volume&from=2026-11-16&to=2026-11-22"],
)  # fmt: skip
def test_an_address_that_names_no_figure_is_not_found(world: World, query: str) -> None:
    assert signed_in(add_user(world, Role.REVOPS)).get(f"/adherence/rows/?{query}").status_code == 404


@given(
    st.integers(1, 500), st.integers(2020, 2030), st.integers(1, 12), st.lists(st.integers(0, 40), max_size=6)
)
def test_spans_of_a_month_add_up_to_its_volume(mqls: int, year: int, month: int, cuts: list[int]) -> None:
    period = Period(date(year, month, 1))
    found = WorkingMonth.of(period, BusinessDays("UTC"))
    edges = [period.first, *sorted(period.first + timedelta(days=n) for n in cuts), period.end]
    pieces = [found.due_in(first, end, mqls) for first, end in pairwise(edges)]
    assert sum(pieces) == mqls and all(piece >= 0 for piece in pieces)


@given(st.integers(0, 400), st.integers(0, 400), st.integers(1, 99))
def test_so_many_more_misses_and_the_clause_fires(missed: int, kept: int, percent: int) -> None:
    more, due = more_misses(missed, missed + kept, percent), missed + kept

    def fires(further: int) -> bool:
        return 100 * (missed + further) > percent * (due + further)

    assert fires(more) and (more == 0 or not fires(more - 1))


@pytest.mark.parametrize(
    ("cell", "badge"),
    [
        (Cell(kept=84, due=100, restated=84, ruled=84, ruled_due=100), "Over 15% missed"),
        (Cell(kept=84, due=100, restated=90, ruled=90, ruled_due=100), "Over 15% missed"),
        (Cell(kept=84, due=100, restated=84, ruled=85, ruled_due=100), "Within the clause"),
        (Cell(kept=85, due=100, restated=85, ruled=85, ruled_due=101), "Over 15% missed"),
    ],
    ids=[
        "16 of 100 are missed",
        "late evidence changes nothing",
        "a ruling sets one aside",
        "a dispute holds one",
    ],
)
def test_follow_up_is_within_the_clause_as_the_clause_counts(cell: Cell, badge: str) -> None:
    signed = Signed(
        2, "", datetime(2026, 9, 1, tzinfo=UTC), 1, "", completeness_percent=90, missed_percent=15
    )
    found = verdict("follow_up", cell, signed)
    assert found is not None and found[1] == badge
