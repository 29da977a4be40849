"""The agreement as people read it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.test import Client

from alignment.models import Role, Team, User
from alignment.services.artifacts import decline, revoke
from alignment.services.calendars import create_calendar
from sla.models import Agreement
from sla.services.agreements import put_in_force
from sla.services.drafts import start_draft
from sla.tests.pages import signed_in
from testing.artifacts import sign_all, user_with
from testing.sla import sent_sla, signed_sla
from testing.world import ALL_HOURS, World, add_user, event, terms

DAY = timedelta(days=1)


def read(client: Client, address: str = "/agreement/") -> str:
    response = client.get(address)
    assert response.status_code == 200
    return " ".join(response.content.decode().split())


@pytest.mark.parametrize("role", [role for role in Role if role != Role.BOARD_VIEWER])
def test_everyone_but_the_board_reads_the_terms_in_force(world: World, role: Role) -> None:
    page = read(signed_in(add_user(world, role)))
    assert "SLA, version 1" in page
    assert "score reaches 65" in page
    assert "5 minutes" in page and "6 attempts" in page and "16 business hours" in page
    assert "75% of its window" in page
    assert "Not signed: entered before the first signature" in page


def test_the_board_viewer_and_visitors_do_not(world: World, client: Client) -> None:
    assert signed_in(add_user(world, Role.BOARD_VIEWER)).get("/agreement/").status_code == 403
    assert client.get("/agreement/").status_code == 302


def test_business_hours_are_said_in_working_days_of_the_calendar(world: World) -> None:
    page = read(signed_in(add_user(world, Role.REP)))
    assert "24 business hours are 3 working days of the 8-hour calendar Office hours." in page
    assert "16 business hours are 2 working days" in page
    assert "Less than a working day; only open hours count." in page


def test_calendars_of_other_lengths_are_said_apart(world: World) -> None:
    always = create_calendar(
        name="Always", schedule={"zone": "UTC", "weekly": ALL_HOURS}, by=None, at=world.at
    )
    uneven = create_calendar(
        name="Short Friday",
        schedule={"zone": "UTC", "weekly": {"mon": [["08:00", "16:00"]], "fri": [["08:00", "12:00"]]}},
        by=None,
        at=world.at,
    )
    teams = [Team.objects.create(name=name) for name in ("Desk", "Field")]
    of_teams = {str(teams[0].pk): always.pk, str(teams[1].pk): uneven.pk}
    put_in_force(
        terms=terms(world.calendar, calendars={"default": world.calendar.pk, "teams": of_teams}),
        in_force_from=world.at,
        by=None,
        at=world.at,
    )
    with time_machine.travel(world.at + DAY, tick=False):
        page = read(signed_in(add_user(world, Role.REP)))
    assert "24 business hours are 3 working days of the 8-hour calendar Office hours." in page
    assert "24 business hours are 1 working day of the 24-hour calendar Always." in page
    assert "24 business hours: 3 to 6 working days of Short Friday, by weekday." in page
    assert "Desk" in page and "Field" in page


def test_versions_show_when_each_was_in_force_and_what_runs_on_it(world: World) -> None:
    world.send(
        event("lead.created", "L1", world.at, score=70), event("lead.created", "L2", world.at, score=70)
    )
    closed = event("lead.dispositioned", "L2", world.at, disposition="recycled", reason="bad_fit")
    world.send(closed, at=world.at)
    stricter = terms(world.calendar, trigger={"kind": "score", "threshold": 80})

    def enter(note: str, days: int) -> Agreement:
        return put_in_force(
            terms=stricter, in_force_from=world.at + days * DAY, note=note, by=None, at=world.at
        )

    enter("never came", 9)
    enter("second", 2)
    client = signed_in(add_user(world, Role.CMO))
    with time_machine.travel(world.at + DAY, tick=False):
        page = read(client)
        assert "score reaches 65" in page
        assert "2 MQL cycles run on it, 1 of them open" in page
        assert "Passed over" in page and "Coming" in page and "second" in page
        assert "Was to begin" in page
    with time_machine.travel(world.at + 3 * DAY, tick=False):
        page = read(client)
        assert "SLA, version 3" in page and "score reaches 80" in page and "Ended" in page
        old = read(client, "/agreement/1/")
        assert "No longer in force" in old and "score reaches 65" in old


def test_a_version_that_does_not_exist_is_not_found(world: World) -> None:
    assert signed_in(add_user(world, Role.CRO)).get("/agreement/7/").status_code == 404


def test_without_any_agreement_the_page_says_what_that_means(db: None) -> None:
    user = User.objects.create_user("cro@example.com", None, name="Cro", role=Role.CRO)
    assert "No SLA yet" in read(signed_in(user))


def test_the_number_of_queries_does_not_grow_with_versions(
    world: World, django_assert_max_num_queries: Callable[[int], Any]
) -> None:
    client = signed_in(add_user(world, Role.CRO))
    for n in range(1, 12):
        put_in_force(terms=terms(world.calendar), in_force_from=world.at + n * DAY, by=None, at=world.at)
        if n in (1, 11):
            with django_assert_max_num_queries(11):
                read(client)


def test_a_signed_version_shows_its_clauses_its_signatures_and_its_document(world: World) -> None:
    signed = signed_sla(terms(world.calendar), at=world.at, channels=3)
    with time_machine.travel(world.at, tick=False):
        page = read(signed_in(add_user(world, Role.REP)))
        old = read(signed_in(add_user(world, Role.FINANCE)), "/agreement/1/")
    assert signed.version is not None
    assert "SLA, version 2" in page and signed.version.digest in page
    assert "/sla/revenue/2/" in page and "The CRO" in page and "The CMO" in page
    assert "100 MQLs" in page and "At least <strong>90%</strong>" in page and "3 channels" in page
    assert "more than <strong>15%</strong>" in page and "15 February 2027" in page
    assert "each Friday" in page
    assert "Draft" not in page
    assert "Not signed: entered before the first signature" in old and "No longer in force" in old


def test_the_page_says_what_may_follow_and_whose_turn_it_is(world: World) -> None:
    revops, cro, rep = (signed_in(user_with(role)) for role in (Role.REVOPS, Role.CRO, Role.REP))
    with time_machine.travel(world.at, tick=False):
        assert "Draft the SLA" in read(revops) and "Change the working terms" in read(revops)
        start_draft(by=user_with(Role.REVOPS), at=world.at)
        assert "Go on with the draft" in read(revops) and "What may follow" not in read(cro)
        sent = sent_sla(terms(world.calendar), at=world.at)
        page = read(cro)
        assert "waits for The CRO (CRO) and The CMO (CMO)" in page and "Read and sign version 2" in page
        assert "Read and sign" not in read(rep) and "waits for The CRO" in read(rep)
        sign_all(sent, at=world.at)
        page = read(revops)
        assert "Draft an amendment" in page and "working terms" not in page
        assert "What may follow" not in page
        again = sent_sla(terms(world.calendar), at=world.at)
        decline(version=again, role=Role.CMO, reason="Too strict", by=user_with(Role.CMO), at=world.at)
        page = read(revops)
        assert "Declined" in page and "Too strict" in page and "begin again from it there" in page
        assert "until both have signed" not in page, "nobody can sign what was declined"


def test_terms_whose_signature_was_revoked_go_on_marked_so(world: World) -> None:
    signed = signed_sla(terms(world.calendar), at=world.at)
    assert signed.version is not None
    revoke(version=signed.version, role=Role.CRO, reason="Wrong", by=user_with(Role.CRO), at=world.at)
    with time_machine.travel(world.at, tick=False):
        page = read(signed_in(user_with(Role.CMO)))
    assert "No longer signed" in page and "go on judging clocks until another version is signed" in page


def test_who_revokes_it_reads_before_that_its_terms_go_on(world: World) -> None:
    signed = signed_sla(terms(world.calendar), at=world.at)
    assert signed.version is not None
    with time_machine.travel(world.at, tick=False):
        address = f"/artifacts/sla/revenue/{signed.version.number}/"
        page = signed_in(user_with(Role.CRO)).get(address).content.decode()
    assert "its terms go on judging clocks until a new version is signed by both" in page
    assert "nothing takes its place" not in page
