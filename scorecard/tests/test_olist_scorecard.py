"""A real funnel, imported: conversion agrees with figures computed elsewhere, and what it does not tell is said."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from alignment.models import Source
from alignment.quarters import Quarter
from alignment.services.import_run import run_import
from alignment.services.imports import start_import
from scorecard.bands import Bands, default_content
from scorecard.measures import Window
from scorecard.queries.conversion import measure_conversion
from scorecard.queries.hygiene import measure_hygiene
from scorecard.queries.window import diagnosis_of, follow_up_window
from scorecard.scoring import scores
from scorecard.tests.company import Company
from scorecard.tests.figures import measures

AT = datetime(2018, 12, 1, tzinfo=UTC)
WINDOW = Window(Quarter(2017, 2), Quarter(2018, 2), "UTC")
MQLS: dict[str, Any] = {
    "object": "lead",
    "columns": {
        "external_id": "mql_id", "mql_at": "first_contact_date", "channel": "origin",
        "created_at": "first_contact_date",
    },
    "zone": "UTC",
}  # fmt: skip
DEALS: dict[str, Any] = {
    "object": "opportunity",
    "columns": {"external_id": "seller_id", "lead": "mql_id", "closed_at": "won_date"},
    "constants": {"stage": "won", "is_won": True, "is_closed": True},
    "zone": "UTC",
}


@pytest.fixture
def olist(shared: Path, company: Company) -> dict[str, Any]:
    """The truth about the files, which are imported."""
    folder = shared / "data" / "olist"
    if not folder.is_dir():
        pytest.skip("the folder ../shared/data/olist is not on this machine")
    source = Source.objects.create(key="olist", name="Olist", kind="standard")
    for name, mapping in (("marketing_qualified_leads", MQLS), ("closed_deals", DEALS)):
        with (folder / f"olist_{name}_dataset.csv").open("rb") as file:
            found = start_import(
                file=file, file_name=f"{name}.csv", source=source, mapping=mapping, by=None, at=AT
            )
        run_import(found, now=lambda: AT)
    truth: dict[str, Any] = json.loads((folder / "ground_truth.json").read_text())
    return truth


def test_leads_that_became_opportunities_are_those_of_the_data(
    olist: dict[str, Any], company: Company
) -> None:
    found = measure_conversion(WINDOW, at=AT)
    total = olist["total"]
    assert (found.leads, found.mqls, found.opportunities) == (total["mqls"], total["mqls"], total["won"])
    rates = {state.key: state.reached for state in found.states}
    assert (rates["engaged"], rates["accepted"], rates["qualified"]) == (8000, None, None)
    conversion = scores(measures(conversion=found), Bands.from_json(default_content()))[2]
    assert conversion.rates[0].value == Fraction(total["won"], total["mqls"]) == Fraction(421, 4000)
    assert found.sqls is None and len(conversion.rates) == 1 and conversion.tenths == 41
    assert "10.5% (842 of 8,000) between 10% for 4 and 15% for 5 is 4.1" in conversion.formula


def test_files_that_tell_of_no_follow_up_give_no_score_of_hygiene(
    olist: dict[str, Any], company: Company
) -> None:
    within = follow_up_window(diagnosis_of(company.program))
    found = measure_hygiene(WINDOW, within, at=AT)
    assert (found.crossed, found.recorded) == (olist["total"]["mqls"], 0)
    hygiene = scores(measures(hygiene=found), Bands.from_json(default_content()))[1]
    assert hygiene.tenths is None and "None of the 8,000 MQLs has a recorded follow-up" in hygiene.why
