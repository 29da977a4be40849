"""The mappings that docs/import.md shows can be used as they stand."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from alignment.importing.mapping import SECTIONS
from alignment.tests.importing.support import drafts, mapping_of

PAGE = (Path(__file__).resolve().parents[3] / "docs" / "import.md").read_text()
MAPPINGS = [json.loads(block) for block in re.findall(r"```json\n(.*?)```", PAGE, re.DOTALL)]


@pytest.mark.parametrize("document", MAPPINGS, ids=[document["object"] for document in MAPPINGS])
def test_a_documented_mapping_is_accepted(document: dict[str, object]) -> None:
    assert mapping_of(document).kind == document["object"]


def test_the_documented_json_lines_are_read_with_their_mapping() -> None:
    (body,) = re.findall(r"```\n(\{.*?)```", PAGE, re.DOTALL)
    found = [draft.fields for draft in drafts(body, MAPPINGS[-1])]
    assert found == [
        {"email": "ann@example.com", "score": 72, "mql_at": "2024-03-12T08:14:00+00:00"},
        {"email": "bob@example.com", "score": None, "mql_at": None},
    ]


def test_the_page_names_every_section_and_stays_short() -> None:
    assert all(f"`{section}`" in PAGE for section in SECTIONS)
    assert len(PAGE.splitlines()) < 200
