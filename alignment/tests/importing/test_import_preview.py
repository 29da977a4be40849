"""What the first rows of a file would change, shown before anything is written."""

from __future__ import annotations

import io

import pytest

from alignment.models import Fact, Source
from alignment.services.import_preview import preview
from alignment.tests.importing.test_imports import HEADERS, MAPPING, bring_in, crm, line

__all__ = ["crm"]
pytestmark = pytest.mark.django_db


def test_each_row_tells_what_is_new_changed_and_known(crm: Source) -> None:
    bring_in(crm, HEADERS + line(1) + line(2))
    before = Fact.objects.count()
    content = HEADERS + line(1) + line(2, 77) + line(3) + line(4, "many")
    rows = preview(file=io.BytesIO(content.encode()), source=crm, mapping=MAPPING)
    assert [(row.line, [(record.subject, record.what) for record in row.records]) for row in rows] == [
        (2, [("lead", "unchanged"), ("touch", "unchanged")]),
        (3, [("lead", "changed"), ("touch", "unchanged")]),
        (4, [("lead", "new"), ("touch", "new")]),
        (5, []),
    ]
    assert rows[1].records[0].changes == {"score": (5, 77)}
    assert "many" in rows[3].reject
    assert Fact.objects.count() == before


def test_only_the_first_rows_are_read(crm: Source) -> None:
    content = HEADERS + "".join(line(n) for n in range(50))
    assert len(preview(file=io.BytesIO(content.encode()), source=crm, mapping=MAPPING, limit=5)) == 5
