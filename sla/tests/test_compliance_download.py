"""Rows of compliance as a file: all of them, and no formula."""

from __future__ import annotations

import csv
import io

import pytest

from alignment.models import Role
from alignment.sheets import cell
from sla.services import roll_up
from sla.tests.pages import signed_in
from sla.tests.test_compliance_page import WEEK
from testing.world import World, add_user, event


def test_the_download_holds_all_rows_and_no_formula(world: World) -> None:
    name = '=HYPERLINK("http://bad.example","x")'
    world.send(
        *(
            event("lead.created", f"L{n}", world.at, score=70, company="@sum", last_name=name)
            for n in range(60)
        )
    )
    roll_up(at=world.at)
    client = signed_in(add_user(world, Role.REVOPS))
    response = client.get(f"/compliance/rows.csv?week={WEEK}&kind=follow_up&outcome=running")
    assert response["Content-Type"].startswith("text/csv")
    assert "attachment" in response["Content-Disposition"]
    read = list(csv.DictReader(io.StringIO(response.content.decode("utf-8-sig"))))
    assert len(read) == 60
    assert {row["lead"] for row in read} == {f"'{name}"}
    assert {row["company"] for row in read} == {"'@sum"}
    assert {row["agreement_version"] for row in read} == {"1"}
    assert {row["calendar"] for row in read} == {"Office hours"}


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@a", "\tx", "\r=1", " =1", "|x", "\n=1"])
def test_text_that_a_spreadsheet_would_run_is_held_back(text: str) -> None:
    assert cell(text) == f"'{text}"


@pytest.mark.parametrize("value", ["Ada", "a=b", "", 7, -7, None])
def test_other_values_stay_as_they_are_in_a_download(value: object) -> None:
    assert cell(value) == value
