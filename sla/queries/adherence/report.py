"""One adherence report: the last full week, the week in progress and the month to date, both sides in one unit."""

from __future__ import annotations

from datetime import datetime, timedelta

from alignment.business_days import business_days
from alignment.business_time import Week
from alignment.models import Organisation
from alignment.queries.inbox import processed_up_to
from sla.clauses import Clauses
from sla.models import Agreement
from sla.periods import Period
from sla.queries import compliance
from sla.queries.adherence.figures import (
    COMPLETENESS,
    MARKETING,
    SALES,
    VOLUME,
    Cell,
    Line,
    NothingSigned,
    PastWeek,
    Report,
    Signed,
    Span,
)
from sla.queries.adherence.marketing import MarketingSide, marketing_side
from sla.queries.adherence.near import near
from sla.queries.adherence.sales import EVERYBODY, SalesSide, groups, judged_by, open_disputes, sales_side
from sla.queries.agreements import load_book

WEEKS_BACK = 8


def signed_at(at: datetime) -> tuple[Agreement, Clauses]:
    """The signed SLA in force, one that was revoked and runs on included. Raises NothingSigned."""
    found = load_book().at(at)
    if found is None or found.clauses is None:
        raise NothingSigned("No signed SLA is in force.")
    return found.agreement, found.clauses


def week_of_report(at: datetime) -> Week:
    """The last full week before an instant."""
    return Week.of(at, Organisation.get().zone).previous()


def adherence(week: Week, *, at: datetime) -> Report:
    """The report of a full week as known on `at`; of the last one with the week in progress and the month to date.

    Raises NothingSigned.
    """
    agreement, clauses = signed_at(at)
    organisation = Organisation.get()
    today = at.astimezone(organisation.tz).date()
    spans, past = spans_of(week, at=at), _weeks_up_to(week)
    month = month_of(at)
    everything = [*past, *spans, month]
    first, end = min(span.first for span in everything), max(span.end for span in everything)
    marketing = marketing_side(
        everything, clauses.marketing, days=business_days(at), today=today, zone=week.zone, at=at
    )
    sales = sales_side(first, end)
    return Report(
        monday=week.monday,
        zone=week.zone,
        as_known_at=at,
        complete_until=processed_up_to(at=at),
        is_settled=compliance.are_settled(first, end),
        signed=_signed(agreement, clauses, at=at),
        judged_by=judged_by(spans[0], week.zone),
        spans=tuple(spans),
        marketing=tuple(_of_marketing(marketing, promise, spans) for promise in MARKETING),
        sales=tuple(_of_sales(sales, kind, spans) for kind in SALES),
        by_segment=tuple(
            _of_marketing(marketing, promise, spans, segment)
            for promise in MARKETING
            for segment in _segments(marketing, promise, clauses, spans)
        ),
        groups=groups(week, EVERYBODY),
        prorated=marketing.prorated,
        not_judged=marketing.not_judged,
        near=near(marketing, month, at=at),
        open_disputes=open_disputes(),
        trend=tuple(PastWeek(span.first, _kept(marketing, sales, span)) for span in past),
    )


def _segments(side: MarketingSide, promise: str, clauses: Clauses, spans: list[Span]) -> list[str]:
    """The lines of the SLA in force; of the volume also those of the SLA that judges a month, where it was amended
    since."""
    lines = [line.segment for line in clauses.marketing.volumes]
    return lines + (side.other_lines(spans, lines) if promise == VOLUME else [])


def full_week_now(week: Week, *, at: datetime) -> list[Line]:
    """The lines of a full week alone, both sides, as known on `at`. Raises NothingSigned."""
    _, clauses = signed_at(at)
    span = _of_week("week", week)
    today = at.astimezone(Organisation.get().tz).date()
    marketing = marketing_side(
        [span], clauses.marketing, days=business_days(at), today=today, zone=week.zone, at=at
    )
    sales = sales_side(span.first, span.end)
    return [
        *(_of_marketing(marketing, promise, [span]) for promise in MARKETING),
        *(_of_sales(sales, kind, [span]) for kind in SALES),
    ]


def spans_of(week: Week, *, at: datetime) -> list[Span]:
    """The full week; of the last one also the week in progress and the calendar month in which `at` lies."""
    full = _of_week("week", week)
    if week != week_of_report(at):
        return [full]
    return [full, _of_week("now", week.next()), month_of(at)]


def month_of(at: datetime) -> Span:
    """The calendar month in which an instant lies."""
    month = Period.of(at.astimezone(Organisation.get().tz).date())
    return Span("month", month.first, month.end)


def _weeks_up_to(week: Week) -> list[Span]:
    monday = week.monday - timedelta(weeks=WEEKS_BACK - 1)
    return [_of_week("week", Week(monday + timedelta(weeks=n), week.zone)) for n in range(WEEKS_BACK)]


def _of_week(key: str, week: Week) -> Span:
    return Span(key, week.monday, week.next().monday)


def _of_marketing(side: MarketingSide, promise: str, spans: list[Span], segment: str | None = None) -> Line:
    return Line(promise, tuple(_cell_of_marketing(side, promise, span, segment) for span in spans), segment)


def _cell_of_marketing(side: MarketingSide, promise: str, span: Span, segment: str | None = None) -> Cell:
    return side.volume(span, segment) if promise == VOLUME else side.completeness(span, segment)


def _of_sales(side: SalesSide, kind: str, spans: list[Span]) -> Line:
    return Line(kind, tuple(side.cell(span, kind) for span in spans))


def _kept(marketing: MarketingSide, sales: SalesSide, span: Span) -> dict[str, tuple[int, int]]:
    """Each promise of a week, as known first."""
    volume, complete = marketing.volume(span), marketing.completeness(span)
    return {
        VOLUME: (volume.kept, volume.due),
        COMPLETENESS: (complete.kept, complete.due),
        **{kind: (figure.met, figure.due) for kind in SALES for figure in [sales.figure(span, kind)]},
    }


def _signed(agreement: Agreement, clauses: Clauses, *, at: datetime) -> Signed:
    version = agreement.version
    if version is None:
        raise NothingSigned("No signed SLA is in force.")
    number, digest = clauses.marketing.definition
    revoked = load_book().revoked_at(at)
    return Signed(
        number=agreement.number,
        digest=version.digest,
        in_force_from=agreement.in_force_from,
        definition=number,
        definition_digest=digest,
        completeness_percent=clauses.marketing.completeness_percent,
        missed_percent=clauses.consequences.missed_percent,
        revoked_at=revoked.revoked_at if revoked else None,
    )
