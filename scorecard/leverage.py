"""Which fractures weigh most: severity × money at stake, exact, with the calculation in words.

Severity is how far a score lies under 3.0. The money at stake is another figure for each dimension (see `_stake`);
only amounts in one currency are compared, and none are converted.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction

from alignment import currencies
from scorecard import bands as rates
from scorecard.bands import Bands
from scorecard.dimensions import ATTRIBUTION, CONVERSION, DEFINITIONS, FRACTURE, HYGIENE, ORDER
from scorecard.measures import Measures, Money
from scorecard.scoring import Scored, percent

MOST = 3


@dataclass(frozen=True)
class Fracture:
    """`severity` in tenths (1 to 20); `stake` and `leverage` exact, in minor units of `currency`; `formula` in words.
    `is_tied`: another fracture has the same leverage, so that the lower score, then the order of dimensions, decides.
    """

    key: str
    tenths: int
    severity: int
    currency: str
    stake: Fraction
    formula: str
    is_tied: bool = False

    @property
    def leverage(self) -> Fraction:
        return Fraction(self.severity, 10) * self.stake


def fractures(scored: Iterable[Scored], measures: Measures, bands: Bands, *, currency: str) -> list[Fracture]:
    """All fractures, the highest leverage first; of equal ones the lower score, then the order of dimensions.

    `currency`: of the organisation; amounts in it are compared, or where there are none in the alphabet's first one.
    """
    counted = currency_of(measures.attribution.pipeline, currency)
    found = []
    for score in scored:
        if score.tenths is None or not score.is_fracture:
            continue
        stake, formula = _stake(score, measures, bands, counted)
        found.append(Fracture(score.key, score.tenths, FRACTURE - score.tenths, counted, stake, formula))
    found.sort(key=lambda one: (-one.leverage, one.tenths, ORDER.index(one.key)))
    leverages = [one.leverage for one in found]
    return [
        Fracture(one.key, one.tenths, one.severity, one.currency, one.stake, one.formula, True)
        if leverages.count(one.leverage) > 1
        else one
        for one in found
    ]


def currency_of(pipeline: Money, wanted: str) -> str:
    """The currency in which fractures are compared."""
    if wanted in pipeline:
        return wanted
    return min((currency for currency in pipeline if currency), default=wanted)


def left_out(pipeline: Money, counted: str) -> dict[str, int]:
    """Pipeline that no leverage counts, as it is in other currencies."""
    return {currency: amount for currency, amount in pipeline.items() if currency != counted and amount}


def _stake(score: Scored, measures: Measures, bands: Bands, currency: str) -> tuple[Fraction, str]:
    pipeline = Fraction(measures.attribution.pipeline.get(currency, 0))
    opened = f"{amount(pipeline, currency)} of pipeline opened in the window"
    if score.key == DEFINITIONS:
        share = 1 - score.rates[0].value
        return pipeline * share, f"{opened} × {percent(share)} of questions not answered the same"
    if score.key == HYGIENE:
        return _of_hygiene(measures, currency)
    if score.key == CONVERSION:
        return _of_conversion(score, measures, bands, currency)
    if score.key == ATTRIBUTION:
        disputed = Fraction(measures.attribution.in_dispute.get(currency, 0))
        return (
            disputed,
            f"{amount(disputed, currency)} of pipeline whose claims do not agree with the first touch",
        )
    quarters = measures.window.quarters
    return pipeline / quarters, f"{opened} ÷ {quarters} quarters: trust has no amount of its own"


def _of_hygiene(measures: Measures, currency: str) -> tuple[Fraction, str]:
    """MQLs whose leads have deals in other currencies alone bring no pipeline in this one, and do not thin it out."""
    found = measures.hygiene
    crossed = found.crossed_of(currency)
    per_mql = Fraction(found.pipeline.get(currency, 0), crossed) if crossed else Fraction(0)
    said = f"{found.missed:,} MQLs missed × {amount(per_mql, currency)} of pipeline per MQL of the window"
    if crossed != found.crossed:
        said += f" ({crossed:,}, without those that have deals in other currencies alone)"
    return found.missed * per_mql, said


def _of_conversion(score: Scored, measures: Measures, bands: Bands, currency: str) -> tuple[Fraction, str]:
    """Opportunities that would be there at the benchmark of the lower rate × their average amount."""
    found = measures.conversion
    lower = min(score.rates, key=lambda rate: rate.position)
    gap = max(bands.benchmark(lower.name) - lower.value, Fraction(0))
    deals = measures.attribution.deals.get(currency, 0)
    average = Fraction(measures.attribution.pipeline.get(currency, 0), deals) if deals else Fraction(0)
    if lower.name == rates.LEAD_TO_OPPORTUNITY:
        missing, of = gap * found.leads, f"{found.leads:,} leads"
    else:
        per_sql = Fraction(found.sqls_opened, found.sqls) if found.sqls else Fraction(0)
        missing = gap * found.mqls * per_sql
        of = f"{found.mqls:,} leads with an MQL cycle × {percent(per_sql)} of SQLs that became opportunities"
    said = f"{percent(gap)} under the benchmark × {of} × {amount(average, currency)} per opportunity with an amount"
    return missing * average, said


def rounded(value: Fraction) -> int:
    """Minor units to the nearest, half up."""
    return (2 * value.numerator + value.denominator) // (2 * value.denominator)


def amount(minor: Fraction | int, currency: str) -> str:
    """As people read it: "EUR 1,234.50", without decimals where they are zero."""
    digits = currencies.digits_of(currency)
    shown = Decimal(rounded(Fraction(minor))).scaleb(-digits)
    said = f"{shown:,.{digits}f}"
    whole, _, rest = said.partition(".")
    return f"{currency or 'no currency'} {said if rest.strip('0') else whole}"


def decimal_string(minor: int, currency: str) -> str:
    """An amount in major units as a decimal string, as artifacts keep it: "1234.50"."""
    digits = currencies.digits_of(currency)
    return f"{Decimal(minor).scaleb(-digits):.{digits}f}"
