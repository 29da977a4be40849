"""What watches the journeys does see faults: each kind is made on purpose and has to be reported."""

from __future__ import annotations

from typing import Any

import pytest
from django.conf import settings

from testing.browser import PHONE, Visitor, Visitors, chromium, needs_browser
from testing.world import NOW

pytestmark = needs_browser
URL = "http://watching.invalid"
GOOD = (
    "<!doctype html><html lang=en><head><title>T</title></head><body><main><h1>T</h1>{}</main></body></html>"
)


@pytest.fixture(scope="module")
def visitors() -> Any:
    with chromium() as browser:
        yield Visitors(browser, URL, lambda: NOW)


def shown(visitors: Visitors, part: str = "", html: str = GOOD) -> Visitor:
    """A visitor who examined one page with this part in it, under the product's own policy."""
    directives = settings.CONTENT_SECURITY_POLICY["DIRECTIVES"]
    policy = "; ".join(f"{name} {' '.join(map(str, values))}" for name, values in directives.items())
    visitor = visitors.at(PHONE)

    def answer(route: Any) -> None:
        path = route.request.url.removeprefix(URL)
        if path == "/":
            headers = {"Content-Security-Policy": policy}
            route.fulfill(body=html.format(part), content_type="text/html", headers=headers)
        elif path == "/fails.js":
            route.fulfill(body="throw new Error('torn')", content_type="text/javascript")
        elif path == "/complains.js":
            route.fulfill(body="console.error('a complaint')", content_type="text/javascript")
        elif path == "/broken":
            route.fulfill(status=503, body=html.format(""), content_type="text/html")
        else:
            route.fulfill(status=404, body="")

    visitor.page.route("**/*", answer)
    visitor.open("/")
    visitor.examine()
    return visitor


def test_a_page_without_a_fault_is_not_reported(visitors: Visitors) -> None:
    visitor = shown(visitors)
    visitor.leave()
    assert visitor.faults == []


@pytest.mark.parametrize(
    ("part", "said"),
    [
        ("<script>1</script>", "policy: script-src"),
        ("<p style='color: red'>x</p>", "policy: style-src"),
        ("<script src=/fails.js></script>", "script: torn"),
        ("<script src=/complains.js></script>", "console: a complaint"),
        ("<script src=/absent.js></script>", "404 from"),
        ("<img src=data:image/gif;base64,R0lGODlhAQABAAAAACw=>", "axe: image-alt"),
        ("<h1>Another</h1>", "not one h1"),
        ("<svg width=500 height=1></svg>", "px wider than the screen"),
    ],
)
def test_a_fault_is_reported(visitors: Visitors, part: str, said: str) -> None:
    visitor = shown(visitors, part)
    assert any(said in fault for fault in visitor.faults), visitor.faults


def test_a_broken_page_and_one_left_without_a_look_are_reported(visitors: Visitors) -> None:
    visitor = shown(visitors)
    visitor.page.goto("/broken")
    visitor.leave()
    assert any("503 from" in fault for fault in visitor.faults)
    assert any("/broken (390 light): left without being examined" in fault for fault in visitor.faults)
