"""What RevOps is led through on a new installation: each step says what is really so, until all are done."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django.utils import timezone

from alignment.definitions.predicate import KEYS
from alignment.definitions.suggestions import suggestion
from alignment.models import (
    Endpoint,
    Function,
    Role,
    Scheme,
    Source,
    User,
)
from alignment.services.artifacts import save_draft
from alignment.services.calendars import create_calendar
from alignment.services.organisation import change_organisation
from alignment.services.people import create_person
from alignment.services.programs import open_program
from alignment.services.teams import create_team
from dashboard.services.first_defaults import add_defaults
from handoff.models import Leave, Pool, PoolMember
from handoff.tests.pages import add_mql, client_of
from sla.models import Agreement
from sla.services.agreements import put_in_force
from testing.world import NOW, PASSWORD, WEEKDAYS, World, add_user

ORDER = [
    "Name the organisation and set its time zone",
    "Set the open hours",
    "Add teams, people and their logins",
    "Put people into the default pool",
    "Read the terms of the SLA and enter yours",
    "Connect a source",
    "Receive the first event",
    "Give CRO, CMO and finance a login",
    "Open a program",
    "Write the definitions",
]


@pytest.fixture
def revops(db: None) -> User:
    """RevOps of an installation that has the defaults and nothing else."""
    add_defaults(at=timezone.now())
    return User.objects.create_user("r@example.com", PASSWORD, name="Rita", role=Role.REVOPS)


def home(user: User) -> str:
    answer = client_of(user).get("/")
    assert answer.status_code == 200
    return answer.content.decode()


def steps(page: str) -> dict[str, tuple[bool, str]]:
    """(whether it is done, what is said while it is not) of each step on a page, by its name."""
    part = page.partition('id="first-steps"')[2].partition("</section>")[0]
    found = {}
    for item in re.findall(r'<li class="list-group-item py-2">(.*?)</li>', part, re.DOTALL):
        name = re.search(r">([^<]+)</a>", item)
        said = re.search(r'<div class="text-secondary">(.*?)</div>', item, re.DOTALL)
        is_done = "Done</span>" in item
        assert name is not None and is_done == (said is None)
        found[name[1]] = (is_done, said[1] if said else "")
    return found


def done(user: User) -> list[str]:
    return [name for name, (is_done, _) in steps(home(user)).items() if is_done]


def test_nothing_is_done_by_the_defaults_alone(revops: User) -> None:
    page = home(revops)
    assert list(steps(page)) == ORDER
    assert done(revops) == []
    assert "0 of 10 done" in page
    assert "agreed by nobody" in steps(page)[ORDER[4]][1]
    assert "Nobody in “Everyone” can be given a lead now" in steps(page)[ORDER[3]][1]


def test_each_step_is_done_by_what_it_asks_for_and_the_list_goes_with_the_last(revops: User) -> None:
    now = timezone.now()
    change_organisation(
        name="Northwind", zone="Europe/Berlin", currency="EUR", weekly_minimum=10, by=revops, at=now
    )
    assert done(revops) == ORDER[:1]
    assert "by UTC, not Europe/Berlin" in steps(home(revops))[ORDER[1]][1]

    schedule = {"zone": "Europe/Berlin", "weekly": WEEKDAYS}
    calendar = create_calendar(name="Berlin", schedule=schedule, by=revops, at=now)
    assert done(revops) == ORDER[:1], "no clock runs by it yet"
    terms = Agreement.objects.get().terms | {"calendars": {"default": calendar.pk, "teams": {}}}
    put_in_force(terms=terms, in_force_from=now, note="Ours", by=revops, at=now)
    assert done(revops) == [ORDER[0], ORDER[1], ORDER[4]]

    team = create_team(name="Inbound", by=revops, at=now)
    rep = create_person(name="Ann", function=Function.SALES, team=team, by=revops, at=now)
    assert ORDER[2] not in done(revops), "nobody can sign in as a rep"
    rep.user = User.objects.create_user("a@example.com", PASSWORD, name="Ann", role=Role.REP)
    rep.save()
    assert ORDER[2] in done(revops)

    PoolMember.objects.create(pool=Pool.objects.get(), person=rep)
    assert ORDER[3] in done(revops)
    Leave.objects.create(person=rep, starts_at=now - timedelta(days=1), ends_at=now + timedelta(days=1))
    assert ORDER[3] not in done(revops), "eligible now is what counts"
    Leave.objects.all().delete()

    source = Source.objects.create(key="crm", name="CRM", kind="standard")
    Endpoint.objects.create(source=source, scheme=Scheme.STANDARD_WEBHOOKS)
    page = home(revops)
    assert [name for name, (is_done, _) in steps(page).items() if not is_done] == ORDER[6:]
    assert "6 of 10 done" in page


def test_the_list_stays_after_the_first_event_while_something_is_undone(world: World) -> None:
    revops = add_user(world, Role.REVOPS)
    add_mql(world, "Ada")
    assert [name for name, (is_done, _) in steps(home(revops)).items() if not is_done] == ORDER[7:]
    for role in (Role.CRO, Role.CMO, Role.FINANCE):
        add_user(world, role)
    open_program(
        name="Autumn",
        owner=revops,
        hours_per_week=12,
        has_admin_access=True,
        starts_on=NOW.date(),
        weeks=8,
        by=revops,
        at=NOW,
    )
    for key in KEYS:
        save_draft(kind="definition", key=key, content=suggestion(key), by=revops, at=NOW)
    assert not steps(home(revops)), "the world lacks nothing"
    PoolMember.objects.update(is_paused=True)
    page = home(revops)
    assert [name for name, (is_done, _) in steps(page).items() if not is_done] == [ORDER[3]]
    assert "MQLs wait without an owner" in steps(page)[ORDER[3]][1]
    assert "This week" in page
    Pool.objects.update(fallback=world.reps[0])
    is_done, said = steps(home(revops))[ORDER[3]]
    assert not is_done
    assert "all go to Rep 1" in said
    assert not steps(home(User.objects.get(role=Role.CRO)))


def test_a_delivery_without_anything_readable_is_no_first_event(world: World) -> None:
    world.deliver(b"[]")
    is_done, said = steps(home(add_user(world, Role.REVOPS)))[ORDER[6]]
    assert not is_done
    assert "nothing in it could be read" in said


def test_where_the_crm_chooses_owners_no_pool_is_asked_for(revops: User) -> None:
    Source.objects.create(key="crm", name="CRM", kind="standard", assigns=Source.Assigns.CRM)
    assert list(steps(home(revops))) == [name for name in ORDER if name != ORDER[3]]


def test_an_empty_installation_without_any_defaults_still_shows_the_steps(db: None) -> None:
    user = User.objects.create_user("r@example.com", PASSWORD, name="Rita", role=Role.REVOPS)
    page = home(user)
    assert list(steps(page)) == ORDER
    assert "None is in force" in page
    assert "manage.py demo" in page


def test_others_are_told_whom_they_wait_for(db: None) -> None:
    user = User.objects.create_user("c@example.com", PASSWORD, name="C", role=Role.CRO)
    assert "RevOps connects the CRM" in home(user)
