"""What changed between two versions, passage by passage and word by word."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from alignment.artifacts.difference import Change, Part, differences
from alignment.artifacts.document import (
    Bullets,
    Document,
    Facts,
    Heading,
    Paragraph,
    Score,
    Scores,
    Table,
)
from alignment.tests.documents import EVERYTHING

BEFORE = Document(
    "Definition of an MQL",
    "Signed by three",
    (
        Heading("In words"),
        Paragraph("A lead that has asked for a demo within 30 days counts as an MQL."),
        Bullets(("More than 50 employees", "Works in finance")),
        Heading("Who"),
        Facts((("Owner", "Avery"), ("Since", "2025"))),
        Table(("Field", "Value"), (("country", "DE"), ("industry", "banking")), caption="Rows"),
        Scores((Score("Trust", 27, "fracture"),)),
    ),
)


def changed(*blocks: object, old: Document = BEFORE) -> list[Change]:
    return differences(old, replace(old, blocks=blocks))  # type: ignore[arg-type]


def test_the_same_document_has_no_difference() -> None:
    assert differences(BEFORE, BEFORE) == []
    assert differences(EVERYTHING, EVERYTHING) == []


def test_a_changed_word_is_shown_within_its_sentence_with_the_heading_above_it() -> None:
    text = "A lead that has asked for a demo within 14 days counts as an MQL."
    assert changed(BEFORE.blocks[0], Paragraph(text), *BEFORE.blocks[2:]) == [
        Change(
            "changed",
            "In words",
            "paragraph",
            (
                Part("same", "A lead that has asked for a demo within "),
                Part("removed", "30"),
                Part("added", "14"),
                Part("same", " days counts as an MQL."),
            ),
        )
    ]


def test_a_sentence_with_nothing_in_common_is_one_removed_and_one_added() -> None:
    found = changed(BEFORE.blocks[0], Paragraph("Whatever marketing says."), *BEFORE.blocks[2:])
    assert {change.kind for change in found} == {"added", "removed"}
    assert len(found) == 2


def test_values_are_found_again_by_their_labels() -> None:
    blocks = list(BEFORE.blocks)
    blocks[4] = Facts((("Since", "2026"), ("Sponsor", "Sam")))
    blocks[5] = Table(("Field", "Value"), (("industry", "insurance"), ("size", "50")), caption="Rows")
    blocks[6] = Scores((Score("Trust", 31, "healthy"),))
    said = [
        (change.kind, change.what, "".join(part.text for part in change.parts)) for change in changed(*blocks)
    ]
    assert said == [
        ("removed", "fact", "Owner: Avery"),
        ("changed", "fact", "Since: 20252026"),
        ("added", "fact", "Sponsor: Sam"),
        ("removed", "row of “Rows”", "country · DE"),
        ("changed", "row of “Rows”", "industry · bankinginsurance"),
        ("added", "row of “Rows”", "size · 50"),
        ("changed", "score", "Trust · 2.73.1 · fracturehealthy"),
    ]


def test_added_and_removed_items_headings_and_titles_are_named_as_such() -> None:
    new = Document(
        "Definition of an SQL",
        "",
        (
            *BEFORE.blocks[:2],
            Bullets(("Works in finance", "Has a budget")),
            *BEFORE.blocks[4:],
            Heading("More"),
        ),
    )
    said = [(change.kind, change.what) for change in differences(BEFORE, new)]
    assert ("changed", "title") in said
    assert ("removed", "subtitle") in said
    assert ("removed", "heading") in said and ("added", "heading") in said
    assert said.count(("removed", "item")) == 1 and said.count(("added", "item")) == 1


TEXTS = st.text(alphabet="abc 12.,é🙂", max_size=30)
BLOCKS = st.lists(
    st.one_of(
        st.builds(Heading, TEXTS),
        st.builds(Paragraph, TEXTS),
        st.builds(Bullets, st.lists(TEXTS, max_size=3).map(tuple)),
        st.builds(Facts, st.lists(st.tuples(TEXTS, TEXTS), max_size=3).map(tuple)),
    ),
    max_size=6,
).map(tuple)
DOCUMENTS = st.builds(Document, TEXTS, TEXTS, BLOCKS)


@given(DOCUMENTS, DOCUMENTS)
def test_no_word_is_lost_between_them(old: Document, new: Document) -> None:
    """Whatever only one of them says is marked on that side."""
    said = {"added": "", "removed": "", "same": ""}
    for change in differences(old, new):
        for part in change.parts:
            assert part.text or change.kind != "changed"
            said[part.kind] += part.text + "\n"
    for side, mine, other in (("removed", old, new), ("added", new, old)):
        there = set("".join(other.texts()))
        for sign in set("".join(mine.texts())) - there:
            assert sign in said[side]
