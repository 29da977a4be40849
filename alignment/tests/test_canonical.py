"""Canonical bytes: one content has one form, and what another reader would read differently is refused."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from alignment.artifacts.canonical import DEEPEST, NotCanonical, canonical, digest, normalised
from alignment.models import Role
from testing.canonical import digest_of, written

# A key above U+FFFF sorts before one in U+E000 to U+FFFF by code units, and after it by code points.
LETTERS = [
    *"abzAZ09_ \"\\/<>&'",
    "\n",
    "\t",
    "\x01",
    "\x1f",
    "\x7f",
    "\u2028",
    "é",
    "e\u0301",
    "ß",
    "ﬁ",
    "Å",
    "\u212b",
]
LETTERS += [
    "\u1100\u1161",
    "한",
    "中",
    "\ufb33",
    "\ue000",
    "\ufeff",
    "\uffff",
    "😀",
    "𝒜",
    "\U0010ffff",
    "\U0001d15e",
]


def random_text(chance: random.Random) -> str:
    return "".join(chance.choices(LETTERS, k=chance.randrange(8)))


def random_value(chance: random.Random, depth: int = 0) -> Any:
    kind = chance.randrange(7 if depth < 4 else 5)
    if kind == 0:
        return chance.choice([None, True, False])
    if kind == 1:
        return chance.choice([0, -1, 2**53 - 1, 1 - 2**53, chance.randrange(-(10**6), 10**6)])
    if kind <= 4:
        return random_text(chance)
    if kind == 5:
        return [random_value(chance, depth + 1) for _ in range(chance.randrange(5))]
    return random_object(chance, depth)


def random_object(chance: random.Random, depth: int = 0) -> dict[str, Any]:
    found: dict[str, Any] = {}
    taken: set[str] = set()
    for _ in range(chance.randrange(1, 8)):
        name = random_text(chance)
        if (spelled := str(normalised(name))) not in taken:
            taken.add(spelled)
            found[name] = random_value(chance, depth + 1)
    return found


def test_a_thousand_contents_have_the_bytes_of_an_independent_implementation(
    examples: Callable[[int, int], int],
) -> None:
    chance = random.Random(20261123)
    for _ in range(examples(1000, 20000)):
        content = random_object(chance)
        raw = canonical(content)
        assert raw.decode() == written(content)
        assert digest(raw) == digest_of(content)
        assert canonical(json.loads(raw)) == raw


def test_names_are_sorted_by_utf16_code_units_and_not_by_code_points() -> None:
    assert canonical({"\uffee": 1, "😀": 2, "\u20ac": 3}).decode() == '{"€":3,"😀":2,"\uffee":1}'


def test_both_spellings_of_a_word_have_the_same_bytes() -> None:
    composed, decomposed = {"caf\u00e9": "\u00e9"}, {"cafe\u0301": "e\u0301"}
    assert canonical(composed) == canonical(decomposed)
    assert canonical({"k": "\u00e9"}) != canonical({"k": "e"})


def test_the_choices_of_a_field_are_their_plain_values() -> None:
    assert canonical([Role.CRO, (1, 2)]) == b'["cro",[1,2]]'
    assert type(normalised(Role.CRO)) is str


@pytest.mark.parametrize(
    ("value", "saying"),
    [
        ({"a": [{"b": 0.5}]}, r"content\.a\[0\]\.b: 0\.5 may be rounded .* write it as a string"),
        (1.0, "may be rounded"),
        (float("nan"), "may be rounded"),
        (2**53, "too large a number; write it as a string"),
        (-(2**53), "too large"),
        (Decimal("1.5"), "Decimal is no JSON"),
        ({"a": b"x"}, r"content\.a: bytes is no JSON"),
        ({1: "a"}, "the name 1 is no text"),
        ({"é": 1, "e\u0301": 2}, "two names are the same word, “é”, in two spellings"),
        ({"a": "x\0y"}, r"content\.a: it holds a NUL character"),
        ({"x\0": 1}, "NUL"),
        (["\ud800"], r"content\[0\]: it holds half of a character"),
        ({"\udfff": 1}, "half of a character"),
        ({"a"}, "set is no JSON"),
    ],
    ids=repr,
)
def test_what_another_reader_may_read_differently_is_refused_by_name(value: Any, saying: str) -> None:
    with pytest.raises(NotCanonical, match=saying):
        canonical(value)


def test_content_that_is_nested_too_deep_is_refused_and_not_a_crash() -> None:
    value: Any = "x"
    for _ in range(DEEPEST):
        value = [value]
    assert canonical(value).startswith(b"[[")
    for _ in range(100_000):
        value = [value]
    with pytest.raises(NotCanonical, match="levels deep"):
        canonical(value)
