"""The vocabulary of facts: which fields each subject has, and how a sender's value becomes ours.

Values in a fact are JSON: text, whole numbers, booleans, ISO dates, ISO times with offset (UTC), amounts as
alignment.currencies states them, or null for 'cleared'. A field that is absent is unchanged.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any
from zoneinfo import ZoneInfo

from alignment.currencies import DoesNotFit, Stated, require_fit, stated
from alignment.intake.ids import one_form
from alignment.models import Disposition, DisqualificationReason, Subject, TouchFunction

Reader = Callable[[Any, ZoneInfo], Any]


class BadField(ValueError):
    """A value that cannot be read; `field` is ours, the message says what was found and what is wanted."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(f"{field}: {message}")
        self.field = field


def text(limit: int) -> Reader:
    def read(value: Any, zone: ZoneInfo) -> str:
        if isinstance(value, bool) or not isinstance(value, str | int | Decimal):
            raise ValueError("a text is wanted")
        found = str(value).strip()
        if len(found) > limit:
            raise ValueError(f"the text is longer than {limit} characters")
        return found

    return read


def whole(value: Any, zone: ZoneInfo) -> int:
    if isinstance(value, bool):
        raise ValueError("a whole number is wanted")
    try:
        number = Decimal(str(value).strip())
    except InvalidOperation as problem:
        raise ValueError(f"“{str(value)[:40]}” is not a whole number") from problem
    if (
        not number.is_finite()
        or abs(number.adjusted()) > 10
        or number != int(number)
        or abs(number) > 2 * 10**9
    ):
        raise ValueError(f"“{str(value)[:40]}” is not a whole number in range")
    return int(number)


def flag(value: Any, zone: ZoneInfo) -> bool:
    if isinstance(value, bool):
        return value
    if str(value).strip().lower() in {"true", "1", "yes"}:
        return True
    if str(value).strip().lower() in {"false", "0", "no"}:
        return False
    raise ValueError(f"“{str(value)[:40]}” is neither true nor false")


def instant(value: Any, zone: ZoneInfo) -> str:
    """ISO text to ISO in UTC. Without an offset it is in the source's zone; a bare date is its midnight."""
    if not isinstance(value, str):
        raise ValueError("a time is wanted, as 2026-03-02T14:05:11Z")
    try:
        found = datetime.fromisoformat(value.strip())
        found = found if found.tzinfo else found.replace(tzinfo=zone)
        found = found.astimezone(UTC)
    except (ValueError, OverflowError) as problem:
        raise ValueError(f"“{value[:40]}” is not a time; write 2026-03-02T14:05:11Z") from problem
    if not 1970 <= found.year <= 2200:
        raise ValueError(f"“{value[:40]}” is not a believable time")
    return found.isoformat()


def day(value: Any, zone: ZoneInfo) -> str:
    if not isinstance(value, str):
        raise ValueError("a date is wanted, as 2026-03-02")
    try:
        found = date.fromisoformat(value.strip()[:10])
    except ValueError as problem:
        raise ValueError(f"“{value[:40]}” is not a date; write 2026-03-02") from problem
    if not 1970 <= found.year <= 2200:
        raise ValueError(f"“{value[:40]}” is not a believable date")
    return found.isoformat()


def money(value: Any, zone: ZoneInfo) -> Stated:
    """Major units as facts state them; how many decimals there may be is for the currency to say (`check_amount`)."""
    if isinstance(value, bool):
        raise ValueError("an amount is wanted")
    try:
        amount = Decimal(str(value).strip())
    except InvalidOperation as problem:
        raise ValueError(f"“{str(value)[:40]}” is not an amount") from problem
    if not amount.is_finite() or abs(amount.adjusted()) > 15:
        raise ValueError(f"“{str(value)[:40]}” is not an amount")
    return stated(amount)


def check_amount(fields: Mapping[str, Any]) -> None:
    """That the amount has no more decimals than the currency that stands beside it, two where none does: they are
    refused, never rounded. Raises BadField."""
    amount = fields.get("amount")
    if amount is not None:
        try:
            require_fit(amount, fields.get("currency") or "")
        except DoesNotFit as problem:
            raise BadField("amount", str(problem)) from problem


def choice(choices: Any) -> Reader:
    allowed = set(choices.values)

    def read(value: Any, zone: ZoneInfo) -> str:
        found = str(value).strip().lower().replace(" ", "_").replace("-", "_")
        if found and found not in allowed:
            raise ValueError(
                f"“{str(value)[:40]}” is not one of {', '.join(sorted(allowed))}; map it to one of these"
            )
        return found

    return read


def reference(value: Any, zone: ZoneInfo) -> str:
    """The id of a record, in the one form under which it is kept."""
    return one_form(_id(value, zone))


def references(value: Any, zone: ZoneInfo) -> list[str]:
    if not isinstance(value, list):
        raise ValueError("a list of ids is wanted")
    return [reference(each, zone) for each in value]


_id = text(190)
FIELDS: Mapping[str, Mapping[str, Reader]] = {
    Subject.LEAD: {
        "email": text(254),
        "first_name": text(120),
        "last_name": text(120),
        "title": text(160),
        "phone": text(60),
        "company": text(200),
        "country": text(60),
        "segment": text(60),
        "channel": text(60),
        "intent": text(60),
        "product": text(60),
        "score": whole,
        "lifecycle": text(60),
        "status": text(60),
        "disposition": choice(Disposition),
        "reason": choice(DisqualificationReason),
        "owner": reference,
        "owner_name": text(120),
        "mql_at": instant,
        "opportunity": reference,
        "account": reference,
        "created_at": instant,
        "first_touch_at": instant,
        "is_deleted": flag,
    },
    Subject.TOUCH: {
        "lead": reference,
        "function": choice(TouchFunction),
        "channel": text(60),
        "subject": text(200),
        "outcome": text(40),
        "is_attempt": flag,
        "is_outbound": flag,
        "took_place": flag,
        "leads": references,
        "part_of": reference,
        "is_connected": flag,
        "person": reference,
        "person_name": text(120),
        "campaign": reference,
        "touched_at": instant,
        "is_deleted": flag,
    },
    Subject.OPPORTUNITY: {
        "name": text(200),
        "amount": money,
        "currency": text(3),
        "stage": text(80),
        "is_closed": flag,
        "is_won": flag,
        "close_on": day,
        "opened_at": instant,
        "lead": reference,
        "account": reference,
        "owner": reference,
        "owner_name": text(120),
        "is_deleted": flag,
    },
    Subject.CAMPAIGN: {"name": text(200), "channel": text(60), "is_deleted": flag},
    Subject.ACCOUNT: {"name": text(200), "domain": text(190), "is_deleted": flag},
}


def read_field(subject: str, field: str, value: Any, zone: ZoneInfo) -> Any:
    """The value in our form; None stays None and an empty text clears. Raises BadField."""
    if value is None or value == "":
        return None
    try:
        return FIELDS[subject][field](value, zone)
    except ValueError as problem:
        raise BadField(field, str(problem)) from problem
