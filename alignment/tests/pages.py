"""Shared by the tests of this app's pages."""

from __future__ import annotations

import re

from django.test import Client

from alignment.models import User


def signed_in(user: User) -> Client:
    client = Client()
    client.force_login(user, backend="allauth.account.auth_backends.AuthenticationBackend")
    return client


def found(pattern: str, page: str) -> str:
    """The first group of a pattern that must be on the page."""
    match = re.search(pattern, page, re.DOTALL)
    assert match is not None, f"not on the page: {pattern}"
    return match[1]


def cards(page: str, label: str) -> list[dict[str, str]]:
    """Of the table in that region each row as its cells' text by the label that a narrow screen shows beside them."""
    table = found(rf'aria-label="{label}".*?<table class="[^"]*table-stack[^"]*">(.*?)</table>', page)
    rows = re.findall(r"<tr>(.*?)</tr>", table.partition("</thead>")[2], re.DOTALL)
    return [
        {
            name: " ".join(re.sub("<[^>]+>", " ", cell).split())
            for name, cell in re.findall(r'<td data-label="([^"]+)"[^>]*>(.*?)</td>', row, re.DOTALL)
        }
        for row in rows
    ]
