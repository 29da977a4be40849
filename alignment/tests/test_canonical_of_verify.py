"""The verifier's own canonical JSON is RFC 8785, byte for byte, on whatever can be signed."""

from __future__ import annotations

import json
from typing import Any

import pytest
import rfc8785
from hypothesis import given, settings
from hypothesis import strategies as st

from alignment.artifacts.canonical import canonical as signed_form
from alignment.verification.verify import canonical, parsed

LARGEST = 2**53 - 1
WORDS = st.text(max_size=12) | st.sampled_from(
    [
        "é",
        "e\u0301",
        "\U0001d11e",
        "\uffff",
        "\ue000",
        "\ufb33",
        "\u20ac",
        "\r",
        "\x7f",
        "\u2028",
        '"\\/',
        "\x1f",
        "10",
        "1",
    ]
)
LEAVES = st.none() | st.booleans() | st.integers(-LARGEST, LARGEST) | WORDS
VALUES = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(WORDS, inner, max_size=5),
    max_leaves=20,
)


@given(VALUES)
@settings(max_examples=300, deadline=None)
def test_it_gives_the_same_bytes_as_an_independent_implementation(value: Any) -> None:
    raw = canonical(value)
    assert raw == rfc8785.dumps(value)
    assert parsed(raw) == value


@given(VALUES)
@settings(max_examples=100, deadline=None)
def test_what_the_server_signs_is_canonical_to_the_verifier(value: Any) -> None:
    try:
        raw = signed_form(value)
    except ValueError:
        return  # a NUL, or two keys that are the same word
    assert canonical(json.loads(raw)) == raw


def test_keys_are_sorted_by_utf_16() -> None:
    keys = ["\ufb33", "\U0001d11e", "1", "", "é", "\r", "e\u0301"]
    assert list(json.loads(canonical(dict.fromkeys(keys)))) == [
        "",
        "\r",
        "1",
        "e\u0301",
        "é",
        "\U0001d11e",
        "\ufb33",
    ]


@pytest.mark.parametrize(
    "value", [1.0, 2**53, -(2**53), float("nan"), "\ud800", {"\udfff": 1}, object(), b"x", {1, 2}]
)
def test_what_cannot_be_signed_is_refused(value: object) -> None:
    with pytest.raises((ValueError, TypeError)):
        canonical(value)


@pytest.mark.parametrize(
    "raw",
    [
        b' {"a":1}', b'{"a":1}\n', b'{"b":1,"a":1}', b'{"a":1,"a":1}', b'{"a":1.0}', b'{"a":1e0}', b'{"a":01}',
        b'{"a":-0}',
        b'"\\u0041"', b'"\\/"', b'"\x7f\xff"', b"\xef\xbb\xbf1", b"NaN", b"", b"9" * 5000, '"a"'.encode("utf-16"),
    ],
)  # fmt: skip
def test_only_canonical_bytes_are_read(raw: bytes) -> None:
    with pytest.raises(ValueError):  # noqa: PT011
        parsed(raw)
