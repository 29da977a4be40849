"""Times, shares, badges, forms and lists look the same on every page and never flatter a number."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from types import SimpleNamespace
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django import forms
from django.template import Context, Template
from django.test import RequestFactory
from django.utils import timezone
from hypothesis import assume, given
from hypothesis import strategies as st

from alignment.wording import exact_time, relative, span, truncated_share, weekday_time

NOW = datetime(2026, 11, 21, 13, 5, tzinfo=UTC)


def render(source: str, path: str = "/mqls/", **context: Any) -> str:
    request = RequestFactory().get(path)
    return Template(source).render(Context({"request": request, "now": NOW, **context}))


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (0, "0 s"),
        (59.9, "59 s"),
        (60, "1 min"),
        (250, "4 min 10 s"),
        (600, "10 min"),
        (3599, "59 min"),
        (3600, "1 h"),
        (7500, "2 h 5 min"),
        (24 * 3600, "24 h"),
        (100 * 3600 + 240, "100 h 4 min"),
        (timedelta(minutes=35), "35 min"),
        (-1200, "-20 min"),
    ],
)
def test_lengths_are_said_in_two_units_and_hours_never_become_days(seconds: Any, said: str) -> None:
    assert span(seconds) == said
    assert render("{{ s|duration }}", s=seconds) == said
    assert render("{% duration s %}", s=seconds) == said


def test_only_elapsed_time_is_said_in_days() -> None:
    assert span(100 * 3600, days=True) == "4 d 4 h"
    assert span(47 * 3600, days=True) == "47 h"
    assert relative(NOW + timedelta(days=3), now=NOW) == "in 3 d"
    assert relative(NOW - timedelta(minutes=20), now=NOW) == "20 min ago"
    assert relative(NOW, now=NOW) == "now"


def test_a_missing_length_is_a_dash() -> None:
    assert render("{{ s|duration }}", s=None) == "–"


def test_the_exact_time_is_in_the_viewers_zone_and_names_it() -> None:
    with timezone.override(ZoneInfo("Europe/Berlin")):
        assert exact_time(NOW) == "21 Nov 2026, 14:05 (Europe/Berlin)"
        html = render("{% exact at %}", at=NOW)
    assert html == (
        '<time datetime="2026-11-21T13:05:00+00:00" title="21 Nov 2026, 14:05 (Europe/Berlin)">'
        '21 Nov 2026, 14:05<span class="visually-hidden"> (Europe/Berlin)</span></time>'
    )


@pytest.mark.parametrize(
    ("hours", "said"),
    [(2, "today 15:05"), (11, "Sunday 00:05"), (44, "Monday 09:05"), (8 * 24, "Sun 29 Nov 13:05")],
)
def test_an_opening_is_said_by_its_day(hours: int, said: str) -> None:
    assert weekday_time(NOW + timedelta(hours=hours), now=NOW) == said


def test_a_clock_that_waits_for_open_hours_says_when_it_starts_and_how_much_there_is_then() -> None:
    opens = NOW + timedelta(hours=44)
    html = render("{% time_closed opens due 300 %}", opens=opens, due=opens + timedelta(minutes=5))
    assert "starts Monday 09:05, then 5 min" in html
    assert "due 23 Nov 2026, 09:10 (UTC)" in html
    assert "data-due" not in html  # nothing runs, so nothing counts down
    again = render("{% time_closed opens due 300 False %}", opens=opens, due=opens + timedelta(minutes=5))
    assert "goes on Monday 09:05" in again


def test_keys_and_places_are_said_in_words() -> None:
    assert render("{{ key|words }}", key="organic_search") == "organic search"
    assert render("{{ key|words }}", key="smb") == "SMB"
    assert render("{{ key|words }}", key="sms_by_hand") == "SMS by hand"
    assert [render("{{ n|ordinal }}", n=n) for n in (1, 2, 3, 4, 11, 12, 13, 21, 112)] == [
        "1st", "2nd", "3rd", "4th", "11th", "12th", "13th", "21st", "112th",
    ]  # fmt: skip


def test_a_relative_time_carries_the_exact_one() -> None:
    html = render("{% when at %}", at=NOW + timedelta(hours=2, minutes=5))
    assert ">in 2 h 5 min<" in html
    assert 'datetime="2026-11-21T15:10:00+00:00"' in html
    assert html.count("21 Nov 2026, 15:10") == 2  # on hover, and in the text for readers and print
    assert 'title="21 Nov 2026, 15:10 (UTC)"' in html
    assert '21 Nov 2026, 15:10<span class="visually-hidden"> (UTC)</span>' in html


def test_a_time_that_is_not_known_is_said_to_be() -> None:
    assert "–" in render("{% when at %}", at=None)
    assert ">not yet<" in render('{% when at "not yet" %}', at=None)


@pytest.mark.parametrize(
    ("offset", "level", "text"),
    [
        (timedelta(hours=1, minutes=12), "fine", "1 h 12 min left"),
        (timedelta(hours=1), "soon", "1 h left"),
        (timedelta(0), "soon", "0 s left"),
        (timedelta(minutes=-20), "over", "overdue by 20 min"),
        (timedelta(days=-3), "over", "overdue by 3 d"),
    ],
)
def test_time_left_says_urgency_in_words_icon_and_class(offset: timedelta, level: str, text: str) -> None:
    html = render("{% time_left due now %}", due=NOW + offset)
    assert f"time-left-{level}" in html
    assert f">{text}<" in html
    assert re.search(r"<use href=\"[^\"]+#(clock|hourglass|alert-triangle)\"", html)
    assert f'data-due="{(NOW + offset).isoformat()}"' in html


@pytest.mark.parametrize(
    ("met", "total", "said"),
    [
        (6, 7, "85.7% (6 of 7)"),
        (8496, 10000, "84.9% (8,496 of 10,000)"),
        (8499999, 10000000, "84.9% (8,499,999 of 10,000,000)"),
        (17, 20, "85.0% (17 of 20)"),
        (99999, 100000, "99.9% (99,999 of 100,000)"),
        (3, 3, "100.0% (3 of 3)"),
        (0, 3, "0.0% (0 of 3)"),
        (0, 0, "no data"),
    ],
)
def test_shares_come_from_whole_numbers_and_are_cut(met: int, total: int, said: str) -> None:
    html = render("{% share met total %}", met=met, total=total)
    assert re.sub("<[^>]+>", "", html) == said
    assert ("The percentage is cut down" in html) is (total > 0 and met * 1000 % total != 0)


def test_a_share_where_more_is_worse_is_cut_upwards() -> None:
    assert render('{% share missed total worse="up" %}', missed=15001, total=100000).count(">15.1%")
    assert render('{% share missed total worse="up" %}', missed=15, total=100).startswith("15.0%")


@pytest.mark.parametrize(
    ("part", "total", "said"),
    [
        (38, 349, "10.9% (38 of 349)"),
        (1, 2000, "0.1% (1 of 2,000)"),
        (1, 2001, "0.0% (1 of 2,001)"),
        (2, 3, "66.7% (2 of 3)"),
        (3, 3, "100.0% (3 of 3)"),
        (0, 0, "no data"),
    ],
)
def test_a_share_that_no_limit_judges_is_rounded_to_the_nearest(part: int, total: int, said: str) -> None:
    assert render("{% share_rounded part total %}", part=part, total=total) == said


@given(total=st.integers(1, 10**7), data=st.data(), limit=st.integers(1, 1000))
def test_a_share_below_a_limit_is_never_shown_at_it(total: int, data: st.DataObject, limit: int) -> None:
    met = data.draw(st.integers(0, total))
    assume(Fraction(met, total) < Fraction(limit, 1000))
    shown = Decimal(truncated_share(met, total).split("%")[0])
    assert shown < Decimal(limit) / 10


def test_a_badge_has_an_icon_and_words() -> None:
    html = render('{% badge "missed" "Missed" %}')
    assert "bg-red-lt" in html
    assert "#circle-x" in html
    assert html.endswith("Missed</span>")
    assert "bg-secondary-lt" in render('{% badge "who_knows" %}')
    assert "Who knows" in render('{% badge "who_knows" %}')


def test_texts_from_outside_are_escaped_everywhere() -> None:
    evil = "<script>alert(1)</script>"
    for source in (
        '{% badge "met" evil %}',
        '{% figure evil evil evil url="/" url_label=evil sub=evil %}',
        '{% empty_state evil evil "/" evil %}',
        "{% next_page evil %}",
        "{% table_region evil %}x{% endtable_region %}",
        '{% icon "clock" evil %}',
        "{% when nothing evil %}",
    ):
        html = render(source, evil=evil, nothing=None)
        assert "<script" not in html, source


def test_a_figure_explains_itself_without_scripts() -> None:
    html = render('{% figure "In time" "85.7%" "Formula 3" url="/rows" url_label="7 MQLs" tone="danger" %}')
    assert re.search(r"<details[^>]*>\s*<summary[^>]*aria-label", html)
    assert "Formula 3" in html
    assert 'href="/rows"' in html
    assert "#circle-x" in html  # the tone is not colour alone
    assert "<details" not in render('{% figure "In time" "85.7%" %}')


class _Form(forms.Form):
    name = forms.CharField(help_text="As in the CRM.")
    channel = forms.ChoiceField(choices=[("p", "Phone")], widget=forms.RadioSelect)
    note = forms.CharField(required=False)
    token = forms.CharField(widget=forms.HiddenInput, required=False)

    def clean(self) -> None:
        raise forms.ValidationError("At least 5 attempts are needed.")


def test_form_errors_are_tied_to_their_fields() -> None:
    html = render("{% form_fields form %}", form=_Form({"name": ""}))
    control = re.search(r"<input[^>]*name=\"name\"[^>]*>", html)
    assert control is not None
    assert 'aria-invalid="true"' in control[0]
    assert "is-invalid" in control[0]
    described = re.search(r'aria-describedby="([^"]*)"', control[0])
    assert described is not None
    assert {"id_name_helptext", "id_name_error"} <= set(described[1].split())
    for name in described[1].split():
        assert html.count(f'id="{name}"') == 1
    assert re.search(r'role="alert".*At least 5 attempts', html, re.S)
    assert "<legend" in html
    assert 'type="hidden" name="token"' in html
    assert html.count("optional") == 1


def test_a_form_without_errors_says_nothing_about_errors() -> None:
    html = render("{% form_fields form %}", form=_Form())
    assert "is-invalid" not in html
    assert "_error" not in html


def test_query_keeps_what_it_does_not_change() -> None:
    assert render('{% query page=2 after="" %}', "/m/?status=open&after=x") == "?status=open&amp;page=2"
    assert render("{% query status=None %}", "/m/?status=open") == "?"


def test_pages_lead_on_and_back_to_the_start() -> None:
    html = render("{% next_page cursor %}", "/m/?status=open", cursor="k9")
    assert 'href="?status=open&amp;after=k9"' in html
    assert "To the start" not in html
    end = render("{% next_page cursor %}", "/m/?after=k9", cursor=None)
    assert "End of the list" in end
    assert 'href="?"' in end
    assert render("{% next_page cursor %}", "/m/", cursor=None).strip() == ""


def test_wide_tables_scroll_by_keyboard_under_a_name() -> None:
    html = render('{% table_region "MQLs" %}<table></table>{% endtable_region %}')
    assert html == (
        '<div class="table-responsive" role="region" aria-label="MQLs" tabindex="0"><table></table></div>'
    )


def test_base_writes_the_title_as_heading_and_holds_no_inline_script_or_style() -> None:
    user = SimpleNamespace(is_authenticated=False)
    page = render(
        '{% extends "base.html" %}{% block title %}A & B <1>{% endblock %}{% block content %}x{% endblock %}',
        user=user,
        organisation=SimpleNamespace(name="Ours", zone="Europe/Berlin"),
        messages=[],
        csrf_token="t",
    )
    assert re.search(r"<h1[^>]*>A & B <1></h1>", page)
    assert "Europe/Berlin, the zone of Ours" in page
    assert not re.search(r"<script(?![^>]* src=)", page)
    assert not re.search(r"<style| style=| on[a-z]+=", page)


@pytest.mark.parametrize("name", ["400.html", "500.html", "403_csrf.html"])
def test_error_pages_need_nothing_of_the_application(name: str) -> None:
    from django.template.loader import render_to_string

    page = render_to_string(name)
    assert page.count("<h1>") == 1
    assert "Revenue alignment" in page
