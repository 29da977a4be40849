"""A semicolon parts several ids in one cell, so no record that others name may have one in its own."""

from __future__ import annotations

from typing import Any

import pytest

from alignment.importing.rows import Reject, Row
from alignment.tests.importing.support import mapping_of, read

ID = {"external_id": "Id"}
NAMED: dict[str, dict[str, Any]] = {
    "lead": {"object": "lead", "columns": ID},
    "account": {"object": "account", "columns": ID},
    "campaign": {"object": "campaign", "columns": ID},
    "opportunity": {"object": "opportunity", "columns": ID},
    "stage": {
        "object": "stage", "columns": ID | {"stage": "Stage", "stage_at": "At"}, "zone": "UTC"
    },
    "lead by one column": {"object": "lead", "columns": {"company": "Stage"}, "id_from": ["Id"]},
    "cycle by one column": {"object": "cycle", "columns": {"mql_at": "At"}, "id_from": ["Id"], "zone": "UTC"},
}  # fmt: skip
CELLS = [("one", "New"), ("a;b", "New"), ("two", "New")]


@pytest.mark.parametrize("document", NAMED.values(), ids=NAMED)
@pytest.mark.parametrize("is_json", [False, True])
def test_the_row_of_such_an_id_is_rejected(document: dict[str, Any], is_json: bool) -> None:
    if is_json:
        content = "".join(f'{{"Id":"{each}","Stage":"{stage}","At":"2026-01-01"}}\n' for each, stage in CELLS)
    else:
        content = "Id,Stage,At\n" + "".join(f'"{each}",{stage},2026-01-01\n' for each, stage in CELLS)
    found = read(content, mapping_of(document))
    kept = [row.drafts[0].external_id for row in found if isinstance(row, Row)]
    (reject,) = (row for row in found if isinstance(row, Reject))
    assert kept == ["one", "two"]
    assert (reject.line, reject.code) == (3 - is_json, "several_ids")
    assert reject.message.startswith("Id") and "“a;b” has a semicolon" in reject.message
    assert reject.message.endswith("write an id without.")


def test_what_nothing_names_may_have_one_and_lists_are_read_as_before() -> None:
    touch = {
        "object": "touch",
        "columns": {"external_id": "Id", "lead": "Lead", "touched_at": "At"},
        "zone": "UTC",
    }
    (row,) = read('Id,Lead,At\nT;1,"a; b",2026-01-01\n', mapping_of(touch))
    assert isinstance(row, Row)
    assert row.drafts[0].external_id == "T;1" and row.drafts[0].fields["leads"] == ["a", "b"]
    deal = {"object": "opportunity", "columns": {"external_id": "Id", "lead": "Lead"}}
    (row,) = read('Id,Lead\nO1,"a;b"\n', mapping_of(deal))
    assert isinstance(row, Row) and row.drafts[0].fields["lead"] == "a"
    several = {"object": "lead", "columns": {"company": "Company"}, "id_from": ["Name", "Company"]}
    (row,) = read('Name,Company\nAda,"Smith; Co"\n', mapping_of(several))
    assert isinstance(row, Row), "put together from columns it is named by the same columns again"
