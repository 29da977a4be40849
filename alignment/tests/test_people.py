"""Logins, teams and people: made by RevOps, each change in the history with who, when and why."""

from __future__ import annotations

import threading
from datetime import UTC, datetime
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.db import connection
from django.test import Client

from alignment.models import Function, Lead, MqlCycle, Person, PersonIdentity, Role, Source, Team, User
from alignment.services import people
from alignment.services.authority import OnlyRevOps
from alignment.services.teams import TeamExists, change_person, create_team
from testing.world import World, event

AT = datetime(2026, 3, 2, 10, tzinfo=UTC)
PASSWORD = "four cheerful otters"


@pytest.fixture
def olga(db: None) -> User:
    return people.create_user(email="olga@example.com", name="Olga", role=Role.REVOPS, by=None, at=AT)


@pytest.fixture
def east(olga: User) -> Team:
    return create_team(name="East", by=olga, at=AT)


@pytest.fixture
def crm(db: None) -> Source:
    return Source.objects.create(key="hub", name="Hub", kind="standard")


def make(olga: User, **changes: Any) -> User:
    given: dict[str, Any] = {
        "email": "Ann@Example.com",
        "name": "Ann",
        "role": Role.REP,
        "password": PASSWORD,
    }
    return people.create_user(**(given | changes), by=olga, at=AT)


def moved(person: Person, team: Team | None, *, by: User) -> Person:
    return change_person(
        person=person, name=person.name, email="", function=Function.SALES, team=team, by=by, at=AT
    )


def reasons(instance: User | Person) -> list[str | None]:
    """Why it was changed, in order of writing."""
    return [entry.history_change_reason for entry in instance.history.order_by("history_id")]


def test_a_login_has_one_role_and_its_history_says_who_made_it(olga: User) -> None:
    ann = make(olga)
    assert (ann.email, ann.role, ann.is_staff) == ("ann@example.com", Role.REP, False)
    assert ann.check_password(PASSWORD)
    entry = ann.history.get()
    assert (entry.history_user, entry.history_date, entry.history_change_reason) == (olga, AT, "login made")


def test_a_login_without_a_password_opens_by_no_password(olga: User) -> None:
    assert not make(olga, password=None).has_usable_password()


def test_a_rep_with_a_team_becomes_a_person_who_can_own_leads(olga: User, east: Team) -> None:
    ann = make(olga, team=east)
    assert (ann.person.team, ann.person.function, ann.person.email) == (
        east,
        Function.SALES,
        "ann@example.com",
    )


def test_a_sales_manager_manages_the_team_given(olga: User, east: Team) -> None:
    ann = make(olga, role=Role.SALES_MANAGER, team=east)
    assert list(east.managers.all()) == [ann]


def test_a_login_is_joined_to_somebody_known_already(olga: User, east: Team) -> None:
    person = people.create_person(name="Ann", team=east, by=olga, at=AT)
    ann = make(olga, person=person)
    assert (ann.person, ann.person.team) == (person, east)
    with pytest.raises(people.PersonHasLogin):
        make(olga, email="ann2@example.com", person=person)


def test_an_address_is_taken_once_whatever_its_case(olga: User) -> None:
    make(olga)
    with pytest.raises(people.EmailTaken, match="login for ann"):
        make(olga, email="ANN@example.com")


@pytest.mark.parametrize(
    "wrong",
    [
        {"password": "password"},
        {"role": "king"},
        {"zone": "Mars/Base"},
        {"email": "nonsense"},
        {"name": " "},
    ],
)
def test_a_login_with_a_wrong_value_is_refused(olga: User, wrong: dict[str, str]) -> None:
    with pytest.raises(ValidationError):
        make(olga, **wrong)
    assert User.objects.count() == 1


def test_only_revops_sets_up_people(olga: User, east: Team, crm: Source) -> None:
    ann = make(olga)
    person = Person.objects.create(name="Ben")
    for act in (
        lambda: make(ann, email="x@example.com"),
        lambda: people.deactivate_user(user=olga, by=ann, at=AT),
        lambda: people.reactivate_user(user=olga, by=ann, at=AT),
        lambda: create_team(name="West", by=ann, at=AT),
        lambda: people.create_person(name="Cy", by=ann, at=AT),
        lambda: moved(person, east, by=ann),
        lambda: people.link_identity(source=crm, external_id="1", person=person, by=ann, at=AT),
        lambda: people.merge_people(stub=person, into=person, by=ann, at=AT),
    ):
        with pytest.raises(OnlyRevOps):
            act()


def test_the_next_request_of_a_deactivated_login_is_refused(olga: User, east: Team) -> None:
    ann = make(olga, team=east)
    client = Client()
    client.force_login(ann)
    assert client.get("/healthz").wsgi_request.user == ann
    people.deactivate_user(user=ann, reason="left", by=olga, at=AT)
    assert not client.get("/healthz").wsgi_request.user.is_authenticated
    answer = client.get("/admin/")
    assert answer.status_code == 302
    assert "login" in answer.headers["Location"]
    assert not Person.objects.get(user=ann).is_active
    assert reasons(ann)[-1] == "left"
    people.reactivate_user(user=ann, by=olga, at=AT)
    assert Person.objects.get(user=ann).is_active
    assert client.get("/healthz").wsgi_request.user == ann


def test_the_last_login_of_revops_stays(olga: User) -> None:
    with pytest.raises(people.LastRevOps):
        people.deactivate_user(user=olga, by=olga, at=AT)
    second = make(olga, role=Role.REVOPS)
    people.deactivate_user(user=olga, by=second, at=AT)
    with pytest.raises(people.LastRevOps):
        people.deactivate_user(user=second, by=None, at=AT)
    assert not User.objects.get(pk=olga.pk).is_active
    assert User.objects.get(pk=second.pk).is_active


def test_a_team_has_a_name_of_its_own(olga: User, east: Team) -> None:
    with pytest.raises(TeamExists, match="East"):
        create_team(name="East", by=olga, at=AT)
    with pytest.raises(ValidationError):
        create_team(name="West", function="cooking", by=olga, at=AT)


def test_somebody_found_by_a_crm_joins_a_team(olga: User, east: Team) -> None:
    person = Person.objects.create(name="Ben")
    changed = moved(person, east, by=olga)
    assert (changed.team, changed.function) == (east, Function.SALES)
    assert reasons(person)[-1] == "team: East"
    assert moved(person, None, by=olga).team is None
    assert reasons(person)[-1] == "team: none"


def test_an_id_of_a_source_names_one_person(olga: User, crm: Source) -> None:
    ann = people.create_person(name="Ann", by=olga, at=AT)
    ben = people.create_person(name="Ben", by=olga, at=AT)
    first = people.link_identity(source=crm, external_id=" 005 ", person=ann, by=olga, at=AT)
    assert people.link_identity(source=crm, external_id="005", person=ann, by=olga, at=AT) == first
    assert reasons(ann) == ["person added", "is 005 in Hub"]
    with pytest.raises(people.IdentityTaken, match="Ann"):
        people.link_identity(source=crm, external_id="005", person=ben, by=olga, at=AT)
    with pytest.raises(ValidationError):
        people.link_identity(source=crm, external_id=" ", person=ben, by=olga, at=AT)


def test_merging_gives_identities_leads_and_running_clocks_to_the_person(world: World) -> None:
    olga = people.create_user(email="olga@example.com", name="Olga", role=Role.REVOPS, by=None, at=AT)
    sent = event("lead.created", "L1", world.at, score=70, owner="005", owner_name="A. Example")
    world.send(sent)
    stub, ann = Person.objects.get(name="A. Example"), world.reps[0]
    cycle = MqlCycle.objects.get()
    assert (cycle.owner, cycle.clocks.get(kind="follow_up").owner) == (stub, stub)
    people.merge_people(stub=stub, into=ann, by=olga, at=world.at)
    cycle.refresh_from_db()
    assert (cycle.owner, cycle.clocks.get(kind="follow_up").owner) == (ann, ann)
    assert Lead.objects.get().crm_owner == ann
    assert PersonIdentity.objects.get(external_id="005").person == ann
    stub.refresh_from_db()
    assert not stub.is_active
    assert reasons(stub)[-1] == f"merged into {ann}"


def test_somebody_set_up_here_or_already_gone_is_not_merged(olga: User, east: Team) -> None:
    ann, stub = make(olga, team=east).person, Person.objects.create(name="A.")
    with pytest.raises(people.CannotMerge):
        people.merge_people(stub=ann, into=stub, by=olga, at=AT)
    with pytest.raises(people.CannotMerge):
        people.merge_people(stub=stub, into=stub, by=olga, at=AT)
    gone = Person.objects.create(name="Gone", is_active=False)
    with pytest.raises(people.CannotMerge):
        people.merge_people(stub=stub, into=gone, by=olga, at=AT)


@pytest.mark.usefixtures("as_application_role")
def test_a_later_save_of_the_same_object_does_not_repeat_the_reason(olga: User) -> None:
    olga.title = "Head of RevOps"
    olga.save()
    assert reasons(olga) == ["login made", None]


@pytest.mark.django_db(transaction=True)
def test_two_logins_of_revops_cannot_shut_each_other_out_at_once() -> None:
    pair = [
        people.create_user(email=f"{name}@example.com", name=name, role=Role.REVOPS, by=None, at=AT)
        for name in ("Olga", "Petra")
    ]
    ready, refusals = threading.Barrier(2), []

    def shut(user: User) -> None:
        try:
            ready.wait(10)
            people.deactivate_user(user=user, by=None, at=AT)
        except people.LastRevOps as refusal:
            refusals.append(refusal)
        finally:
            connection.close()

    threads = [threading.Thread(target=shut, args=(user,)) for user in pair]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert len(refusals) == 1
    assert User.objects.filter(is_active=True).count() == 1
