"""What a fact says is shown in words: no keys, no ISO times, no True and False."""

from __future__ import annotations

from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.utils import timezone

from alignment.queries.field_words import name_of, said


@pytest.mark.parametrize(
    ("subject", "field", "value", "words"),
    [
        ("lead", "segment", "mid_market", "mid market"),
        ("lead", "reason", "no_response", "No response"),
        ("lead", "email", "ada_l@example.com", "ada_l@example.com"),
        ("lead", "mql_at", "2026-11-21T13:05:00.123456+00:00", "21 Nov 2026, 14:05"),
        ("lead", "mql_at", "not a time", "not a time"),
        ("lead", "email", None, "cleared"),
        ("touch", "channel", "organic_search", "organic search"),
        ("opportunity", "is_closed", False, "no"),
        ("opportunity", "amount", 123456789, "1,234,567.89"),
        ("opportunity", "amount", -150, "-1.50"),
        ("opportunity", "amount", "1234.567", "1,234.567"),
        ("opportunity", "close_on", "2026-03-02", "2 Mar 2026"),
        ("touch", "leads", ["L1", "L2"], "L1, L2"),
        ("unheard", "of", 7, "7"),
    ],
)
def test_values_read_as_people_write_them(subject: str, field: str, value: Any, words: str) -> None:
    with timezone.override(ZoneInfo("Europe/Berlin")):
        assert said(subject, field, value) == words


def test_names_of_fields_read_as_words() -> None:
    assert [name_of(field) for field in ("is_closed", "mql_at", "first_name")] == [
        "closed",
        "MQL date",
        "first name",
    ]


def test_a_day_alone_is_said_from_and_to() -> None:
    day = ["2026-01-05T00:00:00+00:00", "2026-01-06T00:00:00+00:00"]
    assert name_of("touched_day") == "some time on that day"
    assert said("touch", "touched_day", day).count("2026") == 2
    assert "T00:00" not in said("touch", "touched_day", day)
    assert said("touch", "touched_day", None) == "cleared"
