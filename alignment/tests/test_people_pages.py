"""People, logins and teams in the browser: RevOps only, every act with who did it, secrets shown once."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from django.core import mail
from django.test import Client

from alignment.models import Function, Person, PersonIdentity, Role, Team, User
from alignment.services.people import LoginHasPerson, PersonHasLogin, link_login
from alignment.services.sources import create_source
from alignment.tests.pages import found, signed_in
from testing.world import World, add_user, event

NEW = {"name": "Nia", "email": "Nia@Example.com", "role": "rep", "title": "", "way_in": "temporary"}


@pytest.fixture
def revops(world: World) -> Client:
    return signed_in(add_user(world, Role.REVOPS, "Ann"))


def text(response: Any) -> str:
    return " ".join(response.content.decode().split())


def test_only_revops_comes_in(world: World) -> None:
    person = world.reps[0]
    gets = [
        "/people/",
        "/people/new/",
        f"/people/{person.pk}/",
        "/people/teams/new/",
        f"/people/teams/{world.team.pk}/",
    ]
    acts = [f"/people/{person.pk}/{act}/" for act in ("change", "login", "identities", "merge")]
    acts += ["/people/new/", "/people/teams/new/", f"/people/logins/{person.user_id}/"]
    for role in set(Role) - {Role.REVOPS}:
        client = signed_in(add_user(world, role))
        assert {client.get(address).status_code for address in gets} == {403}
        assert {client.post(address).status_code for address in acts} == {403}
    client = signed_in(add_user(world, Role.REVOPS))
    assert {client.get(address).status_code for address in gets} == {200}


def test_a_temporary_password_is_shown_once_and_lets_the_person_in(world: World, revops: Client) -> None:
    response = revops.post("/people/new/", {**NEW, "team": world.team.pk})
    password = found(r'<code class="secret">([^<]+)</code>', text(response))
    assert "no-store" in response["Cache-Control"]
    person = Person.objects.get(user__email="nia@example.com")
    assert person.team == world.team and person.function == Function.SALES
    assert person.user is not None and person.user.check_password(password)
    assert person.history.get().history_user == world.users[Role.REVOPS]
    assert password not in text(revops.get("/people/")) + text(revops.get(f"/people/{person.pk}/"))
    client = Client()
    signed = client.post("/accounts/login/", {"login": "nia@example.com", "password": password})
    assert signed.status_code == 302


def test_a_link_to_set_a_password_is_mailed(revops: Client) -> None:
    response = revops.post(
        "/people/new/", {**NEW, "team": Team.objects.get().pk, "way_in": "mail"}, follow=True
    )
    assert "A link to set a password went to nia@example.com" in text(response)
    assert [message.to for message in mail.outbox] == [["nia@example.com"]]
    link = found(r"(/accounts/password/reset/key/\S+)", str(mail.outbox[0].body))
    visitor = Client()
    form = visitor.get(link, follow=True)
    chosen = {"password1": "a long and new one", "password2": "a long and new one"}
    visitor.post(form.redirect_chain[-1][0], chosen)
    assert User.objects.get(email="nia@example.com").check_password("a long and new one")


def test_a_person_without_a_role_owns_leads_and_has_no_login(world: World, revops: Client) -> None:
    revops.post("/people/new/", {**NEW, "role": "", "team": world.team.pk})
    person = Person.objects.get(name="Nia")
    assert person.user is None and person.team == world.team
    assert not User.objects.filter(email="nia@example.com").exists()


@pytest.mark.parametrize(
    ("wrong", "said", "status"),
    [
        ({"email": "REP.1@example.com"}, "There is a login for rep.1@example.com already", 409),
        ({"email": ""}, "A login is opened by its e-mail address", 422),
        ({"email": "nia"}, "Enter a valid email address", 422),
        ({"role": "king"}, "Select a valid choice", 422),
        ({"way_in": "window"}, "Select a valid choice", 422),
    ],
)
def test_a_refusal_keeps_what_was_typed(
    world: World, revops: Client, wrong: dict[str, str], said: str, status: int
) -> None:
    before = User.objects.count()
    response = revops.post("/people/new/", {**NEW, "team": world.team.pk, **wrong})
    assert response.status_code == status
    assert said in text(response) and 'value="Nia"' in text(response)
    assert User.objects.count() == before


def test_a_login_is_shut_and_opened_and_the_last_of_revops_stays(world: World, revops: Client) -> None:
    rep = world.users["rep.1"]
    theirs = signed_in(rep)
    assert theirs.get("/compliance/").status_code == 200
    revops.post(f"/people/logins/{rep.pk}/", {"active": "0"})
    assert theirs.get("/compliance/").status_code == 302
    assert not Person.objects.get(user=rep).is_active
    revops.post(f"/people/logins/{rep.pk}/", {"active": "1"})
    assert Person.objects.get(user=rep).is_active
    ann = world.users[Role.REVOPS]
    response = revops.post(f"/people/logins/{ann.pk}/", {"active": "0"}, follow=True)
    assert "is the last login of RevOps" in text(response)
    assert revops.get("/people/").status_code == 200


def test_somebody_found_by_a_crm_is_marked_and_merged(world: World, revops: Client) -> None:
    world.send(event("lead.created", "L1", world.at, score=70, owner="0051", owner_name="R. One"))
    stub = Person.objects.get(name="R. One")
    listed = text(revops.get("/people/?show=found"))
    assert "R. One" in listed and "Not set up" in listed and "Rep 1<" not in listed
    assert "1 person was found by a CRM" in text(revops.get("/people/"))
    response = revops.post(f"/people/{stub.pk}/merge/", {"into": world.reps[0].pk}, follow=True)
    assert "R. One is Rep 1" in text(response)
    assert PersonIdentity.objects.get(external_id="0051").person == world.reps[0]
    assert "found by a CRM" not in text(revops.get("/people/"))


def test_nobody_who_is_set_up_is_merged_away(world: World, revops: Client) -> None:
    stub = Person.objects.create(name="Stub")
    first, second = world.reps[:2]
    assert "This is somebody else" not in text(revops.get(f"/people/{first.pk}/"))
    assert revops.post(f"/people/{first.pk}/merge/", {"into": second.pk}).status_code == 409
    assert revops.post(f"/people/{stub.pk}/merge/", {"into": stub.pk}).status_code == 422
    assert revops.post(f"/people/{stub.pk}/merge/", {"into": ""}).status_code == 422


def test_team_and_function_change_with_a_reason_in_the_history(world: World, revops: Client) -> None:
    other = Team.objects.create(name="Outbound")
    person = world.reps[0]
    given = {
        "name": "Rep One",
        "email": person.email,
        "function": "marketing",
        "team": other.pk,
        "reason": "moved",
    }
    page = text(revops.post(f"/people/{person.pk}/change/", given, follow=True))
    person.refresh_from_db()
    assert (person.name, person.function, person.team) == ("Rep One", "marketing", other)
    assert "moved" in page and "Ann" in page
    assert revops.post(f"/people/{person.pk}/change/", {**given, "name": ""}).status_code == 422
    assert revops.post(f"/people/{person.pk}/change/", {**given, "team": 98765}).status_code == 422


def test_a_person_gets_a_login_and_only_one(world: World, revops: Client) -> None:
    person = Person.objects.create(name="Owner", email="owner@example.com", function=Function.SALES)
    given = {"email": "owner@example.com", "role": "rep", "way_in": "temporary"}
    assert "Temporary password" in text(revops.post(f"/people/{person.pk}/login/", given))
    person.refresh_from_db()
    assert person.user is not None and person.user.role == Role.REP
    again = revops.post(f"/people/{person.pk}/login/", {**given, "email": "second@example.com"})
    assert again.status_code == 409
    assert not User.objects.filter(email="second@example.com").exists()


def test_an_id_in_a_source_belongs_to_one_person(world: World, revops: Client) -> None:
    first, second = world.reps[:2]
    given = {"source": world.crm.pk, "external_id": " 0051 "}
    assert "0051" in text(revops.post(f"/people/{first.pk}/identities/", given, follow=True))
    taken = revops.post(f"/people/{second.pk}/identities/", given)
    assert taken.status_code == 409 and "Merge the two" in text(taken)


def test_a_team_is_made_and_changed_with_its_managers(world: World, revops: Client) -> None:
    manager = add_user(world, Role.SALES_MANAGER, "Max")
    given = {"name": "Desk", "function": "sales", "calendar": world.calendar.pk, "managers": [manager.pk]}
    assert revops.post("/people/teams/new/", given).status_code == 302
    desk = Team.objects.get(name="Desk")
    assert list(desk.managers.all()) == [manager] and desk.calendar == world.calendar
    assert revops.post("/people/teams/new/", given).status_code == 409
    renamed = {**given, "name": "Demo desk", "managers": []}
    assert revops.post(f"/people/teams/{desk.pk}/", renamed).status_code == 302
    desk.refresh_from_db()
    assert desk.name == "Demo desk" and not desk.managers.exists()
    assert revops.post(f"/people/teams/{desk.pk}/", {**given, "name": "Inbound"}).status_code == 409
    rep = world.users["rep.1"]
    assert revops.post(f"/people/teams/{desk.pk}/", {**given, "managers": [rep.pk]}).status_code == 422


def test_many_names_of_a_person_in_one_source_are_folded(world: World, revops: Client) -> None:
    espo = create_source(key="espo", name="EspoCRM", kind="standard", by=None, at=world.at)
    person = Person.objects.create(name="Ida Many")
    for source, names in ((world.crm, ["i1", "i2", "i3"]), (espo, ["e1"])):
        for name in names:
            PersonIdentity.objects.create(person=person, source=source, external_id=name)
    page = revops.get("/people/", {"q": "Ida"}).content.decode()
    (folded,) = re.findall(r"<details><summary>CRM: 3 names.*?</details>", page)
    assert re.findall("<code>(.*?)</code>", folded) == ["i1", "i2", "i3"]
    assert "EspoCRM: <code>e1</code>" in page.replace(folded, "")


def test_the_list_is_searched_and_paged_by_name(world: World, revops: Client) -> None:
    Person.objects.bulk_create(Person(name=f"P{n:03}", function=Function.SALES) for n in range(70))
    assert text(revops.get("/people/?q=p00")).count('<th scope="row"><a href="/people/') == 10 + 1
    first = text(revops.get("/people/?q=P0"))
    following = found(r'href="(\?[^"]+)" rel="next"', first).replace("&amp;", "&")
    second = text(revops.get("/people/" + following))
    names = re.findall(r">(P0\d\d)<", first) + re.findall(r">(P0\d\d)<", second)
    assert names == [f"P{n:03}" for n in range(70)]
    assert revops.get("/people/?after=x").status_code == 404


def test_the_list_costs_the_same_for_three_people_and_for_forty(
    world: World, revops: Client, django_assert_max_num_queries: Callable[[int], Any]
) -> None:
    for count in (3, 40):
        for n in range(Person.objects.count(), count):
            person = Person.objects.create(name=f"P{n}", team=world.team)
            PersonIdentity.objects.create(source=world.crm, external_id=f"p{n}", person=person)
            Team.objects.create(name=f"T{n}")
        with django_assert_max_num_queries(12):
            revops.get("/people/")


@pytest.mark.parametrize("role", [Role.REP, Role.SALES_MANAGER])
def test_a_login_that_works_leads_needs_a_team(revops: Client, role: str) -> None:
    response = revops.post("/people/new/", {**NEW, "role": role, "team": ""})
    assert response.status_code == 422
    assert "Choose the team" in response.content.decode()
    assert not User.objects.filter(email=NEW["email"]).exists()


def test_a_login_without_a_person_is_linked_to_one_whom_the_crm_named(world: World, revops: Client) -> None:
    lost = User.objects.create_user("lost@example.com", "x", name="Lost Rep", role=Role.REP)
    named = Person.objects.create(name="Named There", function=Function.UNKNOWN)
    assert f"/people/logins/{lost.pk}/person/" in revops.get("/people/").content.decode()
    refused = revops.post(f"/people/logins/{lost.pk}/person/", {"person": named.pk})
    assert refused.status_code == 422
    assert "without one nobody gets leads" in refused.content.decode()
    revops.post(f"/people/logins/{lost.pk}/person/", {"person": named.pk, "team": world.team.pk})
    named.refresh_from_db()
    assert (named.user, named.team) == (lost, world.team)
    again = revops.get(f"/people/logins/{lost.pk}/person/")
    assert again["Location"] == f"/people/{named.pk}/"


def test_a_login_is_linked_to_a_new_person_of_a_team_and_a_manager_manages_it(
    world: World, revops: Client
) -> None:
    boss = User.objects.create_user("boss@example.com", "x", name="Boss", role=Role.SALES_MANAGER)
    revops.post(f"/people/logins/{boss.pk}/person/", {"team": world.team.pk})
    assert Person.objects.get(user=boss).team == world.team
    assert boss in world.team.managers.all()


def test_a_login_and_a_person_are_linked_once(world: World) -> None:
    lost = User.objects.create_user("lost@example.com", "x", name="Lost Rep", role=Role.REP)
    link_login(user=lost, team=world.team, by=None, at=world.at)
    with pytest.raises(LoginHasPerson):
        link_login(user=lost, team=world.team, by=None, at=world.at)
    other = User.objects.create_user("other@example.com", "x", name="Other", role=Role.REP)
    with pytest.raises(PersonHasLogin):
        link_login(user=other, person=world.reps[0], by=None, at=world.at)
