"""Shared by the tests of artifacts' pages: a kind with every block, its people, and a login that was just confirmed."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

from django.test import Client

from alignment.artifacts.document import Bullets, Document, Facts, Heading, Paragraph, Score, Scores, Table
from alignment.artifacts.kinds import Content
from alignment.models import ArtifactVersion, Role
from alignment.tests.pages import found
from testing.artifacts import PASSWORD, kind_of


def document_of(content: Content) -> Document:
    """A page of a scorecard in small: what a reader meets of every kind of block."""
    return Document(
        title=str(content.get("title") or "One definition of an MQL"),
        subtitle="Between sales and marketing",
        blocks=(
            Paragraph(str(content.get("text", "")), "lead"),
            Heading("Where we stand"),
            Scores(
                (
                    Score(
                        "Definition agreement",
                        27,
                        "Fracture",
                        "15 of 28 answers agree",
                        "Six answered blind.",
                    ),
                    Score("Handoff hygiene", 41, "Healthy", "82 of 100 followed up in time"),
                    Score("Trust", None, "Not measured"),
                )
            ),
            Heading("What we agree"),
            Bullets(tuple(content.get("points", ("Both use one definition.", "Finance counts by it.")))),
            Facts((("Owner", "Avery Lane"), ("Reviewed", "every quarter"))),
            Table(
                ("Part", "Rule", "Limit"),
                (
                    ("Fit", "employees at least", "50"),
                    ("Intent", "days since the demo request at most", "30"),
                ),
                frozenset({2}),
                "Rules",
            ),
        ),
    )


@contextmanager
def pact(**changes: Any) -> Iterator[None]:
    """The kind "pact", signed by CRO, then by CMO, and read by marketing; and "memo", on which it may rest."""
    given: dict[str, Any] = {
        "label": "Pact",
        "render": document_of,
        "in_order": True,
        "page_limit": 1,
        "readers": frozenset({Role.MARKETING.value}),
        "statement": "I agree that my function works by this pact.",
        "effect": lambda content: (
            "Both functions count by it from that moment.",
            "The pact before it ends.",
        ),
        "edit_url": lambda version: "/settings/",
    }
    with ExitStack() as kinds:
        kinds.enter_context(kind_of("pact", **(given | changes)))
        kinds.enter_context(kind_of("memo"))
        yield


def path_of(version: ArtifactVersion, act: str = "") -> str:
    artifact = version.artifact
    return f"/artifacts/{artifact.kind}/{artifact.key}/{version.number}/{act}"


def confirm(client: Client, password: str = PASSWORD) -> None:
    """Prove once more who it is; it counts for five minutes."""
    assert client.post("/accounts/reauthenticate/", {"password": password}).status_code == 302


def offered(page: str) -> dict[str, str]:
    """What the form of the act on a page would post, the box not ticked."""
    form = found(r'<form method="post" action="[^"]*/sign/"[^>]*>(.*?)</form>', page)
    fields = dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', form))
    assert "checked" not in form
    fields.pop("csrfmiddlewaretoken", None)
    return fields


def sign_on_page(client: Client, version: ArtifactVersion) -> Any:
    """Confirm, read the page and sign by its form, as a browser would."""
    confirm(client)
    fields = offered(client.get(path_of(version)).content.decode())
    return client.post(path_of(version, "sign/"), fields | {"has_read": "on"})


def said(answer: Any) -> str:
    """The words of a page."""
    page = re.sub(r"<(script|style|title)\b.*?</\1>", " ", answer.content.decode(), flags=re.DOTALL)
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", page)).split())
