"""The scores follow from the rows that can be downloaded: recomputed here by arithmetic that shares no code with them.

What the script below knows: the files, the bands as they were signed, the published figure of the survey, and the
formulas as the page words them.
"""

from __future__ import annotations

import csv
import io
from datetime import datetime
from decimal import ROUND_HALF_UP, Decimal, getcontext
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from alignment.models import ArtifactVersion, Function, Opportunity
from scorecard.services.claims import import_claims
from scorecard.services.scorecards import measure
from scorecard.tests.company import DAY, HOUR, MONDAY, Company, answered, revops, sheet, sign_bands, surveyed
from testing.world import NOW

Rows = list[dict[str, str]]
DIMENSIONS = ("definitions", "hygiene", "conversion", "attribution")


def downloaded(client: Client, name: str) -> Rows:
    response = client.get(reverse("scorecard:rows-csv", args=[name]))
    assert response.status_code == 200
    return list(csv.DictReader(io.StringIO(response.getvalue().decode("utf-8-sig"))))


def score(share: Decimal, steps: list[str]) -> Decimal:
    """From 1 to 5 along straight lines, to one decimal, half up, but never up to 2.0 or 3.0 from under it."""
    points = [Decimal(step) for step in steps]
    if share <= points[0]:
        return Decimal("1.0")
    found = Decimal(5)
    for place in range(4):
        if points[place] < share <= points[place + 1]:
            found = place + 1 + (share - points[place]) / (points[place + 1] - points[place])
    shown = found.quantize(Decimal("0.1"), ROUND_HALF_UP)
    return shown - Decimal("0.1") if found < shown and shown in (2, 3) else shown


def of_definitions(rows: Rows) -> Decimal:
    same = [row for row in rows if row["sales"] == row["marketing"] != "unknown"]
    return Decimal(len(same)) / len(rows)


def of_hygiene(rows: Rows) -> tuple[Decimal, int]:
    """Share in time, how many missed."""
    met = missed = 0
    for row in rows:
        due, now = datetime.fromisoformat(row["due_at"]), datetime.fromisoformat(row["measured_at"])
        if row["followed_up_at"] and datetime.fromisoformat(row["followed_up_at"]) <= due:
            met += 1
        elif due <= now:
            missed += 1
    return Decimal(met) / (met + missed), missed


def of_conversion(rows: Rows) -> tuple[Decimal, Decimal]:
    """Lead to opportunity, and of the leads with an MQL cycle those that sales accepted."""
    opportunities = [row for row in rows if row["opportunity"] == "1"]
    crossed = [row for row in rows if row["mql"] == "1"]
    accepted = [row for row in rows if row["mql"] == "1" and row["accepted"] == "1"]
    return Decimal(len(opportunities)) / len(rows), Decimal(len(accepted)) / len(crossed)


def of_attribution(rows: Rows) -> tuple[Decimal, Decimal, Decimal]:
    """Share agreed; pipeline and what of it is not agreed, in dollars."""
    agreed = 0
    pipeline = disputed = Decimal(0)
    for row in rows:
        claims = {who for who in ("sales", "marketing") if row[f"{who}_says"] == who}
        is_agreed = claims == {row["first_touch"]} or (not claims and row["first_touch"] == "other")
        agreed += is_agreed
        amount = Decimal(row["amount_minor"] or 0) / 100 if row["currency"] == "USD" else Decimal(0)
        pipeline += amount
        disputed += 0 if is_agreed else amount
    return Decimal(agreed) / len(rows), pipeline, disputed


def recomputed(files: dict[str, Rows], bands: dict[str, list[str]], trust: Decimal) -> dict[str, Any]:
    """Scores and, of each fracture, its leverage in dollars and cents."""
    same = of_definitions(files["definitions"])
    in_time, missed = of_hygiene(files["hygiene"])
    to_opportunity, to_sql = of_conversion(files["conversion"])
    agreed, pipeline, disputed = of_attribution(files["attribution"])
    leads = {row["lead_key"] for row in files["hygiene"]}
    deals = [row for row in files["attribution"] if row["amount_minor"]]
    with_deals = {row["lead_key"] for row in deals}
    in_dollars = {row["lead_key"] for row in deals if row["currency"] == "USD"}
    crossed = sum(row["lead_key"] not in with_deals - in_dollars for row in files["hygiene"])
    of_mqls = sum(
        (Decimal(row["amount_minor"] or 0) / 100 for row in files["attribution"]
         if row["lead_key"] in leads and row["currency"] == "USD"),
        Decimal(0),
    )  # fmt: skip
    scores = {
        "definitions": score(same, bands["definitions"]),
        "hygiene": score(in_time, bands["hygiene"]),
        "conversion": min(
            score(to_opportunity, bands["lead_to_opportunity"]), score(to_sql, bands["mql_to_sql"])
        ),
        "attribution": score(agreed, bands["attribution"]),
        "trust": score(trust, bands["trust"]),
    }
    stakes = {
        "definitions": pipeline * (1 - same),
        "hygiene": missed * of_mqls / crossed,
        "attribution": disputed,
        "trust": pipeline / 4,
    }
    leverage = {
        name: ((3 - scores[name]) * stake).quantize(Decimal("0.01"), ROUND_HALF_UP)
        for name, stake in stakes.items()
        if scores[name] < 3
    }
    return {"scores": scores, "leverage": leverage}


def irregular(company: Company) -> None:
    """Some sixty leads in no order: late, unassigned, merged, in two currencies, claimed by chance."""
    deals: list[Opportunity] = []
    for number in range(61):
        lead = company.lead(MONDAY + number * DAY)
        if number % 3:
            company.touch(lead, ("marketing", "sales", "other")[number % 5 % 3], MONDAY + number * DAY)
        if number % 4 != 3:
            start = MONDAY + number * DAY
            late = None if number % 11 == 5 else start + number % 7 * DAY + HOUR
            company.mql(
                lead, start, follow_up=late, is_assigned=number % 11 != 5, is_accepted=number % 3 == 0
            )
        if number % 9 == 2:
            lead = company.lead(MONDAY + number * DAY, merged_into=lead)
        if number % 7 in (2, 3):
            amount = None if number % 10 == 3 else 1_234_56 * (number + 1)
            currency = "EUR" if number % 13 == 3 else "USD"
            deals.append(company.opportunity(lead, MONDAY + number * DAY, amount=amount, currency=currency))
    for function, every in ((Function.SALES, 2), (Function.MARKETING, 3)):
        text = "opportunity,source\n" + "".join(
            f"{deal.external_id},{'other' if place % 5 == 4 else ''}\n"
            for place, deal in enumerate(deals)
            if place % every == 0
        )
        import_claims(program=company.program, function=function, text=text, name="x", by=revops(), at=NOW)


@pytest.mark.parametrize("trust", [22, 34])
def test_an_independent_script_comes_to_the_same_scores_and_leverages(
    company: Company, trust: int, time_machine: Any
) -> None:
    getcontext().prec = 60
    time_machine.move_to(NOW, tick=False)
    irregular(company)
    answered(
        company,
        sheet(sql="unknown"),
        sheet(lead="fit", sql="unknown", sourced="shared", pipeline="committed"),
    )
    surveyed(company, trust)
    sign_bands(company)
    draft: ArtifactVersion = measure(program=company.program, by=revops(), at=NOW)
    client = Client()
    client.force_login(revops())
    files = {name: downloaded(client, name) for name in DIMENSIONS}
    assert len(files["attribution"]) > 15
    signed = ArtifactVersion.objects.in_force().get(artifact__kind="scoring-bands").content["bands"]
    found = recomputed(files, signed, Decimal(trust) / 10)
    assert {entry["key"]: Decimal(entry["score"]) / 10 for entry in draft.content["dimensions"]} == found[
        "scores"
    ]
    leverage = {
        one["key"]: Decimal(one["leverage"])
        for one in draft.content["fractures"]
        if one["key"] != "conversion"
    }
    assert leverage == found["leverage"]
    assert (
        min(found["scores"].values()) > 1 or max(found["scores"].values()) < 5
    )  # the figures are no extremes
    text = client.get(reverse("scorecard:scorecard")).content.decode()
    for value in found["scores"].values():
        assert f'<span class="score-figure">{value}</span>' in text


def test_the_files_cannot_run_as_formulas(company: Company) -> None:
    lead = company.lead()
    company.opportunity(lead, external_id="=HYPERLINK(1)")
    client = Client()
    client.force_login(revops())
    assert downloaded(client, "attribution")[0]["opportunity"] == "'=HYPERLINK(1)"
