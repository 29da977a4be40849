"""Whatever an address or a form carries, no page breaks: what is read there is seen, and each gets odd values."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from itertools import cycle, islice
from typing import Any
from urllib.parse import quote_from_bytes, urlencode

import pytest
from django.db import transaction
from django.http import QueryDict
from django.test import Client, RequestFactory
from django.urls import reverse
from django.utils.datastructures import MultiValueDict

from alignment.models import Role
from alignment.settings.environment import BASE_DIR
from alignment.wsgi import Utf8Request, application
from dashboard.tests.test_access_matrix import ROLES, TABLE, Row, things
from testing.world import World

__all__ = ["things"]  # a fixture

LONG = b"x" * 10_000
# As they stand in an address: bytes, for a lone surrogate is no text that could be encoded.
ODD = [b"\0", b"a\0b", b"\xed\xa0\x80", "²".encode(), b"9" * 5000, LONG]
RARER = [
    b"-1",
    b"1.5",
    b"9" * 20,
    "٣".encode(),
    b"\xff",
    b"0001-01-01",
    b"9999-12-31",
    b"9999-W53",
    b"%",
    b"[]",
]
# Encodings that a client may name and Python knows, though no text is written in them.
FORM = "application/x-www-form-urlencoded"
CHARSETS = ["unicode_escape", "base64", "utf-7", "idna", "undefined"]


@pytest.fixture
def revops(world: World, things: dict[str, dict[str, Any]]) -> Client:
    client = Client(raise_request_exception=False)
    client.force_login(world.users[Role.REVOPS])
    return client


@pytest.fixture
def who_may(world: World, things: dict[str, dict[str, Any]]) -> Callable[[Row], Client]:
    """Signed in as the first role that a route is open to: one that is turned away reads nothing."""

    @cache
    def signed_in(role: str) -> Client:
        client = Client(raise_request_exception=False)
        client.force_login(world.users[role])
        return client

    return lambda row: signed_in(ROLES[max(row.expected.find("A"), 0)])


@contextmanager
def undone() -> Iterator[None]:
    with transaction.atomic():
        yield
        transaction.set_rollback(True)


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """Names that were looked for in an address or a form, since it was emptied."""
    found: set[str] = set()
    get, getlist = MultiValueDict.__getitem__, MultiValueDict.getlist

    def spied_get(self: Any, name: Any) -> Any:
        found.update([name] if isinstance(self, QueryDict) else [])
        return get(self, name)

    def spied_list(self: Any, name: Any, default: Any = None) -> Any:
        found.update([name] if isinstance(self, QueryDict) else [])
        return getlist(self, name, default)

    monkeypatch.setattr(MultiValueDict, "__getitem__", spied_get)
    monkeypatch.setattr(MultiValueDict, "getlist", spied_list)
    return found


def given(row: Row, things: dict[str, dict[str, Any]]) -> dict[str, str]:
    return {
        name: str(things[value]["pk"] if value == "newcomer" else value) for name, value in row.data.items()
    }


def with_odd(data: dict[str, str], names: list[str], value: bytes) -> str:
    rest = urlencode({key: kept for key, kept in data.items() if key not in names})
    return "&".join([rest, *(f"{name}={quote_from_bytes(value)}" for name in names)])


@pytest.fixture
def odd(examples: Callable[[int, int], int]) -> Callable[[], list[bytes]]:
    """Odd values for the next page: all when all tests run, else one, in turns."""
    values, few = [*ODD, *RARER], examples(1, len(ODD) + len(RARER))
    turns = cycle(values)
    return lambda: list(islice(turns, few))


@pytest.fixture
def sampled(examples: Callable[[int, int], int]) -> Callable[[list[Row]], list[Row]]:
    """All rows when all tests run, else every other one."""
    step = examples(2, 1)
    return lambda rows: rows[random.randrange(step) :: step]


def test_odd_values_of_everything_read_from_an_address_break_no_page(
    who_may: Callable[[Row], Client],
    things: dict[str, dict[str, Any]],
    read: set[str],
    odd: Callable[[], list[bytes]],
    sampled: Callable[[list[Row]], list[Row]],
    examples: Any,
) -> None:
    wrong, asked = [], 0
    for row in sampled([row for row in TABLE if not row.is_act]):
        url, data = reverse(row.route, kwargs=things[row.about]), given(row, things)
        client = who_may(row)
        read.clear()
        assert client.get(url, data).status_code < 500, row
        for name in sorted(read):
            for value in odd():
                asked += 1
                if client.get(url, QUERY_STRING=with_odd(data, [name], value)).status_code >= 500:
                    wrong.append(f"{row}: {name}={value[:20]!r}")
    assert not wrong, "\n".join(wrong)
    assert asked > examples(40, 300)


def test_odd_values_of_everything_read_from_a_form_break_no_page(
    who_may: Callable[[Row], Client],
    things: dict[str, dict[str, Any]],
    read: set[str],
    odd: Callable[[], list[bytes]],
    sampled: Callable[[list[Row]], list[Row]],
    examples: Any,
) -> None:
    wrong, asked = [], 0
    for row in sampled(TABLE):
        url, data = reverse(row.route, kwargs=things[row.about]), given(row, things)
        client = who_may(row)
        read.clear()
        with undone():
            # one value at least: an empty form is none to some pages
            assert client.post(url, data or {"x": "1"}).status_code < 500, row
        each = [[name] for name in sorted(read)]
        for names in [sorted(read), *each[: examples(0, len(each))]]:
            for value in odd():
                asked += 1
                with undone():
                    answer = client.post(url, with_odd(data, names, value), content_type=FORM)
                if answer.status_code >= 500:
                    wrong.append(f"{row}: {names}={value[:20]!r}")
    assert not wrong, "\n".join(wrong)
    assert asked > examples(40, 300)


@pytest.mark.parametrize(
    "parameter", [*(f"charset={name}" for name in CHARSETS), "a*=none''%41", "charset*=base64''%41"]
)
def test_an_encoding_that_is_none_of_text_breaks_no_page(
    revops: Client, things: dict[str, dict[str, Any]], parameter: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert application.request_class is Utf8Request
    monkeypatch.setattr("django.test.client.WSGIRequest", Utf8Request)
    for address in ("/people/?q=%5Cud800", "/leads/?q=%2B2AA-", "/healthz", "/in/none/"):
        assert revops.get(address, CONTENT_TYPE=f"text/plain; {parameter}").status_code < 500
    reason = b'--x\r\nContent-Disposition: form-data; name="reason"\r\n\r\n\\ud800 +2AA-\r\n--x--\r\n'
    url = reverse("handoff:dismiss-pair", kwargs=things["pair"])
    for kind in ("multipart/form-data; boundary=x", "application/x-www-form-urlencoded"):
        with undone():
            answer = revops.generic("POST", url, reason, content_type=f"{kind}; {parameter}")
            assert answer.status_code < 500


def test_text_is_read_as_utf8_whatever_encoding_a_request_names() -> None:
    environ = {"QUERY_STRING": "q=%C3%A4", "CONTENT_TYPE": "text/plain; charset=latin-1"}
    asked = RequestFactory().get("/").environ | environ
    assert Utf8Request(asked).GET["q"] == "ä"


@pytest.mark.parametrize("odd", ["\0", "a\0b@example.com", "x" * 10_000, "\u00b2"])
def test_odd_text_lets_nobody_in_and_breaks_no_page_of_the_libraries(
    revops: Client, world: World, odd: str
) -> None:
    client = Client(raise_request_exception=False)
    for path, names in {
        "login": ("login", "password"), "password/reset": ("email",), "2fa/authenticate": ("code",)
    }.items():  # fmt: skip
        assert client.post(f"/accounts/{path}/", dict.fromkeys(names, odd)).status_code < 500
        assert client.get(f"/accounts/{path}/", {"next": odd}).status_code < 500
    for page in ("alignment/lead", "alignment/delivery"):
        for name in ("q", "p", "o", "e", "id", "source__id__exact", "all"):
            assert revops.get(f"/admin/{page}/", {name: odd}).status_code < 500


def test_views_read_single_values_through_one_door() -> None:
    raw = re.compile(r"\brequest\.(GET|POST)(\.get|\.getlist|\[)")
    files = [path for app in ("alignment", "scorecard", "sla", "handoff", "planning", "dashboard")
             for path in (BASE_DIR / app).rglob("*.py")]  # fmt: skip
    found = [str(path) for path in files if "tests" not in path.parts and raw.search(path.read_text())]
    assert len(files) > 300 and not found
