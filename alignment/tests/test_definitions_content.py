"""The content of a definition: what may be sent, what is refused in which words, and how it reads."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alignment.artifacts.canonical import canonical
from alignment.artifacts.kinds import InvalidContent, kind_named
from alignment.definitions.content import check, empty, fits, render
from alignment.definitions.fields import FIELDS, LEAD
from alignment.definitions.operators import OPERATORS
from alignment.definitions.predicate import KEYS, MQL_PARTS, Definition
from alignment.definitions.suggestions import suggestion
from alignment.definitions.values import BadValue, read_typed, show
from alignment.forms.definitions import lines, only_mql, problems
from testing.definitions import mql, one_part


@pytest.mark.parametrize("key", KEYS)
def test_each_suggestion_can_be_sent_and_names_its_parts(key: str) -> None:
    content = suggestion(key)
    check(content)
    canonical(content)  # what is signed holds no float
    assert fits(key, content)
    assert [part["label"] for part in content["parts"]] == (
        list(MQL_PARTS.values()) if key == "mql" else ["Criteria"]
    )
    words = list(render(content).texts())
    assert f"Definition: {KEYS[key][0]}" in words
    assert content["prose"] in words


def test_a_definition_of_another_key_does_not_fit() -> None:
    assert not fits("mql", suggestion("lead"))
    assert not fits("sql", suggestion("opportunity"))
    assert not fits("inquiry", suggestion("lead"))


def test_an_empty_definition_says_all_that_it_lacks() -> None:
    with pytest.raises(InvalidContent) as refused:
        check(empty("mql"))
    assert refused.value.problems == (
        "The definition needs its meaning in words.",
        *(f"{label} needs at least one row." for label in MQL_PARTS.values()),
    )


@pytest.mark.parametrize(
    ("row", "said"),
    [
        (("shoe_size", "is", "42"), "Criteria, row 1: choose a field."),
        (("score", "contains", "4"), "Criteria, row 1: choose what is asked of “Score”."),
        (("score", "at_least", "65"), "Criteria, row 1: write a whole number from -2,000,000,000 to 2,000,000,000."),
        (("score", "at_least", 65.5), "Criteria, row 1: write a whole number from -2,000,000,000 to 2,000,000,000."),
        (("title", "is", " "), "Criteria, row 1: write a value."),
        (("title", "is_one_of", []), "Criteria, row 1: write at least one value, several with commas between them."),
        (("title", "is_one_of", "VP"), "Criteria, row 1: write at least one value, several with commas between them."),
        (("title", "is_filled", "x"), "Criteria, row 1: leave the value empty: “is filled” needs none."),
        (("created_at", "within_last", 0), "Criteria, row 1: write a whole number of days from 1 to 3,660."),
        (("sourced_function", "is", "finance"), "Criteria, row 1: “finance” is none of marketing, sales, other."),
    ],
)  # fmt: skip
def test_a_row_that_cannot_be_evaluated_is_refused_in_words(row: tuple[str, str, Any], said: str) -> None:
    with pytest.raises(InvalidContent) as refused:
        check(one_part("lead", row))
    assert refused.value.problems == (said,)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"crm_status": {"field": "title", "values": ["x"]}}, "the field is one of lifecycle, status."),
        ({"crm_status": {"field": "status", "values": []}}, "write at least one value"),
        ({"limits": {"gap": 1, "leads": 50, "days": 365}}, "gap is a whole number from 2 to 100."),
        ({"limits": {"gap": 4, "leads": "many", "days": 365}}, "leads is a whole number from 10 to 10,000."),
        ({"parts": suggestion("lead")["parts"] * 2}, "A definition has the parts firmographic, role,"),
        ({"parts": "none"}, "Write the parts of the definition as a list."),
        ({"subject": "account"}, "Say what the definition is about"),
        ({"prose": "x" * 2001}, "more than 2,000 characters"),
    ],
)  # fmt: skip
def test_what_belongs_to_an_mql_alone_is_checked(changes: dict[str, Any], said: str) -> None:
    with pytest.raises(InvalidContent) as refused:
        check(mql(**changes))
    assert said in str(refused.value)


def test_others_than_an_mql_say_nothing_of_the_crm() -> None:
    with pytest.raises(InvalidContent, match="Only the definition of an MQL"):
        check(suggestion("lead") | {"crm_status": {"field": "status", "values": ["x"]}})


def test_content_of_any_shape_is_shown_and_evaluated_as_far_as_it_goes() -> None:
    for content in (
        {}, {"parts": 3}, {"parts": [None, {"rows": [1, {"field": ["x"]}]}], "subject": 7},
        mql(crm_status={"field": None, "values": 3}, limits=[]), one_part("lead", ("score", "at_least", "abc")),
    ):  # fmt: skip
        assert list(render(content).texts())
        assert not any(part.rows for part in Definition.of(content).parts) or content.get("name") == "MQL"


def test_a_definition_reads_as_sentences() -> None:
    content = mql(crm_status={"field": "lifecycle", "values": ["mql", "sql"]})
    words = list(render(content).texts())
    assert "Title contains “Student” or “Intern”" in words
    assert "Disqualified where any of these holds:" in words
    assert "Score is at least 65" in words
    assert "A record whose lifecycle is “mql” or “sql”. Records that differ are listed as drift." in words


@pytest.mark.parametrize(
    ("field", "operator", "typed", "value"),
    [
        ("title", "is_one_of", " VP, Head ,, VP", ["VP", "Head"]),
        ("title", "is", " VP, Sales ", "VP, Sales"),
        ("score", "at_least", "65", 65),
        ("created_at", "within_last", "90", 90),
        ("sourced_function", "is", "Marketing program", "marketing"),
        ("title", "is_filled", "left over", None),
    ],
)
def test_what_somebody_typed_becomes_a_value_and_is_shown_again(
    field: str, operator: str, typed: str, value: Any
) -> None:
    found = read_typed(FIELDS[LEAD][field], OPERATORS[operator], typed)
    assert found == value
    assert read_typed(FIELDS[LEAD][field], OPERATORS[operator], show(found)) == value


@pytest.mark.parametrize("typed", ["", "6.5", "²", "9" * 5000, "1e3"])
def test_what_is_no_number_is_told(typed: str) -> None:
    with pytest.raises(BadValue, match="whole number"):
        read_typed(FIELDS[LEAD]["score"], OPERATORS["at_least"], typed)


def test_required_are_all_fields_that_are_asked_for_more_than_to_be_empty() -> None:
    content = one_part(
        "lead", ("title", "is_not", "x"), ("phone", "is_empty", None), ("score", "at_least", 1)
    )
    assert [field.name for field in Definition.of(content).required] == ["title", "score"]


def test_sales_marketing_and_finance_sign_a_definition() -> None:
    kind = kind_named("definition")
    assert kind.signers(suggestion("mql")) == ("cro", "cmo", "finance")
    assert "board_viewer" not in kind.readers
    assert {"rep", "marketing", "sales_manager"} <= kind.readers


def test_nothing_is_signed_that_the_document_does_not_show() -> None:
    row = {"field": "title", "operator": "is", "value": "VP", "note": "x"}
    hidden = suggestion("lead") | {"secret": 1}
    hidden["parts"][0] |= {"rows": [row], "weight": 2, "label": "Anything"}
    with pytest.raises(InvalidContent) as refused:
        check(hidden)
    assert refused.value.problems == (
        "The definition has “secret”, which means nothing here; take it out.",
        "Anything has “weight”, which means nothing here; take it out.",
        "The part “criteria” is labelled “Criteria”.",
        "Anything, row 1 has “note”, which means nothing here; take it out.",
    )


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers(-9, 9) | st.sampled_from(["title", "is_one_of", "VP", "status"]),
        lambda inner: st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["name", "prose", "parts", "rows", "field", "operator", "value", "values", "combine",
                             "label", "crm_status", "limits", "subject", "gap"]), inner, max_size=5,
        ),
        max_leaves=12,
    ),
    st.sampled_from(["subject", "parts", "crm_status", "limits", "prose", "rows"]),
)  # fmt: skip
def test_no_draft_breaks_its_page(value: Any, where: str) -> None:
    content = suggestion("mql")
    if where == "rows":
        content["parts"][0]["rows"] = value
        content["parts"][1] = value
    else:
        content[where] = value
    assert list(render(content).texts())
    Definition.of(content)
    assert lines("mql", content)
    assert only_mql(content)
    assert isinstance(problems(content), tuple)
