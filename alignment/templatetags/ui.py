"""Template tags and filters of every page: times, shares, badges, figures. No `load` needed.

Times are shown in the current zone (the viewer's, else the organisation's). The exact time names the zone on
hover and for screen readers only: the foot of each page names it once for all. A page that passes `now` in its
context is shown as of then; else the clock is read.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from fractions import Fraction
from typing import Any

from django import template
from django.template.loader_tags import BLOCK_CONTEXT_KEY
from django.templatetags.static import static
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe

from alignment import access, charts, navigation
from alignment.models import User
from alignment.queries.notifications import unread_count
from alignment.wording import (
    exact_time,
    in_words,
    local_time,
    ordinal,
    relative,
    rounded_share,
    span,
    truncated_share,
    weekday_time,
)

register = template.Library()
Context = template.Context

SPRITE = "vendor/tabler-icons-3.51.0/sprite.svg"
NOTHING = mark_safe(
    '<span class="text-secondary"><span aria-hidden="true">–</span>'
    '<span class="visually-hidden">none</span></span>'
)

# look -> (class of the badge, icon). Colour never stands alone.
LOOKS = {
    "ok": ("bg-green-lt", "circle-check"),
    "warning": ("bg-yellow-lt", "alert-triangle"),
    "danger": ("bg-red-lt", "circle-x"),
    "info": ("bg-blue-lt", "info-circle"),
    "neutral": ("bg-secondary-lt", "circle-dashed"),
    "running": ("bg-blue-lt", "clock"),
    "held": ("bg-yellow-lt", "scale"),
    "paused": ("bg-secondary-lt", "player-pause"),
    "locked": ("bg-secondary-lt", "lock"),
}
KINDS = {
    state: look
    for look, states in {
        "ok": ("met", "signed", "passed", "accepted", "converted", "active", "done", "in_force", "alive"),
        "danger": ("missed", "breached", "overdue", "failed", "rejected", "error", "declined"),
        "warning": ("blocked", "disqualified", "incomplete", "late", "expired", "unassigned"),
        "running": ("open", "working", "pending", "waiting", "sent"),
        "held": ("disputed",),
        "info": ("recycled", "corrected", "restated"),
    }.items()
    for state in states
}


def _now(context: Context | Mapping[str, Any], now: datetime | None = None) -> datetime:
    if now is None:
        now = context.get("now")
    return now if isinstance(now, datetime) else timezone.now()


# --- icons --------------------------------------------------------------------------------------------


@register.simple_tag
def icon(name: str, label: str = "") -> SafeString:
    """`{% icon "clock" %}`: an outline icon in the colour of its text; decoration unless it has a `label`."""
    address = f"{static(SPRITE)}#{name}"
    if label:
        return format_html(
            '<svg class="icon" role="img" aria-label="{}"><use href="{}"/></svg>', label, address
        )
    return format_html(
        '<svg class="icon" aria-hidden="true" focusable="false"><use href="{}"/></svg>', address
    )


# --- time ---------------------------------------------------------------------------------------------


@register.simple_tag(takes_context=True)
def when(context: Context, instant: datetime | None, empty: str = "") -> SafeString:
    """`{% when cycle.crossed_at %}`: "2 h 5 min ago"; the exact time on hover, tap, in print and for readers.

    None shows a dash, or the text given as `empty`.
    """
    if not instant:
        return format_html('<span class="text-secondary">{}</span>', empty) if empty else NOTHING
    return format_html(
        '<time class="when" datetime="{}" data-when title="{}">'
        '<span class="when-relative" data-relative>{}</span><span class="when-exact"> {}</span></time>',
        instant.isoformat(),
        exact_time(instant),
        relative(instant, now=_now(context)),
        _zoned(instant),
    )


@register.simple_tag
def exact(instant: datetime | None, empty: str = "") -> SafeString:
    """`{% exact cycle.crossed_at %}`: "21 Nov 2026, 14:05", the zone on hover and for readers."""
    if not instant:
        return format_html('<span class="text-secondary">{}</span>', empty) if empty else NOTHING
    return format_html(
        '<time datetime="{}" title="{}">{}</time>', instant.isoformat(), exact_time(instant), _zoned(instant)
    )


def _zoned(instant: datetime) -> SafeString:
    return format_html(
        '{}<span class="visually-hidden"> ({})</span>',
        local_time(instant),
        timezone.get_current_timezone_name(),
    )


@register.filter(name="duration")
def duration_filter(seconds: Any) -> str:
    """`{{ clock.used_seconds|duration }}`: "2 h 5 min". Never days: a business day has no fixed length."""
    return span(seconds) if seconds is not None and seconds != "" else "–"


@register.simple_tag
def duration(seconds: Any) -> str:
    """`{% duration seconds %}`: as the filter; seconds as a number or a timedelta."""
    return duration_filter(seconds)


@register.simple_tag(takes_context=True)
def time_left(
    context: Context, due_at: datetime | None, now: datetime | None = None, soon: int = 3600
) -> SafeString:
    """`{% time_left clock.due_at now %}`: "1 h 12 min left" or "overdue by 20 min", with icon and urgency.

    `soon`: seconds before the due time from which it counts as urgent. Counts down live where scripts run.
    """
    if not due_at:
        return NOTHING
    left = (due_at - _now(context, now)).total_seconds()
    if left < 0:
        level, name, text = "over", "alert-triangle", f"overdue by {span(-left, days=True)}"
    else:
        level, name = ("soon", "hourglass") if left <= soon else ("fine", "clock")
        text = f"{span(left, days=True)} left"
    return format_html(
        '<time class="time-left time-left-{}" datetime="{}" data-due="{}" data-soon="{}" title="{}">'
        '{}<span class="when-relative" data-left>{}</span><span class="when-exact"> due {}</span></time>',
        level,
        due_at.isoformat(),
        due_at.isoformat(),
        soon,
        f"due {exact_time(due_at)}",
        icon(name),
        text,
        _zoned(due_at),
    )


@register.simple_tag(takes_context=True)
def time_closed(
    context: Context, opens_at: datetime, due_at: datetime, seconds: int, is_first: bool = True
) -> SafeString:
    """`{% time_closed opens_at due_at seconds True %}`: "starts Monday 09:00, then 5 min".

    For a clock in business time while its calendar is closed; `seconds` of open time are left until the due
    time. `is_first` false: some open time has passed already, so the clock "goes on".
    """
    return format_html(
        '<time class="time-left time-left-fine" datetime="{}" title="{}">{}{} {}, then {}</time>',
        due_at.isoformat(),
        f"outside business hours now; due {exact_time(due_at)}",
        icon("player-pause"),
        "starts" if is_first else "goes on",
        weekday_time(opens_at, now=_now(context)),
        span(seconds),
    )


# --- numbers and states -------------------------------------------------------------------------------


@register.simple_tag
def share(met: int | None, total: int | None, worse: str = "down") -> str:
    """`{% share met total %}`: "85.7% (6 of 7)" from whole numbers; "no data" for nothing of nothing.

    Cut, not rounded, so that 84.96% never looks like 85.0%; where something was cut the tooltip says so. For
    shares where more is worse (missed of due) pass `worse="up"`: those are cut upwards.
    """
    met, total = met or 0, total or 0
    said = truncated_share(met, total, worse=worse)
    if total <= 0 or met * 1000 % total == 0:
        return said
    way = "down" if worse == "down" else "up"
    return format_html(
        '<span title="The percentage is cut {}, never rounded to the better side, so that no limit looks kept '
        'that is not.">{}</span>',
        way,
        said,
    )


@register.simple_tag
def share_text(met: int | None, total: int | None, worse: str = "down") -> str:
    """`{% share_text met total %}`: as `share`, without a tooltip, for attributes."""
    return truncated_share(met or 0, total or 0, worse=worse)


@register.simple_tag
def share_rounded(part: int | None, total: int | None) -> str:
    """`{% share_rounded won mqls %}`: "10.9% (38 of 349)", to the nearest, for shares that no limit judges."""
    return rounded_share(part or 0, total or 0)


@register.filter
def words(key: Any) -> str:
    """`{{ cycle.segment|words }}`: a key as it reads, "mid_market" as "mid market"."""
    return in_words(key)


@register.filter
def phone(number: Any) -> str:
    """`tel:{{ lead.phone|phone }}`: what can be dialled, "+49 (30) 12-34" as "+49301234"."""
    return "".join(sign for sign in str(number) if sign in "+0123456789*#").replace("#", "%23")


@register.filter(name="ordinal")
def ordinal_filter(number: int) -> str:
    """`{{ place|ordinal }}`: "1st", "2nd", "3rd"."""
    return ordinal(number)


@register.simple_tag
def meter(met: int, total: int, above_percent: int | None = None, title: str = "Share") -> SafeString:
    """`{% meter met total 85 "Followed up in time" %}`: a bar with the limit marked; red up to the limit."""
    limit = Fraction(above_percent) / 100 if above_percent is not None else None
    return charts.meter(met, total, title=title, threshold=limit)


@register.simple_tag
def badge(kind: str, text: str = "") -> SafeString:
    """`{% badge "met" "Met" %}`: a status with colour and icon.

    Kinds are the looks (ok, warning, danger, info, neutral, running, held, paused, locked) and the states
    listed in `KINDS`; any other kind looks neutral. Without `text` the kind itself is written.
    """
    look, name = LOOKS[KINDS.get(str(kind), str(kind) if str(kind) in LOOKS else "neutral")]
    words = text or str(kind).replace("_", " ").capitalize()
    return format_html('<span class="badge status-badge {}">{}{}</span>', look, icon(name), words)


@register.inclusion_tag("ui/_figure.html")
def figure(
    label: str, value: Any, note: str = "", url: str = "", url_label: str = "", tone: str = "", sub: Any = ""
) -> dict[str, Any]:
    """`{% figure "Followed up in time" value "What it is, as of when" %}`: a card with one number.

    `note` opens at a hover or a tap. `url` with `url_label` leads to the rows, `sub` is a line under the
    number, `tone` is ok, warning or danger and is repeated by an icon.
    """
    return {
        "label": label,
        "value": value,
        "note": note,
        "url": url,
        "url_label": url_label,
        "sub": sub,
        "tone": tone if tone in {"ok", "warning", "danger"} else "",
        "tone_icon": LOOKS[tone][1] if tone in {"ok", "warning", "danger"} else "",
    }


@register.inclusion_tag("ui/_empty_state.html")
def empty_state(
    title: str, text: str = "", action_url: str = "", action_label: str = "", icon_name: str = "inbox"
) -> dict[str, str]:
    """`{% empty_state "No MQLs yet" "They appear when …" url "Connect a source" %}`: what to do next."""
    return {
        "title": title,
        "text": text,
        "action_url": action_url,
        "action_label": action_label,
        "icon_name": icon_name,
    }


# --- the frame ----------------------------------------------------------------------------------------


@register.simple_tag(takes_context=True)
def menu_sections(context: Context) -> list[navigation.Entry]:
    """`{% menu_sections as menu %}`: the entries of the menu for whoever is logged in; else none."""
    request = context.get("request")
    user = getattr(request, "user", None)
    if request is None or user is None or not user.is_authenticated:
        return []
    return navigation.sections_for(user.role, request.path)


@register.simple_tag(takes_context=True)
def section_tabs(context: Context) -> list[navigation.Entry]:
    """`{% section_tabs as section_pages %}`: the pages of the section in which this one lies, itself among them."""
    request = context.get("request")
    user = getattr(request, "user", None)
    if request is None or user is None or not user.is_authenticated:
        return []
    return navigation.tabs_for(user.role, request.path)


@register.simple_tag(takes_context=True)
def unread_notifications(context: Context) -> int:
    """`{% unread_notifications as unread %}`: how many notifications whoever is logged in has not read."""
    user = getattr(context.get("request"), "user", None)
    return unread_count(user) if isinstance(user, User) else 0


@register.simple_tag(takes_context=True)
def block_again(context: Context, name: str) -> str:
    """`{% block_again "title" %}`: what the page put into a block that base.html has already shown once."""
    again: str = context.render_context[BLOCK_CONTEXT_KEY].get_block(name).render(context)
    return again


@register.simple_tag
def current_zone() -> str:
    """`{% current_zone %}`: the zone in which this page shows its times."""
    return timezone.get_current_timezone_name()


@register.filter
def alert_look(level_tag: str) -> dict[str, str]:
    """`{% with look=message.level_tag|alert_look %}`: class, icon and role of a message's box."""
    return {
        "success": {"css": "alert-success", "icon": "circle-check", "role": "status"},
        "warning": {"css": "alert-warning", "icon": "alert-triangle", "role": "status"},
        "error": {"css": "alert-danger", "icon": "circle-x", "role": "alert"},
    }.get(level_tag, {"css": "alert-info", "icon": "info-circle", "role": "status"})


@register.simple_tag(takes_context=True)
def may_go(context: Context, url: str) -> bool:
    """`{% may_go row.url as may %}`: whether the viewer's role opens the page at this address of ours."""
    user = context.get("user")
    return isinstance(user, User) and access.may_go(user, url)
