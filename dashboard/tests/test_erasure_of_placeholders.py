"""What stands where nothing is known names nobody: erasing one “Unknown” empties no other person's bodies."""

from __future__ import annotations

import pytest

from alignment.erasure import marks_of
from alignment.models import Delivery, Lead
from alignment.placeholders import is_address_of_nobody, is_name_of_nobody, is_phone_of_nobody
from alignment.queries.erasure import duplicates, person_of
from alignment.services.erasure import erase_person
from testing.world import World, event

PLACEHOLDERS = [
    "Unknown", "UNKNOWN", " unknown ", "[[Unknown]]", "n/a", "N.A.", "none", "None.", "Test", "not provided",
    "[not provided]", "Not Provided", "k.A.", "no last name", "TBD", "---", "xxx", "Null", "undefined",
]  # fmt: skip
NAMES = ["Lee", "Müller", "Canary-Sparrow", "Testa", "Na", "Knowun", "O'Neill", "Noname-Schmidt", "测试员"]


@pytest.mark.parametrize("text", PLACEHOLDERS)
def test_placeholders_are_no_last_names(text: str) -> None:
    assert is_name_of_nobody(text)


@pytest.mark.parametrize("text", NAMES)
def test_names_are_names(text: str) -> None:
    assert not is_name_of_nobody(text)


@pytest.mark.parametrize(
    ("text", "is_nobodys"),
    [
        ("n/a", True), ("12345", True), ("ext. 104", True), ("000000000", True), ("+1 (111) 111-1111", True),
        ("1234567890", True), ("0123456789", True), ("(123) 456-7890", True), ("123456", True),
        ("+49 30 5550142", False), ("555014", False), ("020 7946 0000", False), ("٠٣٠٥٥٥٠١٤٢", False),
    ],
)  # fmt: skip
def test_a_phone_has_six_digits_and_is_no_mere_row_of_them(text: str, is_nobodys: bool) -> None:
    assert is_phone_of_nobody(text) == is_nobodys


@pytest.mark.parametrize(
    ("text", "is_nobodys"),
    [
        ("n/a", True), ("none@none.com", True), ("Test@Test.de", True), ("noemail@unknown.org", True),
        ("na@na.com", True), ("unknown", True), ("test@acme.com", False), ("none@none-such.com", False),
        ("ada@test.com", False), ("ada", False),
    ],
)  # fmt: skip
def test_an_address_is_nobodys_where_both_its_parts_are(text: str, is_nobodys: bool) -> None:
    assert is_address_of_nobody(text) == is_nobodys


@pytest.fixture
def nobody(world: World) -> Lead:
    """L1 with placeholders for all but an own e-mail; others with the same placeholders."""
    given = {"last_name": "Unknown", "phone": "n/a"}
    world.send(event("lead.created", "L1", world.at, email="wilma@feathers.example", **given))
    world.send(event("lead.updated", "L1", world.at, email="none@none.com"))
    world.send(event("lead.created", "L2", world.at, email="none@none.com", **given))
    world.send(event("lead.created", "L3", world.at, last_name="Lee", phone="N/A", channel="unknown"))
    world.send(event("touch.recorded", "T3", world.at, lead="L3", subject="Budget unknown, rang Ms Lee"))
    return Lead.objects.get(external_id="L1")


def test_erasing_somebody_without_a_name_empties_nobody_elses_bodies(world: World, nobody: Lead) -> None:
    (made,) = erase_person(leads=[nobody], asked_by="person", reason="asked", by=None, at=world.at)
    assert made.counts["raw bodies"] == 2
    assert Delivery.objects.filter(body__isnull=True).count() == 2
    nobody.refresh_from_db()
    assert nobody.last_name == made.pseudonym and nobody.email == nobody.phone == ""
    assert Lead.objects.get(external_id="L2").last_name == "Unknown"


def test_nobody_is_a_duplicate_or_comes_back_by_a_placeholder(world: World, nobody: Lead) -> None:
    assert duplicates(nobody) == []
    person = person_of(nobody, at=world.at)
    assert person.named == {"wilma@feathers.example"} and len(marks_of(person)) == 2


def test_what_stands_for_nothing_may_be_said_in_the_reason(world: World, nobody: Lead) -> None:
    assert erase_person(leads=[nobody], asked_by="person", reason="Unknown", by=None, at=world.at)
