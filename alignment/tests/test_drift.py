"""Drift from the signed definition: the gap to the last lead, records that disagree, and an alarm told once."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from fractions import Fraction
from random import Random
from threading import Barrier
from typing import Any

import pytest
import time_machine
from django.db import IntegrityError, connection, transaction
from django.urls import reverse
from hypothesis import given
from hypothesis import strategies as st

from alignment.definitions import evaluate
from alignment.definitions.predicate import Limits
from alignment.models import DriftAlarm, Lead, Notification, Opportunity, OutgoingMail, Role
from alignment.queries import drift
from alignment.queries.definitions import definition_in_force, matches, moment
from alignment.queries.drift import Gap, Side
from alignment.services.artifacts import revoke
from alignment.services.drift import watch_drift
from alignment.tests.pages import signed_in
from testing.artifacts import user_with
from testing.definitions import COMPLETE, mql, put_in_force
from testing.world import NOW, World, add_user, build_world

LIMITS = Limits()
SAYS = {"field": "lifecycle", "values": ["MQL", "customer"]}


def gap_of(marketing: tuple[int, int], sales: tuple[int, int], limits: Limits = LIMITS) -> Gap:
    """`(converted, leads)` of either side."""
    return Gap(Side("marketing", *reversed(marketing)), Side("sales", *reversed(sales)), limits, NOW)


@pytest.mark.parametrize(
    ("marketing", "sales", "is_alarm", "ratio"),
    [
        ((10, 100), (40, 100), False, "4.00×"),
        ((10, 100), (41, 100), True, "4.10×"),
        ((41, 100), (10, 100), True, "4.10×"),
        ((40, 100), (10, 100), False, "4.00×"),
        ((333, 9999), (1332, 9998), True, "4.00×"),
        ((10, 100), (10, 100), False, "1.00×"),
        ((1, 100), (4, 50), True, "8.00×"),
    ],
)
def test_beyond_four_times_is_an_alarm_and_exactly_four_is_none(
    marketing: tuple[int, int], sales: tuple[int, int], is_alarm: bool, ratio: str
) -> None:
    found = gap_of(marketing, sales)
    assert (found.is_judged, found.is_alarm, found.ratio) == (True, is_alarm, ratio)


@pytest.mark.parametrize(
    ("marketing", "sales"),
    [
        ((0, 0), (0, 0)),
        ((0, 500), (0, 500)),
        ((49, 49), (1, 500)),
        ((1, 500), (49, 49)),
        ((0, 50), (4, 50)),  # one more opportunity and it would be 4.0 times
        ((0, 0), (40, 100)),
    ],
)
def test_too_few_leads_or_nothing_to_divide_by_are_no_data_yet(
    marketing: tuple[int, int], sales: tuple[int, int]
) -> None:
    found = gap_of(marketing, sales)
    assert (found.is_judged, found.is_alarm) == (False, False)


def test_a_side_without_any_opportunity_is_an_alarm_where_even_one_would_leave_it_beyond() -> None:
    found = gap_of((0, 50), (5, 50))
    assert (found.is_judged, found.is_alarm, found.ratio) == (True, True, "")


_SIDES = st.tuples(st.integers(0, 400), st.integers(50, 400)).filter(lambda side: side[0] <= side[1])


@given(_SIDES, _SIDES, st.integers(2, 9))
def test_the_alarm_is_what_exact_fractions_say(
    marketing: tuple[int, int], sales: tuple[int, int], limit: int
) -> None:
    one, other = Fraction(*marketing), Fraction(*sales)
    found = gap_of(marketing, sales, Limits(gap=limit))
    if one and other:
        ratio = max(one / other, other / one)
        assert found.is_alarm is (ratio > limit)
        assert found.ratio_hundredths == ratio * 100 // 1
    assert found.is_alarm is gap_of(sales, marketing, Limits(gap=limit)).is_alarm


def make_lead(world: World, number: int, **fields: Any) -> Lead:
    given = {"first_seen_at": world.at, "crm_created_at": world.at - timedelta(days=1)} | COMPLETE | fields
    return Lead.objects.create(source=world.crm, external_id=f"l{number}", **given)


def make_deal(world: World, lead: Lead, **fields: Any) -> Opportunity:
    return Opportunity.objects.create(
        source=world.crm, external_id=f"o{lead.pk}", lead=lead, first_seen_at=world.at, **fields
    )


def make_gap(world: World, marketing: int, sales: int, leads: int = 50) -> None:
    for function, converted in (("marketing", marketing), ("sales", sales)):
        for number in range(leads):
            lead = make_lead(world, f"{function}{number}", sourced_function=function)  # type: ignore[arg-type]
            if number < converted:
                make_deal(world, lead)


def test_the_gap_counts_what_counting_by_hand_gives_and_has_exactly_its_rows(world: World) -> None:
    rng = Random(7)
    leads = []
    for number in range(150):
        age = timedelta(days=rng.choice([0, 1, 364, 365, 366, 500]))
        created = rng.random() < 0.7
        leads.append(
            make_lead(
                world, number, is_deleted=rng.random() < 0.1,
                sourced_function=rng.choice(["marketing", "sales", "other", "unknown"]),
                crm_created_at=world.at - age if created else None,
                first_seen_at=world.at if created else world.at - age,
            )
        )  # fmt: skip
    survivors = [lead for lead in leads if not lead.is_deleted]
    merged = rng.sample(survivors, 12)
    for lead in merged:
        lead.merged_into = next(other for other in survivors if other not in merged and rng.random() < 0.3)
        lead.save()
    won = {}
    for lead in rng.sample(leads, 40):
        won[lead.pk] = make_deal(world, lead, is_deleted=rng.random() < 0.2)

    def is_converted(lead: Lead) -> bool:
        records = [lead, *(other for other in leads if other.merged_into_id == lead.pk)]
        return any(record.pk in won and not won[record.pk].is_deleted for record in records)

    def is_counted(lead: Lead) -> bool:
        made = lead.crm_created_at or lead.first_seen_at
        return not lead.is_deleted and not lead.merged_into_id and made >= world.at - timedelta(days=365)

    found = drift.gap(LIMITS, at=world.at)
    for side in (found.marketing, found.sales):
        own = [lead for lead in leads if is_counted(lead) and lead.sourced_function == side.function]
        assert side.leads == len(own) > 0
        assert side.converted == sum(map(is_converted, own)) > 0
        for only_converted in (False, True):
            rows = drift.leads_of_side(LIMITS, side.function, is_converted=only_converted, at=world.at)
            assert {row.pk for row in rows} == {
                lead.pk for lead in own if is_converted(lead) or not only_converted
            }


def test_records_that_disagree_are_those_that_differ_one_by_one(world: World) -> None:
    put_in_force("mql", mql(crm_status=SAYS), at=world.at)
    found = definition_in_force("mql")
    assert found is not None
    rng = Random(3)
    leads = [
        make_lead(
            world, number, lifecycle=rng.choice(["mql", " MQL ", "Customer", "lead", ""]),
            score=rng.choice([None, 64, 65, 80]), title=rng.choice(["VP", "Student VP", "Clerk", ""]),
            is_deleted=rng.random() < 0.1,
        )
        for number in range(120)
    ]  # fmt: skip
    leads[3].merged_into = leads[4]
    leads[3].save()
    now = moment(world.at)
    for kind in drift.DISAGREEMENTS:
        by_hand = {
            lead.pk
            for lead in leads
            if not lead.is_deleted and lead.merged_into_id is None
            and (lead.lifecycle.strip().lower() in ("mql", "customer")) is (kind == drift.SAYS_SO)
            and evaluate.holds(found.definition, lead, now) is (kind == drift.SILENT)
        }  # fmt: skip
        rows = drift.disagreeing(found.definition, kind, at=world.at)
        assert {row.pk for row in rows} == by_hand
        assert by_hand
    counted = {each.kind: each.count for each in drift.disagreements(found.definition, at=world.at)}
    assert counted == {
        kind: drift.disagreeing(found.definition, kind, at=world.at).count() for kind in drift.DISAGREEMENTS
    }


def test_without_what_the_crm_calls_an_mql_nothing_is_compared(world: World) -> None:
    put_in_force("mql", at=world.at)
    found = definition_in_force("mql")
    assert found is not None
    make_lead(world, 1)
    assert [each.count for each in drift.disagreements(found.definition, at=world.at)] == [0, 0]
    page = signed_in(add_user(world, Role.CRO)).get(reverse("alignment:drift")).content.decode()
    assert "does not say what the CRM calls an MQL" in page


def test_matches_answers_for_the_version_in_force(world: World) -> None:
    assert matches("mql", at=world.at) is None
    put_in_force("mql", at=world.at)
    meets, fails = make_lead(world, 1), make_lead(world, 2, score=64)
    condition = matches("mql", at=world.at)
    assert condition is not None
    assert [lead.pk for lead in Lead.objects.filter(condition)] == [meets.pk]
    assert [lead.pk for lead in Lead.objects.filter(~condition)] == [fails.pk]
    make_deal(world, meets)
    through = matches("mql", at=world.at, prefix="lead__")
    assert through is not None
    assert Opportunity.objects.filter(through).count() == 1


def test_an_alarm_is_told_once_to_revops_and_the_leaders_until_it_ends_and_comes_back(world: World) -> None:
    put_in_force("mql", at=world.at)
    rep = world.users["rep.1"]
    make_gap(world, 2, 9)
    first = watch_drift(at=world.at)
    assert first is not None
    assert watch_drift(at=world.at + timedelta(hours=1)) == first
    told = Notification.objects.filter(kind="drift")
    assert sorted(told.values_list("user__role", flat=True)) == ["cmo", "cro", "revops"]
    assert not told.filter(user=rep).exists()
    assert OutgoingMail.objects.filter(key__startswith="drift:").count() == 3
    assert first.figures == {
        "marketing": {"leads": 50, "converted": 2}, "sales": {"leads": 50, "converted": 9}, "limit": 4,
    }  # fmt: skip
    last = Opportunity.objects.filter(lead__sourced_function="sales").first()
    assert last is not None
    last.is_deleted = True
    last.save()
    assert watch_drift(at=world.at + timedelta(hours=2)) is None
    first.refresh_from_db()
    assert first.ended_at == world.at + timedelta(hours=2)
    last.is_deleted = False
    last.save()
    second = watch_drift(at=world.at + timedelta(hours=3))
    assert second is not None
    assert second != first
    assert Notification.objects.filter(kind="drift").count() == 6


def test_two_watchers_at_once_raise_one_alarm_and_tell_it_once(transactional_db: None) -> None:
    world = build_world()
    put_in_force("mql", at=world.at)
    make_gap(world, 2, 9)
    together = Barrier(2)

    def watch(_: int) -> int:
        together.wait()
        try:
            alarm = watch_drift(at=world.at)
            assert alarm is not None
            return alarm.pk
        finally:
            connection.close()

    with ThreadPoolExecutor(2) as pool:
        assert len(set(pool.map(watch, range(2)))) == 1
    assert DriftAlarm.objects.count() == 1
    assert Notification.objects.filter(kind="drift").count() == 3


def test_an_alarm_ends_where_no_definition_is_in_force_any_more(world: World) -> None:
    signed = put_in_force("mql", at=world.at)
    make_gap(world, 2, 9)
    assert watch_drift(at=world.at) is not None
    revoke(version=signed, role=Role.CMO, reason="Not any more", by=user_with(Role.CMO), at=world.at)
    assert watch_drift(at=world.at + timedelta(minutes=1)) is None
    assert not DriftAlarm.objects.filter(ended_at=None).exists()


def test_the_database_keeps_one_standing_alarm_that_ends_after_it_began(db: None) -> None:
    DriftAlarm.objects.create(kind="gap", figures={}, raised_at=NOW)
    for bad in (
        {"raised_at": NOW},
        {"raised_at": NOW, "ended_at": NOW - timedelta(seconds=1)},
        {"kind": "mood", "raised_at": NOW},
    ):
        with pytest.raises(IntegrityError), transaction.atomic():
            DriftAlarm.objects.create(**{"kind": "gap", "figures": {}} | bad)


def test_the_page_shows_the_gap_and_leads_to_its_rows(world: World) -> None:
    put_in_force("mql", mql(crm_status=SAYS), at=world.at)
    make_gap(world, 2, 9)
    with time_machine.travel(world.at, tick=False):
        client = signed_in(add_user(world, Role.CMO))
        page = client.get(reverse("alignment:drift")).content.decode()
        assert "Beyond the limit" in page
        assert "4.50×" in page
        rows = reverse("alignment:drift-rows")
        for query, count in (
            ("of=marketing", 50), ("of=sales&converted=1", 9), ("of=silent", 100), ("of=says-so", 0),
        ):  # fmt: skip
            found = client.get(f"{rows}?{query}").content.decode()
            assert f"<strong>{count} lead" in found
        for bad in ("of=board", "", "of=sales&after=x"):
            assert client.get(f"{rows}?{bad}").status_code == 404
        finance = signed_in(add_user(world, Role.FINANCE))
        assert "of=marketing" not in finance.get(reverse("alignment:drift")).content.decode()
        assert finance.get(f"{rows}?of=sales").status_code == 403
