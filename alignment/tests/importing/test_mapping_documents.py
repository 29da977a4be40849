"""A mapping that cannot be used is refused with the place and what to write; the source's own lies under it."""

from __future__ import annotations

from typing import Any

import pytest

from alignment.importing.fields import OBJECTS
from alignment.importing.mapping import InvalidMapping
from alignment.tests.importing.support import drafts, mapping_of

ID = {"external_id": "Id"}
BAD: dict[str, tuple[Any, str]] = {
    "no object at all": ([], "object"),
    "unknown section": ({"object": "lead", "columns": ID, "colums": {}}, "colums"),
    "unknown object": ({"object": "contact", "columns": ID}, "object: write one of lead"),
    "object of another type": ({"object": ["lead"], "columns": ID}, "object: write one of"),
    "no columns": ({"object": "lead"}, "columns: write"),
    "columns as a list": ({"object": "lead", "columns": ["Id"]}, "columns: write an object"),
    "unknown field": (
        {"object": "lead", "columns": ID | {"mail": "Email"}},
        "columns: mail is not a field of ours",
    ),
    "header that is no text": ({"object": "lead", "columns": {"external_id": 1}}, "external_id"),
    "empty header": ({"object": "lead", "columns": {"external_id": " "}}, "external_id"),
    "no id": ({"object": "lead", "columns": {"email": "Email"}}, "id_from"),
    "id twice": ({"object": "lead", "columns": ID, "id_from": ["Email"]}, "id_from"),
    "id_from as text": (
        {"object": "lead", "columns": {"email": "Email"}, "id_from": "Email"},
        "id_from: write a list",
    ),
    "cycle without its begin": ({"object": "cycle", "columns": {"lead": "Lead"}}, "mql_at"),
    "touch without its time": ({"object": "touch", "columns": ID | {"lead": "Lead"}}, "touched_at"),
    "touch without an id": (
        {"object": "touch", "columns": {"lead": "L", "touched_at": "T"}},
        "campaign member",
    ),
    "stage without its time": ({"object": "stage", "columns": ID | {"stage": "To"}}, "stage_at"),
    "constant with a column": (
        {"object": "lead", "columns": ID | {"segment": "S"}, "constants": {"segment": "mid"}},
        "constants: segment",
    ),
    "constant of a wrong type": (
        {"object": "lead", "columns": ID, "constants": {"score": "many"}},
        "constants: score",
    ),
    "constant id": (
        {"object": "lead", "columns": {"email": "E"}, "constants": {"external_id": "1"}},
        "external_id",
    ),
    "value that is not ours": (
        {"object": "lead", "columns": ID, "values": {"disposition": {"Dead": "gone"}}},
        "values: disposition: Dead",
    ),
    "value for no field": ({"object": "lead", "columns": ID, "values": {"mood": {}}}, "values: mood"),
    "value that is nested": (
        {"object": "lead", "columns": ID, "values": {"channel": {"a": []}}},
        "values: channel: a",
    ),
    "unknown zone": ({"object": "lead", "columns": ID, "zone": "Berlin"}, "zone: write"),
    "zone outside of the list": (
        {"object": "lead", "columns": ID, "zone": "../../etc/passwd"},
        "zone: write",
    ),
    "zone that is no text": ({"object": "lead", "columns": ID, "zone": 1}, "zone: write"),
    "unknown order of dates": (
        {"object": "lead", "columns": ID, "dates": "ymd"},
        'dates: write one of "iso"',
    ),
    "unknown decimal sign": ({"object": "lead", "columns": ID, "decimal": ";"}, "decimal: write one of"),
    "currency nobody has": (
        {"object": "lead", "columns": ID, "currency": "XYZ"},
        "“XYZ” is no code of a currency",
    ),
    "currency in words": (
        {"object": "lead", "columns": ID, "currency": "euro"},
        "currency: “euro” is no code of a currency: write EUR",
    ),
    "stage columns of leads": (
        {"object": "lead", "columns": ID, "stage_columns": {"D": "Demo"}},
        "stage_columns",
    ),
    "stage without a name": (
        {"object": "opportunity", "columns": ID, "stage_columns": {"D": ""}},
        "stage_columns: D",
    ),
}


@pytest.mark.parametrize(("document", "told"), BAD.values(), ids=BAD)
def test_refused_with_the_place(document: Any, told: str) -> None:
    with pytest.raises(InvalidMapping) as refusal:
        mapping_of(document)
    assert told in str(refusal.value)
    assert str(refusal.value).endswith(".")


def test_every_object_can_be_mapped_by_its_own_names() -> None:
    for kind, shape in OBJECTS.items():
        assert mapping_of({"object": kind, "columns": {name: name for name in shape.names}}).kind == kind


def test_the_mapping_of_the_source_lies_under_the_import() -> None:
    source = {
        "values": {"disposition": {"Dead": "disqualified", "Later": "recycled"}},
        "closed_statuses": ["Done"],
    }
    mapping = mapping_of(
        {
            "object": "lead",
            "columns": ID | {"disposition": "D", "status": "S", "channel": "C"},
            "values": {"disposition": {"later": "working"}, "channel": {"n/a": None}},
        },
        source,
    )
    first, second = drafts("Id,D,S,C\n1,DEAD,done,N/A\n2,Later,New,n/a\n", mapping)
    assert first.fields == {
        "disposition": "disqualified",
        "status": "done",
        "channel": None,
        "is_closed": True,
    }
    assert second.fields["disposition"] == "working" and second.fields["is_closed"] is False


def test_the_kind_of_source_brings_its_defaults() -> None:
    document = {"object": "lead", "columns": ID | {"status": "S"}}
    (lead,) = drafts("Id,S\n1,Recycled\n", mapping_of(document, kind="espocrm"))
    assert lead.fields["is_closed"] is True


def test_constants_fill_every_row() -> None:
    document = {"object": "lead", "columns": ID, "constants": {"segment": "enterprise", "score": "72"}}
    assert drafts("Id\n1\n", document)[0].fields == {"segment": "enterprise", "score": 72}


def test_an_id_from_several_columns_is_the_same_for_the_same_cells() -> None:
    document = {"object": "lead", "columns": {"last_name": "Name"}, "id_from": ["Email", "Name"]}
    first, again, other = drafts(
        "Name,Email\nMüller,Ann@Example.com\nMüller, ann@example.com \nb:Müller,ann@example.com\n", document
    )
    assert first.external_id == again.external_id == "ann@example.com:Müller"
    assert other.external_id == "ann@example.com:b%3AMüller"


def test_a_long_id_from_columns_ends_in_its_digest() -> None:
    document = {"object": "lead", "columns": {"title": "T"}, "id_from": ["A", "B"]}
    one, two = drafts(f"T,A,B\n,{'x' * 150},{'y' * 150}\n,{'x' * 150},{'y' * 149}z\n", document)
    assert len(one.external_id) <= 190 and one.external_id != two.external_id
