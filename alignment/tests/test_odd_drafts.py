"""A draft may hold anything: the page, its PDF and the lists still answer, and it is not sent."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from datetime import date
from typing import Any

import pytest
import time_machine
from django.test import Client
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from alignment.artifacts import kinds
from alignment.artifacts.kinds import InvalidContent
from alignment.blockers import Blocked
from alignment.models import ArtifactVersion, Role, User
from alignment.services.artifacts import save_draft, send
from alignment.services.delegations import grant
from alignment.tests.pages import signed_in
from testing.artifacts import kind_of, user_with
from testing.world import NOW

NAMES = [
    *("program", "program_name", "currency", "quarters", "quarter", "amount", "step", "blockers", "reason"),
    *(
        "from_on",
        "until_on",
        "expires_on",
        "role",
        "holder",
        "delegate",
        "id",
        "name",
        "waivers",
        "bands",
        "note",
    ),
    *(
        "dimensions",
        "fractures",
        "sequence",
        "rule",
        "compared",
        "window",
        "key",
        "score",
        "needs",
        "figures",
    ),
    *("predicate", "rows", "title", "parts", "prose", "fields", "field", "op", "value", "values"),
]
SIMPLE = (
    st.none()
    | st.booleans()
    | st.integers(-(2**53) + 1, 2**53 - 1)
    | st.sampled_from(
        ["", "cro", "1", "0", "2026-11-30", "9999-12-31", "0001-01-01", "1e999999", "NaN", "USD"]
    )
    | st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=12)
)
CONTENTS = st.dictionaries(
    st.sampled_from(NAMES),
    st.recursive(
        SIMPLE,
        lambda inner: (
            st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(NAMES), inner, max_size=5)
        ),
        max_leaves=12,
    ),
    max_size=8,
)
ODD: list[dict[str, Any]] = [
    {},
    {"quarters": ["x"]},
    {"quarters": 5},
    {"quarters": [{"quarter": 5, "amount": "NaN"}]},
    {"quarters": [{"quarter": "2026-Q1", "amount": "1e999999"}]},
    {"step": [1]},
    {"blockers": [1]},
    {"holder": "x", "role": {}},
    {"role": ["cro"]},
    {"waivers": [1]},
    {"dimensions": 5, "sequence": None},
    {"expires_on": 5, "from_on": []},
    {"until_on": "9999-12-31", "from_on": "9999-12-31"},
    {"currency": ["USD"]},
    {"bands": 1, "prose": 5, "parts": [1]},
]


@pytest.fixture
def revops(db: None) -> Iterator[User]:
    with time_machine.travel(NOW, tick=False), kind_of():
        yield user_with(Role.REVOPS)


@pytest.fixture
def client(revops: User) -> Client:
    return signed_in(revops)


def answers(client: Client, kind: str, content: dict[str, Any], revops: User, key: str) -> None:
    version = save_draft(kind=kind, key=key, content=content, by=revops, at=NOW)
    for path in (f"/artifacts/{kind}/{key}/{version.number}/", f"/artifacts/{kind}/{key}/"):
        answer = client.get(path)
        assert answer.status_code == 200, (path, content)
        assert len(answer.content) < 500_000, (path, content)  # 1e999999 has a million digits
    assert client.get("/artifacts/").status_code == 200, (kind, content)
    with pytest.raises(Blocked):
        send(version=version, by=revops, at=NOW)


@pytest.mark.parametrize("content", ODD, ids=str)
def test_drafts_of_another_shape_are_shown_and_not_sent(
    client: Client, revops: User, content: dict[str, Any], examples: Callable[[int, int], int]
) -> None:
    every = sorted(kinds.kinds(), key=lambda kind: kind.name)
    for kind in random.sample(every, min(examples(2, 99), len(every))):
        answers(client, kind.name, content, revops, "odd")
    for path in ("/artifacts/delegations/", "/"):
        assert client.get(path).status_code == 200


def test_drafts_of_whatever_shape_are_shown_and_not_sent(
    client: Client, revops: User, examples: Callable[[int, int], int]
) -> None:
    @hypothesis_settings(
        max_examples=examples(25, 300), deadline=None, suppress_health_check=list(HealthCheck), database=None
    )
    @given(content=CONTENTS, kind=st.sampled_from([kind.name for kind in kinds.kinds()]))
    def holds(content: dict[str, Any], kind: str) -> None:
        answers(client, kind, content, revops, "odd")

    holds()


def test_the_pdf_of_such_a_draft_says_so(client: Client, revops: User) -> None:
    save_draft(kind="sponsorship", key="1", content={"quarters": 5}, by=revops, at=NOW)
    assert client.get("/artifacts/sponsorship/1/1/pdf/").status_code == 200
    assert "The content could not be read" in client.get("/artifacts/sponsorship/1/1/").content.decode()


def test_a_kind_that_stumbles_over_its_blockers_or_signers_blocks(client: Client, revops: User) -> None:
    def stumble(*_: Any, **__: Any) -> Any:
        raise KeyError("x")

    for part in ("blockers", "signers", "effect", "named", "expires_on", "render", "edit_url"):
        with kind_of("odd", **{part: stumble}):
            version = save_draft(kind="odd", key=part, content={"text": "One"}, by=revops, at=NOW)
            assert client.get(f"/artifacts/odd/{part}/1/").status_code == 200
            if part != "edit_url":
                with pytest.raises(Blocked):
                    send(version=version, by=revops, at=NOW)


def test_what_the_database_raises_is_not_taken_for_a_fault_of_the_draft() -> None:
    def fail(_: Any) -> Any:
        raise OSError("no room")

    with kind_of("odd", check=fail) as kind, pytest.raises(OSError, match="no room"):
        kind.examined({})


def test_a_last_day_at_the_end_of_time_is_refused(revops: User) -> None:
    with kind_of() as kind, pytest.raises(InvalidContent, match="too far away"):
        kind.examined({"text": "One", "until_on": "9999-12-31"})
    cro, deputy = user_with(Role.CRO), user_with(Role.REP)
    for day in (date(9999, 12, 31), date(2028, 1, 1)):
        with pytest.raises(Blocked, match=r"too far away|begin within the next 366 days"):
            grant(
                role=Role.CRO,
                holder=cro,
                delegate=deputy,
                from_on=day,
                until_on=day,
                reason="x",
                by=cro,
                at=NOW,
            )
    assert not ArtifactVersion.objects.exists()


@pytest.mark.parametrize("key", ["%00", "a%20b", "%C3%A9", "a" * 61, "%F0%9F%98%80"])
def test_a_key_that_is_none_is_not_found(client: Client, key: str) -> None:
    assert client.get(f"/artifacts/memo/{key}/").status_code == 404
    assert client.get(f"/artifacts/memo/{key}/1/").status_code == 404
