"""However little the planner knows of a source, records are looked up by their own index."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection, transaction

from alignment.importing.drafts import Draft
from alignment.models import Fact, Lead, Source
from alignment.pipeline import refold
from alignment.queries.erasure import person_of
from handoff.queries.leads import provenance
from handoff.queries.timeline import timeline
from sla.tests.test_history_rows import bring_in
from testing.world import NOW, World

pytestmark = pytest.mark.django_db
_EXPLAINED = re.compile(r"\s*(CREATE TEMP TABLE .* AS\b|SELECT|INSERT|UPDATE|DELETE|WITH)", re.DOTALL)


def drafts(start: int, stop: int, score: int) -> list[Draft]:
    found = []
    for n in range(start, stop):
        crossed = (NOW - timedelta(days=9)).isoformat()
        found.append(
            Draft("lead", f"L{n}", {"score": score, "mql_at": crossed, "opportunity": f"O{n}"}, None)
        )
        touch = {"lead": f"L{n}", "function": "sales", "is_attempt": True, "touched_at": crossed}
        found.append(Draft("touch", f"T{n}", touch | {"subject": str(score)}, None))
        found.append(Draft("opportunity", f"O{n}", {"stage": "a", "amount": score}, None))
    return found


class Plans:
    """EXPLAINs every statement before it runs."""

    def __init__(self) -> None:
        self.found: list[str] = []

    def __call__(self, execute: Callable[..., Any], sql: str, params: Any, many: bool, context: Any) -> Any:
        if "alignment_" in sql and _EXPLAINED.match(sql):
            with connection.connection.cursor() as cursor:
                cursor.execute("EXPLAIN " + sql, params)
                self.found.append("\n".join(line for (line,) in cursor.fetchall()))
        return execute(sql, params, many, context)

    def of_whole_sources(self) -> list[str]:
        """Plans that read all facts of a source, or all facts, for what they look up."""
        spread = re.compile(
            r"fact_once_per_source on alignment_fact.*\n\s+Index Cond: \(source_id = \d+\)|Seq Scan on alignment_fact"
        )
        return [plan for plan in self.found if spread.search(plan)]


@pytest.fixture
def unknown_to_the_planner(world: World) -> Source:
    """The statistics are those of another source, and this one has many facts since."""
    other = Source.objects.create(key="other", name="Other", kind="standard")
    known, world.crm = world.crm, other
    bring_in(world, drafts(0, 1000, 1), as_of=NOW, at=NOW, is_fresh=True)
    world.crm = known
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    bring_in(world, drafts(5000, 6000, 1), as_of=NOW, at=NOW)
    return known


def test_a_chunk_about_known_records_reads_only_their_facts(
    world: World, unknown_to_the_planner: Source
) -> None:
    plans, later = Plans(), NOW + timedelta(days=1)
    with connection.execute_wrapper(plans):
        bring_in(world, drafts(5000, 5300, 2), as_of=later, at=later)
    assert len(plans.found) > 20
    assert plans.of_whole_sources() == []
    assert Fact.objects.filter(source=unknown_to_the_planner).count() == 3900


def test_folding_again_and_pages_read_only_the_facts_of_their_records(
    world: World, unknown_to_the_planner: Source
) -> None:
    plans, lead = Plans(), Lead.objects.get(external_id="L5001")
    with connection.execute_wrapper(plans), transaction.atomic():
        refold(
            {(unknown_to_the_planner.pk, "lead", f"L{n}") for n in range(5000, 5300)}, at=NOW, reason="test"
        )
        provenance(lead)
        timeline(lead)
        person_of(lead, at=NOW)
    assert any("alignment_fact" in plan for plan in plans.found)
    assert plans.of_whole_sources() == []
