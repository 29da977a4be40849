"""What one record of an export states, by kind of export: drafts of facts, dated where the export dates them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from alignment.currencies import KNOWN, DoesNotFit, Stated, require_fit
from alignment.importing.columns import STAGE
from alignment.importing.fields import ID
from alignment.importing.mapping import ImportMapping
from alignment.importing.problems import BadRecord
from alignment.importing.times import DayAlone
from alignment.intake.ids import origin_of, within
from alignment.intake.mapping import Mapping
from alignment.models import Subject, TouchFunction


@dataclass(frozen=True, slots=True)
class Draft:
    """A fact to be: `fields` in the vocabulary of facts; `occurred_at` in UTC, None for the file's as-of time."""

    subject: str
    external_id: str
    fields: dict[str, Any]
    occurred_at: datetime | None


# texts, not members of Subject: looked up for every row
LEAD, TOUCH, OPPORTUNITY = Subject.LEAD.value, Subject.TOUCH.value, Subject.OPPORTUNITY.value
_TIMES_OF_CYCLE = ("mql_at", "assigned_at", "followed_up_at", "accepted_at", "disposed_at")
Values = dict[str, Any]
Drafter = Callable[[Values], list[Draft]]


def drafter_of(mapping: ImportMapping) -> Drafter:
    """How a record's values become drafts; it takes the dictionary over. Raises BadRecord."""
    if mapping.kind == "lead":
        return lambda values: lead_drafts(values, mapping.source)
    if mapping.kind == "cycle":
        return cycle_drafts
    if mapping.kind == "touch":
        is_member = ID not in mapping.columns and not mapping.id_from
        return lambda values: touch_drafts(values, mapping.source, is_member=is_member)
    if mapping.kind == "opportunity":
        stages = [(STAGE + header, stage) for header, stage in mapping.stage_columns.items()]
        return lambda values: opportunity_drafts(values, mapping, stages)
    if mapping.kind == "stage":
        return lambda values: stage_drafts(values, mapping)
    subject = mapping.shape.subject
    return lambda values: [Draft(subject, _id(values), values, values.pop("updated_at", None))]


def lead_drafts(values: Values, source: Mapping) -> list[Draft]:
    """The lead as the export has it, the touch that its origin proves, and its opportunity's link to it."""
    lead = _id(values)
    at = values.pop("updated_at", None)
    _begin_at_crossing(values)
    if "status" in values:
        values["is_closed"] = (values["status"] or "").lower() in source.closed_statuses
    drafts = [Draft(LEAD, lead, values, at)]
    channel, touched = values.get("channel"), values.get("first_touch_at") or values.get("created_at")
    if channel or touched:
        touch: Values = {"lead": lead, "subject": "Origin recorded by the CRM"}
        if "channel" in values:
            touch |= {"channel": channel or "", "function": str(source.function_of(channel))}
        if touched:
            touch["touched_at"] = touched
        drafts.append(Draft(TOUCH, origin_of(lead), touch, at))
    return drafts + _link(values, lead, at)


def cycle_drafts(values: Values) -> list[Draft]:
    """One pass of a lead through the handoff, told by its times; a lead may have several rows."""
    lead = values.pop("lead", None)
    if not lead:
        raise BadRecord("no_id", "The record names no lead.")
    if not values.get("mql_at"):
        raise BadRecord("no_time", "The record does not say when the lead became an MQL (mql_at).")
    _begin_at_crossing(values)
    at = values.pop("updated_at", None) or _last_told(values)
    return [Draft(LEAD, lead, values, at), *_link(values, lead, at)]


def _begin_at_crossing(values: Values) -> None:
    """A day without a time that is the day of the MQL date cannot have begun before it: it is that instant. Of the
    disposition the day is kept: what was done on it was done before."""
    crossed, disposed = values.get("mql_at"), values.get("disposed_at")
    for name in _TIMES_OF_CYCLE[1:]:
        told = values.get(name)
        if crossed and isinstance(told, DayAlone) and told.is_day_of(crossed):
            values[name] = crossed
    if isinstance(disposed, DayAlone):
        values["disposed_day"] = [values["disposed_at"], disposed.until]


def _last_told(values: Values) -> datetime | None:
    """The last thing that a cycle's row tells of happened then: what was true of the lead in an old cycle must not
    pass for its present. An ending without a date holds as of the file's time."""
    if values.get("disposition") and not values.get("disposed_at"):
        return None
    return max(datetime.fromisoformat(values[name]) for name in _TIMES_OF_CYCLE if values.get(name))


def touch_drafts(values: Values, source: Mapping, *, is_member: bool) -> list[Draft]:
    """One dated interaction. A campaign member (`is_member`) is named by campaign and lead, and one who never
    responded is no touch: its row states nothing.
    """
    leads = (values.get("lead") or "").split(";")
    if is_member:
        if not values.get("campaign") or not leads[0]:
            raise BadRecord("no_id", "The record names no campaign or no lead.")
        if not values.get("touched_at"):
            return []
        touch = within(values["campaign"], leads[0])
    else:
        touch = _id(values)
        if not values.get("touched_at") and not values.get("is_deleted"):
            raise BadRecord("no_time", "The record does not say when the touch took place (touched_at).")
    at = values.pop("updated_at", None)
    values["lead"] = leads[0] or None
    if not values.get("function"):
        values["function"] = _function(values, source)
    touched = values.get("touched_at")
    if isinstance(touched, DayAlone) and values["function"] == TouchFunction.SALES:
        values["touched_day"] = [touched, touched.until]
    if values.get("is_attempt") and values["function"] != TouchFunction.SALES:
        raise BadRecord("bad_value", "is_attempt: only touches of sales are attempts.")
    if len(leads) == 1:
        return [Draft(TOUCH, touch, values, at)]
    values["leads"] = leads
    parts = [Draft(TOUCH, within(touch, lead), {"lead": lead, "part_of": touch}, at) for lead in leads[1:]]
    return [Draft(TOUCH, touch, values, at), *parts]


def opportunity_drafts(values: Values, mapping: ImportMapping, stages: list[tuple[str, str]]) -> list[Draft]:
    """The opportunity as the export has it, with its present stage, and each stage that it entered, dated.

    What it is now holds as of `updated_at`, else of the file's time; since when it is in its stage or closed is a
    field of that: `stage_at`, `closed_at`, or of a date without a time of day `stage_day`, `closed_day`.
    """
    opportunity = _id(values)
    at = values.pop("updated_at", None)
    if not values.get("lead", True):
        del values[
            "lead"
        ]  # the lead's own row may name the opportunity: an export without the link cuts none
    _settle_currency(values, mapping.currency)
    entered = sorted(
        (found[0], n, stage) for n, (key, stage) in enumerate(stages) if (found := values.pop(key, None))
    )
    closed_at, stage_at = values.pop("closed_at", None), values.pop("stage_at", None)
    if values.get("stage"):
        _staged(values, mapping.source)
        if stage_at:
            values |= _since("stage", stage_at)
    else:
        values.pop("stage", None)
    if closed_at and (values.get("is_closed") or values.get("is_won")):
        values |= _since("closed", closed_at)
    return [
        *(
            Draft(OPPORTUNITY, opportunity, _staged({"stage": stage}, mapping.source), moment)
            for moment, _, stage in entered
        ),
        Draft(OPPORTUNITY, opportunity, values, at),
    ]


def _since(what: str, stated: tuple[datetime, bool]) -> Values:
    since, is_day = stated
    return {f"{what}_{'day' if is_day else 'at'}": since.isoformat()}


def stage_drafts(values: Values, mapping: ImportMapping) -> list[Draft]:
    """One entry of an opportunity into a stage."""
    opportunity = _id(values)
    if not values.get("stage"):
        raise BadRecord("no_stage", "The record names no stage.")
    moment = values.pop("stage_at", None)
    if not moment:
        raise BadRecord("no_time", "The record does not say when the stage was entered (stage_at).")
    _settle_currency(values, mapping.currency)
    return [Draft(OPPORTUNITY, opportunity, _staged(values, mapping.source), moment[0])]


def _id(values: Values) -> str:
    found: str | None = values.pop(ID, None)
    if not found:
        raise BadRecord("no_id", "The record has no id: fill its cell, or name other columns in id_from.")
    return found


def _link(values: Values, lead: str, at: datetime | None) -> list[Draft]:
    opportunity = values.get("opportunity")
    return [Draft(OPPORTUNITY, opportunity, {"lead": lead}, at)] if opportunity else []


def _function(values: Values, source: Mapping) -> str:
    """Whose touch it is, where the record does not say: an attempt or outbound is of sales, else by the channel."""
    if values.get("is_attempt") or values.get("is_outbound"):
        return TouchFunction.SALES.value
    if values.get("is_outbound") is False:
        return TouchFunction.OTHER.value
    return str(source.function_of(values.get("channel")))


def _staged(fields: Values, source: Mapping) -> Values:
    """With what the stage says about closing, where the record does not say it and the source tells its stages."""
    stage = (fields["stage"] or "").lower()
    if source.won_stages | source.lost_stages:
        is_won = stage in source.won_stages
        if fields.get("is_won") is None:
            fields["is_won"] = is_won
        if fields.get("is_closed") is None:
            fields["is_closed"] = is_won or stage in source.lost_stages
    return fields


def _settle_currency(values: Values, default: str) -> None:
    """The amount as facts state it, and its currency: as the record says, else the mapping, else the sign in the cell.

    An amount with more decimals than its currency has is refused, never rounded.
    """
    priced = values.get("amount")
    if priced is None:
        return
    if not isinstance(priced, tuple):
        _require_fit(priced, values.get("currency"))
        return
    values["amount"], amount = priced
    currency = values.get("currency") or default or amount.code
    if not currency:
        if amount.currency == "¥":
            raise BadRecord(
                "bad_currency", "The sign ¥ may be JPY or CNY: state the currency in the mapping."
            )
        _require_fit(values["amount"], "")
        return
    if currency == amount.code and currency not in KNOWN:
        raise BadRecord(
            "bad_currency", f"The amount is written in “{currency}”, which is no code of a currency."
        )
    if not amount.fits(currency):
        raise BadRecord(
            "bad_currency",
            f"The amount is written in {amount.currency}, but its currency is {currency}: correct one.",
        )
    _require_fit(values["amount"], currency)
    values["currency"] = currency


def _require_fit(amount: Stated, currency: str | None) -> None:
    try:
        require_fit(amount, currency or "")
    except DoesNotFit as problem:
        raise BadRecord("bad_value", f"{problem}: correct the amount or its currency.") from problem
