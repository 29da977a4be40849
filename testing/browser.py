"""A real browser for tests: found or skipped with the reason, watched for every complaint, in four looks."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from itertools import cycle
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Browser, ConsoleMessage, Locator, Page, Request, Response

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


def find_chromium() -> str | None:
    """TEST_CHROMIUM decides where it is set (`run.py test` sets it, empty for none); else the first on PATH."""
    named = os.environ.get("TEST_CHROMIUM")
    found = named if named is not None else next(filter(None, map(shutil.which, NAMES)), None)
    return found or None


CHROMIUM = find_chromium()
IS_LONG = os.environ.get("TEST_ALL") == "1"
WERE_SIGNED_IN: set[Look] = set()
"""Looks in which somebody signed in within this process."""
WERE_EXAMINED: set[tuple[str, int]] = set()
"""Addresses, their numbers and codes left out, and widths at which axe went over a page within this process."""
# One browser at a time, however many processes run tests: two starve each other on a small machine.
needs_browser = [
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine"),
    pytest.mark.xdist_group("browser"),
]
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@dataclass(frozen=True)
class Look:
    """How somebody sees the pages: width in CSS pixels, colours of the device."""

    width: int
    scheme: str

    def __str__(self) -> str:
        return f"{self.width} {self.scheme}"

    @property
    def is_phone(self) -> bool:
        return self.width < 600

    @property
    def size(self) -> dict[str, int]:
        return {"width": self.width, "height": 844 if self.is_phone else 900}


DESK, DESK_DARK, PHONE, PHONE_DARK = LOOKS = (
    Look(1280, "light"),
    Look(1280, "dark"),
    Look(390, "light"),
    Look(390, "dark"),
)
_TURNS = cycle((DESK, PHONE_DARK, DESK_DARK, PHONE))
_CHANGING = re.compile(r"[^/]*\d[^/]*")


def looks() -> tuple[Look, ...]:
    """In which a page is examined: all; without TEST_ALL one of them, in turns."""
    return LOOKS if IS_LONG else (next(_TURNS),)


@contextmanager
def chromium() -> Iterator[Browser]:
    """A browser for the length of a block. Tests in the same thread have a running event loop meanwhile."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


# Violations of the policy are told to the page; on the console the watcher hears them in every case.
TELL_VIOLATIONS = """document.addEventListener("securitypolicyviolation", function (found) {
  console.error("policy: " + found.violatedDirective + " " + found.blockedURI);
});"""

RUN_AXE = """() => axe.run({resultTypes: ["violations"]}).then(
  found => found.violations.map(rule => [rule.id, rule.nodes.map(node => node.target.join(" "))]))"""


@dataclass
class Visitor:
    """One person at one device. Every page they come to has to be examined, with `arrive` or `examine`.

    `faults` collects what may not happen on any page: errors on the console, violations of the content
    policy, errors of scripts, answers of 5xx, parts that are not found, what axe finds, a document wider than
    the screen, no single h1, and a page left without being examined.
    """

    page: Page
    look: Look
    faults: list[str] = field(default_factory=list)
    expected: int = 200
    _unexamined: str = ""
    _is_loading: bool = False

    def __post_init__(self) -> None:
        self.page.add_init_script(TELL_VIOLATIONS)
        self.page.on("console", self._hear)
        self.page.on("pageerror", lambda error: self._fault(f"script: {error}"))
        self.page.on("response", self._answered)
        self.page.on("request", self._asked)
        self.page.on("framenavigated", lambda frame: self._went() if frame.parent_frame is None else None)

    def open(self, path: str, status: int = 200) -> None:
        """Go to an address of the site, which answers with `status`."""
        self.expected = status
        answer = self.page.goto(path)
        assert answer is not None and answer.status == status, f"{path}: {answer and answer.status}"

    def arrive(self, heading: str, saying: str | None = None) -> None:
        """Wait for the page with this heading, and with these words where the heading is not new; examine it. Without
        TEST_ALL axe goes over the page of a route once at each width: journeys come to the same ones again and again.
        """
        self.page.locator("h1", has_text=heading).wait_for()
        if saying is not None:
            self.page.get_by_text(saying).first.wait_for()
        place = (_CHANGING.sub("N", self.path), self.look.width)
        self.examine(with_axe=IS_LONG or place not in WERE_EXAMINED)
        WERE_EXAMINED.add(place)

    def _pass_by(self, heading: str) -> None:
        self.page.locator("h1", has_text=heading).wait_for()
        self._unexamined = ""

    def press(self, name: str, within: Locator | None = None, *, role: Any = "button") -> None:
        """Use the button (or link) of this exact name, as the device does: by a tap or by a click."""
        found = (within or self.page).get_by_role(role, name=name, exact=True)
        found.tap() if self.look.is_phone else found.click()

    def follow(self, name: str, within: Locator | None = None) -> None:
        self.press(name, within, role="link")

    def menu(self, section: str) -> None:
        """Choose a section of the menu, which is folded on phones."""
        if self.look.is_phone:
            self.press("Menu")
        self.follow(section, self.page.get_by_role("navigation", name="Sections"))

    def sign_in(self, email: str, password: str) -> None:
        """Through the login page, to the home page. Without TEST_ALL both are examined once in each look: nearly
        every journey begins with them, and the sweep sees the home of every role."""
        arrive = self._pass_by if self.look in WERE_SIGNED_IN and not IS_LONG else self.arrive
        self.open("/accounts/login/")
        arrive("Sign in")
        self.page.get_by_label("Email").fill(email)
        self.page.get_by_label("Password").fill(password)
        self.press("Sign in")
        arrive("Good to see you")
        WERE_SIGNED_IN.add(self.look)

    def wear(self, look: Look) -> None:
        """The same page at another width and in other colours."""
        self.look = look
        self.page.set_viewport_size(look.size)  # type: ignore[arg-type]
        self.page.emulate_media(color_scheme=look.scheme)  # type: ignore[arg-type]
        self.page.wait_for_selector(f"html[data-bs-theme={look.scheme}]", state="attached")

    def examine(self, *, with_axe: bool = True) -> None:
        """Look at the present page for what may not be on any."""
        self._unexamined = ""
        if with_axe:
            self._run_axe()
        if self.overflow > 0:
            self._fault(f"{self.overflow} px wider than the screen")
        if self.page.locator("h1").count() != 1 or not self.page.locator("h1").inner_text().strip():
            self._fault("not one h1")

    def _run_axe(self) -> None:
        from axe_playwright_python.sync_playwright import Axe

        if not self.page.evaluate("'axe' in window"):
            self.page.evaluate(Axe().axe_script)
        for rule, places in self.page.evaluate(RUN_AXE):
            self._fault(f"axe: {rule} at {places}")

    @property
    def overflow(self) -> int:
        """By how many pixels the document is wider than the window."""
        wide: int = self.page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
        return wide

    @property
    def path(self) -> str:
        return urlsplit(self.page.url).path

    def _fault(self, what: str) -> None:
        self.faults.append(f"{self.path} ({self.look}): {what}")

    def _hear(self, said: ConsoleMessage) -> None:
        # what the browser says of refused documents is judged by their status, in _answered
        if said.type == "error" and "the server responded with a status of 4" not in said.text:
            self._fault(f"console: {said.text}")

    def _answered(self, answer: Response) -> None:
        is_page = answer.request.is_navigation_request() and answer.frame == self.page.main_frame
        # forms are answered with 409 and 422 where something is refused; the tests read the words
        if answer.status >= 400 and not (is_page and answer.status in (self.expected, 409, 422)):
            self._fault(f"{answer.status} from {answer.url}")

    def _asked(self, request: Request) -> None:
        self._is_loading |= request.is_navigation_request()

    def _went(self) -> None:
        """A new document; a script that renews the address leaves the page that there is."""
        if self._is_loading:
            self._is_loading = False
            self._came()

    def _came(self) -> None:
        if self._unexamined:
            self.faults.append(f"{self._unexamined} ({self.look}): left without being examined")
        self._unexamined = self.page.url if self.page.url.startswith("http") else ""

    def leave(self) -> None:
        """Close the device; a page that was not examined is a fault as well."""
        if not self.page.is_closed():
            self._came()
            self.page.context.close()


@dataclass
class Visitors:
    """Devices of one browser at one site, all at the time of the server."""

    browser: Browser
    url: str
    now: Callable[[], datetime]
    everyone: list[Visitor] = field(default_factory=list)

    def at(self, look: Look) -> Visitor:
        """A new device, with nobody signed in."""
        context = self.browser.new_context(
            viewport=look.size,  # type: ignore[arg-type]
            color_scheme=look.scheme,  # type: ignore[arg-type]
            has_touch=look.is_phone,
            reduced_motion="reduce",
            base_url=self.url,
            permissions=["clipboard-read", "clipboard-write"],
        )
        context.set_default_timeout(20_000)
        context.clock.install(time=self.now())
        visitor = Visitor(context.new_page(), look)
        self.everyone.append(visitor)
        return visitor

    def let_pass(self, seconds: float) -> None:
        """Time passes on every device."""
        for visitor in self.everyone:
            if not visitor.page.is_closed():
                visitor.page.context.clock.fast_forward(int(seconds * 1000))

    def leave(self) -> None:
        for visitor in self.everyone:
            visitor.leave()
