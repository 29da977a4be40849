"""Whatever is changed about a signed delivery, it is refused."""

from __future__ import annotations

from collections.abc import Callable

from hypothesis import HealthCheck, assume, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from alignment.tests.senders import espocrm_8, espocrm_9
from alignment.tests.signatures import (
    BODY,
    ESPO_ID,
    ESPO_SECRET,
    ESPOCRM,
    STANDARD,
    T,
    accepts,
    signed,
)

_ids = st.from_regex(r"[A-Za-z0-9_-]{1,40}", fullmatch=True)
_bodies = st.binary(min_size=1, max_size=80) | st.just(BODY)
_malformed = st.sampled_from(
    [
        "{0},",
        "{0} ",
        " {0}",
        "{0}  {0}",
        "{0} v1",
        "{0} ,",
        "{0},{0}",
        "v1,{0}",
        "x{0}",
        "{0}\n",
        "{0} v1,*",
        "{0}=",
        "'{0}'",
        "{0};{0}",
        "{0} v1,,",
    ]
)


@st.composite
def _mutations(draw: st.DrawFn) -> tuple[bytes, dict[str, str]]:
    """A signed delivery after one change: of what is signed, of the signature or of its list."""
    external_id, body = draw(_ids), draw(_bodies)
    headers = signed(external_id, T, body)
    signature = headers["webhook-signature"]
    kind = draw(
        st.sampled_from(["id", "timestamp", "bit", "cut", "insert", "signature", "syntax", "shift", "window"])
    )
    if kind == "id":
        headers["webhook-id"] = draw(_ids | st.text(max_size=20))
    elif kind == "timestamp":
        near = st.integers(-300, 300).map(lambda s: str(int(T) + s))
        odd = st.sampled_from([f" {T}", f"{T} ", f"{T}.0", f"0{T}", f"+{T}", f"{T}\n"])
        headers["webhook-timestamp"] = draw(near | odd | st.text(max_size=12))
    elif kind == "bit":
        changed = bytearray(body)
        changed[draw(st.integers(0, len(body) - 1))] ^= 1 << draw(st.integers(0, 7))
        return bytes(changed), headers
    elif kind == "cut":
        place = draw(st.integers(0, len(body) - 1))
        return body[:place] + body[place + 1 :], headers | (
            {} if body[place + 1 :] != body[place:] else {"x": ""}
        )
    elif kind == "insert":
        place = draw(st.integers(0, len(body)))
        return body[:place] + draw(st.binary(min_size=1, max_size=3)) + body[place:], headers
    elif kind == "signature":
        place = draw(st.integers(0, len(signature) - 1))
        sign = draw(st.characters(codec="latin-1"))
        headers["webhook-signature"] = signature[:place] + sign + signature[place + 1 :]
    elif kind == "syntax":
        headers["webhook-signature"] = draw(_malformed).format(signature)
    elif kind == "shift":  # the same signed text, cut at other dots
        body = T.encode() + b"." + body
        headers = signed(external_id, T, body)
        headers["webhook-id"] = f"{external_id}.{T}"
        return body.partition(b".")[2], headers
    else:
        seconds = draw(st.integers(301, 10**9) | st.integers(-(10**9), -301))
        return body, signed(external_id, str(int(T) + seconds), body)
    assume(headers != signed(external_id, T, body))
    return body, headers


def _counted(test: Callable[..., None], times: int) -> Callable[..., None]:
    return hypothesis_settings(
        max_examples=times, deadline=None, suppress_health_check=list(HealthCheck), database=None
    )(test)


def test_no_mutation_is_accepted(examples: Callable[[int, int], int]) -> None:
    @given(_mutations())
    def refused(mutation: tuple[bytes, dict[str, str]]) -> None:
        body, headers = mutation
        assert not accepts(STANDARD, headers, body)

    _counted(refused, examples(200, 10_000))()


def test_no_mutation_of_an_espocrm_header_or_body_is_accepted(examples: Callable[[int, int], int]) -> None:
    @given(_bodies, st.data())
    def refused(body: bytes, data: st.DataObject) -> None:
        sign, name = data.draw(st.sampled_from([(espocrm_8, "X-Signature"), (espocrm_9, "Signature")]))
        value = sign(ESPO_SECRET, ESPO_ID, body)
        assert accepts(ESPOCRM, {name: value}, body)
        place = data.draw(st.integers(0, len(value) - 1))
        changed = value[:place] + data.draw(st.text(max_size=2)) + value[place + 1 :]
        assume(changed != value)
        assert not accepts(ESPOCRM, {name: changed}, body)
        assert not accepts(ESPOCRM, {name: value}, body + b"\0")

    _counted(refused, examples(200, 10_000))()
