"""Touches without an id of their own: as many as the records that name them, and the same ones as ever."""

from __future__ import annotations

import itertools

import pytest

from alignment.intake.ids import MAX_ID, origin_of, within
from alignment.models import Touch
from alignment.tests.importing.support import drafts
from testing.world import World, event

MEMBER = {
    "object": "touch",
    "columns": {"campaign": "C", "lead": "L", "touched_at": "At"},
    "constants": {"function": "marketing"},
    "zone": "UTC",
}
LEAD = {
    "object": "lead",
    "columns": {"external_id": "Id", "channel": "Ch", "created_at": "At"},
    "zone": "UTC",
}
CALL = {
    "object": "touch",
    "columns": {"external_id": "Id", "lead": "L", "touched_at": "At"},
    "zone": "UTC",
}


def members(*pairs: tuple[str, str]) -> list[str]:
    rows = "".join(f"{campaign},{lead},2026-01-01\n" for campaign, lead in pairs)
    return [draft.external_id for draft in drafts(f"C,L,At\n{rows}", MEMBER)]


def test_members_of_campaigns_whose_ids_have_colons_stay_apart() -> None:
    assert members(("a:b", "c"), ("a", "b:c"), ("a%3Ab", "c")) == ["a%3Ab:c", "a:b:c", "a%253Ab:c"]


def test_members_of_a_campaign_with_a_long_id_stay_apart() -> None:
    found = members(*((188 * "x", f"L{n}") for n in range(3)))
    assert len(set(found)) == 3 and max(map(len, found)) <= MAX_ID
    assert found == members(*((188 * "x", f"L{n}") for n in range(3)))


def test_ids_that_were_given_before_are_given_again() -> None:
    assert members(("701C", "00QL"), (180 * "x", 9 * "y")) == ["701C:00QL", f"{180 * 'x'}:{9 * 'y'}"]
    assert origin_of("00QL") == "origin:00QL"
    assert origin_of("a:b%c") == "origin:a:b%c", "one id behind a word is one id, whatever is in it"


def test_leads_with_long_ids_have_each_their_origin() -> None:
    rows = "".join(f"{188 * 'y'}{n:02d},web,2026-01-01\n" for n in range(2))
    origins = {draft.external_id for draft in drafts(f"Id,Ch,At\n{rows}", LEAD) if draft.subject == "touch"}
    assert len(origins) == 2 and max(map(len, origins)) <= MAX_ID


def test_the_parts_of_calls_stay_apart() -> None:
    rows = "a:b,x;c,2026-01-01\na,x;b:c,2026-01-01\n" + f"{185 * 'z'},x;L1234;L1235,2026-01-01\n"
    found = [draft.external_id for draft in drafts(f"Id,L,At\n{rows}", CALL)]
    assert len(found) == len(set(found)) == 7
    assert found[:4] == ["a:b", "a%3Ab:c", "a", "a:b:c"]


def test_a_campaign_may_be_called_as_origins_are() -> None:
    assert members(("origin", "00QL"), ("%6Frigin", "00QL")) == ["%6Frigin:00QL", "%256Frigin:00QL"]


def test_no_two_pairs_have_one_id() -> None:
    parts = ["a", "a:", ":a", "%", "%3A", "%25", ":", "a:a", 189 * "a", 190 * "a"]
    pairs = list(itertools.product(parts, parts))
    assert len({within(*pair) for pair in pairs}) == len(pairs)


@pytest.mark.django_db
def test_live_leads_with_long_ids_have_each_their_origin(world: World) -> None:
    ids = [188 * "y" + f"{n:02d}" for n in range(2)]
    world.send(*(event("lead.created", lead, world.at, channel="webinar") for lead in ids))
    assert (
        list(Touch.objects.order_by("lead__external_id").values_list("lead__external_id", flat=True)) == ids
    )
