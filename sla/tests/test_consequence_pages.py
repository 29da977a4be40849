"""The pages of the clauses: months and periods against the signed lines, each consequence with its MQLs, by role."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.test import Client
from django.urls import reverse

from alignment.models import Role
from alignment.target_notes import target_note
from sla.models import Consequence, Decision
from sla.queries.consequence_pages import month_rows
from sla.services import execute_consequences
from sla.services.consequences import undo
from sla.services.disputes import Decided, file_dispute, rule
from sla.tests.october import AFTER, CROSSED, attempt, october
from sla.tests.test_consequence_undone import RULED, cycle_of, ruling
from sla.tests.test_renegotiation import first_of
from testing.artifacts import user_with
from testing.sla import amended, judging, revoke_sla
from testing.world import World, add_user

NO_LONGER = "The SLA is no longer signed."
NOW = datetime(2026, 12, 5, 9, 0, tzinfo=UTC)


def client_of(user: Any) -> Client:
    client = Client()
    client.force_login(user)
    return client


@pytest.fixture
def fired(world: World) -> World:
    """Four of ten first follow-ups of October missed, no month's volume reached; as of December."""
    october(world, missed=4, met=6, touched=1)
    execute_consequences(at=AFTER)
    execute_consequences(at=first_of(11))
    execute_consequences(at=first_of(12))
    return world


@time_machine.travel(NOW, tick=False)
def test_both_sides_stand_on_one_page_with_what_each_clause_did(fired: World) -> None:
    page = client_of(user_with(Role.CMO)).get(reverse("sla:consequences"))
    text = page.content.decode()
    assert page.status_code == 200
    assert "The pipeline target is under renegotiation" in text
    assert "40.0% (4 of 10)" in text
    assert "up to 15%" in text
    assert "not judged: the SLA was signed during the month" in text
    assert "10 of 100" in text
    assert text.count("Missed</span>") >= 2


@time_machine.travel(datetime(2026, 10, 31, 12, tzinfo=UTC), tick=False)
def test_a_period_under_way_says_whether_the_clause_would_fire(world: World) -> None:
    october(world, missed=4, met=6)
    text = client_of(user_with(Role.CMO)).get(reverse("sla:consequences")).content.decode()
    assert "40.0% (4 of 10)" in text and "over the line: as it stands, the clause fires" in text
    assert NO_LONGER not in text
    revoke_sla(judging(CROSSED), at=datetime(2026, 10, 31, 11, tzinfo=UTC))
    client = client_of(user_with(Role.CMO))
    for name in ("consequences", "adherence", "compliance", "agreement"):
        text = client.get(reverse(f"sla:{name}")).content.decode()
        assert text.count(NO_LONGER) == 1, name
        assert "the clause fires" not in text and "the consequence clause fires" not in text, name
    assert "not judged: the SLA was revoked" in client.get(reverse("sla:consequences")).content.decode()


@time_machine.travel(NOW, tick=False)
def test_a_consequence_lists_its_mqls_what_was_recycled_and_what_a_ruling_took_back(fired: World) -> None:
    consequence = Consequence.objects.get()
    cycle = cycle_of("L1")
    undo(consequence=consequence, cycles=[cycle], ruling=ruling(cycle.clocks.get(kind="follow_up")), at=RULED)
    client = client_of(user_with(Role.CMO))
    url = reverse("sla:consequence", args=[consequence.pk])
    text = client.get(url).content.decode()
    assert "4 MQLs" in text
    assert "Recycled by the clause" in text
    assert "Taken back" in text
    assert "0.0% (0 of 10)" in text
    assert "0.0% (0 of 7)" in text
    assert reverse("handoff:lead", args=[cycle.lead_id]) in text
    assert "1 MQL<" in client.get(url, {"show": "undone"}).content.decode()
    lines = client.get(reverse("sla:consequence-csv", args=[consequence.pk])).content.decode().splitlines()
    assert len(lines) == 5
    assert client.get(url, {"show": "nonsense"}).status_code == 404
    assert client.get(url, {"after": "x"}).status_code == 404
    lead = client.get(reverse("handoff:lead", args=[cycle_of("L2").lead_id])).content.decode()
    assert "Recycled by the clause" in lead
    assert "Recycled by the consequence clause of the SLA" in lead
    assert url in lead
    assert "it counts in neither number" in lead
    back = client.get(reverse("handoff:lead", args=[cycle.lead_id])).content.decode()
    assert "a ruling took it back" in back
    # what late evidence says of those that stay recycled: somebody had called before
    assert "told later" not in client.get(reverse("sla:consequences")).content.decode()
    fired.send(attempt(2, AFTER - timedelta(hours=1)), at=AFTER + timedelta(hours=2))
    assert cycle_of("L2").is_by_clause
    assert "1 with an attempt told later" in client.get(reverse("sla:consequences")).content.decode()
    text = client.get(url, {"show": "touched"}).content.decode()
    assert "1 MQL<" in text and "made before it was recycled: a ruling can take this back" in text


@time_machine.travel(NOW, tick=False)
def test_a_rep_sees_the_figures_and_the_own_mqls_and_finance_figures_alone(fired: World) -> None:
    consequence = Consequence.objects.get()
    url = reverse("sla:consequence", args=[consequence.pk])
    rep = fired.reps[0]
    own = consequence.cycles.filter(clock__owner=rep).count()
    assert 0 < own < 4
    text = client_of(rep.user).get(url).content.decode()
    assert f"{own} MQL" in text
    assert "40.0% (4 of 10)" in text
    text = client_of(add_user(fired, Role.FINANCE)).get(url).content.decode()
    assert "40.0% (4 of 10)" in text
    assert reverse("handoff:lead", args=[cycle_of("L0").lead_id]) not in text


@time_machine.travel(NOW, tick=False)
def test_mqls_that_are_ruled_to_be_none_stand_beside_the_number_of_a_month(fired: World) -> None:
    cmo, revops = user_with(Role.CMO), user_with(Role.REVOPS)

    def ruled(name: str, *, meets: bool) -> None:
        texts = {"text": "Look at its fit.", "asked": "Say what it is."}
        dispute = file_dispute(subject=cycle_of(name), **texts, by=cmo, at=NOW - timedelta(days=1))
        decided = Decided(Decision.UPHELD, "By its fit.", "By its fit.", meets=meets)
        rule(dispute=dispute, decided=decided, by=revops, at=NOW - timedelta(hours=1))

    for name, meets in (("L0", False), ("L1", False), ("L2", True), ("L1", True)):
        ruled(name, meets=meets)
    (october_,) = [row for row in month_rows(at=NOW) if row.now.period.first.month == 10]
    assert (october_.now.delivered, october_.ruled_out) == (10, 1)
    text = client_of(cmo).get(reverse("sla:consequences")).content.decode()
    assert "1 ruled not to be MQLs" in text


@time_machine.travel(NOW, tick=False)
def test_the_mqls_behind_a_month_are_listed(fired: World) -> None:
    client, url = client_of(user_with(Role.CMO)), reverse("sla:volume-rows")
    assert "10 MQLs" in client.get(url, {"month": "2026-10"}).content.decode()
    assert "10 MQLs" in client.get(url, {"month": "2026-10", "segment": ""}).content.decode()
    for wrong in ({}, {"month": "2026-13"}, {"month": "1899-01"}, {"month": "2026-10", "segment": "x"}):
        assert client.get(url, wrong).status_code == 404


@time_machine.travel(NOW, tick=False)
def test_the_target_says_that_it_is_renegotiated_until_something_is_signed(fired: World) -> None:
    note = target_note()
    assert note is not None
    assert "under renegotiation" in note.text
    client = client_of(user_with(Role.CMO))
    assert "under renegotiation" in client.get(reverse("dashboard:working")).content.decode()
    amended(at=NOW - timedelta(hours=1))
    assert target_note() is None
    assert "under renegotiation:" not in client.get(reverse("dashboard:working")).content.decode()


@time_machine.travel(NOW, tick=False)
def test_the_number_of_queries_depends_on_no_number_of_mqls(
    fired: World, django_assert_max_num_queries: Callable[[int], Any]
) -> None:
    client = client_of(user_with(Role.CMO))
    with django_assert_max_num_queries(60):
        client.get(reverse("sla:consequences"))
    with django_assert_max_num_queries(25):
        client.get(reverse("sla:consequence", args=[Consequence.objects.get().pk]))


def test_without_a_signed_sla_the_page_says_what_to_do(world: World) -> None:
    text = client_of(add_user(world, Role.CMO)).get(reverse("sla:consequences")).content.decode()
    assert "No signed SLA is in force" in text
