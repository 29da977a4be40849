"""Cells that a spreadsheet cannot run come back as what they were."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alignment.sheets import bare, cell


@pytest.mark.parametrize(
    "text", ["=1+1", "+49 30", "-5", "@x", "|x", "%x", "＝1", "  =1", "\t=1", "\r=1", "\n1"]
)
def test_what_a_spreadsheet_would_run_gets_an_apostrophe(text: str) -> None:
    assert cell(text) == f"'{text}"


@pytest.mark.parametrize("value", ["", "plain", "'plain", "a=b", 5, None, "'=1"])
def test_anything_else_stays_as_it_is(value: object) -> None:
    assert cell(value) == value


@given(st.text(st.sampled_from("'=+-@|%＝a 1\t\n"), max_size=6).map(str.strip))
def test_a_cell_written_and_read_again_is_the_one_that_was_read(text: str) -> None:
    assert bare(cell(text)) == bare(text)
    if not text.startswith("'"):
        assert bare(cell(text)) == text
