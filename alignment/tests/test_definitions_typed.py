"""What follows the typing in the draft of a definition: one count, which rows are not in it, what is missing."""

from __future__ import annotations

from typing import Any

import pytest
import time_machine
from django.test import Client
from django.urls import reverse

from alignment.definitions.content import problems
from alignment.definitions.suggestions import suggestion
from alignment.models import Role
from alignment.tests.pages import signed_in
from alignment.tests.test_definitions_pages import change, posted
from testing.definitions import COMPLETE
from testing.world import World, add_user, event


@pytest.fixture
def revops(world: World) -> Client:
    with time_machine.travel(world.at, tick=False):
        world.send(
            *(event("lead.updated", f"l{n}", world.at, **COMPLETE | {"score": 60 + n}) for n in range(10))
        )
        yield signed_in(add_user(world, Role.REVOPS))


def typed(client: Client, **changes: Any) -> str:
    """The answer to typing these entries into our suggestion of an MQL."""
    data = posted("mql", suggestion("mql")) | changes
    return client.post(reverse("alignment:definition-counts", args=["mql"]), data).content.decode()


def test_a_wrong_row_is_named_left_out_of_every_figure_and_holds_back_the_sending(revops: Client) -> None:
    said = typed(revops, **{"engagement-0-value": "abc"})
    assert "Row 1 of Engagement threshold is not complete and is not counted." in said
    assert "10 of 10</strong> of the latest leads match" in said
    assert "Of the last 5 that crossed the trigger of the agreement, <strong>5 match</strong>" in said
    assert "<dt>Engagement threshold</dt><dd>not counted: no complete row</dd>" in said
    assert "It can be sent" not in said
    assert "Engagement threshold, row 1: write a whole number" in said
    assert 'value="send"' not in said
    mark = said[said.index('id="engagement-0-problem"') :]
    assert mark.startswith('id="engagement-0-problem" data-wrong="engagement-0-value" hx-swap-oob="true">')
    assert "Write a whole number" in mark


def test_once_it_is_mended_the_mark_goes_and_it_can_be_sent(revops: Client) -> None:
    said = typed(revops, **{"engagement-0-value": "69"})
    assert "is not counted" not in said
    assert "1 of 10" in said
    assert "It can be sent" in said
    assert 'value="send"' in said
    assert 'id="engagement-0-problem" data-wrong="" hx-swap-oob="true" hidden>' in said


@pytest.mark.parametrize(
    ("changes", "wrong"),
    [
        ({"engagement-0-field": ""}, "engagement-0-field"),
        ({"engagement-0-operator": "is_yes"}, "engagement-0-operator"),
        ({"engagement-0-operator": ""}, "engagement-0-operator"),
        ({"engagement-0-value": ""}, "engagement-0-value"),
    ],
)
def test_the_entry_that_is_wrong_is_marked(revops: Client, changes: dict[str, str], wrong: str) -> None:
    assert f'data-wrong="{wrong}"' in typed(revops, **changes)
    page = change(revops, "mql", posted("mql", suggestion("mql"), act="count") | changes).content.decode()
    entry = page[page.index(f'name="{wrong}"') :]
    assert 'aria-invalid="true"' in entry[: entry.index(">")]
    assert page.count('aria-invalid="true"') == 1
    assert "Row 1 of Engagement threshold is not complete" in page


def test_a_row_that_was_only_added_is_no_mistake_and_moves_no_number(revops: Client) -> None:
    blank = {"role-rows": "3", "role-0-field": "", "role-0-operator": "", "role-0-value": ""}
    row = {"role-2-field": "score", "role-2-operator": "at_least", "role-2-value": "many"}
    said = typed(revops, **blank | row)
    assert "Row 3 of Role fit is not complete" in said
    assert "Role fit, row 3: write a whole number" in said
    assert "Row 1 of Role fit" not in said
    more = change(revops, "mql", posted("mql", suggestion("mql"), act="add:role")).content.decode()
    assert "It can be sent" in more


def test_without_any_complete_row_nothing_is_counted(revops: Client) -> None:
    names = ("firmographic", "role", "intent", "engagement", "disqualifiers")
    said = typed(revops, **{f"{name}-rows": "0" for name in names})
    assert "No row is complete yet" in said
    assert "match" not in said[: said.index('id="completeness"')]


def test_a_part_whose_rows_are_all_blank_needs_one() -> None:
    content = suggestion("lead")
    content["parts"][0]["rows"] = [{"field": "", "operator": "", "value": ""}]
    assert problems(content, is_form=True) == ("Criteria needs at least one row.",)
    assert "row 1: choose a field" in problems(content)[0]
