"""Charts are drawn whole on the server: valid SVG, every number in words, nothing by colour alone."""

from __future__ import annotations

import re
from fractions import Fraction
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alignment import charts
from alignment.charts import WeekBar, WonBar

SVG = "{http://www.w3.org/2000/svg}"
WEEKS = [WeekBar("2 Nov", 40, 5), WeekBar("9 Nov", 0, 0), WeekBar("16 Nov", 12, 1, 20)]
DRAWINGS = {
    "weeks": charts.weeks(WEEKS, title="By week", desc="Clocks by week of due time"),
    "no weeks": charts.weeks([], title="By week"),
    "quarters": charts.quarters([WonBar("Q1 2026", 3, 7), WonBar("Q2 2026", 0, 0)], title="By quarter"),
    "no quarters": charts.quarters([], title="By quarter"),
    "bars": charts.bars([("Bad fit", 12), ("No response", 0)], title="Reasons"),
    "no bars": charts.bars([], title="Reasons"),
    "line": charts.line(
        [("2 Nov", Fraction(8, 9)), ("9 Nov", None), ("16 Nov", Fraction(12, 13))],
        title="Compliance",
        threshold=Fraction(85, 100),
    ),
    "one point": charts.line([("2 Nov", Fraction(1))], title="Compliance"),
    "meter": charts.meter(6, 7, title="In time", threshold=Fraction(85, 100)),
    "empty meter": charts.meter(0, 0, title="In time", threshold=Fraction(85, 100)),
}


def _svg(drawing: str) -> ElementTree.Element:
    root = ElementTree.fromstring(drawing)  # noqa: S314
    return root if root.tag == f"{SVG}svg" else root.find(f".//{SVG}svg")  # type: ignore[return-value]


@pytest.mark.parametrize("name", DRAWINGS)
def test_every_drawing_is_valid_and_described_and_carries_no_style(name: str) -> None:
    svg = _svg(DRAWINGS[name])
    assert svg.findtext(f"{SVG}title")
    assert svg.find(f"{SVG}desc") is not None
    assert svg.get("role") == "img"
    assert (svg.get("aria-label") or "").startswith(svg.findtext(f"{SVG}title") or "?")
    assert svg.get("viewBox")
    for element in svg.iter():
        assert "style" not in element.attrib
        assert not [key for key in element.attrib if key.startswith("on")]
        assert element.tag not in {f"{SVG}style", f"{SVG}script"}


def test_quarters_say_every_number_and_dot_what_was_not_won() -> None:
    svg = _svg(DRAWINGS["quarters"])
    words = svg.findtext(f"{SVG}desc") or ""
    assert "Q1 2026: 10 MQLs, 3 won. Q2 2026: 0 MQLs, 0 won" in words
    fills = [rect.get("fill", "") for rect in svg.iter(f"{SVG}rect")]
    assert sum("-dots" in fill for fill in fills) == 2  # one quarter and the legend


def test_weeks_say_every_number_and_hatch_what_was_missed() -> None:
    svg = _svg(DRAWINGS["weeks"])
    words = svg.findtext(f"{SVG}desc") or ""
    assert "2 Nov: 88.8% (40 of 45), 5 missed" in words
    assert "9 Nov: no data" in words
    assert "16 Nov: 92.3% (12 of 13), 1 missed, 20 running" in words
    fills = [rect.get("fill", "") for rect in svg.iter(f"{SVG}rect")]
    assert sum("-hatch" in fill for fill in fills) == 3  # two weeks and the legend
    assert sum("-dots" in fill for fill in fills) == 2


@given(
    st.lists(
        st.builds(
            WeekBar,
            st.just("w"),
            st.integers(0, 10**6),
            st.integers(0, 10**6),
            st.integers(0, 10**6),
        ),
        max_size=20,
    )
)
def test_bars_are_as_tall_as_their_counts_and_stay_inside(bars: list[WeekBar]) -> None:
    svg = _svg(charts.weeks(bars, title="t"))
    unit = None
    groups = [group for group in svg.iter(f"{SVG}g") if group.find(f"{SVG}title") is not None]
    assert len(groups) == len(bars)
    for bar, group in zip(bars, groups, strict=True):
        drawn = {r.get("class"): r for r in group.findall(f"{SVG}rect") if r.get("class")}
        assert set(drawn) == {
            css for css, n in (("c-met", bar.met), ("c-missed", bar.missed), ("c-running", bar.running)) if n
        }
        for rect in drawn.values():
            assert float(rect.get("y", "-1")) >= charts.TOP - 0.1
        if bar.met > 10**5:
            here = float(drawn["c-met"].get("height", "0")) / bar.met
            unit = unit or here
            assert here == pytest.approx(unit, rel=0.02)


def test_equal_drawings_are_equal_and_patterns_of_others_are_their_own() -> None:
    again = charts.weeks(WEEKS, title="By week", desc="Clocks by week of due time")
    assert again == DRAWINGS["weeks"]
    other = charts.weeks(WEEKS, title="Another")
    ids = [set(re.findall(r'id="([^"]+)"', drawing)) for drawing in (again, other)]
    assert not ids[0] & ids[1]


def test_names_are_escaped() -> None:
    for drawing in (
        charts.bars([('<script>"&', 1)], title="<b>"),
        charts.weeks([WeekBar('<script>"&', 1, 1)], title='"><b>'),
        charts.line([('<script>"&', Fraction(1))], title="<b>", desc="<i>"),
        charts.meter(1, 2, title='"><b>'),
    ):
        assert "<script" not in drawing
        assert "<b>" not in drawing
        _svg(drawing)


def test_a_line_breaks_where_there_is_no_data() -> None:
    svg = _svg(DRAWINGS["line"])
    assert len(list(svg.iter(f"{SVG}circle"))) == 2
    assert list(svg.iter(f"{SVG}polyline")) == []  # single points on both sides of the gap
    words = svg.findtext(f"{SVG}desc") or ""
    assert "9 Nov: no data" in words
    assert "Limit: 85%" in words
    rules = [rule for rule in svg.iter(f"{SVG}line") if rule.get("stroke-dasharray")]
    assert len(rules) == 1


@pytest.mark.parametrize(
    ("met", "total", "is_good"),
    [(6, 7, True), (17, 20, False), (1699, 2000, False), (0, 0, False), (0, 5, False)],
)
def test_a_meter_is_green_only_above_its_limit(met: int, total: int, is_good: bool) -> None:
    drawing = charts.meter(met, total, title="t", threshold=Fraction(85, 100))
    assert ('class="c-met"' in drawing) is is_good
    assert ("-hatch)" in drawing) is (met > 0 and not is_good)


@pytest.mark.parametrize(
    ("most", "top", "step"),
    [(0, 1, 1), (1, 1, 1), (7, 8, 2), (45, 50, 10), (51, 60, 20), (10**6, 10**6, 200000)],
)
def test_axes_have_whole_round_steps(most: int, top: int, step: int) -> None:
    assert charts._scale(most) == (top, step)
