"""Documents are named as people call them, not by their keys: in lists, on their pages, in mails and on paper."""

from __future__ import annotations

import json

import pytest
from django.urls import reverse

from alignment.artifacts.kinds import kind_named
from alignment.models import OutgoingMail, Role
from alignment.queries.renditions import imprint_of, title_of
from alignment.tests.pages import signed_in
from testing.artifacts import user_with
from testing.definitions import put_in_force
from testing.world import World


@pytest.mark.parametrize(
    ("kind", "key", "content", "name"),
    [
        ("definition", "mql", {"name": "MQL"}, "Definition: MQL"),
        ("definition", "qualified-pipeline", {}, "Definition: Qualified pipeline"),
        ("sponsorship", "1", {"program_name": "Northwind 2027"}, "Sponsorship of Northwind 2027"),
        ("sponsorship", "2", {}, "Sponsorship of program 2"),
        ("waiver", "1-2", {"program_name": "Northwind 2027"}, "Waiver 1-2 of Northwind 2027"),
        (
            "delegation",
            "cro-1",
            {"role": "cro", "delegate": {"id": 1, "name": "Ada Byron"}},
            "Delegation of the CRO's signature to Ada Byron",
        ),
        ("scorecard", "1", {"program": {"name": "Northwind 2027"}}, "Diagnosis scorecard of Northwind 2027"),
        ("scorecard", "3", {"program": None}, "Diagnosis scorecard of program 3"),
        ("scoring-bands", "scorecard", {}, "Scoring bands"),
    ],
)
def test_a_kind_says_how_people_call_its_documents(
    kind: str, key: str, content: dict[str, object], name: str
) -> None:
    assert kind_named(kind).name_of(content, key) == name


def test_a_definition_is_called_so_on_pages_in_mails_on_paper_and_in_public(world: World) -> None:
    version = put_in_force("mql", at=world.at)
    assert title_of(version) == "Definition: MQL, version 1"
    assert imprint_of(version).label == "Definition: MQL, version 1"
    subjects = set(OutgoingMail.objects.values_list("subject", flat=True))
    assert "In force: Definition: MQL, version 1" in subjects
    client = signed_in(user_with(Role.CRO))
    for url in (
        reverse("alignment:artifacts"),
        reverse("alignment:artifact", args=["definition", "mql"]),
        reverse("alignment:artifact-version", args=["definition", "mql", 1]),
        f"{reverse('alignment:verify')}?digest={version.digest}",
    ):
        page = client.get(url).content.decode()
        assert "Definition: MQL" in page
        assert "Definition mql" not in page


def test_what_is_signed_keeps_the_label_and_the_key(world: World) -> None:
    signed = json.loads(put_in_force("mql", at=world.at).envelope)
    assert (signed["label"], signed["kind"], signed["key"]) == ("Definition", "definition", "mql")
    assert "title" not in signed
