"""Keeps how long every promise took, per calendar, so that calibration compares instead of computing.

Set-based: PostgreSQL bisects the calendar's open time in arrays. What changed is marked by triggers on cycles, clocks
and holds; the marked ones are made anew, for every calendar that is kept.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db import connection, transaction
from django.db.models import Max

from alignment.business_time import tzdata_version
from alignment.models import CalendarVersion
from alignment.queries.calendars import compiled
from sla.models import Elapsed, ElapsedCoverage, Opening, StaleCycle
from sla.queries.agreements import load_book
from sla.queries.open_time import BY_THE_CLOCK, arrays, open_time, position_sql
from sla.terms import Terms

UNUSED_FOR = timedelta(days=7)
USE_NOTED = timedelta(hours=1)  # as often as that at most
LOCK = "SELECT pg_advisory_xact_lock(hashtext('sla.elapsed'))"
TRY_LOCK = "SELECT pg_try_advisory_xact_lock(hashtext('sla.elapsed'))"


@dataclass(frozen=True, order=True)
class Kept:
    """Rows of one calendar (0: by the clock); `waits_seconds` as in Elapsed."""

    calendar_id: int
    waits_seconds: int


def needed_by(terms: Terms) -> set[Kept]:
    """What a replay under these terms reads."""
    windows = [terms.attempt_gap]
    windows += [window for tier in terms.tiers for window in (tier.follow_up_within, tier.disposition_within)]
    calendars = {BY_THE_CLOCK}
    if any(window.is_business for window in windows):
        calendars |= {terms.default_calendar, *terms.team_calendars.values()}
    waits = terms.assign_within.seconds
    return {Kept(calendar, seconds) for calendar in calendars for seconds in (0, waits)}


def bring_up_to_date(*, at: datetime, needed: Iterable[Kept] = (), waiting: bool = True) -> int:
    """Make the rows of cycles that changed anew, and those of calendars that are not kept yet; how many cycles changed.

    One at a time. Not `waiting`: returns 0 at once where another is at it.
    """
    wanted = set(needed)
    with transaction.atomic(), connection.cursor() as cursor:
        if _is_current(wanted, at):
            return 0
        cursor.execute(LOCK if waiting else TRY_LOCK)
        if not waiting and not cursor.fetchone()[0]:
            return 0
        kept = _sound()
        if not kept:  # the first time, or after a crash, which empties these tables
            mark_all_stale()
        cursor.execute("DELETE FROM sla_stalecycle RETURNING cycle_id")
        stale = sorted({row[0] for row in cursor.fetchall()})
        if stale:
            _open(stale)
            Elapsed.objects.filter(cycle_id__in=stale).delete()
            reach = _range(stale)
            for each in kept:
                _compute(each, stale, reach)
        if missing := sorted(wanted - kept):
            reach = _range(None)
            for each in missing:
                _compute(each, None, reach)
        if stale:
            _renew()
        _cover(wanted, kept, at)
    return len(stale)


def keep_terms_in_force(*, at: datetime) -> int:
    """What Celery does every few seconds: the calendars of the agreement in force are ready when somebody asks."""
    found = load_book().at(at)
    if found is None:  # nothing to keep ready, and what marks say can wait
        return 0
    return bring_up_to_date(at=at, needed=needed_by(found.terms), waiting=False)


@transaction.atomic
def rebuild(*, at: datetime) -> None:
    """Forget everything and make the calendars in force anew, as a safety net once a day."""
    with connection.cursor() as cursor:
        cursor.execute(LOCK)
    for model in (Elapsed, ElapsedCoverage, Opening):
        model.objects.all().delete()
    keep_terms_in_force(at=at)


def mark_all_stale() -> None:
    with connection.cursor() as cursor:
        cursor.execute("INSERT INTO sla_stalecycle (cycle_id) SELECT id FROM alignment_mqlcycle")


def _is_current(wanted: Collection[Kept], at: datetime) -> bool:
    """Nothing is to be made anew, and that what is wanted is in use has been noted."""
    if StaleCycle.objects.exists():
        return False
    newest = _newest_versions()
    rows = ElapsedCoverage.objects.filter(used_at__gte=at - USE_NOTED).values_list(
        "calendar_id", "waits_seconds", "calendar_version", "tzdata"
    )
    sound = {Kept(row[0], row[1]) for row in rows if row[2:] == (newest.get(row[0], 0), tzdata_version())}
    return bool(sound) and sound.issuperset(wanted)


def _newest_versions() -> dict[int, int]:
    rows = CalendarVersion.objects.values("calendar_id").annotate(newest=Max("number")).order_by()
    return {row["calendar_id"]: row["newest"] for row in rows}


def _sound() -> set[Kept]:
    """What is kept and still true; rows of a calendar with a new exception, or of older zone rules, are dropped."""
    newest, found = _newest_versions(), set()
    for row in ElapsedCoverage.objects.all():
        kept = Kept(row.calendar_id, row.waits_seconds)
        if (row.calendar_version, row.tzdata) == (newest.get(row.calendar_id, 0), tzdata_version()):
            found.add(kept)
        else:
            _drop(kept)
    return found


def _drop(kept: Kept) -> None:
    same = {"calendar_id": kept.calendar_id, "waits_seconds": kept.waits_seconds}
    Elapsed.objects.filter(**same).delete()
    ElapsedCoverage.objects.filter(**same).delete()


def _renew() -> None:
    """New rows of coverage: what was remembered of the times before is not found any more."""
    rows = list(ElapsedCoverage.objects.all())
    ElapsedCoverage.objects.all().delete()
    for row in rows:
        row.pk = None
    ElapsedCoverage.objects.bulk_create(rows)


def _cover(wanted: set[Kept], kept: set[Kept], at: datetime) -> None:
    newest = _newest_versions()
    ElapsedCoverage.objects.bulk_create(
        [
            ElapsedCoverage(
                calendar_id=each.calendar_id,
                waits_seconds=each.waits_seconds,
                calendar_version=newest.get(each.calendar_id, 0),
                tzdata=tzdata_version(),
                used_at=at,
            )
            for each in sorted(wanted - kept)
        ]
    )
    for each in kept & wanted:
        ElapsedCoverage.objects.filter(
            calendar_id=each.calendar_id,
            waits_seconds=each.waits_seconds,
            used_at__lt=at - USE_NOTED,
        ).update(used_at=at)
    unused = ElapsedCoverage.objects.filter(used_at__lt=at - UNUSED_FOR)
    for calendar_id, seconds in unused.values_list("calendar_id", "waits_seconds"):
        _drop(Kept(calendar_id, seconds))


# A lead's fields at the crossing: its record's facts up to the opening one; of imported ones those known by then. Of an
# imported MQL all that files say of the record, whatever day they date it to: they tell it as a whole.
_FOLDED = """
CREATE TEMP TABLE folded ON COMMIT DROP AS
SELECT m.id AS cycle_id,
       coalesce(f.fields->>'intent', '') AS intent, coalesce(f.fields->>'channel', '') AS channel,
       coalesce(f.fields->>'segment', '') AS segment, coalesce(f.fields->>'product', '') AS product,
       coalesce(f.fields->>'country', '') AS country,
       CASE WHEN jsonb_typeof(f.fields->'score') = 'number' AND abs((f.fields->>'score')::numeric) < 1000000000
            THEN floor((f.fields->>'score')::numeric)::integer END AS score
FROM unnest(%(cycles)s::bigint[]) AS k(id) JOIN alignment_mqlcycle m USING (id)
JOIN alignment_fact o ON o.id = m.opened_by_id
CROSS JOIN LATERAL (
    SELECT alignment_fold(f.fields ORDER BY f.occurred_at, f.order_key) AS fields
    FROM (
        SELECT * FROM alignment_fact f
        WHERE f.external_id = o.external_id AND f.subject = 'lead' AND f.source_id + 0 = o.source_id OFFSET 0
    ) f
    WHERE CASE WHEN m.is_history THEN f.is_history ELSE
        (f.occurred_at, f.order_key) <= (o.occurred_at, o.order_key)
        AND (NOT f.is_history OR f.received_at <= o.received_at) END
) f
WHERE m.voided_at IS NULL
"""
_PROFILES = """
INSERT INTO sla_profile (intent, channel, segment, product, country)
SELECT DISTINCT intent, channel, segment, product, country FROM folded
ON CONFLICT DO NOTHING
"""
_OPENINGS = """
INSERT INTO sla_opening (cycle_id, profile_id, score)
SELECT f.cycle_id, p.id, f.score FROM folded f
JOIN sla_profile p USING (intent, channel, segment, product, country)
"""


def _open(cycles: list[int]) -> None:
    Opening.objects.filter(cycle_id__in=cycles).delete()
    with connection.cursor() as cursor:
        cursor.execute(_FOLDED, {"cycles": cycles})
        cursor.execute(_PROFILES)
        cursor.execute(_OPENINGS)
        cursor.execute("DROP TABLE folded")


# The evidence of each promise. Live MQLs: from their clocks, by what facts say now; a MET clock keeps the team that it
# was judged by. Where nobody was assigned, the promise begins when somebody should have been. Imported ones: from the
# cycle; without a date of assignment the file does not say whether it was in time.
_EVIDENCE = """
SELECT m.id AS cycle_id, c.kind, c.ordinal,
       CASE WHEN {waits} AND c.kind IN ('follow_up', 'disposition')
            THEN m.started_at + %(waits)s * interval '1 second'
            ELSE coalesce(c.restated_start_at, c.started_at) END AS based_at,
       c.met_at, c.not_owed_from, NULL::timestamptz AS known_to,
       CASE WHEN c.outcome = 'met' THEN c.team_id ELSE m.team_id END AS team_id,
       c.owner_id, c.segment, m.agreement_number,
       EXISTS (SELECT FROM sla_clockhold h WHERE h.clock_id = c.id AND h.stands IS NOT FALSE) AS is_held
FROM alignment_mqlcycle m JOIN sla_clock c ON c.cycle_id = m.id
WHERE {cycles} AND {assigned} AND {kinds} AND NOT m.is_history AND m.voided_at IS NULL
  AND (c.kind = 'attempt' AND c.not_owed_from <= coalesce(c.restated_start_at, c.started_at)) IS NOT TRUE
UNION ALL
SELECT m.id, k.kind, 1,
       CASE WHEN k.kind = 'assign' THEN m.started_at WHEN {waits}
            THEN m.started_at + %(waits)s * interval '1 second' ELSE m.assigned_at END,
       k.met_at, NULL, m.received_at, m.team_id, m.owner_id, m.segment, NULL, false
FROM alignment_mqlcycle m
CROSS JOIN LATERAL (VALUES ('assign', m.assigned_at), ('follow_up', m.first_follow_up_at),
                           ('disposition', m.disposed_at)) AS k(kind, met_at)
WHERE {cycles} AND {assigned} AND {history_kinds} AND m.is_history AND m.voided_at IS NULL
"""
_ROWS = """
INSERT INTO sla_elapsed (cycle_id, kind, ordinal, calendar_id, waits_seconds, base_position, need, not_owed, known_to,
                         profile_id, score, team_id, owner_id, segment, agreement_number, is_held)
WITH o AS MATERIALIZED (
    SELECT %(starts)s::bigint[] AS starts, %(ends)s::bigint[] AS ends, %(closed)s::bigint[] AS closed
), e AS MATERIALIZED (
    SELECT e.*, {based} AS based, {met} AS met, {ended} AS ended, {known} AS known FROM ({evidence}) e
)
SELECT e.cycle_id, e.kind, e.ordinal, %(calendar)s, %(row_waits)s, b.position,
       CASE WHEN e.met <= e.based THEN 0 ELSE {met_position} + 1 - b.position END,
       CASE WHEN e.ended <= e.based THEN 0 ELSE {ended_position} + 1 - b.position END,
       CASE WHEN e.known IS NOT NULL THEN {known_position} + 1 END,
       p.profile_id, p.score, e.team_id, e.owner_id, e.segment, e.agreement_number, e.is_held
FROM e JOIN sla_opening p ON p.cycle_id = e.cycle_id CROSS JOIN o
CROSS JOIN LATERAL (SELECT {base_position} AS position OFFSET 0) b
ORDER BY e.kind, b.position
"""


_RANGE = """
SELECT min(least(m.started_at, m.assigned_at)),
       max(greatest(m.started_at, m.assigned_at, m.first_follow_up_at, m.disposed_at, m.received_at,
                    c.started_at, c.restated_start_at, c.met_at))
FROM alignment_mqlcycle m LEFT JOIN sla_clock c ON c.cycle_id = m.id WHERE {}
"""


def _compute(kept: Kept, cycles: list[int] | None, reach: tuple[datetime, datetime]) -> None:
    """Insert the rows of these cycles, None: of all; `reach`: their first and last instant.

    Promises that do not wait for an assignment stand under 0.
    """
    by_clock = kept.calendar_id == BY_THE_CLOCK
    first, last = reach
    calendar = None if by_clock else compiled([kept.calendar_id])[kept.calendar_id]
    waits = kept.waits_seconds > 0
    if waits:
        kinds, history = "c.kind IN ('follow_up', 'disposition')", "k.kind IN ('follow_up', 'disposition')"
        assigned = "m.assigned_at IS NULL"
    else:
        # an assignment is promised by the clock only; attempts run from attempts, whoever was assigned
        kinds = "(m.assigned_at IS NOT NULL OR c.kind IN ('assign', 'attempt'))"
        kinds += "" if by_clock else " AND c.kind <> 'assign'"
        history = "true" if by_clock else "k.kind <> 'assign'"
        assigned = "true"
    evidence = _EVIDENCE.format(
        waits="true" if waits else "false",
        cycles="true" if cycles is None else "m.id = ANY(%(cycles)s::bigint[])",
        assigned=assigned,
        kinds=kinds,
        history_kinds=history if waits else f"m.assigned_at IS NOT NULL AND {history}",
    )
    columns = {"based": "based_at", "met": "met_at", "ended": "not_owed_from", "known": "known_to"}
    statement = _ROWS.format(
        evidence=evidence,
        **{name: f"(extract(epoch FROM e.{column}) * 1000000)::bigint" for name, column in columns.items()},
        base_position=_position("e.based", by_clock),
        met_position=_position("(e.met - 1)", by_clock),
        ended_position=_position("(e.ended - 1)", by_clock),
        known_position=_position("(e.known - 1)", by_clock),
    )
    given: dict[str, Any] = {
        "calendar": kept.calendar_id,
        "waits": kept.waits_seconds,
        "row_waits": kept.waits_seconds,
        "cycles": cycles,
        **arrays(open_time(calendar, first, last)),
    }
    with connection.cursor() as cursor:
        cursor.execute(statement, given)


def _position(instant: str, by_clock: bool) -> str:
    return instant if by_clock else position_sql(instant)


def _range(cycles: list[int] | None) -> tuple[datetime, datetime]:
    """Instants that promises and actions of these cycles lie between, with room for an assignment that is due later."""
    with connection.cursor() as cursor:
        cursor.execute(
            _RANGE.format("true" if cycles is None else "m.id = ANY(%(cycles)s::bigint[])"),
            {"cycles": cycles},
        )
        first, last = cursor.fetchone()
    if first is None:
        first = last = datetime(2020, 1, 1, tzinfo=UTC)
    return first, last + timedelta(days=400)
