"""The highest-leverage fractures: severity × money at stake, exact, ties stated, currencies never mixed."""

from __future__ import annotations

from fractions import Fraction

import pytest

from scorecard.bands import Bands, default_content
from scorecard.leverage import Fracture, amount, currency_of, decimal_string, fractures, left_out, rounded
from scorecard.measures import Agreement, Attribution, Conversion, Hygiene, State, Trust
from scorecard.scoring import scores
from scorecard.tests.figures import measures

BANDS = Bands.from_json(default_content())


def ranked(currency: str = "USD", **changes) -> list[Fracture]:
    found = measures(**changes)
    return fractures(scores(found, BANDS), found, BANDS, currency=currency)


def test_severity_times_money_ranks_the_fractures() -> None:
    found = {one.key: one for one in ranked()}
    # pipeline opened: 1,000,000 dollars; the euros are not converted
    assert found["definitions"].stake == Fraction(5, 14) * 1_000_000_00
    assert (found["definitions"].severity, found["definitions"].leverage) == (
        2,
        found["definitions"].stake / 5,
    )
    assert found["hygiene"].stake == 105 * Fraction(100_000_00, 500)
    assert found["attribution"].stake == 400_000_00
    assert [one.key for one in ranked()] == ["attribution", "definitions", "hygiene"]
    assert "conversion" not in found and "trust" not in found
    assert found["hygiene"].formula == "105 MQLs missed × USD 200 of pipeline per MQL of the window"


def test_trust_weighs_with_the_pipeline_of_a_quarter() -> None:
    [trust] = [one for one in ranked(trust=Trust(Fraction(25, 10), 9)) if one.key == "trust"]
    assert trust.stake == Fraction(1_000_000_00, 4)


@pytest.mark.parametrize(
    ("leads", "mqls", "sqls", "opened", "opportunities", "missing"),
    [
        (1000, 200, 180, 20, 20, Fraction(30)),  # 5% − 2% of 1000 leads
        (1000, 200, 60, 30, 50, Fraction(2, 5) * 200 * Fraction(30, 60)),  # 70% − 30% of 200 MQLs
        # more opportunities than SQLs: those of other leads are none of theirs
        (1000, 200, 10, 5, 60, (Fraction(7, 10) - Fraction(1, 20)) * 200 * Fraction(1, 2)),
        (1000, 200, 0, 0, 60, Fraction(0)),
    ],
)
def test_conversion_weighs_with_the_opportunities_missing_at_the_benchmark(
    leads: int, mqls: int, sqls: int, opened: int, opportunities: int, missing: Fraction
) -> None:
    reached = (("inquiry", leads), ("mql", mqls + 99), ("opportunity", opportunities))
    conversion = Conversion(
        tuple(State(key, key, count, "") for key, count in reached), mqls, sqls, opened, "", 0
    )
    [found] = [one for one in ranked(conversion=conversion) if one.key == "conversion"]
    assert found.stake == missing * Fraction(1_000_000_00, 80)  # the deals in dollars that have an amount


def test_averages_divide_by_the_deals_and_mqls_of_the_currency_that_is_counted() -> None:
    hygiene = Hygiene(
        "24 h", met=395, missed=105, recorded=450, pipeline={"USD": 100_000_00, "EUR": 900_000_00},
        with_deals={"USD": 20, "EUR": 110}, with_any_deal=120,
    )  # fmt: skip
    [found] = [one for one in ranked(hygiene=hygiene) if one.key == "hygiene"]
    assert found.stake == 105 * Fraction(100_000_00, 400)  # 500, without 100 that have deals in euros alone
    assert "(400, without those that have deals in other currencies alone)" in found.formula


def test_what_other_currencies_hold_is_told_apart() -> None:
    assert left_out({"EUR": 5, "USD": 7, "": 2, "CHF": 0}, "USD") == {"EUR": 5, "": 2}


def test_equal_leverage_is_said_and_the_lower_score_comes_first() -> None:
    nothing = Attribution({"agreed": 1, "both": 1}, {"agreed": {}, "both": {}})
    found = ranked(attribution=nothing, hygiene=Hygiene("24 h", met=1, missed=9, recorded=1))
    assert all(one.leverage == 0 and one.is_tied for one in found)
    assert [one.key for one in found] == ["hygiene", "attribution", "definitions"]
    assert not any(one.is_tied for one in ranked())


def test_of_equal_leverage_and_score_the_order_of_the_dimensions_decides() -> None:
    nothing = Attribution({"agreed": 0, "both": 1}, {"agreed": {}, "both": {}})
    found = ranked(
        attribution=nothing, agreement=Agreement(1, 0, 14, 0), hygiene=Hygiene("x", missed=1, recorded=1)
    )
    assert [one.key for one in found] == ["definitions", "hygiene", "attribution"]
    assert {one.tenths for one in found} == {10}


def test_amounts_in_the_organisations_currency_are_compared_else_those_of_one_that_has_some() -> None:
    assert currency_of({"EUR": 1, "USD": 2}, "USD") == "USD"
    assert currency_of({"EUR": 1, "CHF": 2}, "USD") == "CHF"
    assert currency_of({"": 5}, "USD") == "USD"
    assert {one.currency for one in ranked("EUR")} == {"EUR"}


@pytest.mark.parametrize(
    ("minor", "currency", "said", "string"),
    [
        (123_456, "USD", "USD 1,234.56", "1234.56"), (100_000, "EUR", "EUR 1,000", "1000.00"),
        (5000, "JPY", "JPY 5,000", "5000"), (1234, "KWD", "KWD 1.234", "1.234"), (100, "", "no currency 1", "1.00"),
    ],
)  # fmt: skip
def test_money_has_the_decimals_of_its_currency(minor: int, currency: str, said: str, string: str) -> None:
    assert (amount(minor, currency), decimal_string(minor, currency)) == (said, string)


def test_half_a_minor_unit_is_rounded_up() -> None:
    assert (rounded(Fraction(5, 2)), rounded(Fraction(24, 10)), rounded(Fraction(7, 2))) == (3, 2, 4)
