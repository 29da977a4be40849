"""How times, lengths and shares are written: pages, mails and the API's texts say them the same way."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import SupportsFloat

from django.utils import timezone

MINUTE, HOUR, DAY = 60, 3600, 86400


def local_time(instant: datetime) -> str:
    """`instant` (aware) in the current zone, for places where the page names the zone: "21 Nov 2026, 14:05"."""
    local = timezone.localtime(instant)
    return f"{local.day} {local:%b %Y, %H:%M}"


def exact_time(instant: datetime) -> str:
    """`instant` (aware) in the current zone, which is named: "21 Nov 2026, 14:05 (Europe/Berlin)"."""
    return f"{local_time(instant)} ({timezone.get_current_timezone_name()})"


def weekday_time(instant: datetime, *, now: datetime) -> str:
    """`instant`, still to come, in the current zone: "today 14:05", "Monday 09:00", "Mon 30 Nov 09:00"."""
    local = timezone.localtime(instant)
    days = (local.date() - timezone.localtime(now).date()).days
    if days == 0:
        return f"today {local:%H:%M}"
    return f"{local:%A %H:%M}" if days < 7 else f"{local:%a} {local.day} {local:%b %H:%M}"


def in_words(key: object) -> str:
    """A key as it reads: "mid_market" is "mid market", and "smb", short and without a vowel, is "SMB"."""
    return " ".join(part.upper() if _is_abbreviation(part) else part for part in str(key).split("_"))


def _is_abbreviation(part: str) -> bool:
    return 1 < len(part) < 5 and part.isalpha() and part.islower() and not set(part) & set("aeiouy")


def ordinal(number: int) -> str:
    """1 is "1st", 12 is "12th", 23 is "23rd"."""
    last = number % 100 if 10 < number % 100 < 14 else number % 10
    return f"{number}{ {1: 'st', 2: 'nd', 3: 'rd'}.get(last, 'th') }"


def span(seconds: SupportsFloat | timedelta, *, days: bool = False) -> str:
    """A length in two units at most: "45 s", "4 min 10 s", "35 min", "2 h 5 min".

    Parts of the smallest unit are cut. Without `days` hours never become days, since a length of business
    time has no fixed day; with `days` (elapsed time) "3 d 4 h" from 48 hours on.
    """
    whole = int(seconds.total_seconds() if isinstance(seconds, timedelta) else float(seconds))
    sign, whole = ("-", -whole) if whole < 0 else ("", whole)
    if whole < MINUTE:
        parts = [(whole, "s")]
    elif whole < 10 * MINUTE:
        parts = [(whole // MINUTE, "min"), (whole % MINUTE, "s")]
    elif days and whole >= 2 * DAY:
        parts = [(whole // DAY, "d"), (whole % DAY // HOUR, "h")]
    else:
        parts = [(whole // HOUR, "h"), (whole % HOUR // MINUTE, "min")]
    said = [f"{count} {unit}" for count, unit in parts if count]
    return sign + (" ".join(said) or "0 s")


def relative(instant: datetime, *, now: datetime) -> str:
    """`instant` as seen from `now`: "in 2 h 5 min", "20 min ago", "now"."""
    seconds = int((instant - now).total_seconds())
    if seconds == 0:
        return "now"
    return f"in {span(seconds, days=True)}" if seconds > 0 else f"{span(-seconds, days=True)} ago"


def truncated_share(met: int, total: int, *, worse: str = "down") -> str:
    """ "85.7% (6 of 7)": one decimal, cut toward the worse side so that no limit looks kept that is not.

    `worse` is "down" where a high share is good and "up" where it is bad. Nothing of nothing is "no data".
    """
    if total <= 0:
        return "no data"
    tenths = met * 1000 // total if worse == "down" else -(-met * 1000 // total)
    return _said_share(tenths, met, total)


def rounded_share(met: int, total: int) -> str:
    """ "85.7% (6 of 7)": one decimal to the nearest, as a CRM's report has it, where no limit is at stake."""
    if total <= 0:
        return "no data"
    return _said_share((2000 * met + total) // (2 * total), met, total)


def _said_share(tenths: int, met: int, total: int) -> str:
    return f"{tenths // 10}.{tenths % 10}% ({met:,} of {total:,})"
