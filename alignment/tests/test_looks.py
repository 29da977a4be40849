"""In a real browser, under the real policy: contrast and names (axe), phone widths, live countdowns."""

from __future__ import annotations

import mimetypes
import re
from collections.abc import Iterator
from datetime import timedelta
from fractions import Fraction
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from django import forms
from django.conf import settings
from django.contrib.staticfiles import finders
from django.http import HttpRequest, HttpResponse
from django.template import Context, Template
from django.test import RequestFactory, override_settings
from django.urls import include, path
from django.utils import timezone
from django.utils.safestring import mark_safe

from alignment import charts
from alignment.models.people import Role
from testing.browser import chromium, needs_browser

pytestmark = needs_browser
PAGE = "http://looks.invalid/mqls/"

SAMPLE = """{% extends "base.html" %}{% block title %}MQLs by time left{% endblock %}
{% block purpose %}What waits for a first follow-up.{% endblock %}
{% block actions %}<a class="btn" href="/a">Print</a>
<a class="btn btn-primary" href="/b">Assign</a>{% endblock %}
{% block content %}
<div class="figures">
  {% figure "In time" "85.7%" "Formula 3, as of now." url="/" url_label="7 MQLs" tone="ok" sub="above 85%" %}
  {% figure "Tagged" "71.4%" "Note" tone="danger" %}{% figure "Median" "2 h" "Note" tone="warning" %}
</div>
{% for kind in kinds %}{% badge kind %} {% endfor %}
{{ weeks }}{{ line }}{{ bars }}{% meter 6 7 85 "In time" %}{% meter 5 7 85 "Tagged" %}
{% table_region "MQL cycles" %}<table class="table card-table table-stack">
<thead><tr><th scope="col">Lead</th><th scope="col">Time left</th>
<th scope="col">Since</th></tr></thead>
<tbody>{% for due in dues %}<tr><th scope="row"><a href="/1">Ada Lovelace, Analytical Engines</a></th>
<td data-label="Time left">{% time_left due now %}</td>
<td data-label="Since">{% when due %}</td></tr>{% endfor %}
</tbody></table>{% endtable_region %}{% next_page "x" %}
<form method="post"><div>{% form_fields form %}</div><button class="btn btn-primary">Save</button>
<button class="btn btn-danger">Decline</button></form>
<dl class="facts"><dt>Owner</dt><dd>Grace</dd>
<dt>Seen</dt><dd>{% when nothing %}</dd></dl><p class="text-secondary">Quiet words</p>
{% empty_state "No MQLs yet" "They come with the first source." "/s" "Connect a source" %}
{% endblock %}"""


def _page(request: HttpRequest) -> HttpResponse:
    return HttpResponse()


urlpatterns = [
    path("mqls/", include(([path("", _page, name="cycles")], "handoff"))),
    path(
        "",
        include(
            (
                [
                    path("api-tokens/", _page, name="api-tokens"),
                    path("notifications/", _page, name="notifications"),
                ],
                "alignment",
            )
        ),
    ),
    path("accounts/", include("allauth.urls")),
]


class _Form(forms.Form):
    name = forms.CharField(help_text="As in the CRM.")
    reason = forms.ChoiceField(choices=[("a", "Bad fit")])
    channel = forms.ChoiceField(choices=[("p", "Phone"), ("m", "Mail")], widget=forms.RadioSelect)
    note = forms.CharField(required=False, widget=forms.Textarea)
    read = forms.BooleanField(label="I have read it")

    def clean(self) -> None:
        raise forms.ValidationError("At least 5 attempts are needed.")


@pytest.fixture(scope="module")
def html() -> str:
    now = timezone.now()
    weeks = [
        charts.WeekBar("2 Nov", 40, 5),
        charts.WeekBar("9 Nov", 0, 0),
        charts.WeekBar("16 Nov", 9, 1, 20),
    ]
    points = [("2 Nov", Fraction(8, 9)), ("9 Nov", Fraction(9, 10)), ("16 Nov", None)]
    messages = [SimpleNamespace(level_tag=tag) for tag in ("success", "info", "warning", "error")]
    request = RequestFactory().get("/mqls/")
    user = SimpleNamespace(
        is_authenticated=True,
        role=Role.REVOPS,
        name="Rhea",
        email="r@x.org",
        get_role_display=lambda: "RevOps",
    )
    request.user = user  # type: ignore[assignment]
    context: dict[str, Any] = {
        "request": request,
        "user": user,
        "now": now,
        "organisation": SimpleNamespace(name="Our company", zone="Europe/Berlin"),
        "messages": messages,
        "nothing": None,
        "csrf_token": "t",
        "kinds": ["met", "missed", "blocked", "open", "disputed", "paused", "recycled", "locked", "other"],
        "dues": [now + timedelta(seconds=s) for s in (-1230, 1530, 7530, 3 * 86400 + 3630)],
        "form": _Form({"name": ""}),
        "weeks": charts.weeks(weeks, title="By week"),
        "line": charts.line(points, title="Compliance", threshold=Fraction(85, 100)),
        "bars": charts.bars([("Bad fit", 12), ("No response", 3)], title="Reasons"),
    }
    with override_settings(ROOT_URLCONF=__name__):
        return Template(SAMPLE).render(Context(context))


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with chromium() as browser:
        yield browser


def _open(browser: Any, html: str, *, width: int, scheme: str, **options: Any) -> tuple[Any, list[str]]:
    """The page in a fresh context, under the product's own policy; and what the browser complained of."""
    directives = settings.CONTENT_SECURITY_POLICY["DIRECTIVES"]
    policy = "; ".join(f"{name} {' '.join(map(str, values))}" for name, values in directives.items())

    def answer(route: Any) -> None:
        path = route.request.url.removeprefix("http://looks.invalid")
        if path == "/mqls/":
            route.fulfill(body=html, content_type="text/html", headers={"Content-Security-Policy": policy})
            return
        found = finders.find(path.removeprefix("/static/"))
        if found is None:
            route.fulfill(status=404, body="")
            return
        kind = mimetypes.guess_type(found)[0] or "application/octet-stream"
        route.fulfill(body=Path(found).read_bytes(), content_type=kind)

    page = browser.new_context(
        viewport={"width": width, "height": 844}, color_scheme=scheme, reduced_motion="reduce", **options
    ).new_page()
    complaints: list[str] = []
    page.on("console", lambda m: complaints.append(m.text) if m.type in {"error", "warning"} else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.route("**/*", answer)
    page.goto(PAGE)
    return page, complaints


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
def test_all_parts_are_readable_named_and_within_the_policy(
    browser: Any, html: str, width: int, scheme: str
) -> None:
    from axe_playwright_python.sync_playwright import Axe

    page, complaints = _open(browser, html, width=width, scheme=scheme)
    assert page.get_attribute("html", "data-bs-theme") == scheme
    assert page.evaluate("getComputedStyle(document.body).fontFamily").startswith('"Inter Variable"')
    found = Axe().run(page).response["violations"]
    assert [(v["id"], [node["target"] for node in v["nodes"]]) for v in found] == []
    assert complaints == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    page.context.close()


@pytest.mark.parametrize("weeks", [8, 12])
def test_charts_fit_a_phone_whole_with_legible_words_that_do_not_touch(browser: Any, weeks: int) -> None:
    bars = [charts.WeekBar(f"{n + 10} Nov", 1200 + n, 20, 9) for n in range(weeks)]
    points = [(bar.label, Fraction(bar.met, bar.total)) for bar in bars]
    reasons = [("Duplicate of a lead that somebody works on", 1234), ("Bad fit", 3)]
    drawn = (
        charts.weeks(bars, title="By week"),
        charts.line(points, title="Compliance", threshold=Fraction(85, 100)),
        charts.bars(reasons, title="Reasons"),
    )
    sheet = Template(
        '{% extends "base.html" %}{% block content %}<div class="card"><div class="card-body">{{ drawn }}'
        "</div></div>{% endblock %}"
    )
    with override_settings(ROOT_URLCONF=__name__):
        html = sheet.render(
            Context(
                {
                    "user": SimpleNamespace(is_authenticated=False),
                    "organisation": SimpleNamespace(name="Our company", zone="Europe/Berlin"),
                    "messages": [],
                    "csrf_token": "t",
                    "drawn": mark_safe("".join(drawn)),  # noqa: S308 - the drawings escape their texts
                }
            )
        )
    page, _ = _open(browser, html, width=390, scheme="light")
    found = page.evaluate(
        """() => [...document.querySelectorAll("svg.drawing")].map((svg) => {
            const box = svg.parentElement.getBoundingClientRect();
            const words = [...svg.querySelectorAll("text")]
                .map((text) => text.getBoundingClientRect()).filter((word) => word.width);
            const touch = (a, b) =>
                a.left < b.right && b.left < a.right && a.top + 3 < b.bottom && b.top + 3 < a.bottom;
            return {
                left: Math.min(...words.map((word) => word.left)) - box.left,
                right: box.right - Math.max(...words.map((word) => word.right), svg.getBoundingClientRect().right),
                letters: Math.min(...words.map((word) => word.height)),
                touching: words.filter((a, n) => words.slice(n + 1).some((b) => touch(a, b))).length,
            };
        })"""
    )
    assert len(found) == 3
    for chart in found:
        assert chart["left"] >= 0
        assert chart["right"] >= 0
        assert chart["letters"] >= 12
        assert chart["touching"] == 0
    assert page.get_by_text(bars[-1].label, exact=True).first.is_visible()
    page.context.close()


def test_the_browser_says_times_in_the_words_of_the_server(browser: Any, html: str) -> None:
    said = re.findall(r"data-(?:left|relative)>([^<]+)<", html)
    assert said[0] == "overdue by 20 min"
    page, _ = _open(browser, html, width=1280, scheme="light")
    assert page.locator("[data-left], [data-relative]").all_inner_texts() == said
    page.locator("time.when").first.click()
    assert (
        "Europe/Berlin" in page.locator("time.when").first.inner_text()
        or "UTC" in page.locator("time.when").first.inner_text()
    )
    page.context.close()


def test_a_note_opens_by_tap_and_by_hover_and_closes_with_escape(browser: Any, html: str) -> None:
    page, _ = _open(browser, html, width=390, scheme="light", has_touch=True, is_mobile=True)
    note = page.locator("details.note").first
    note.locator("summary").tap()
    assert note.locator(".note-text").is_visible()
    page.keyboard.press("Escape")
    assert not note.locator(".note-text").is_visible()
    page.context.close()
    page, _ = _open(browser, html, width=1280, scheme="light")
    page.locator("details.note").first.hover()
    assert page.locator("details.note .note-text").first.is_visible()
    page.context.close()


def test_chosen_colours_win_over_the_devices_and_stay(browser: Any, html: str) -> None:
    page, _ = _open(browser, html, width=1280, scheme="light")
    button = page.locator("[data-theme-button]")
    button.click()
    button.click()
    assert page.get_attribute("html", "data-bs-theme") == "dark"
    page.reload()
    assert page.get_attribute("html", "data-bs-theme") == "dark"
    button.click()
    assert page.get_attribute("html", "data-bs-theme") == "light"
    page.context.close()


def test_paper_is_white_and_shows_exact_times_and_no_controls(browser: Any, html: str) -> None:
    page, _ = _open(browser, html, width=760, scheme="dark")
    page.emulate_media(media="print", color_scheme="dark")
    page.wait_for_selector("html[data-bs-theme=light]", state="attached")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert page.locator("time.when .when-exact").first.is_visible()
    assert not page.locator("time.when .when-relative").first.is_visible()
    assert not page.get_by_role("navigation", name="Sections").is_visible()
    assert not page.locator(".btn:visible").count()
    page.emulate_media(media="screen", color_scheme="dark")
    page.wait_for_selector("html[data-bs-theme=dark]", state="attached")
    page.context.close()


def test_the_menu_is_there_on_phones_with_and_without_scripts(browser: Any, html: str) -> None:
    page, _ = _open(browser, html, width=390, scheme="light")
    home = page.get_by_role("link", name="Home", exact=True)
    assert not home.is_visible()
    page.get_by_role("button", name="Menu").click()
    home.wait_for(state="visible")
    page.context.close()
    page, _ = _open(browser, html, width=390, scheme="light", java_script_enabled=False)
    assert page.get_by_role("link", name="Home", exact=True).is_visible()
    page.context.close()
