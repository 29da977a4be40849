"""Is it working? The three signals, and the figures beside them with what each is made of."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.safestring import SafeString

from alignment import charts
from alignment.access import SEES_ALL, SEES_RECORDS, roles, viewer
from alignment.currencies import digits_of
from alignment.models import Role
from alignment.queries.inbox import processed_up_to
from dashboard.queries.working import Working, working
from dashboard.queries.working.conversions import WINDOW
from dashboard.queries.working.follow_up_times import HIGH_INTENT
from dashboard.queries.working.mql_to_sql import ACCEPTED_ABOVE
from dashboard.queries.working.won_revenue import QuarterOfRevenue


@roles(*sorted({*SEES_ALL, Role.FINANCE}))
def page(request: HttpRequest) -> HttpResponse:
    """What can be measured now; where nothing can, what is missing for it."""
    now = timezone.now()
    found = working(at=now)
    context = {
        "now": now,
        "found": found,
        "processed_up_to": processed_up_to(at=now),
        "both": _verdict(found.both_hold),
        "sales": _verdict(found.sales_holds),
        "marketing": _verdict(found.marketing_holds),
        "months": [(month, _verdict(month.marketing_holds), _verdict(month.holds)) for month in found.months],
        "acceptance_chart": _acceptance_chart(found),
        "acceptance": [(row, _verdict(row.share.is_above(ACCEPTED_ABOVE))) for row in found.acceptance.rows],
        "tiers": [(row, row.tier == HIGH_INTENT) for row in found.follow_up],
        "revenue": [(row, *_amounts(row)) for row in found.revenue],
        "rulings_url": f"{reverse('sla:disputes')}?{urlencode({'state': 'ruled', 'kind': 'attribution'})}",
        "has_rulings": any(row.ruled for row in found.conversion) or any(row.ruled for row in found.revenue),
        "open_pipeline": [(row, money(row.minor, row.currency)) for row in found.open_pipeline],
        "signed_sql": found.acceptance.signed,
        "first": found.acceptance.rows[0].quarter,
        "last": found.acceptance.rows[-1].quarter,
        "days": WINDOW.days,
        "sees_records": viewer(request).has_role(*SEES_RECORDS),
    }
    return render(request, "dashboard/working.html", context)


def money(minor: int, currency: str) -> str:
    """ "EUR 1,234.50"; an amount whose currency is not stated says so."""
    digits = digits_of(currency)
    amount = f"{Decimal(minor).scaleb(-digits):,.{digits}f}"
    return f"{currency} {amount}" if currency else f"{amount} (no currency)"


def percent(part: int, whole: int) -> str:
    """ "85.7%", to the nearest; "no data" for nothing of nothing."""
    if whole <= 0:
        return "no data"
    tenths = (2000 * part + whole) // (2 * whole)
    return f"{tenths // 10}.{tenths % 10}%"


def _amounts(row: QuarterOfRevenue) -> tuple[str, str, str, str, str, dict[str, str]]:
    """Share, marketing, sales, neither and total as text; at the end the first four after rulings, where these change
    them."""
    ruled = {}
    if row.ruled is not None:
        marketing, *_ = row.ruled
        names = ("marketing", "sales", "unknown")
        ruled = {name: money(minor, row.currency) for name, minor in zip(names, row.ruled, strict=True)}
        ruled["share"] = percent(marketing, row.total)
    return (
        percent(row.marketing, row.total),
        money(row.marketing, row.currency),
        money(row.sales, row.currency),
        money(row.unknown, row.currency),
        money(row.total, row.currency),
        ruled,
    )


def _verdict(holds: bool | None) -> tuple[str, str]:
    """Kind of a badge and its words."""
    return {True: ("met", "Holds"), False: ("missed", "Does not hold"), None: ("neutral", "No data yet")}[
        holds
    ]


def _acceptance_chart(found: Working) -> SafeString:
    points: list[tuple[str, Fraction | None]] = [
        (row.quarter.name, row.share.rate) for row in found.acceptance.rows
    ]
    title = "MQLs that became an SQL" if found.acceptance.signed else "MQLs accepted by sales"
    return charts.line(points, title=title, threshold=ACCEPTED_ABOVE)
