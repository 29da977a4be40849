"""What a login is called: RevOps corrects it, with its history; what was signed keeps the name it was signed under."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.test import Client

from alignment.models import Role, User
from alignment.services.authority import OnlyRevOps
from alignment.services.logins import rename_login
from alignment.tests.pages import signed_in
from testing.artifacts import kind_of, sent, sign_all
from testing.world import NOW, World, add_user


@pytest.fixture
def cro(world: World) -> User:
    return add_user(world, Role.CRO, "Sofia Marnio")


@pytest.fixture
def revops(world: World) -> Client:
    return signed_in(add_user(world, Role.REVOPS, "Ann"))


def path(user: User) -> str:
    return f"/people/logins/{user.pk}/name/"


def text(response: Any) -> str:
    return " ".join(response.content.decode().split())


def test_name_and_title_are_corrected_and_the_history_says_who_and_why(cro: User, revops: Client) -> None:
    assert path(cro) in text(revops.get("/people/"))
    said = {"name": " Sofia Marino ", "title": "Chief Revenue Officer", "reason": "Typo"}
    answer = revops.post(path(cro), said, follow=True)
    assert "name Sofia Marino, Chief Revenue Officer from now on" in text(answer)
    cro.refresh_from_db()
    assert (cro.name, cro.title) == ("Sofia Marino", "Chief Revenue Officer")
    page = text(revops.get(path(cro)))
    assert "Typo" in page and "Sofia Marnio" in page and "Ann" in page


def test_what_was_signed_keeps_the_name_it_was_signed_under(cro: User, world: World) -> None:
    add_user(world, Role.CMO)
    revops = add_user(world, Role.REVOPS)
    with kind_of() as kind:
        signed = sign_all(sent(kind.name, {"text": "x"}, at=NOW), at=NOW)
        rename_login(user=cro, name="Sofia Marino", title="", reason="", by=revops, at=NOW)
        assert "Sofia Marnio" in set(signed.signatures.values_list("name", flat=True))


def test_what_cannot_be_is_said_and_nothing_changes(cro: User, revops: Client, world: World) -> None:
    answer = revops.post(path(cro), {"name": "  ", "title": ""})
    assert answer.status_code == 422 and "This field is required." in text(answer)
    answer = revops.post(path(cro), {"name": "Sofia Marnio", "title": ""})
    assert answer.status_code == 422 and "Nothing is different" in text(answer)
    assert revops.get("/people/logins/999999/name/").status_code == 404
    with pytest.raises(OnlyRevOps):
        rename_login(user=cro, name="X", title="", reason="", by=cro, at=NOW)
    with pytest.raises(ValidationError):
        rename_login(user=cro, name="x" * 121, title="", reason="", by=world.users[Role.REVOPS], at=NOW)
    cro.refresh_from_db()
    assert (cro.name, cro.history.count()) == ("Sofia Marnio", 1)


def test_the_login_of_somebody_who_owns_leads_is_renamed_from_their_page(
    world: World, revops: Client
) -> None:
    person = world.reps[0]
    assert person.user is not None
    assert path(person.user) in text(revops.get(f"/people/{person.pk}/"))
    answer = revops.post(path(person.user), {"name": "Other Name", "title": ""})
    assert answer["Location"] == f"/people/{person.pk}/"
