"""The rows behind a scorecard stay those of its figures: its window, lists, round and moment, not today's."""

from __future__ import annotations

import csv
import io
from datetime import timedelta
from typing import Any
from unittest.mock import patch

import pytest
from django.test import Client
from django.urls import reverse

from alignment import ruled_sources
from alignment.business_time import NoOpenTime
from alignment.models import ArtifactVersion, Function, MqlCycle, Opportunity, Program, Role
from alignment.ruled_sources import RuledSources
from alignment.services.artifacts import choose_paper, send
from scorecard.content import figures_of
from scorecard.queries import rows as queries
from scorecard.queries.basis import basis_now, basis_of
from scorecard.queries.rows import GROUPS, table_of
from scorecard.queries.window import FollowUpWindow
from scorecard.services.claims import import_claims
from scorecard.services.diagnosis import declare
from scorecard.services.scorecards import measure
from scorecard.tests.company import DAY, HOUR, MONDAY, Company, complete, revops
from testing.artifacts import sign_all, user_with
from testing.world import NOW

LATER = NOW + timedelta(days=60)  # another quarter is over then


@pytest.fixture
def measured(company: Company) -> ArtifactVersion:
    complete(company)
    return measure(program=company.program, by=revops(), at=NOW)


@pytest.fixture(autouse=True)
def at_later(time_machine: Any) -> None:
    time_machine.move_to(LATER, tick=False)


def page(name: str, role: str = Role.REVOPS, status: int = 200, **query: str) -> str:
    client = Client()
    client.force_login(user_with(role))
    response = client.get(reverse("scorecard:rows", args=[name]), query)
    assert response.status_code == status
    return str(response.content.decode())


def file(name: str, **query: str) -> list[dict[str, str]]:
    client = Client()
    client.force_login(revops())
    response = client.get(reverse("scorecard:rows-csv", args=[name]), query)
    assert response.status_code == 200 and response.streaming
    return list(csv.DictReader(io.StringIO(response.getvalue().decode("utf-8-sig"))))


def test_rows_of_a_later_quarter_are_those_that_were_counted(
    company: Company, measured: ArtifactVersion
) -> None:
    company.mql(crossed_at=NOW - DAY)  # in the window of today, not in that of the figures
    assert len(file("hygiene")) == 5
    assert {row["measured_at"] for row in file("hygiene")} == {NOW.isoformat()}
    text = page("hygiene", version="1")
    assert "Q4 2025 to Q3 2026" in text and "As version 1 of the scorecard counted them" in text
    assert "recounted now: the same" in text
    page("hygiene", version="2", status=404)
    page("hygiene", version="x", status=404)
    page("hygiene", version="1", role=Role.CRO, status=404)  # a draft


def test_the_follow_up_window_is_the_one_that_was_declared_then(
    company: Company, measured: ArtifactVersion
) -> None:
    before = file("hygiene")
    declare(program=company.program, changes={"follow_up_hours": 1}, by=revops(), at=LATER)
    assert file("hygiene") == before


def test_claims_are_those_of_the_lists_that_were_compared(
    company: Company, measured: ArtifactVersion, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = file("attribution")
    ids = "\n".join(Opportunity.objects.values_list("external_id", flat=True))
    for function in (Function.SALES, Function.MARKETING):
        import_claims(program=company.program, function=function, text=ids, name="x", by=revops(), at=LATER)
    assert file("attribution") == before
    deal = Opportunity.objects.latest("pk")
    monkeypatch.setattr(ruled_sources, "_provider", [lambda: RuledSources({}, {deal.pk: "other"})])
    shown = page("attribution")  # a ruling stands beside the row, and changes no outcome
    assert "Sales list 1, imported" in shown and shown.count("by ruling: other") == 1
    assert file("attribution") == before
    frozen = measured.content["basis"]
    assert frozen["claims"]["sales"]["number"] == 1 and len(frozen["claims"]["sales"]["sha256"]) == 64
    assert (frozen["round"], frozen["survey"]["number"]) == (1, company.program.surveys.get().pk)


def test_what_happened_after_measuring_is_not_in_the_rows(
    company: Company, measured: ArtifactVersion
) -> None:
    before = file("conversion")
    lead = company.lead(MONDAY)
    company.opportunity(lead, NOW + DAY)
    after = file("conversion")
    assert [row["opportunity"] for row in after if row["lead_key"] == str(lead.pk)] == ["0"]
    assert len(after) == len(before) + 1
    MqlCycle.objects.filter(first_follow_up_at=None).update(first_follow_up_at=NOW + HOUR)
    assert all(row["followed_up_at"] <= NOW.isoformat() for row in file("hygiene"))


def test_facts_that_came_in_late_are_said_beside_the_frozen_figure(
    company: Company, measured: ArtifactVersion
) -> None:
    figures = figures_of(measured.content, "hygiene")
    assert (figures["met"], figures["missed"]) == (3, 2)
    company.mql(follow_up=MONDAY + HOUR)
    assert "<strong>recounted now: 4 of 6</strong>" in page("hygiene")
    assert "60.0% (3 of 5)" in page("hygiene") or "60% (3 of 5)" in page("hygiene")
    with patch("scorecard.queries.recount.AT_ONCE", 0):
        assert "recounted now" not in page("hygiene")
        assert "recounted now: 4 of 6" in page("hygiene", recount="1")


def test_groups_list_the_figure_and_the_total_of_each_rate(company: Company) -> None:
    complete(company)
    company.mql(is_assigned=False)
    content = measure(program=company.program, by=revops(), at=NOW).content
    counts = {
        (name, group): len(file(name, group=group)) for name, groups in GROUPS.items() for group in groups
    }
    hygiene, conversion = figures_of(content, "hygiene"), figures_of(content, "conversion")
    assert counts["hygiene", "due"] == hygiene["met"] + hygiene["missed"] == 6
    assert counts["hygiene", "met"] == hygiene["met"] == 3
    assert counts["hygiene", "unassigned"] == hygiene["unassigned"] == 1
    assert counts["conversion", "mqls"] == conversion["mqls"] == 6
    assert counts["conversion", "sqls"] == conversion["sqls"] == 4
    assert counts["conversion", "opportunities"] == conversion["states"]["opportunity"] == 3
    agreed = figures_of(content, "attribution")["counts"]["agreed"]
    assert counts["attribution", "agreed"] == agreed
    for name, group in counts:
        assert page(name, group=group).count("<tr>") == (
            counts[name, group] + 1 if counts[name, group] else 0
        )


def test_a_calendar_that_hardly_opens_is_said_and_no_error(
    company: Company, measured: ArtifactVersion
) -> None:
    client = Client()
    client.force_login(revops())
    refusal = NoOpenTime("The calendar does not open for that long.")
    for name in ("rows", "rows-csv"):
        with patch.object(FollowUpWindow, "due", side_effect=refusal):
            response = client.get(reverse(f"scorecard:{name}", args=["hygiene"]))
        assert (response.status_code, response["Location"]) == (302, reverse("scorecard:scorecard"))
    assert "does not open for that long" in client.get(reverse("scorecard:scorecard")).content.decode()


def test_a_page_looks_through_no_more_rows_than_its_limit_and_says_where_it_stopped(
    company: Company, measured: ArtifactVersion
) -> None:
    with patch.object(queries, "MOST_READ", 2), patch.object(queries, "_CHUNK", 1):
        text = page("attribution", group="unproven")
        assert "None among the rows looked through" in text and "after=" in text


def test_cycles_that_cannot_run_any_more_are_not_read(company: Company) -> None:
    company.mql()
    basis = basis_now(company.program, at=MONDAY + 30 * DAY)
    since = basis.within.open_since(basis.at)
    assert basis.at - 6 * DAY < since < basis.at
    assert basis.within.due(since) <= basis.at < basis.within.due(since + 2 * HOUR)


def test_a_file_holds_no_more_than_a_piece_of_its_table(company: Company, measured: ArtifactVersion) -> None:
    whole = list(table_of("conversion", basis_of(measured, company.program)))
    with patch.object(queries, "_STREAMED", 3):
        assert list(table_of("conversion", basis_of(measured, company.program))) == whole
    assert len(whole) == 10


def test_the_rows_of_a_closed_programs_scorecard_can_still_be_read(
    company: Company, prerequisites_met: None
) -> None:
    complete(company)
    sign_all(send(version=measure(program=company.program, by=revops(), at=NOW), by=revops(), at=NOW), at=NOW)
    before = file("hygiene")
    Program.objects.update(closed_at=LATER)
    page("hygiene", status=404)
    Program.objects.create(number=2, name="Second program", starts_on=LATER.date(), opened_at=LATER)
    client = Client()
    client.force_login(user_with(Role.CRO))
    link = f"{reverse('scorecard:rows', args=['hygiene'])}?program=1&amp;version=1"
    assert link in client.get(reverse("scorecard:scorecard")).content.decode()
    text = page("hygiene", role=Role.CRO, program="1", version="1")
    assert "As version 1 of the scorecard of First program counted them" in text
    assert file("hygiene", program="1", version="1") == before
    for odd in ("2", "7", "x", "²", "9" * 30):
        page("hygiene", program=odd, version="1", status=404)


def test_when_it_was_measured_is_said_whatever_was_changed_of_the_draft_since(
    measured: ArtifactVersion,
) -> None:
    choose_paper(version=measured, paper="us-letter", by=revops(), at=LATER)
    client = Client()
    client.force_login(revops())
    text = client.get(reverse("scorecard:scorecard")).content.decode()
    assert "Measured <time" in text
    assert text.partition("Measured <time")[2].partition(">")[0].count(f"{NOW:%Y-%m-%dT%H:%M}") == 1
