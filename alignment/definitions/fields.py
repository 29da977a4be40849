"""Which fields of a record a definition may ask about, by subject: what the rows of its predicate are made of."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from alignment.models import Disposition, DisqualificationReason, TouchFunction


class FieldType(StrEnum):
    """Text and choices are compared without regard to case; money in major units of its own currency."""

    TEXT = "text"
    CHOICE = "choice"
    NUMBER = "number"
    MONEY = "money"
    FLAG = "flag"
    MOMENT = "moment"
    DAY = "day"


@dataclass(frozen=True)
class Field:
    """One field. `name` stands in signed content and never changes; `path` leads to it from the subject's model, parts
    joined by two underscores; `currency`: the path of the currency beside an amount. `choices`: the values there are,
    with their labels. `blank`: values that say as little as an empty field."""

    name: str
    label: str
    type: FieldType
    path: str
    choices: tuple[tuple[str, str], ...] = ()
    blank: frozenset[str] = frozenset()
    currency: str = ""


def _text(name: str, label: str, path: str = "") -> Field:
    return Field(name, label, FieldType.TEXT, path or name)


_FUNCTIONS = tuple((f.value, str(f.label)) for f in TouchFunction if f is not TouchFunction.UNKNOWN)
_LEAD = (
    _text("title", "Title"),
    _text("segment", "Segment"),
    _text("country", "Country"),
    _text("company", "Company"),
    _text("account", "Account that it was matched with", "matched_account__name"),
    _text("intent", "Intent"),
    _text("product", "Product"),
    Field("score", "Score", FieldType.NUMBER, "score"),
    _text("channel", "Channel"),
    Field("sourced_function", "Sourced by", FieldType.CHOICE, "sourced_function", _FUNCTIONS,
          frozenset({TouchFunction.UNKNOWN.value})),
    Field("first_touch_at", "First touch", FieldType.MOMENT, "first_touch__touched_at"),
    Field("created_at", "Created in the CRM", FieldType.MOMENT, "crm_created_at"),
    _text("lifecycle", "Lifecycle stage"),
    _text("status", "Status in the CRM"),
    _text("email", "E-mail"),
    _text("email_domain", "Domain of the e-mail", "domain_key"),
    _text("phone", "Phone"),
    _text("first_name", "First name"),
    _text("last_name", "Last name"),
    _text("crm_owner", "Owner in the CRM", "crm_owner__name"),
)  # fmt: skip
_OPPORTUNITY = (
    _text("name", "Name"),
    Field("amount", "Amount", FieldType.MONEY, "amount_minor", currency="currency"),
    _text("currency", "Currency"),
    _text("stage", "Stage"),
    Field("is_closed", "Closed", FieldType.FLAG, "is_closed"),
    Field("is_won", "Won", FieldType.FLAG, "is_won"),
    Field("close_on", "Close date", FieldType.DAY, "close_on"),
    Field("opened_at", "Opened", FieldType.MOMENT, "opened_at"),
    _text("account", "Account", "account__name"),
    _text("owner", "Owner", "owner__name"),
)


def _below(prefix: str, label: str, path: str, fields: Iterable[Field]) -> tuple[Field, ...]:
    """The fields of a related record, as fields of the subject."""
    return tuple(
        Field(
            f"{prefix}.{field.name}",
            f"{label}: {field.label[0].lower() + field.label[1:]}",
            field.type,
            f"{path}__{field.path}",
            field.choices,
            field.blank,
            f"{path}__{field.currency}" if field.currency else "",
        )
        for field in fields
    )


_CYCLE = (
    Field("disposition", "Disposition", FieldType.CHOICE, "disposition",
          tuple((d.value, str(d.label)) for d in Disposition)),
    Field("reason", "Disqualification reason", FieldType.CHOICE, "reason",
          tuple((r.value, str(r.label)) for r in DisqualificationReason)),
    Field("accepted_at", "Accepted by sales", FieldType.MOMENT, "accepted_at"),
    Field("first_follow_up_at", "First follow-up", FieldType.MOMENT, "first_follow_up_at"),
    Field("attempts", "Attempts", FieldType.NUMBER, "attempts"),
    Field("crossed_at", "Became an MQL", FieldType.MOMENT, "crossed_at"),
    _text("owner", "Owner", "owner__name"),
    _text("opportunity", "Linked opportunity", "opportunity__external_id"),
)  # fmt: skip

LEAD, CYCLE, OPPORTUNITY = "lead", "cycle", "opportunity"
SUBJECT_LABELS = {LEAD: "leads", CYCLE: "MQLs", OPPORTUNITY: "opportunities"}
FIELDS: Mapping[str, Mapping[str, Field]] = {
    subject: {field.name: field for field in fields}
    for subject, fields in {
        LEAD: _LEAD,
        CYCLE: (
            *_CYCLE,
            *_below("lead", "Lead", "lead", _LEAD),
            *_below("opportunity", "Opportunity", "opportunity", _OPPORTUNITY[1:8]),
        ),
        OPPORTUNITY: (*_OPPORTUNITY, *_below("lead", "Lead", "lead", _LEAD)),
    }.items()
}
