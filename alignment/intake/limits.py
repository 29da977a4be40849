"""Strict reading of JSON from outside: what PostgreSQL or a later step would choke on is refused by name."""

from __future__ import annotations

import json
import math
import re
from collections import Counter
from decimal import Decimal
from typing import Any

from django.conf import settings

MAX_INTEGER = 2**53 - 1  # what every JSON reader holds exactly (RFC 8259, section 6)
MAX_NUMBER_LENGTH = 64  # characters of one number; a double needs 25

# One string, closed or cut off by the end; possessive, so that a hostile body costs one pass, not a square.
_STRING = re.compile(r'"[^"\\]*+(?:\\.[^"\\]*+)*+(?:"|\\?\Z)', re.DOTALL)
_NOT_BRACKET = re.compile(r"[^\[\]{}]+")
_NOT_ZERO = re.compile(r"-?[0.]*[1-9]")


class BadJson(ValueError):
    """A body that cannot be used; `code` is stable for lists and filters, the text says it in words.

    Codes: too_large, not_utf8, not_json, too_deep, too_many_keys, duplicate_key, nul_character,
    lone_surrogate, not_a_number, integer_too_large, number_out_of_range.
    """

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


def load_json(body: bytes) -> Any:
    """The value that `body` holds: dict, list, str, int, Decimal (with fraction or exponent), bool or None.

    Limits come from the settings INTAKE_MAX_BYTES, INTAKE_MAX_DEPTH and INTAKE_MAX_KEYS (keys of all objects
    together). A byte-order mark is skipped. Raises BadJson and nothing else.
    """
    if len(body) > settings.INTAKE_MAX_BYTES:
        raise BadJson("too_large", f"The body is larger than {settings.INTAKE_MAX_BYTES} bytes.")
    try:
        text = body.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise BadJson("not_utf8", f"The body is not UTF-8 (byte {error.start}).") from None
    _check_depth(text, settings.INTAKE_MAX_DEPTH)
    try:
        value = json.loads(
            text,
            object_pairs_hook=_KeyCounter(settings.INTAKE_MAX_KEYS),
            parse_float=_decimal,
            parse_int=_integer,
            parse_constant=_refuse_constant,
        )
    except json.JSONDecodeError as error:
        raise BadJson("not_json", f"Not JSON: {error.msg} (character {error.pos}).") from None
    except RecursionError:
        raise _too_deep(settings.INTAKE_MAX_DEPTH) from None
    if "\\u" in text:  # neither character can come in any other way
        _check_strings(value)
    return value


def storable_json(body: bytes) -> Any:
    """The value that `body` holds, read as strictly as by `load_json`, for a JSON column: fractions are floats.

    Raises BadJson.
    """
    load_json(body)
    return json.loads(body.decode("utf-8-sig"))


def _too_deep(limit: int) -> BadJson:
    return BadJson("too_deep", f"Lists and objects are nested more than {limit} deep.")


def _check_depth(text: str, limit: int) -> None:
    """Counted before the parser sees the text: the parser recurses, this does not."""
    if text.count("[") + text.count("{") <= limit:
        return
    depth = 0
    for bracket in _NOT_BRACKET.sub("", _STRING.sub("", text)):
        depth += 1 if bracket in "[{" else -1
        if depth > limit:
            raise _too_deep(limit)


class _KeyCounter:
    """Builds each object; keys are counted over the whole body, and none may come twice in one object."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.keys = 0

    def __call__(self, pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        self.keys += len(pairs)
        if self.keys > self.limit:
            raise BadJson("too_many_keys", f"The body has more than {self.limit} keys.")
        found = dict(pairs)
        if len(found) != len(pairs):
            twice, _ = Counter(key for key, _ in pairs).most_common(1)[0]
            raise BadJson("duplicate_key", f"An object has the key {twice[:60]!a} twice.")
        return found


def _integer(digits: str) -> int:
    # the length first: int() of a long text is slow, and refused by Python itself from 4,300 digits
    if len(digits) > 17 or abs(int(digits)) > MAX_INTEGER:
        raise BadJson("integer_too_large", "A whole number is beyond 2^53-1; send it as a string.")
    return int(digits)


def _decimal(digits: str) -> Decimal:
    """Exact, yet within what a double spans: a huge exponent would blow up in later arithmetic."""
    double = float(digits) if len(digits) <= MAX_NUMBER_LENGTH else math.inf
    is_lost = double == 0 and _NOT_ZERO.match(digits)  # 1e-400
    if is_lost or not math.isfinite(double):
        raise BadJson("number_out_of_range", "A number is too large, too small or too long for a double.")
    return Decimal(digits)


def _refuse_constant(name: str) -> None:
    raise BadJson("not_a_number", f"{name} is not a JSON value.")


def _check_strings(value: Any) -> None:
    """PostgreSQL stores neither NUL nor a lone surrogate, in keys or in values."""
    waiting = [value]
    while waiting:
        item = waiting.pop()
        if isinstance(item, str):
            if "\0" in item:
                raise BadJson("nul_character", "A string holds the character NUL (\\u0000).")
            try:
                item.encode()
            except UnicodeEncodeError:
                raise BadJson("lone_surrogate", "A string holds half of a surrogate pair.") from None
        elif isinstance(item, dict):
            waiting.extend(item)
            waiting.extend(item.values())
        elif isinstance(item, list):
            waiting.extend(item)
