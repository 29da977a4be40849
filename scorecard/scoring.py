"""From measures to scores: five dimensions by the signed bands, each with the formula that was used and its figures."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from alignment.wording import rounded_share
from scorecard import bands as rates
from scorecard.bands import Bands, half_up, tenths
from scorecard.dimensions import ATTRIBUTION, CONVERSION, DEFINITIONS, FRACTURE, HYGIENE, TRUST
from scorecard.measures import Agreement, Attribution, Conversion, Hygiene, Measures, Trust


@dataclass(frozen=True)
class Need:
    """What has to be done before a dimension can be measured: sending waits for it. `url_name`: where."""

    code: str
    text: str
    url_name: str


@dataclass(frozen=True)
class Rate:
    """One figure that was scored: `value` exact, `position` its exact score, `said` the figure in words."""

    name: str
    value: Fraction
    position: Fraction
    said: str


@dataclass(frozen=True)
class Scored:
    """One dimension. `tenths` 10 to 50; None where it could not be measured: then either `needs` says what is to be
    done first, or `why` says why there can be no figure. `formula` shows the calculation, `evidence` what lies behind.
    """

    key: str
    tenths: int | None
    formula: str
    evidence: str
    rates: tuple[Rate, ...] = ()
    needs: Need | None = None
    why: str = ""

    @property
    def is_fracture(self) -> bool:
        return self.tenths is not None and self.tenths < FRACTURE


def scores(measures: Measures, bands: Bands) -> tuple[Scored, ...]:
    """All five, in the order of the dimensions."""
    return (
        _definitions(measures.agreement, bands),
        _hygiene(measures.hygiene, bands),
        _conversion(measures.conversion, bands),
        _attribution(measures.attribution, bands),
        _trust(measures.trust, bands),
    )


def _definitions(found: Agreement, bands: Bands) -> Scored:
    if found.round is None or found.waiting or not found.questions:
        text = (
            "Open the questions and name who answers for sales and for marketing."
            if found.round is None
            else f"The questions still have to be answered by {_listed(found.waiting)}."
        )
        return _missing(DEFINITIONS, Need("answers", text, "scorecard:questions"))
    rate = _rate(rates.SHARE_SAME, found.same, found.questions, bands)
    evidence = f"{found.different} were answered differently, {found.unknown} not known to one or both."
    return _scored(DEFINITIONS, rate, f"Questions answered the same: {_explained(rate, bands)}", evidence)


def _hygiene(found: Hygiene, bands: Bands) -> Scored:
    if not found.crossed:
        return _unmeasured(HYGIENE, "No MQL crossed in the window.")
    if not found.recorded:
        return _unmeasured(
            HYGIENE,
            f"None of the {found.crossed:,} MQLs has a recorded follow-up: the history that was imported tells of "
            "none, which is not the same as nobody having followed up.",
        )
    if not found.due:
        return _unmeasured(HYGIENE, f"None of the {found.crossed:,} MQLs is due yet.")
    rate = _rate(rates.FOLLOWED_UP, found.met, found.due, bands)
    evidence = f"Window: {found.within}."
    if found.unassigned:
        evidence += f" {found.unassigned:,} of the {found.missed:,} missed were assigned to nobody."
    if found.running:
        evidence += f" {found.running:,} more are not due yet and left out."
    return _scored(HYGIENE, rate, f"MQLs attempted or closed in time: {_explained(rate, bands)}", evidence)


def _conversion(found: Conversion, bands: Bands) -> Scored:
    if not found.leads:
        return _unmeasured(CONVERSION, "No lead was created in the window.")
    known = [_rate(rates.LEAD_TO_OPPORTUNITY, found.opportunities, found.leads, bands)]
    said = [f"Lead to opportunity: {_explained(known[0], bands)}"]
    if found.mqls and found.sqls is not None:
        known.append(_rate(rates.MQL_TO_SQL, found.sqls, found.mqls, bands))
        said.append(f"MQL cycle to SQL ({found.sql_means}): {_explained(known[1], bands)}")
        said.append("The lower score counts")
    elif found.mqls:
        said.append("MQL to SQL is not known: no SQL definition is signed, and no acceptance is recorded")
    lower = min(known, key=lambda rate: rate.position)
    young = f" {found.young:,} leads had fewer than 90 days: may still rise." if found.young else ""
    return Scored(
        CONVERSION,
        tenths(lower.position),
        ". ".join(said) + ".",
        f"{stall_of(found, bands)}{young}",
        tuple(known),
    )


def stall_of(found: Conversion, bands: Bands) -> str:
    """Where leads stall: the larger shortfall against a benchmark, in words, relative to the benchmark."""
    short = []
    pairs = [(rates.LEAD_TO_OPPORTUNITY, found.opportunities, found.leads, "lead to opportunity")]
    if found.mqls and found.sqls is not None:
        pairs.append((rates.MQL_TO_SQL, found.sqls, found.mqls, "MQL to SQL"))
    for name, part, total, label in pairs:
        benchmark = bands.benchmark(name)
        if benchmark and (missing := 1 - Fraction(part, total) / benchmark) > 0:
            short.append((missing, label, benchmark))
    if not short:
        return "Nowhere under a benchmark."
    missing, label, benchmark = max(short, key=lambda entry: entry[0])
    return f"They stall from {label}: {percent(missing)} under the {percent(benchmark)} of the benchmark."


def _attribution(found: Attribution, bands: Bands) -> Scored:
    if not found.opportunities:
        return _unmeasured(ATTRIBUTION, "No opportunity was opened in the window.")
    if found.missing:
        text = f"Import the list of opportunities claimed by {_listed(found.missing)}."
        return _missing(ATTRIBUTION, Need("claims", text, "scorecard:claims"))
    rate = _rate(rates.AGREED_SOURCE, found.counts.get("agreed", 0), found.opportunities, bands)
    return _scored(ATTRIBUTION, rate, f"Claims agree with the first touch: {_explained(rate, bands)}", "")


def _trust(found: Trust, bands: Bands) -> Scored:
    if found.mean is None:
        if found.is_closed:
            return _unmeasured(TRUST, found.why)
        return _missing(
            TRUST, Need("survey", found.why or "Run the survey of both teams.", "scorecard:survey")
        )
    said = f"{two_decimals(found.mean)} of 5"
    evidence = f"Mean of five questions over {found.answers:,} anonymous answers."
    if found.between:
        low, high = (two_decimals(end) for end in found.between)
        said = f"between {low} and {high}, scored by its middle, {said},"
        evidence += (
            f" {found.ranges} of the five {'is' if found.ranges == 1 else 'are'} published as a range only."
        )
    rate = Rate(rates.TRUST_MEAN, found.mean, bands.position(rates.TRUST_MEAN, found.mean), said)
    what = "Survey" if found.between else "Mean of the survey"
    return _scored(TRUST, rate, f"{what}: {_explained(rate, bands)}", evidence)


def _rate(name: str, part: int, total: int, bands: Bands) -> Rate:
    value = Fraction(part, total)
    return Rate(name, value, bands.position(name, value), rounded_share(part, total))


def _scored(key: str, rate: Rate, formula: str, evidence: str) -> Scored:
    return Scored(key, tenths(rate.position), f"{formula}.", evidence, (rate,))


def _missing(key: str, need: Need) -> Scored:
    return Scored(key, None, "", "", needs=need)


def _unmeasured(key: str, why: str) -> Scored:
    return Scored(key, None, "", "", why=why)


def _explained(rate: Rate, bands: Bands) -> str:
    """ "64.3% (9 of 14) between 50% for 2 and 67% for 3 is 2.8"."""
    steps, value = bands.thresholds[rate.name], rate.value
    score = tenths(rate.position)
    shown = f"{score // 10}.{score % 10}"
    if (line := half_up(rate.position)) != score:
        shown += f" (under {line // 10}.{line % 10}, so not rounded up to it)"

    def said(step: Fraction) -> str:
        return two_decimals(step) if rate.name == rates.TRUST_MEAN else percent(step)

    if value <= steps[0]:
        return f"{rate.said}, at or under {said(steps[0])}, is {shown}"
    if value >= steps[-1]:
        return f"{rate.said}, at or over {said(steps[-1])}, is {shown}"
    below = int(rate.position) - 1
    if value == steps[below]:
        return f"{rate.said} is just what earns {shown}"
    return (
        f"{rate.said} between {said(steps[below])} for {below + 1} and {said(steps[below + 1])} for {below + 2} "
        f"is {shown}"
    )


def percent(value: Fraction) -> str:
    """To one decimal, to the nearest: "67%", "6.5%"."""
    found = (2000 * value.numerator + value.denominator) // (2 * value.denominator)
    return f"{found // 10}%" if found % 10 == 0 else f"{found // 10}.{found % 10}%"


def two_decimals(value: Fraction) -> str:
    """To the nearest hundredth, without trailing zeros: "3.46", "3.5", "3"."""
    found = (200 * value.numerator + value.denominator) // (2 * value.denominator)
    return f"{found // 100}.{found % 100:02}".rstrip("0").rstrip(".")


def _listed(names: tuple[str, ...]) -> str:
    return " and ".join(names)
