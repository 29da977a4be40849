"""RevOps enters working terms before the first signature: prefilled, checked, never reaching back."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.test import Client

from alignment.models import Calendar, MqlCycle, Organisation, Role, Team, User
from alignment.services.calendars import create_calendar
from sla.forms.tiers import OtherTierForm
from sla.models import Agreement, Clock, ClockKind
from sla.services.agreements import put_in_force
from sla.tests.pages import signed_in
from testing.world import ALL_HOURS, NOW, World, add_user, event, terms

PAGE = "/agreement/new/"
DAY, HOUR, MINUTE = timedelta(days=1), timedelta(hours=1), timedelta(minutes=1)


@pytest.fixture
def revops(world: World) -> Client:
    return signed_in(add_user(world, Role.REVOPS))


@pytest.fixture
def always(world: World) -> Calendar:
    return create_calendar(
        name="Always", schedule={"zone": "UTC", "weekly": ALL_HOURS}, by=None, at=world.at - DAY
    )


def shown(client: Client) -> dict[str, Any]:
    """What a browser would send of the form as it is shown."""
    response = client.get(PAGE)
    assert response.status_code == 200
    form = response.context["form"]
    parts = [form, *form.tiers, form.others]
    typed = {field.html_name: field.value() for part in parts for field in part}
    page = {"follows": response.context["follows"], "tiers": len(form.tiers)}
    return page | {name: "" if value is None else value for name, value in typed.items()}


def text(response: Any) -> str:
    return " ".join(response.content.decode().split())


def last() -> Agreement:
    found = Agreement.objects.order_by("-number").first()
    assert found is not None
    return found


def test_the_form_starts_from_the_version_in_force_and_says_the_same_again(
    world: World, revops: Client, always: Calendar
) -> None:
    document = terms(
        world.calendar,
        trigger={"kind": "field", "field": "lifecycle", "value": "mql"},
        assign_within={"amount": 2, "unit": "minutes", "time": "elapsed"},
        calendars={"default": world.calendar.pk, "teams": {str(world.team.pk): always.pk}},
    )
    document["tiers"][0]["disposition_within"] = {"amount": 2, "unit": "days", "time": "elapsed"}
    put_in_force(terms=document, in_force_from=world.at, by=None, at=world.at)
    with time_machine.travel(world.at + MINUTE, tick=False):
        response = revops.post(PAGE, shown(revops) | {"note": "the same again"})
    assert response.status_code == 302
    assert last().number == 3 and last().terms == document
    assert last().note == "the same again" and last().in_force_from == world.at + MINUTE
    assert last().entered_by is not None and not last().is_signed


def test_the_page_of_the_new_version_says_that_it_is_unsigned_and_what_it_judges(
    world: World, revops: Client
) -> None:
    with time_machine.travel(world.at, tick=False):
        page = text(revops.post(PAGE, shown(revops) | {"threshold": 80}, follow=True))
    assert "SLA, version 2" in page and "score reaches 80" in page
    assert "Not signed: entered before the first signature" in page
    assert "Judges MQL cycles that start from" in page
    assert "Cycles that began before stay under version 1" in page


def test_only_revops_is_offered_a_new_version(world: World, revops: Client) -> None:
    assert PAGE in text(revops.get("/agreement/"))
    other = signed_in(add_user(world, Role.CRO))
    assert PAGE not in text(other.get("/agreement/"))
    assert other.get(PAGE).status_code == other.post(PAGE, {}).status_code == 403
    assert Agreement.objects.count() == 1


def test_old_cycles_keep_their_clocks_and_new_ones_run_on_the_new_terms_and_the_teams_calendar(
    world: World, revops: Client, always: Calendar
) -> None:
    world.send(event("lead.created", "old", world.at, score=70, intent="content"))
    kept = list(Clock.objects.order_by("pk").values("kind", "due_at", "agreement__number"))
    changes = {
        "threshold": 60,
        "others-follow_up_amount": 30,
        "assign_minutes": 7,
        f"team-{world.team.pk}": always.pk,
        "begins": "later",
        "begins_at": "2026-11-17T18:00",  # the office is closed from 17:00 on
    }
    with time_machine.travel(world.at, tick=False):
        assert revops.post(PAGE, shown(revops) | changes).status_code == 302
    later = datetime(2026, 11, 17, 18, 30, tzinfo=UTC)
    world.send(
        event("lead.created", "between", world.at + HOUR, score=62),  # before it begins: 62 is too little
        event("lead.created", "new", later, score=62, intent="content"),
        at=later,
    )

    cycles = {cycle.lead.external_id: cycle for cycle in MqlCycle.objects.select_related("lead")}
    assert set(cycles) == {"old", "new"}
    assert cycles["old"].agreement_number == 1 and cycles["new"].agreement_number == 2
    old = Clock.objects.filter(cycle=cycles["old"]).order_by("pk")
    assert list(old.values("kind", "due_at", "agreement__number")) == kept
    clock = Clock.objects.select_related("calendar_version").get(
        cycle=cycles["new"], kind=ClockKind.FOLLOW_UP
    )
    assert clock.calendar_version is not None and clock.calendar_version.calendar == always
    assert clock.due_at == clock.started_at + 30 * HOUR
    assigned = Clock.objects.get(cycle=cycles["new"], kind=ClockKind.ASSIGN)
    assert assigned.due_at == later + 7 * MINUTE


def test_a_later_time_is_on_the_organisations_clocks(world: World, revops: Client) -> None:
    Organisation.objects.update(zone="America/New_York")
    user = add_user(world, Role.REVOPS, "Far away")
    user.zone = "Asia/Tokyo"
    user.save()
    with time_machine.travel(world.at, tick=False):
        client = signed_in(user)
        assert "On the clocks of America/New_York." in text(client.get(PAGE))
        typed = shown(client) | {"begins": "later", "begins_at": "2026-12-01T09:00"}
        assert client.post(PAGE, typed).status_code == 302
    assert last().in_force_from == datetime(2026, 12, 1, 14, tzinfo=UTC)


def test_a_tier_is_added_by_the_empty_row_and_removed_by_clearing_one(world: World, revops: Client) -> None:
    row = {
        "tier-1-label": "Enterprise",
        "tier-1-field": "segment",
        "tier-1-values": "enterprise, mid_market,, enterprise",
        "tier-1-follow_up_amount": 2,
        "tier-1-disposition_amount": 3,
        "tier-1-disposition_unit": "days.elapsed",
    }
    with time_machine.travel(world.at, tick=False):
        assert revops.post(PAGE, shown(revops) | row).status_code == 302
        tiers = last().terms["tiers"]
        assert [tier["name"] for tier in tiers] == ["high_intent", "enterprise", "standard"]
        assert tiers[1] == {
            "name": "enterprise",
            "label": "Enterprise",
            "when": {"field": "segment", "in": ["enterprise", "mid_market"]},
            "follow_up_within": {"amount": 2, "unit": "hours", "time": "business"},
            "disposition_within": {"amount": 3, "unit": "days", "time": "elapsed"},
        }
    with time_machine.travel(world.at + MINUTE, tick=False):
        cleared = {"tier-0-label": "", "tier-0-values": " "}
        assert revops.post(PAGE, shown(revops) | cleared).status_code == 302
    assert [tier["name"] for tier in last().terms["tiers"]] == ["enterprise", "standard"]


def test_a_check_saves_nothing_and_says_what_each_window_comes_to(
    world: World, revops: Client, always: Calendar
) -> None:
    typed = shown(revops) | {"check": "1", "others-follow_up_amount": 48, f"team-{world.team.pk}": always.pk}
    with time_machine.travel(world.at, tick=False):
        response = revops.post(PAGE, typed)
    page = text(response)
    assert response.status_code == 200
    assert "Version 2 can be put in force like this" in page
    assert "48 business hours are 6 working days of the 8-hour calendar Office hours." in page
    assert "48 business hours are 2 working days of the 24-hour calendar Always." in page
    assert Agreement.objects.count() == 1


WRONG = {
    "no threshold": ({"threshold": ""}, "Say which score"),
    "no value": ({"trigger_on": "status", "trigger_value": " "}, "Say which value the field has to reach."),
    "unknown trigger": ({"trigger_on": "mood"}, "mood"),
    "no minutes": ({"assign_minutes": "0"}, "greater than or equal to 1"),
    "a word for a number": ({"others-follow_up_amount": "soon"}, "Enter a whole number."),
    "a unit that does not exist": ({"gap_unit": "days.business"}, "days.business is not one of"),
    "a tier without values": ({"tier-0-values": " , "}, "Write at least one value."),
    "a tier without name": ({"tier-0-label": ""}, "This field is required."),
    "figures without a tier": ({"tier-1-follow_up_amount": "5"}, "This field is required."),
    "a name twice": ({"others-label": "high INTENT"}, "Another tier has this name"),
    "too much open time": ({"others-follow_up_amount": "9999"}, "9999 business hours is more open time than"),
    "too long a gap": ({"gap_amount": "9999"}, "9999 business hours is more open time than"),
    "a name too long": ({"tier-0-name": "x" * 41}, "name is a text of at most 40 characters"),
    "a calendar that is not there": ({"default_calendar": "987654"}, "Select a valid choice"),
    "no later time": ({"begins": "later"}, "Say when this version comes in force"),
    "not a time": ({"begins": "later", "begins_at": "tomorrow"}, "Enter a valid date/time."),
    "no rows": ({"tiers": "many", "others-label": ""}, "This field is required."),
}


@pytest.mark.parametrize("case", WRONG)
@pytest.mark.parametrize("button", ["check", "save"])
def test_what_cannot_be_is_refused_in_its_place_and_nothing_typed_is_lost(
    world: World, revops: Client, case: str, button: str
) -> None:
    changes, said = WRONG[case]
    with time_machine.travel(world.at, tick=False):
        typed = shown(revops) | {"note": "Kept as typed"} | changes | {button: "1"}
        response = revops.post(PAGE, typed)
    assert response.status_code == 422
    page = text(response)
    assert said in page and "Kept as typed" in page
    for name, value in changes.items():
        if name.endswith("amount"):
            assert f'value="{value}"' in page
    assert Agreement.objects.count() == 1


def test_errors_of_the_terms_stand_beside_the_window_they_are_about(world: World, revops: Client) -> None:
    response = revops.post(PAGE, shown(revops) | {"others-disposition_amount": 9999})
    others: OtherTierForm = response.context["form"].others
    assert list(others.errors) == ["disposition_amount"]
    assert not response.context["form"].non_field_errors()
    response = revops.post(
        PAGE, shown(revops) | {"tier-0-label": "", "tier-0-values": "", "gap_amount": 9999}
    )
    assert list(response.context["form"].errors) == ["gap_amount"]


def test_a_version_cannot_reach_back_or_begin_with_another(world: World, revops: Client) -> None:
    put_in_force(terms=terms(world.calendar), in_force_from=world.at + DAY, by=None, at=world.at)
    with time_machine.travel(world.at, tick=False):
        for moment, said in (
            ("2026-11-17T09:59", "A version begins now or later"),
            ("2026-11-18T10:00", "Another version begins at this very instant"),
        ):
            for button in ("check", "save"):
                typed = shown(revops) | {"begins": "later", "begins_at": moment, button: "1"}
                response = revops.post(PAGE, typed)
                assert response.status_code == 409
                assert said in text(response) and f'value="{moment}"' in text(response)
    assert Agreement.objects.count() == 2


def test_sending_it_twice_or_after_somebody_else_enters_one_version(world: World, revops: Client) -> None:
    with time_machine.travel(world.at, tick=False):
        typed = shown(revops)
        assert revops.post(PAGE, typed).status_code == 302
    with time_machine.travel(world.at + MINUTE, tick=False):
        again = revops.post(PAGE, typed)
        assert again.status_code == 409 and "Version 2 was entered since this page was opened" in text(again)
        assert Agreement.objects.count() == 2
        assert revops.post(PAGE, typed | {"follows": again.context["follows"]}).status_code == 302
    assert Agreement.objects.count() == 3


@pytest.mark.parametrize("follows", ["", "x", "9" * 30, "²"])
def test_a_form_that_does_not_say_what_it_follows_is_refused(
    world: World, revops: Client, follows: str
) -> None:
    assert revops.post(PAGE, shown(revops) | {"follows": follows}).status_code == 409
    assert Agreement.objects.count() == 1


def test_a_version_that_is_still_to_begin_is_named_before_it_is_passed_over(
    world: World, revops: Client
) -> None:
    put_in_force(terms=terms(world.calendar), in_force_from=world.at + 9 * DAY, by=None, at=world.at)
    with time_machine.travel(world.at, tick=False):
        assert "Version 2 is to begin" in text(revops.get(PAGE))


def test_a_calendar_on_a_teams_page_that_runs_no_clock_is_said(
    world: World, revops: Client, always: Calendar
) -> None:
    Team.objects.filter(pk=world.team.pk).update(calendar=always)
    assert "page names Always; only what is chosen here runs clocks" in text(revops.get(PAGE))


def test_the_first_version_is_entered_where_there_is_none(db: None) -> None:
    office = create_calendar(name="Office", schedule={"zone": "UTC", "weekly": ALL_HOURS}, by=None, at=NOW)
    client = signed_in(User.objects.create_user("ops@example.com", None, name="Ops", role=Role.REVOPS))
    assert "Enter working terms" in text(client.get("/agreement/"))
    assert "The first version." in text(client.get(PAGE))
    figures = {"attempts": 6, "gap_amount": 16, "warn_at_percent": 75, "assign_minutes": 5, "threshold": 65}
    tier = {"others-label": "Everybody", "others-follow_up_amount": 8, "others-disposition_amount": 24}
    with time_machine.travel(NOW, tick=False):
        typed = shown(client) | figures | tier | {"default_calendar": office.pk}
        assert client.post(PAGE, typed).status_code == 302
    assert last().number == 1 and last().in_force_from == NOW
    assert [tier["name"] for tier in last().terms["tiers"]] == ["everybody"]


def test_the_number_of_queries_does_not_grow_with_teams_and_versions(
    world: World, revops: Client, always: Calendar, django_assert_max_num_queries: Callable[[int], Any]
) -> None:
    for n in range(1, 13):
        Team.objects.create(name=f"Team {n}", calendar=always)
        put_in_force(terms=terms(world.calendar), in_force_from=world.at + n * DAY, by=None, at=world.at)
        if n in (1, 12):
            with django_assert_max_num_queries(14):
                revops.get(PAGE)
