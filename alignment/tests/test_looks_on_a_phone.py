"""In a real browser on a phone: cards of tables, long words in them, and what has to stay in reach."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from django.template import Context, Template
from django.test import override_settings
from django.utils import timezone

from alignment.tests.test_looks import _open
from testing.browser import chromium, needs_browser

pytestmark = needs_browser


@pytest.fixture
def browser() -> Iterator[Any]:
    with chromium() as browser:
        yield browser


PHONE = """{% extends "base.html" %}{% block content %}
<form><div class="card">{% table_region "MQLs" %}<table class="table card-table table-stack"><thead><tr><th>Lead</th>
<th>Next</th><th>State</th></tr></thead><tbody><tr><th scope="row">Ada</th>
<td data-label="Next"><div>{% time_closed due due 300 %}</div></td><td data-label="State"><b>Open</b></td></tr></tbody>
</table>{% endtable_region %}</div>{% for line in lines %}<p>Line</p>{% endfor %}
<fieldset class="form-group"><label><input type="checkbox"> Record attempts and dispositions, and assign owners of
MQLs</label></fieldset>
<select data-says aria-label="Our field"><option></option><option title="number to call">Phone</option></select><div
class="form-hint" data-said></div><div class="form-go"><button class="btn btn-primary">Preview</button></div></form>
{% endblock %}"""


def test_on_a_phone_cards_stand_in_one_line_and_nothing_is_cut_or_out_of_reach(browser: Any) -> None:
    context = {
        "user": SimpleNamespace(is_authenticated=False),
        "organisation": SimpleNamespace(name="Our company", zone="Europe/Berlin"),
        "messages": [],
        "csrf_token": "t",
        "due": timezone.now() + timedelta(days=6),
        "lines": range(60),
    }
    with override_settings(ROOT_URLCONF="alignment.tests.test_looks"):
        page, _ = _open(browser, Template(PHONE).render(Context(context)), width=390, scheme="light")
    cells = page.eval_on_selector_all(
        "tbody th, tbody td",
        "all => all.map(e => e.getBoundingClientRect().left + parseFloat(getComputedStyle(e).paddingLeft))",
    )
    assert len(set(cells)) == 1, "the title of a card and its labels"
    row = page.locator(".card").bounding_box()
    clock = page.locator("time.time-left").bounding_box()
    assert clock["x"] + clock["width"] <= row["x"] + row["width"] - 16
    box = page.locator("input[type=checkbox]").bounding_box()
    assert box["width"] == box["height"] == 18
    bar = page.locator(".form-go").bounding_box()
    assert bar["y"] + bar["height"] <= 844, "in sight before anything is scrolled"
    page.get_by_label("Our field").select_option("Phone")
    assert page.locator("[data-said]").inner_text() == "number to call"
    page.context.close()
