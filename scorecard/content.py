"""The content of a scorecard: what was measured, frozen as whole numbers and decimal strings, ready to be signed.

{"program": {"number": 1, "name": "…"}, "as_of": "2026-11-22T…Z", "as_of_on": "2026-11-22",
 "window": {"first": "2025-Q4", "last": "2026-Q3", "zone": "Europe/Berlin"},
 "dimensions": [{"key", "score" (tenths or null), "formula", "evidence", "why", "needs" (null or {"code", "text",
                 "url_name"}), "rates": [{"name", "numerator", "denominator"}], "figures": {…}}, … all five],
 "fractures": [{"key", "score", "severity" (tenths), "currency", "stake", "leverage" (decimal strings), "formula",
                "is_tied"}, … all, the highest leverage first],
 "currency": that in which fractures are compared, "left_out": {other currency: its pipeline, a decimal string},
 "sequence": {"rule", "sentence", "facilitation", "lines": […], "inputs": [{"label", "said", "origin"}]},
 "compared": null or {"version", "program", "signed_on", "scores": {key: tenths or null}, "notes": […]},
 "waivers": [see alignment.artifacts.waivers]}
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from alignment.artifacts.kinds import InvalidContent
from alignment.definitions.predicate import KEYS
from alignment.quarters import Quarter
from scorecard import bands
from scorecard.dimensions import LABELS, ORDER
from scorecard.leverage import Fracture, currency_of, decimal_string, left_out, rounded
from scorecard.measures import Measures, Money, Window
from scorecard.scoring import Scored, two_decimals
from scorecard.sequencing import Sequence as Steps
from scorecard.sequencing import track_of_rule

KIND = "scorecard"


def build(
    *,
    program: Mapping[str, Any],
    measures: Measures,
    scored: Sequence[Scored],
    fractures: Sequence[Fracture],
    steps: Steps,
    compared: Mapping[str, Any] | None,
    waivers: Sequence[Mapping[str, Any]],
    currency: str,
) -> dict[str, Any]:
    """All of it, complete or not: what is still to be done stands under `needs` of its dimension.

    `currency`: of the organisation.
    """
    figures = _figures(measures)
    pipeline = measures.attribution.pipeline
    counted = currency_of(pipeline, currency)
    window = measures.window
    return {
        "program": dict(program),
        "as_of": _instant(measures.at),
        "as_of_on": measures.at.astimezone(ZoneInfo(window.zone)).date().isoformat(),
        "window": {"first": window.first.key, "last": window.last.key, "zone": window.zone},
        "dimensions": [dimension(score, figures[score.key]) for score in scored],
        "fractures": [fracture(one) for one in fractures],
        "currency": counted,
        "left_out": _money(left_out(pipeline, counted)),
        "sequence": sequence_of(steps),
        "compared": dict(compared) if compared is not None else None,
        "waivers": [dict(waiver) for waiver in waivers],
    }


def compared_with(
    content: Mapping[str, Any],
    *,
    version: int,
    program: str,
    signed_on: str,
    now: Measures,
    other_grounds: Iterable[tuple[str, str, str]] = (),
) -> dict[str, Any]:
    """What the page says of the scorecard before: its scores, and what differs in how the two were measured.

    `program`: whose it was, where that is another program; else empty. `other_grounds`: kind, key and digest of what
    only one of the two rests on.
    """
    notes = []
    window, before = now.window, content["window"]
    if (before["first"], before["last"]) != (window.first.key, window.last.key):
        notes.append(
            f"It measured {Window(Quarter.read(before['first']), Quarter.read(before['last']), before['zone']).words}."
        )
    within = figures_of(content, "hygiene").get("within", "")
    if within and within != now.hygiene.within:
        notes.append(f"Its window was {within}.")
    if figures_of(content, "conversion").get("sql_means", "") != now.conversion.sql_means:
        notes.append("It counted SQLs another way.")
    others = {(kind, key) for kind, key, _ in other_grounds}
    if any(kind == bands.KIND for kind, _ in others):
        notes.append("It was scored by other bands.")
    if names := [name for key, (name, _) in KEYS.items() if ("definition", key) in others]:
        notes.append(f"Other definitions were in force, or none ({', '.join(names)}).")
    return {
        "version": version,
        "program": program,
        "signed_on": signed_on,
        "scores": {entry["key"]: entry["score"] for entry in content["dimensions"]},
        "notes": notes,
    }


def dimension_of(content: Mapping[str, Any], key: str) -> dict[str, Any]:
    """One dimension of a content; empty where it has none."""
    return next((dict(entry) for entry in content.get("dimensions", ()) if entry.get("key") == key), {})


def figures_of(content: Mapping[str, Any], key: str) -> dict[str, Any]:
    return dict(dimension_of(content, key).get("figures", {}))


def check(content: Mapping[str, Any]) -> None:
    """Raises InvalidContent unless all five dimensions are there, each with a score or the reason why it has none."""
    found = content.get("dimensions")
    if not isinstance(found, list) or [entry.get("key") for entry in found] != list(ORDER):
        raise InvalidContent("The scorecard was not measured yet: press “Measure” on its page.")
    problems = [
        f"{LABELS[entry['key']]} has neither a score nor a reason why it could not be measured. Measure again."
        for entry in found
        if entry["score"] is None and not entry["why"] and not entry["needs"]
    ]
    problems += [
        f"{LABELS[entry['key']]}: a score lies between 1.0 and 5.0."
        for entry in found
        if entry["score"] is not None and not 10 <= entry["score"] <= 50
    ]
    if track_of_rule(content.get("sequence", {}).get("rule", "")) is None:
        problems.append("The recommended sequence names no known rule. Measure again.")
    if problems:
        raise InvalidContent(*problems)


def dimension(score: Scored, figures: dict[str, Any]) -> dict[str, Any]:
    """One dimension, as the content keeps it."""
    return {
        "key": score.key,
        "score": score.tenths,
        "formula": score.formula,
        "evidence": score.evidence,
        "why": score.why,
        "needs": None
        if score.needs is None
        else {"code": score.needs.code, "text": score.needs.text, "url_name": score.needs.url_name},
        "rates": [
            {"name": rate.name, "numerator": rate.value.numerator, "denominator": rate.value.denominator}
            for rate in score.rates
        ],
        "figures": figures,
    }


def fracture(found: Fracture) -> dict[str, Any]:
    """One fracture, as the content keeps it."""
    return {
        "key": found.key,
        "score": found.tenths,
        "severity": found.severity,
        "currency": found.currency,
        "stake": decimal_string(rounded(found.stake), found.currency),
        "leverage": decimal_string(rounded(found.leverage), found.currency),
        "formula": found.formula,
        "is_tied": found.is_tied,
    }


def sequence_of(steps: Steps) -> dict[str, Any]:
    """The sequence, as the content keeps it."""
    inputs = [{"label": given.label, "said": given.said, "origin": given.origin} for given in steps.inputs]
    return {
        "rule": steps.rule,
        "sentence": steps.sentence,
        "facilitation": steps.facilitation,
        "lines": list(steps.track.lines),
        "inputs": inputs,
    }


def _figures(found: Measures) -> dict[str, dict[str, Any]]:
    return {
        "definitions": {
            "round": found.agreement.round,
            "same": found.agreement.same,
            "different": found.agreement.different,
            "unknown": found.agreement.unknown,
        },
        "hygiene": {
            "within": found.hygiene.within,
            "met": found.hygiene.met,
            "missed": found.hygiene.missed,
            "running": found.hygiene.running,
            "unassigned": found.hygiene.unassigned,
            "recorded": found.hygiene.recorded,
            "pipeline": _money(found.hygiene.pipeline),
            "with_deals": dict(found.hygiene.with_deals),
            "with_any_deal": found.hygiene.with_any_deal,
        },
        "conversion": {
            "states": {state.key: state.reached for state in found.conversion.states},
            "mqls": found.conversion.mqls,
            "sqls": found.conversion.sqls,
            "sqls_opened": found.conversion.sqls_opened,
            "sql_means": found.conversion.sql_means,
            "young": found.conversion.young,
        },
        "attribution": {
            "counts": dict(found.attribution.counts),
            "money": {name: _money(money) for name, money in found.attribution.money.items()},
            "without_amount": found.attribution.without_amount,
            "deals": dict(found.attribution.deals),
            "lists": dict(found.attribution.lists),
        },
        "trust": {
            "answers": found.trust.answers,
            "mean_tenths": None if found.trust.mean is None else int(found.trust.mean * 10),
            "between": [two_decimals(end) for end in found.trust.between] if found.trust.between else None,
            "survey": found.trust.survey,
        },
    }


def _money(money: Money) -> dict[str, str]:
    return {currency: decimal_string(amount, currency) for currency, amount in money.items()}


def _instant(at: datetime) -> str:
    return at.astimezone(ZoneInfo("UTC")).isoformat(timespec="seconds").replace("+00:00", "Z")
