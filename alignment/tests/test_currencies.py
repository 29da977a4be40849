"""Every currency has its own minor unit, in Python as in SQL; amounts are exact and nothing is rounded."""

from __future__ import annotations

import json
from decimal import Decimal

import pytest
from django.db import connection
from hypothesis import given
from hypothesis import strategies as st

from alignment.currencies import (
    LARGEST,
    DoesNotFit,
    Stated,
    digits_of,
    in_digits,
    in_minor_units,
    major,
    minor_units,
    require_fit,
    stated,
)

CODES = ["", "eur", "EUR", "USD", "JPY", "jpy", "KRW", "VND", "XOF", "KWD", "BHD", "LYD", "CLF", "UYW", "???"]


@pytest.mark.parametrize(("digits", "codes"), [
    (0, "JPY KRW VND CLP ISK UGX XAF XOF XPF PYG RWF DJF GNF KMF BIF VUV UYI"),
    (2, "EUR USD GBP CHF INR CNY MXN MGA MRU HUF TWD IDR"),
    (3, "KWD BHD OMR JOD TND IQD LYD"),
    (4, "CLF UYW"),
])  # fmt: skip
def test_minor_units_are_those_of_iso_4217(digits: int, codes: str) -> None:
    assert {code: digits_of(code) for code in codes.split()} == dict.fromkeys(codes.split(), digits)


@pytest.mark.parametrize(
    ("amount", "currency", "fact", "minor", "shown"),
    [
        ("1200.50", "EUR", 120050, 120050, "1,200.50"),
        ("5000", "JPY", 500000, 5000, "5,000"),
        ("5E+3", "jpy", 500000, 5000, "5,000"),
        ("1.234", "KWD", "1.234", 1234, "1.234"),
        ("-1.2340", "KWD", "-1.234", -1234, "-1.234"),
        ("1.5", "KWD", 150, 1500, "1.500"),
        ("0.0001", "CLF", "0.0001", 1, "0.0001"),
        ("12.50", "JPY", 1250, None, "12.50"),
        ("1.234", "EUR", "1.234", None, "1.234"),
        ("1.234", "", "1.234", None, "1.234"),
        ("0", "JPY", 0, 0, "0"),
    ],
)
def test_an_amount_in_a_fact_in_minor_units_and_in_words(
    amount: str, currency: str, fact: Stated, minor: int | None, shown: str
) -> None:
    assert stated(Decimal(amount)) == fact and isinstance(fact, type(stated(Decimal(amount))))
    assert (minor_units(fact, currency), in_digits(fact, currency)) == (minor, shown)


@pytest.mark.parametrize("amount", ["1.00001", "0." + "0" * 90 + "1", "1." + "0" * 90 + "1"])
def test_decimals_that_no_currency_has_are_refused(amount: str) -> None:
    with pytest.raises(DoesNotFit):
        stated(Decimal(amount))


@given(
    st.decimals(-(10**15), 10**15, places=4) | st.decimals(-(10**6), 10**6, places=2), st.sampled_from(CODES)
)
def test_nothing_is_lost_and_nothing_is_rounded(amount: Decimal, currency: str) -> None:
    fact = stated(amount)
    assert major(fact) == amount
    minor = minor_units(fact, currency)
    exact = amount.scaleb(digits_of(currency))
    if exact == int(exact) and abs(exact) <= LARGEST:
        assert minor == exact
        require_fit(fact, currency)
    else:
        assert minor is None
        with pytest.raises(DoesNotFit):
            require_fit(fact, currency)


@pytest.mark.django_db
def test_sql_gives_the_same_minor_units() -> None:
    amounts: list[Stated | None] = [
        None, 0, 1, -150, 500000, 500050, 10**18 - 1, -(10**18), LARGEST, "1.234", "-0.001", "12.3456",
        "9" * 15 + ".9999",
    ]  # fmt: skip
    cases = [(amount, code) for amount in amounts for code in [*CODES, None]]
    with connection.cursor() as cursor:
        cursor.execute(
            f"""
            SELECT {in_minor_units("f.fields", "f.fields->>'currency'")}
            FROM unnest(%s::text[]) WITH ORDINALITY AS said (fields, n)
            CROSS JOIN LATERAL (SELECT said.fields::jsonb AS fields) f ORDER BY said.n
            """,  # noqa: S608 - an expression of alignment.currencies
            [[json.dumps({"amount": amount, "currency": code}) for amount, code in cases]],
        )
        found = [minor for (minor,) in cursor.fetchall()]
    assert found == [minor_units(amount, code or "") for amount, code in cases]
