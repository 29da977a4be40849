"""A new password by mail: one link, once, for an hour; strangers learn nothing from it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.core import mail
from django.test import Client
from django.utils.http import int_to_base36

from alignment.models import Organisation, Role, User
from alignment.tests.pages import found
from testing.world import NOW

PASSWORD, NEW = "four cheerful otters", "five sleepy badgers"
ASK = "/accounts/password/reset/"


@pytest.fixture
def ann(db: None) -> User:
    Organisation.objects.create(pk=1, name="Northwind & Sons")
    return User.objects.create_user("ann@example.com", PASSWORD, name="Ann", role=Role.REVOPS)


def ask(address: str = "ann@example.com", **headers: str) -> Any:
    return Client(**headers).post(ASK, {"email": address}, follow=True)  # type: ignore[arg-type]


def link_in_mail() -> str:
    """The path of the link in the latest mail."""
    return found(r"https://alignment\.example(/accounts/password/reset/key/\S+)", str(mail.outbox[-1].body))


@pytest.fixture(autouse=True)
def base_url(settings: Any) -> None:
    settings.BASE_URL = "https://alignment.example"


def choose(link: str, password: str = NEW, client: Client | None = None) -> Any:
    """Open the link, and choose a password on the page that it leads to."""
    client = client or Client()
    opened = client.get(link)
    if opened.status_code != 302:
        return opened
    return client.post(opened["Location"], {"password1": password, "password2": password}, follow=True)


def gets_in(password: str) -> bool:
    response = Client().post("/accounts/login/", {"login": "ann@example.com", "password": password})
    return bool(response.status_code == 302)


def test_the_link_in_the_mail_sets_a_new_password_once(ann: User) -> None:
    inside = Client()
    inside.force_login(ann, backend="allauth.account.auth_backends.AuthenticationBackend")
    page = ask("Ann@Example.com")
    assert "Look into your mail" in page.content.decode()
    message = mail.outbox[0]
    assert message.to == ["ann@example.com"]
    assert message.subject == "Choose a new password"
    assert "Northwind & Sons, revenue alignment" in message.body
    assert "testserver" not in message.body
    link = link_in_mail()
    visitor = Client()
    done = choose(link, client=visitor)
    assert "The password is changed" in done.content.decode()
    assert visitor.get("/").status_code == 302, "the link itself signs nobody in"
    assert inside.get("/").status_code == 302, "sessions of before end"
    assert gets_in(NEW) and not gets_in(PASSWORD)
    again = choose(link, "six hungry herons")
    assert "This link no longer works" in again.content.decode()
    assert gets_in(NEW)


def test_the_secret_leaves_the_address_bar_before_the_page_is_shown(ann: User) -> None:
    ask()
    link = link_in_mail()
    client = Client()
    shown_at = client.get(link)["Location"]
    assert shown_at.endswith("-set-password/")
    page = client.get(shown_at)
    assert page.status_code == 200
    assert page["Referrer-Policy"] == "same-origin"
    # and elsewhere that second address is worth nothing
    assert "no longer works" in Client().get(shown_at).content.decode()


@pytest.mark.parametrize(("minutes", "works"), [(59, True), (61, False)])
def test_the_link_works_for_an_hour(ann: User, minutes: int, works: bool) -> None:
    with time_machine.travel(NOW, tick=False) as now:
        ask()
        now.shift(timedelta(minutes=minutes))
        choose(link_in_mail())
        assert gets_in(NEW) is works


def test_a_changed_password_makes_an_older_link_worthless(ann: User) -> None:
    ask()
    link = link_in_mail()
    ann.set_password("six hungry herons")
    ann.save()
    assert "no longer works" in choose(link).content.decode()
    assert not gets_in(NEW)


def test_a_link_for_one_login_opens_no_other(ann: User) -> None:
    bob = User.objects.create_user("bob@example.com", PASSWORD, name="Bob", role=Role.REP)
    ask()
    head, _, key = link_in_mail().rpartition("/key/")
    uid, _, token = key.partition("-")
    other = int_to_base36(bob.pk)
    assert other != uid
    assert "no longer works" in choose(f"{head}/key/{other}-{token}").content.decode()
    bob.refresh_from_db()
    assert bob.check_password(PASSWORD)


def test_a_stranger_sees_the_same_answer_and_only_the_addressee_reads_the_difference(ann: User) -> None:
    known, unknown = ask(), ask("nobody@example.com")
    assert known.redirect_chain == unknown.redirect_chain
    assert known.status_code == unknown.status_code == 200
    assert known.content == unknown.content
    # as much work for one as for the other, so that the time tells nothing either: both get a mail
    assert [message.to for message in mail.outbox] == [["ann@example.com"], ["nobody@example.com"]]
    assert mail.outbox[1].subject == "There is no login for this address"
    assert "ask RevOps" in mail.outbox[1].body
    assert "http" not in mail.outbox[1].body


def test_a_login_that_is_switched_off_gets_no_link(ann: User) -> None:
    ann.is_active = False
    ann.save()
    assert "Look into your mail" in ask().content.decode()
    assert "There is no open login" in mail.outbox[0].body


def test_the_link_begins_with_the_configured_address_whatever_the_request_names(
    ann: User, settings: Any
) -> None:
    assert ask(HTTP_HOST="evil.example").status_code == 400
    assert mail.outbox == []
    settings.ALLOWED_HOSTS = ["*"]
    ask(HTTP_HOST="evil.example", HTTP_X_FORWARDED_HOST="evil.example")
    assert "evil.example" not in f"{mail.outbox[0].subject} {mail.outbox[0].body}"
    choose(link_in_mail())
    assert gets_in(NEW)


def test_a_lock_out_ends_with_the_new_password(ann: User) -> None:
    for _ in range(11):
        gets_in("wrong")
    assert not gets_in(PASSWORD)
    ask()
    choose(link_in_mail())
    assert gets_in(NEW)


def test_a_login_without_a_password_gets_its_first_one_by_the_same_way(ann: User) -> None:
    ann.set_unusable_password()
    ann.save()
    ask()
    choose(link_in_mail())
    assert gets_in(NEW)
