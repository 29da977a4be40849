"""What came in by origin and quarter agrees with a count by hand, and each number leads to its very leads."""

from __future__ import annotations

import io
import random
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from statistics import median
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from alignment.models import ImportState, MqlCycle, Organisation, Role, Source
from alignment.quarters import Quarter, quarters_between
from alignment.services.import_run import run_import
from alignment.services.imports import start_import
from alignment.services.sources import create_source
from alignment.tests.pages import cards, signed_in
from alignment.wording import rounded_share
from testing.world import World, add_user

ZONE = ZoneInfo("America/New_York")
ORIGINS = ["Web", "Fairs & events", "a/b?c=ü", ""]  # the last: not known
# The first and the last moment of quarters in New York, in summer and in winter.
EDGES = ["2025-04-01T03:59:59Z", "2025-04-01T04:00:00Z", "2026-01-01T04:59:59Z", "2026-01-01T05:00:00Z"]


@dataclass
class Told:
    """A lead as the files tell it."""

    key: str
    origin: str
    is_deleted: bool
    crossed: list[datetime] = field(default_factory=list)
    won: list[datetime] = field(default_factory=list)

    @property
    def first(self) -> datetime:
        return min(self.crossed)

    @property
    def quarter(self) -> str:
        local = self.first.astimezone(ZONE)
        return f"{local.year}-Q{(local.month - 1) // 3 + 1}"


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text)


def invented(number: int = 150) -> list[Told]:
    dice = random.Random(7)
    start = datetime(2024, 11, 1, tzinfo=UTC)
    leads = []
    for n in range(number):
        lead = Told(f"L{n:03d}", dice.choice(ORIGINS), dice.random() < 0.05)
        days = sorted(dice.sample(range(600), dice.choice([1, 1, 1, 2, 3])))
        # nothing falls into the third quarter of 2025
        lead.crossed = [
            at + timedelta(days=92)
            if (at := start + timedelta(days=day, hours=7)).strftime("%Y%m") in ("202507", "202508", "202509")
            else at
            for day in days
        ]
        if n < len(EDGES):
            lead.crossed = [moment(EDGES[n])]
        for _ in range(dice.choice([0, 0, 1, 2])):
            lead.won.append(lead.first + timedelta(days=dice.randint(-5, 200), minutes=n))
        leads.append(lead)
    return leads


NOW = datetime(2027, 6, 1, tzinfo=UTC)  # after all that is invented


def bring_in(source: Source, header: str, lines: Iterable[str], mapping: dict[str, Any]) -> None:
    file = io.BytesIO("\n".join([header, *lines, ""]).encode())
    made = start_import(file=file, file_name="x.csv", source=source, mapping=mapping, by=None, at=NOW)
    done = run_import(made, now=lambda: NOW)
    assert (done.state, done.rejected) == (ImportState.DONE, 0), list(done.rejects.values_list("message"))


def tell(source: Source, leads: list[Told]) -> None:
    same = {name: name for name in ("external_id", "channel", "is_deleted")}
    bring_in(
        source,
        "external_id,channel,is_deleted",
        (f"{lead.key},{lead.origin},{lead.is_deleted}" for lead in leads),
        {"object": "lead", "columns": same},
    )
    bring_in(
        source,
        "lead,mql_at",
        (f"{lead.key},{at.isoformat()}" for lead in leads for at in lead.crossed),
        {"object": "cycle", "columns": {"lead": "lead", "mql_at": "mql_at"}},
    )
    columns = {name: name for name in ("external_id", "lead", "stage", "is_closed", "is_won", "closed_at")}
    won = [
        f"{lead.key}-{n},{lead.key},Won,true,true,{at.isoformat()}"
        for lead in leads
        for n, at in enumerate(lead.won)
    ]
    lost = [f"{leads[5].key}-x,{leads[5].key},Lost,true,false,2026-02-02T00:00:00Z"]
    bring_in(source, ",".join(columns), won + lost, {"object": "opportunity", "columns": columns})


@pytest.fixture
def told(world: World) -> list[Told]:
    Organisation.objects.update(zone=ZONE.key)
    leads = invented()
    tell(world.crm, leads)
    twice = next(lead for lead in leads if len(lead.crossed) > 1 and not lead.is_deleted)
    MqlCycle.objects.filter(lead__external_id=twice.key, crossed_at=twice.first).update(
        voided_at=timezone.now(), void_reason="told wrongly"
    )
    twice.crossed.remove(twice.first)
    other = create_source(key="other", name="Other", kind="standard", by=None, at=timezone.now())
    tell(other, [Told(f"O{n}", "Web", False, [datetime(2025, 2, 2, tzinfo=UTC)]) for n in range(6)])
    return [lead for lead in leads if not lead.is_deleted]


@pytest.fixture
def revops(world: World) -> Client:
    return signed_in(add_user(world, Role.REVOPS, "Ann"))


def page(client: Client, **period: str) -> Any:
    return client.get(reverse("alignment:imports-came-in", kwargs={"key": "crm"}), period)


def counted(leads: list[Told]) -> tuple[int, int, float | None, int]:
    """MQLs, won, median days, won before: by hand."""
    won = [(min(lead.won) - lead.first) / timedelta(days=1) for lead in leads if lead.won]
    return len(leads), len(won), median(won) if won else None, sum(days < 0 for days in won)


def shown(each: Any) -> tuple[int, int, Any, int]:
    middle = each.median_days
    return each.mqls, each.won, None if middle is None else pytest.approx(middle), each.won_before


def behind(client: Client, query: str) -> list[str]:
    """The external ids of all pages."""
    address, found = reverse("alignment:imports-came-in-rows", kwargs={"key": "crm"}), list[str]()
    after = ""
    while True:
        answer = client.get(f"{address}?{query}{after}")
        assert answer.status_code == 200
        found += [cycle.lead.external_id for cycle in answer.context["page"].rows]
        html = answer.content.decode()
        for cycle, deal in answer.context["rows"]:
            assert f"<code>{cycle.lead.external_id}</code>" in html
            assert (deal and deal.closed_at) == cycle.won_at
            assert deal is None or f"<code>{deal.external_id}</code>" in html
        assert answer.context["count"] >= len(found)
        if not (cursor := answer.context["page"].cursor):
            assert answer.context["count"] == len(found)
            return found
        after = f"&after={cursor}"


PERIODS: list[tuple[dict[str, str], Callable[[str], bool]]] = [
    ({}, lambda quarter: True),
    ({"first": "2025-Q2"}, lambda quarter: quarter >= "2025-Q2"),
    ({"last": "2025-Q2"}, lambda quarter: quarter <= "2025-Q2"),
    ({"first": "2025-Q2", "last": "2025-Q4"}, lambda quarter: "2025-Q2" <= quarter <= "2025-Q4"),
]


@pytest.mark.parametrize(("period", "is_within"), PERIODS)
def test_every_number_is_that_of_a_count_by_hand_and_leads_to_its_leads(
    revops: Client, told: list[Told], period: dict[str, str], is_within: Callable[[str], bool]
) -> None:
    leads = [lead for lead in told if is_within(lead.quarter)]
    assert len(leads) > 40 and {lead.origin for lead in leads} == set(ORIGINS)
    answer = page(revops, **period)
    context = answer.context
    for label in ("by origin", "by quarter"):
        *_, every = cards(answer.content.decode(), f"MQLs and won {label}")
        assert list(every) == ["MQLs", "Won", "Conversion", "Median days"]
        assert every["MQLs"] == f"{len(leads)} MQLs"
    assert shown(context["funnel"].total) == counted(leads)
    assert answer.content.decode().count(f">{rounded_share(*reversed(counted(leads)[:2]))}</") == 2
    groups = [
        (each, query, [lead for lead in leads if lead.origin == (each.channel or "")])
        for each, query in context["origins"]
    ]
    groups += [
        (each, query, [lead for lead in leads if lead.quarter == each.quarter.key])
        for each, query in context["quarters"]
    ]
    groups.append((context["funnel"].total, context["total_query"], leads))
    assert [each.quarter.key for each, _ in context["quarters"]] == sorted({lead.quarter for lead in leads})
    assert len(context["origins"]) == len(ORIGINS)
    for each, query, own in groups:
        assert shown(each) == counted(own), query
        first = {lead.key: lead.first for lead in own}
        assert behind(revops, query) == sorted(first, key=lambda key: (first[key], rank(key)))
        assert set(behind(revops, f"{query}&won=1")) == {lead.key for lead in own if lead.won}


def rank(key: str) -> int:
    """Leads of one moment come in the order of their cycles."""
    standing = MqlCycle.objects.standing().filter(lead__external_id=key, lead__source__key="crm")
    return standing.order_by("crossed_at").values_list("pk", flat=True)[0]


def test_the_chart_and_the_queries_do_not_grow_with_the_rows(revops: Client, told: list[Told]) -> None:
    answer = page(revops)
    drawing = str(answer.context["chart"])
    assert "Q3 2025: 0 MQLs, 0 won" in drawing, "a quarter without MQLs has its place"
    assert all(each.quarter.key != "2025-Q3" for each, _ in answer.context["quarters"])
    with CaptureQueriesContext(connection) as many:
        page(revops, first="2025-Q1")
    MqlCycle.objects.exclude(lead__external_id="L000").update(voided_at=timezone.now(), void_reason="x")
    with CaptureQueriesContext(connection) as one:
        page(revops, first="2025-Q1")
    assert len(many) == len(one)


def test_an_origin_that_nobody_stated_is_not_known(revops: Client, world: World) -> None:
    columns = {"lead": "lead", "mql_at": "mql_at"}
    bring_in(
        world.crm,
        "lead,mql_at",
        ["only-a-cycle,2025-02-02T00:00:00Z"],
        {"object": "cycle", "columns": columns},
    )
    answer = page(revops)
    assert [(each.channel, each.mqls) for each, _ in answer.context["origins"]] == [(None, 1)]
    rows = revops.get(reverse("alignment:imports-came-in-rows", kwargs={"key": "crm"}), {"none": "1"})
    for text in (answer.content.decode(), rows.content.decode()):
        assert "not known" in text and "empty in the CRM" not in text


def test_what_is_no_quarter_is_said_and_found_nowhere(revops: Client, told: list[Told]) -> None:
    answer = page(revops, first="2025-Q4", last="2025-Q1")
    assert answer.status_code == 422 and "This comes before the first quarter" in answer.content.decode()
    for wrong in (answer, page(revops, first="yesterday")):
        assert wrong.status_code == 422
        assert "No figures" in wrong.content.decode() and "<table" not in wrong.content.decode()
    rows = reverse("alignment:imports-came-in-rows", kwargs={"key": "crm"})
    for query in ("first=2025-Q5", "last=1", "after=x", "after=1-2-3", "first=0000-Q1"):
        assert revops.get(f"{rows}?{query}").status_code == 404, query
    assert revops.get(f"{rows}?origin=nobody").status_code == 200


def test_quarters_begin_on_the_clocks_of_the_zone() -> None:
    first = Quarter.of(moment(EDGES[0]), ZONE.key)
    assert (first.key, first.name, first.next().key) == ("2025-Q1", "Q1 2025", "2025-Q2")
    assert Quarter.of(moment(EDGES[1]), ZONE.key).starts_at(ZONE.key) == moment(EDGES[1])
    assert Quarter.of(moment("2200-12-31T00:00:00Z"), ZONE.key).ends_at(ZONE.key).year == 2201
    assert Quarter(2025, 4).ends_at(ZONE.key) == moment(EDGES[3])
    found = quarters_between(Quarter(2024, 3), Quarter(2025, 2))
    assert [each.key for each in found] == ["2024-Q3", "2024-Q4", "2025-Q1", "2025-Q2"]
    assert quarters_between(Quarter(2025, 2), Quarter(2025, 1)) == []
    with pytest.raises(ValueError, match="Write a quarter such as 2026-Q1"):
        Quarter.read("2025-q1")


def test_the_rows_behind_a_number_take_as_many_queries_whether_one_or_fifty(
    revops: Client, told: list[Told]
) -> None:
    address = reverse("alignment:imports-came-in-rows", kwargs={"key": "crm"})
    with CaptureQueriesContext(connection) as many:
        assert len(revops.get(address, {"won": "1"}).context["rows"]) > 20
    MqlCycle.objects.exclude(lead__external_id="L000").update(voided_at=timezone.now(), void_reason="x")
    with CaptureQueriesContext(connection) as one:
        assert len(revops.get(address).context["rows"]) == 1
    assert len(many) == len(one)
