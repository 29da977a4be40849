"""Figures of a replay against a brute-force oracle: each MQL by itself, with the business calendar alone."""

from __future__ import annotations

from collections import Counter, defaultdict
from datetime import UTC, date, datetime, timedelta
from math import comb
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from alignment.access import Scope
from alignment.models import Lead, MqlCycle, Organisation, Role
from alignment.queries.calendars import compiled
from alignment.services.calendars import create_calendar
from alignment.services.merges import merge_leads
from sla.clauses import Volume
from sla.models import Clock, ClockKind, Decision, Dispute, Elapsed, Opening
from sla.periods import Period
from sla.queries import follow_up_clause, would_follow
from sla.queries.agreements import load_book
from sla.queries.arbitration import judges
from sla.queries.arrivals import arrivals
from sla.queries.calibration import answer, last_quarters, sentences, shortest_windows
from sla.queries.replay import ALL, HISTORY, LIVE, KindFound, Replayed, Span, Tally, replay
from sla.queries.windows_met import rank_above, ranks_around
from sla.services import mark_breached, roll_up
from sla.services.disputes import Decided, file_dispute, rule
from sla.services.elapsed import bring_up_to_date, keep_terms_in_force, needed_by
from sla.terms import Terms
from sla.tests.lively import live_through, second_team
from testing.sla import signed_sla
from testing.world import NOW, World, add_user, event, terms

HOUR = timedelta(hours=1)
SPAN = Span(date(2026, 11, 20), date(2026, 12, 9), "Europe/Berlin")


def proposed(world: World, other: int) -> Terms:
    """Other windows, tiers and calendars than anything that ran: business and elapsed time, a team of its own."""
    found = terms(world.calendar)
    found["tiers"] = [
        {
            "name": "sold", "label": "Sold", "when": {"field": "segment", "in": ["SMB"]},
            "follow_up_within": {"amount": 11, "unit": "hours", "time": "elapsed"},
            "disposition_within": {"amount": 2, "unit": "days", "time": "elapsed"},
        },
        {
            "name": "rest", "label": "Rest", "when": None,
            "follow_up_within": {"amount": 210, "unit": "minutes", "time": "business"},
            "disposition_within": {"amount": 9, "unit": "hours", "time": "business"},
        },
    ]  # fmt: skip
    found["assign_within"] = {"amount": 2, "unit": "minutes", "time": "elapsed"}
    found["calendars"] = {"default": other, "teams": {str(world.team.pk): world.calendar.pk}}
    return Terms.from_json(found)


def oracle(asked: Terms, at: datetime) -> dict[str, dict[str, Counter[Any]]]:
    """By kind: counts in all, by (Monday, outcome), (owner, outcome) and (segment, outcome)."""
    found: dict[str, dict[str, Counter[Any]]] = defaultdict(lambda: defaultdict(Counter))
    ready = compiled({asked.default_calendar, *asked.team_calendars.values()})
    for clock in Clock.objects.filter(cycle__voided_at__isnull=True).exclude(kind=ClockKind.ATTEMPT):
        cycle = clock.cycle
        tier = asked.tiers[0] if (cycle.segment or "").lower() == "smb" else asked.tiers[1]
        window = {
            "assign": asked.assign_within,
            "follow_up": tier.follow_up_within,
            "disposition": tier.disposition_within,
        }[clock.kind]
        base = clock.restated_start_at or clock.started_at
        if clock.kind != "assign" and cycle.assigned_at is None:
            base = cycle.started_at + timedelta(seconds=asked.assign_within.seconds)
        due = base + timedelta(seconds=window.seconds)
        if window.is_business:
            team = clock.team_id if clock.outcome == "met" else cycle.team_id
            due = ready[asked.calendar_of(team)].calendar.add(base, window.seconds)
        if clock.met_at is not None and clock.met_at <= due:
            outcome = "met"
        elif clock.not_owed_from is not None and clock.not_owed_from <= due:
            outcome = "not_owed"
        else:
            outcome = "missed" if due < at else "running"
        if SPAN.starts_at <= due < SPAN.ends_at:
            day = due.astimezone(ZoneInfo(SPAN.zone)).date()
            one = found[clock.kind]
            one["weeks"][day - timedelta(days=day.weekday()), outcome] += 1
            one["months"][day.replace(day=1), outcome] += 1
            one["reps"][clock.owner_id, outcome] += 1
            one["segments"][clock.segment, outcome] += 1
    return found


def counted(found: KindFound, group: str) -> Counter[Any]:
    return Counter(
        {
            (key, outcome): getattr(tally, outcome)
            for key, tally in getattr(found, group).items()
            for outcome in ("met", "missed", "running", "not_owed")
            if getattr(tally, outcome)
        }
    )


def test_figures_equal_those_of_each_mql_by_itself(world: World) -> None:
    other = create_calendar(
        name="Nights", by=None, at=world.at - timedelta(days=400),
        schedule={"zone": "Asia/Kathmandu", "weekly": {"mon": [["22:00", "06:00"]], "thu": [["00:00", "24:00"]]}},
    ).pk  # fmt: skip
    at = live_through(world, second_team(world), seed=8, steps=90, has_disputes=False)
    asked = proposed(world, other)
    bring_up_to_date(at=at, needed=needed_by(asked))
    found, expected = replay(Replayed(asked, SPAN, at)), oracle(asked, at)
    for kind in ("assign", "follow_up", "disposition"):
        assert expected[kind]["weeks"], "nothing to compare"
        for group in ("weeks", "months", "reps", "segments"):
            assert counted(found[kind], group) == expected[kind][group], (kind, group)
    own = Replayed(asked, SPAN, at, scope=Scope(person=world.reps[0].pk))
    mine = counted(replay(own)["follow_up"], "reps")
    assert mine == Counter(
        {key: count for key, count in expected["follow_up"]["reps"].items() if key[0] == world.reps[0].pk}
    )


def late_and_early(world: World) -> Terms:
    """MQLs followed up after 1, 2, … 7 open hours; the eighth never."""
    for number in range(8):
        world.send(event("lead.updated", f"L{number}", NOW, score=70 + number, segment="smb"))
        if number < 7:
            at = NOW + (number + (15 if number > 5 else 0)) * HOUR + HOUR
            world.send(
                event("touch.recorded", f"T{number}", at, lead=f"L{number}", channel="call", is_attempt=True),
                at=at,
            )
    found = Terms.from_json(terms(world.calendar))
    bring_up_to_date(at=NOW + timedelta(days=20), needed=needed_by(found))
    return found


def test_a_raised_threshold_leaves_out_and_a_lowered_one_only_counts(world: World) -> None:
    today = late_and_early(world)
    world.send(event("lead.updated", "cold", NOW, score=50), event("lead.updated", "colder", NOW, score=30))
    at, span = NOW + timedelta(days=20), Span(date(2026, 11, 1), date(2026, 12, 1), "UTC")

    def with_threshold(score: int) -> Terms:
        return Terms.from_json(terms(world.calendar, trigger={"kind": "score", "threshold": score}))

    higher = answer(with_threshold(75), today, span, cut=at)
    assert (higher.left_out, higher.more) == (5, None)
    assert higher.proposed.follow_up.total.due == 3
    assert higher.today is not None and higher.today.follow_up.total.due == 8
    lower = answer(with_threshold(45), today, span, cut=at)
    assert (lower.left_out, lower.more) == (None, 1)
    assert lower.proposed.follow_up.total.due == 8
    for answered, n in ((higher, 3), (lower, 8)):
        assert [each.n for each in shortest_windows(answered, Scope(is_all=True))] == [0, n]
    managed = Scope(teams=frozenset({second_team(world).pk}))
    for score in (75, 45):  # leads that were no MQLs are of no team
        found = answer(with_threshold(score), today, span, scope=managed, cut=at)
        assert (found.left_out or 0, found.more) == (0, None)
    assert answer(with_threshold(75), today, span, which=HISTORY, cut=at).left_out == 0


def test_further_leads_are_counted_anew_only_when_something_came_in(world: World) -> None:
    def lowered(hours: int) -> Terms:
        found = terms(world.calendar, trigger={"kind": "score", "threshold": 45})
        found["tiers"][1]["follow_up_within"]["amount"] = hours
        return Terms.from_json(found)

    def more(hours: int) -> tuple[int | None, bool]:
        """The count, and whether facts were read for it."""
        with CaptureQueriesContext(connection) as asked:
            found = answer(lowered(hours), today, span, cut=at).more
        return found, any("FROM alignment_fact f" in query["sql"] for query in asked.captured_queries)

    today = late_and_early(world)
    world.send(event("lead.updated", "C1", NOW, score=50))
    at, span = NOW + timedelta(days=20), Span(date(2026, 11, 1), date(2026, 12, 1), "UTC")
    assert more(4) == (1, True)
    assert more(5) == (1, False)
    world.send(event("lead.updated", "C2", NOW, score=50))
    assert more(6) == (2, True)
    survivor, merged = Lead.objects.filter(external_id__in=("C1", "C2")).order_by("pk")
    merge_leads(survivor=survivor, merged=merged, reason="One", by=add_user(world, Role.REVOPS), at=NOW)
    assert more(7) == (1, True)


def test_a_month_of_exactly_15_percent_fires_nothing(world: World) -> None:
    span = Span(date(2026, 10, 1), date(2026, 12, 1), "UTC")
    asked = Replayed(Terms.from_json(terms(world.calendar)), span, NOW + timedelta(days=40))
    for met, missed, fires in ((85, 15, False), (849, 151, True), (0, 0, None)):
        kind = KindFound()
        kind.months[date(2026, 11, 1)] = Tally(met, missed)
        october, november = would_follow.follow_ups(kind, asked, percent=15, period="month")
        assert (october.fires, november.fires) == (None, fires)
    early = Replayed(asked.terms, span, NOW)  # November is not over
    kind.months[date(2026, 11, 1)] = Tally(0, 100)
    assert would_follow.follow_ups(kind, early, percent=15, period="month")[1].fires is None
    part = Replayed(asked.terms, Span(date(2026, 11, 2), date(2026, 12, 1), "UTC"), asked.cut)
    assert would_follow.follow_ups(kind, part, percent=15, period="month")[0].fires is None


def test_volumes_missed_two_months_running_open_a_renegotiation(world: World) -> None:
    for number, at in enumerate([NOW - timedelta(days=60), NOW - timedelta(days=30), NOW]):
        world.send(event("lead.updated", f"V{number}", at, score=80, segment="smb"), at=at)
    span = Span(date(2026, 9, 1), date(2026, 12, 1), "UTC")
    asked = Replayed(Terms.from_json(terms(world.calendar)), span, NOW + timedelta(days=40))
    found = would_follow.volumes(asked, (Volume("smb", 1), Volume("mid", 1)), running=2)
    assert [(each.mqls, each.is_missed, each.opens) for each in found] == [
        (1, True, False), (1, True, True), (1, True, False)
    ]  # fmt: skip
    assert [each.is_missed for each in would_follow.volumes(asked, (Volume("", 1),), running=2)] == [
        False
    ] * 3
    long = Replayed(asked.terms, Span(date(2026, 4, 1), date(2026, 12, 1), "UTC"), asked.cut)
    run = would_follow.volumes(long, (Volume("", 2),), running=2)
    assert [each.is_missed for each in run] == [True] * 8
    assert [each.opens for each in run] == [False, True, *[False] * 6]  # once a run, however long it is
    none = would_follow.volumes(Replayed(asked.terms, span, asked.cut, HISTORY), (Volume("", 1),), running=2)
    assert [each.mqls for each in none] == [0, 0, 0]


def test_the_window_that_most_would_have_met(world: World) -> None:
    today = late_and_early(world)
    span = Span(date(2026, 11, 1), date(2026, 12, 1), "UTC")
    answered = answer(today, None, span, cut=NOW + timedelta(days=20))
    high, rest = shortest_windows(answered, Scope(is_all=True))
    assert (high.n, rest.n, rest.followed) == (0, 8, 7)
    # more than 85% of 8 are 7: the seventh shortest, 22 hours after ten on Tuesday, is before opening on Wednesday
    assert rank_above(8) == 7
    assert rest.window == 7 * 3600 * 1_000_000 + 1
    assert rest.window_words == "7 h 1 min of open time"
    assert rest.high is None  # eight are too few for an upper bound
    assert "75.0%" not in sentences(answered)[0] and "87.5% (7 of 8)" in sentences(answered)[0]


def exact_tail(n: int, below: int) -> float:
    """P(B < below) of binomial(n, 85%)."""
    return sum(comb(n, k) * 0.85**k * 0.15 ** (n - k) for k in range(below))


@pytest.mark.parametrize("n", [0, 1, 5, 19, 20, 40, 100, 333])
def test_ranks_enclose_the_quantile_with_95_percent(n: int) -> None:
    low, high = ranks_around(n)
    assert 0 <= low <= high <= n + 1
    if low:
        assert exact_tail(n, low) <= 0.025 + 1e-9
    assert exact_tail(n, low + 1) > 0.025 - 1e-9 or low == n
    if high <= n:
        assert 1 - exact_tail(n, high) <= 0.025 + 1e-9
        assert 1 - exact_tail(n, high - 1) > 0.025 - 1e-9
    k = rank_above(n)
    assert k == n + 1 or 100 * k > 85 * n
    assert 100 * (k - 1) <= 85 * n


def test_ranks_of_a_million_are_found_at_once() -> None:
    low, high = ranks_around(1_000_000)
    assert 850_000 - 701 <= low < 850_000 < high <= 850_000 + 702  # 1.96 standard deviations are 700


def test_arrivals_by_local_hour(world: World) -> None:
    calendar = create_calendar(
        name="Berlin", by=None, at=NOW - timedelta(days=400),
        schedule={"zone": "Europe/Berlin", "weekly": {"sun": [["01:30", "04:00"]], "mon": [["22:00", "02:00"]]}},
    )  # fmt: skip
    instants = [datetime(2026, 10, 25, hour, 30, tzinfo=UTC) for hour in (0, 1)] + [NOW]
    for number, at in enumerate(instants):  # half past two comes twice on this day
        world.send(event("lead.updated", f"A{number}", at, score=80), at=at)
    found = arrivals(Span(date(2026, 10, 1), date(2026, 12, 1), "UTC"), calendar.pk)
    assert found.counts[6][2] == 2 and found.counts[1][11] == 1
    assert (found.total, found.while_open) == (3, 2)
    assert (
        found.open_minutes[6][1] == 30 and found.open_minutes[0][23] == 60 and found.open_minutes[1][1] == 60
    )
    assert arrivals(Span(date(2026, 10, 1), date(2026, 12, 1), "UTC"), calendar.pk, HISTORY).total == 0
    assert arrivals(Span(date(2026, 10, 1), date(2026, 12, 1), "UTC"), calendar.pk, LIVE).total == 3


def test_last_full_quarters() -> None:
    span = last_quarters(2, at=datetime(2026, 12, 31, 23, 30, tzinfo=UTC), zone="Europe/Berlin")
    assert (span.first, span.end) == (date(2026, 7, 1), date(2027, 1, 1))


def test_a_clock_that_a_dispute_holds_runs_and_is_judged_by_itself(world: World) -> None:
    world.send(event("lead.updated", "H", NOW, score=80))
    clock = Clock.objects.get(kind="follow_up")
    manager = add_user(world, Role.SALES_MANAGER)
    file_dispute(subject=clock, text="Out of office", asked="Hold it", by=manager, at=NOW + HOUR)
    asked = Terms.from_json(terms(world.calendar))
    at = NOW + timedelta(days=20)
    bring_up_to_date(at=at, needed=needed_by(asked))
    found = replay(Replayed(asked, Span(date(2026, 11, 1), date(2026, 12, 20), "UTC"), at))
    assert found["follow_up"].total == Tally(held=1)
    assert found["disposition"].total.missed == 1
    longer = terms(world.calendar)
    longer["tiers"][1]["follow_up_within"] = {"amount": 10_000, "unit": "hours", "time": "business"}
    asked = Terms.from_json(longer)
    found = replay(Replayed(asked, Span(date(2026, 11, 1), date(2026, 12, 20), "UTC"), at))
    assert found["follow_up"].total == Tally()  # due in years, held or not


def test_under_todays_terms_the_clause_is_projected_as_it_judges(world: World) -> None:
    """Six in time; held since before they were due, one of them worked on too late; known to be in time too late; set
    aside by a ruling; disputed after the month was over, before and after the sweep."""
    signed_sla(terms(world.calendar), at=NOW - HOUR)
    manager = add_user(world, Role.SALES_MANAGER)

    def cross(number: int, at: datetime) -> Clock:
        world.send(event("lead.updated", f"D{number}", at, score=80), at=at)
        return Clock.objects.get(cycle__lead__external_id=f"D{number}", kind="follow_up")

    def call(number: int, at: datetime, known: datetime) -> None:
        touch = event("touch.recorded", f"T{number}", at, lead=f"D{number}", channel="call", is_attempt=True)
        world.send(touch, at=known)

    def dispute(number: int, at: datetime) -> Dispute:
        return file_dispute(subject=clocks[number], text="Away", asked="Hold it", by=manager, at=at)

    week, after = NOW + timedelta(days=7), datetime(2026, 12, 1, 10, tzinfo=UTC)
    clocks = [cross(number, NOW) for number in range(10)]
    for number in range(6):
        call(number, NOW + HOUR, NOW + HOUR)
    dispute(6, NOW + HOUR)
    dispute(7, NOW + HOUR)
    mark_breached(at=week)
    call(7, week, week)
    call(8, NOW + HOUR, week)
    clocks.append(cross(10, week))
    waiting = dispute(9, week)
    decided = Decided(Decision.UPHELD, "So", "So it is")
    dispute(10, after)
    november = Period.of(date(2026, 11, 1))

    def projected(at: datetime, proposed: Terms | None = None) -> tuple[int, int, bool | None]:
        found = load_book().at(at)
        assert found is not None
        bring_up_to_date(at=at, needed=needed_by(found.terms))
        span = Span(november.first, november.end, Organisation.get().zone)
        (judged,) = answer(proposed or found.terms, found.terms, span, cut=at).proposed.judged
        return judged.missed, judged.due, judged.fires

    for missed, at in ((5, after), (4, after + HOUR), (4, after + 2 * HOUR)):
        roll_up(at=at)
        judging = next(each for each in follow_up_clause.clause_periods(at=at) if each.period == november)
        judged = follow_up_clause.follow_ups(judging, at=at)
        assert projected(at) == (judged.missed, judged.due, judged.is_missed) == (missed, 11, True)
        if missed == 5:
            rule(dispute=waiting, decided=decided, by=judges(waiting, at=at)[0], at=at)
        else:
            mark_breached(at=at)
    for hours, missed in ((39, 4), (40, 1)):  # 40 reach to when the late one was known of, and into December
        longer = terms(world.calendar)
        longer["tiers"][1]["follow_up_within"]["amount"] = hours
        assert projected(after, Terms.from_json(longer))[0] == missed


def test_imported_mqls_take_part(world: World) -> None:
    world.send(event("lead.updated", "I", NOW, score=80))
    MqlCycle.objects.update(
        is_history=True, agreement_number=None, tier="", received_at=NOW + timedelta(days=3),
        first_follow_up_at=NOW + 30 * HOUR, disposed_at=None,
    )  # fmt: skip
    asked = Terms.from_json(terms(world.calendar))
    at, span = NOW + timedelta(days=20), Span(date(2026, 11, 1), date(2026, 12, 20), "UTC")
    bring_up_to_date(at=at, needed=needed_by(asked))
    for which, due in ((ALL, 1), (HISTORY, 1), (LIVE, 0)):
        found = replay(Replayed(asked, span, at, which))
        assert found["follow_up"].total == Tally(met=due)
    # its file was written before the disposition fell due in open time: nobody knows
    assert replay(Replayed(asked, span, at))["disposition"].total == Tally(running=1)


def test_the_tick_measures_nothing_before_terms_are_in_force(world: World) -> None:
    world.send(event("lead.updated", "E", NOW, score=80))
    assert keep_terms_in_force(at=world.agreement.in_force_from - HOUR) == 0
    assert not Opening.objects.exists()  # or all MQLs would be read anew at every tick
    assert keep_terms_in_force(at=NOW) == 1
    assert Elapsed.objects.filter(kind=ClockKind.FOLLOW_UP).exists()
    assert keep_terms_in_force(at=NOW) == 0


def test_a_calendar_that_is_asked_for_each_day_is_kept_where_nothing_changes(world: World) -> None:
    world.send(event("lead.updated", "K", NOW, score=80))
    other = create_calendar(
        name="Other",
        by=None,
        at=NOW - HOUR,
        schedule={"zone": "UTC", "weekly": {"mon": [["09:00", "17:00"]]}},
    )
    drafted = terms(world.calendar)
    drafted["calendars"] = {"default": other.pk, "teams": {}}
    for day in range(9):
        bring_up_to_date(at=NOW + timedelta(days=day), needed=needed_by(Terms.from_json(drafted)))
    kept = Elapsed.objects.filter(calendar_id=other.pk)
    keep_terms_in_force(at=NOW + timedelta(days=9))
    assert kept.exists()
    keep_terms_in_force(at=NOW + timedelta(days=16))  # not asked for any more
    assert not kept.exists()
