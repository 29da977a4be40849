"""JSON from outside is read strictly: what would break a later step is refused by name, quickly."""

from __future__ import annotations

import contextlib
import json
import time
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from alignment.intake.limits import BadJson, load_json

BAD = {
    "empty": (b"", "not_json"),
    "blank": (b"  \n", "not_json"),
    "text": (b"hello", "not_json"),
    "cut off": (b'{"a":', "not_json"),
    "cut off in a string": (b'{"a":"' + b"x" * 50, "not_json"),
    "cut off after a backslash": (b'["\\', "not_json"),
    "two values": (b"{}{}", "not_json"),
    "single quotes": (b"{'a':1}", "not_json"),
    "trailing comma": (b"[1,]", "not_json"),
    "comment": (b"/* */ {}", "not_json"),
    "form": (b"a=1&b=2", "not_json"),
    "XML": (b"<a/>", "not_json"),
    "raw newline in a string": (b'{"a":"b\nc"}', "not_json"),
    "raw NUL": (b'{"a":"\x00"}', "not_json"),
    "raw NUL after": (b"{}\x00", "not_json"),
    "leading zero": (b"[01]", "not_json"),
    "two marks": (b"\xef\xbb\xbf\xef\xbb\xbf{}", "not_json"),
    "Latin-1": (b'{"a":"\xfc"}', "not_utf8"),
    "UTF-16": ('{"a":1}'.encode("utf-16"), "not_utf8"),
    "surrogate as UTF-8": (b'"\xed\xa0\x80"', "not_utf8"),
    "overlong": (b'"\xc0\xaf"', "not_utf8"),
    "NUL in a value": (b'{"a":"x\\u0000"}', "nul_character"),
    "NUL in a key": (b'{"x\\u0000":1}', "nul_character"),
    "NUL deep down": (b'[{"a":[["\\u0000"]]}]', "nul_character"),
    "high surrogate": (b'{"a":"\\ud800"}', "lone_surrogate"),
    "low surrogate in a key": (b'{"\\udc00":1}', "lone_surrogate"),
    "surrogates swapped": (b'["\\udc4b\\ud83d"]', "lone_surrogate"),
    "NaN": (b'{"a":NaN}', "not_a_number"),
    "Infinity": (b"[Infinity]", "not_a_number"),
    "minus Infinity": (b"[-Infinity]", "not_a_number"),
    "2^53": (b"[9007199254740992]", "integer_too_large"),
    "-2^53": (b"[-9007199254740992]", "integer_too_large"),
    "5,000 digits": (b"[" + b"9" * 5000 + b"]", "integer_too_large"),
    "1e400": (b"[1e400]", "number_out_of_range"),
    "exponent beyond Decimal": (b"[1e9999999999999999999]", "number_out_of_range"),
    "vanishing": (b"[1e-400]", "number_out_of_range"),
    "negative vanishing": (b"[-0.5e-999999999999999]", "number_out_of_range"),
    "endless fraction": (b"[0." + b"3" * 5000 + b"]", "number_out_of_range"),
    "same key twice": (b'{"a":1,"b":2,"a":3}', "duplicate_key"),
    "same key twice, written differently": (b'{"a":1,"\\u0061":1}', "duplicate_key"),
    "same key twice, deep down": (b'[[{"x":{"a":1,"a":1}}]]', "duplicate_key"),
    "33 lists": (b"[" * 33 + b"]" * 33, "too_deep"),
    "33 objects": (b'{"a":' * 33 + b"1" + b"}" * 33, "too_deep"),
    "500,000 lists": (b"[" * 500_000, "too_deep"),
    "mixed nesting": (b'[{"a":' * 5000, "too_deep"),
    "keys in all": (json.dumps([{f"k{i}": 1} for i in range(20_001)]).encode(), "too_many_keys"),
    "bytes": (b'"' + b"x" * 1024 * 1024 + b'"', "too_large"),
}


@pytest.mark.parametrize(("body", "code"), BAD.values(), ids=BAD)
def test_refused_by_name_and_without_delay(body: bytes, code: str) -> None:
    began = time.perf_counter()
    with pytest.raises(BadJson) as refusal:
        load_json(body)
    assert refusal.value.code == code
    assert refusal.value.message.endswith(".")
    refusal.value.message.encode()  # the message itself can be stored
    assert "\0" not in refusal.value.message
    assert time.perf_counter() - began < 2


GOOD: dict[str, tuple[bytes, Any]] = {
    "byte-order mark": (b'\xef\xbb\xbf{"a":1}', {"a": 1}),
    "32 deep": (b"[" * 32 + b"]" * 32, json.loads("[" * 32 + "]" * 32)),
    "many short lists": (b"[" + b"[]," * 5000 + b"[]]", [[] for _ in range(5001)]),
    "brackets in strings": (json.dumps(["[{" * 100, '\\"[[[['] * 40).encode(), ["[{" * 100, '\\"[[[['] * 40),
    "2^53-1": (b"[9007199254740991, -9007199254740991]", [2**53 - 1, -(2**53) + 1]),
    "zero": (b"[0, -0, 0.0, 0e999]", [0, 0, Decimal(0), Decimal("0e999")]),
    "money is exact": (b'{"amount": 72.10}', {"amount": Decimal("72.10")}),
    "surrogate pair": (b'"\\ud83d\\udc4b"', "👋"),
    "backslash before u": (b'"\\\\u0000"', "\\u0000"),
    "20,000 keys": (
        json.dumps({f"k{i}": i for i in range(20_000)}).encode(),
        {f"k{i}": i for i in range(20_000)},
    ),
    "null": (b"null", None),
}


@pytest.mark.parametrize(("body", "value"), GOOD.values(), ids=GOOD)
def test_accepted_as_it_is(body: bytes, value: Any) -> None:
    assert load_json(body) == value


def test_amounts_keep_their_digits() -> None:
    assert str(load_json(b"[0.10]")[0]) == "0.10"


@pytest.mark.parametrize(
    "body", [b'["' + b'\\"' * 500_000, b'"' * 1_000_000, b"\\" * 1_000_000, b'[[["' * 40 + b"\\" * 900_000]
)
def test_hostile_quotes_cost_one_pass(body: bytes) -> None:
    began = time.perf_counter()
    with pytest.raises(BadJson):
        load_json(b"[" * 20 + b"{" * 20 + body)
    assert time.perf_counter() - began < 2


_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53) + 1, 2**53 - 1)
    | st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text("abc", max_size=3), inner, max_size=4)
    ),
    max_leaves=20,
)


@given(_values, st.booleans())
def test_what_is_within_the_limits_is_read_as_the_standard_library_reads_it(
    value: Any, ascii_only: bool
) -> None:
    assert load_json(json.dumps(value, ensure_ascii=ascii_only).encode()) == value


@given(st.binary(max_size=60) | st.text('[]{}",:\\u0d8e1-.nul ', max_size=60).map(str.encode))
@hypothesis_settings(max_examples=300)
def test_nothing_but_bad_json_escapes(body: bytes) -> None:
    with contextlib.suppress(BadJson):
        load_json(body)
