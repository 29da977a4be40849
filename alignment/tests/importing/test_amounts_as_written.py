"""Amounts and numbers in the writing of several countries; what contradicts the stated decimal sign is refused."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alignment.currencies import minor_units
from alignment.importing.amounts import Numbers
from alignment.importing.problems import BadCell
from alignment.tests.importing.support import drafts, mapping_of, rejects

READ = [
    (".", "$1,234,567", "1234567", "$"),
    (".", "USD 1,200.50", "1200.50", "USD"),
    (".", "1200.5 eur", "1200.5", "EUR"),
    (".", "-1,200", "-1200", ""),
    (".", "-$1,200.50", "-1200.50", "$"),
    (".", "$-1,200.50", "-1200.50", "$"),
    (".", "($1,200.50)", "-1200.50", "$"),
    (".", "1,200.50-", "-1200.50", ""),
    (".", "\u22121200", "-1200", ""),
    (".", "12,34,567.00", "1234567.00", ""),  # India groups by two
    (".", "CHF 1’234.50", "1234.50", "CHF"),
    (".", "US$5", "5", "US$"),
    (".", "72.0", "72.0", ""),
    (".", "1.23E7", "1.23E7", ""),
    (".", ".5", ".5", ""),
    (".", "0", "0", ""),
    (",", "1.234.567,89 €", "1234567.89", "€"),
    (",", "1 234 567,89\u00a0€", "1234567.89", "€"),
    (",", "1\u202f200,5", "1200.5", ""),
    (",", "1.234", "1234", ""),
    (".", "100 200", "100200", ""),
    (".", "- 12\u2009345\u00a0678.9 USD", "-12345678.9", "USD"),
    (".", "( $ 5 )", "-5", "$"),
    (".", "US $5", "5", "US$"),
    (",", "-0,5", "-0.5", ""),
]
REFUSED = [
    (".", "1.234.567,89"),
    (".", "1200,50"),
    (",", "1,234.50"),
    (",", "1.23"),
    (".", "1,23"),
    (".", "1,,234"),
    (".", "12 5"),
    (".", "1 23"),
    (".", "1 2345"),
    (".", "1234 567"),
    (".", "1  234"),
    (".", "1 234,567"),
    (".", "1,234 567"),
    (".", "1.23 456"),
    (".", "12 .5"),
    (".", "1'234 567"),
    (",", "1 23,5"),
    (",", "12, 5"),
    (".", "1,234,56"),
    (".", ""),
    (".", "."),
    (".", "-"),
    (".", "--1"),
    (".", "(-1)"),
    (".", "(1"),
    (".", "1)"),
    (".", "EUR 1 USD"),
    (".", "twelve"),
    (".", "12 apples"),
    (".", "=1+1"),
    (".", "NaN"),
    (".", "Infinity"),
    (".", "٣"),
    (".", "9" * 5000),
]


@pytest.mark.parametrize(("decimal", "cell", "number", "currency"), READ)
def test_read(decimal: str, cell: str, number: str, currency: str) -> None:
    assert Numbers(decimal).amount(cell) == (number, currency)


@pytest.mark.parametrize(("decimal", "cell"), REFUSED)
def test_refused(decimal: str, cell: str) -> None:
    with pytest.raises(BadCell) as refusal:
        Numbers(decimal).amount(cell)
    assert len(str(refusal.value)) < 200


def _amounts(cells: list[str], **stated: str) -> list[tuple[Any, Any]]:
    columns = {"external_id": "id", "amount": "Amount", "currency": "Amount Currency"}
    body = "id;Amount;Amount Currency\n" + "".join(f"{n};{cell}\n" for n, cell in enumerate(cells, 1))
    found = drafts(body, mapping_of({"object": "opportunity", "columns": columns} | stated))
    return [(draft.fields["amount"], draft.fields["currency"]) for draft in found]


def test_the_currency_is_the_columns_then_the_mappings_then_the_cells() -> None:
    assert _amounts(["1,200.50;usd", "€5;", "5;", "5 GBP;", ";EUR"]) == [
        (120050, "USD"),
        (500, "EUR"),
        (500, None),
        (500, "GBP"),
        (None, "EUR"),
    ]
    assert _amounts(["$5;", "5;CHF"], currency="CAD") == [(500, "CAD"), (500, "CHF")]


def test_a_currency_without_hundredths_is_never_read_a_hundredfold() -> None:
    found = _amounts(["5000;JPY", "1.234;KWD", "1.5;kwd", "5 KRW;", "1.2340;CLF", "¥5000;jpy", "0.00;JPY"])
    assert [(minor_units(amount, currency), currency) for amount, currency in found] == [
        (5000, "JPY"), (1234, "KWD"), (1500, "KWD"), (5, "KRW"), (12340, "CLF"), (5000, "JPY"), (0, "JPY"),
    ]  # fmt: skip
    assert _amounts(["5000;", "¥7;"], currency="JPY") == [(500_000, "JPY"), (700, "JPY")]


@pytest.mark.parametrize(
    ("cells", "told"),
    [
        ("12.50;JPY", "no decimals"),
        ("1.2345;KWD", "three decimals"),
        ("1.234;EUR", "two decimals"),
        ("1.00001;KWD", "four decimals"),
    ],
)
def test_decimals_that_a_currency_lacks_are_refused(cells: str, told: str) -> None:
    columns = {"external_id": "id", "amount": "a", "currency": "c"}
    (reject,) = rejects(f"id;a;c\n1;{cells}\n", {"object": "opportunity", "columns": columns})
    assert reject.code == "bad_value" and told in reject.message


@pytest.mark.parametrize(
    ("cells", "told"),
    [
        ("5;XYZ", "“XYZ” is no code of a currency: write its three letters, such as EUR"),
        ("5;Euro", "“Euro” is no code of a currency: write EUR"),
        ("5;$", "“$” is no code of a currency: write USD"),
        ("5 XYZ;", "“XYZ”, which is no code of a currency"),
    ],
)
def test_a_currency_that_nobody_has_is_refused_with_what_to_write(cells: str, told: str) -> None:
    columns = {"external_id": "id", "amount": "a", "currency": "c"}
    (reject,) = rejects(f"id;a;c\n1;{cells}\n", {"object": "opportunity", "columns": columns})
    assert told in reject.message


def test_a_currency_is_read_in_any_case_and_in_the_files_own_words() -> None:
    columns = {"external_id": "id", "amount": "a", "currency": "c"}
    document = {"object": "opportunity", "columns": columns, "values": {"currency": {"Taler": "EUR"}}}
    assert [draft.fields["currency"] for draft in drafts("id;a;c\n1;5;eur\n2;5;Taler\n", document)] == [
        "EUR"
    ] * 2


def test_the_sign_of_yen_and_yuan_alone_names_no_currency() -> None:
    columns = {"external_id": "id", "amount": "a"}
    (reject,) = rejects("id;a\n1;¥5000\n", {"object": "opportunity", "columns": columns})
    assert reject.code == "bad_currency"


@pytest.mark.parametrize("cells", ["EUR 5;USD", "€5;USD", "$5;EUR"])
def test_a_cell_that_contradicts_its_currency_is_rejected(cells: str) -> None:
    columns = {"external_id": "id", "amount": "a", "currency": "c"}
    (reject,) = rejects(f"id;a;c\n1;{cells}\n", {"object": "opportunity", "columns": columns})
    assert reject.code == "bad_currency"


def test_a_third_decimal_is_refused_and_not_rounded() -> None:
    (reject,) = rejects(
        "id;a\n1;1.234\n", {"object": "opportunity", "columns": {"external_id": "id", "amount": "a"}}
    )
    assert "two decimals" in reject.message


def test_scores_and_flags_in_their_usual_writings() -> None:
    document = {
        "object": "lead",
        "columns": {"external_id": "id", "score": "s", "is_deleted": "d"},
        "decimal": ",",
    }
    body = "id;s;d\n1;72,0;TRUE\n2;1.072;0\n3;;yes\n"
    assert [(draft.fields["score"], draft.fields["is_deleted"]) for draft in drafts(body, document)] == [
        (72, True),
        (1072, False),
        (None, True),
    ]
    found = rejects("id;s;d\n1;72,5;maybe\n2;€5;1\n", document)
    assert "s (score)" in found[0].message and "d (is_deleted)" in found[0].message
    assert found[1].code == "bad_number"


@given(
    number=st.decimals(-(10**12), 10**12, places=2),
    group=st.sampled_from(["", "'", "group", "\u00a0"]),
    decimal=st.sampled_from([".", ","]),
    brackets=st.booleans(),
    currency=st.sampled_from(["{}", "${}", "{} €", "CHF {}", "{}EUR"]),
)
def test_an_amount_written_in_any_country_comes_back(
    number: Decimal, group: str, decimal: str, brackets: bool, currency: str
) -> None:
    other = "," if decimal == "." else "."
    digits = f"{abs(number):,.2f}".translate(
        {ord(","): other if group == "group" else group, ord("."): decimal}
    )
    cell = currency.format(digits)
    if number < 0:
        cell = f"({cell})" if brackets else f"-{cell}"
    assert Decimal(Numbers(decimal).amount(cell).number) == number
