"""What people are told: once, in the app and by a mail in the outbox, in the transaction of what happened."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
from django.conf import settings
from django.db import transaction
from django.utils import timezone

from alignment.models import Notification, OutgoingMail, Role, User
from alignment.notifications import notify
from alignment.tests.pages import found, signed_in
from testing.world import World, add_user

pytestmark = pytest.mark.django_db


def tell(world: World, *to: User, **changes: Any) -> int:
    given: dict[str, Any] = {
        "key": "gate:1:2:open:7",
        "kind": "gate",
        "subject": "The gate to step 2 is open",
        "text": "Everything holds.",
        "url": "/program/",
        "at": world.at,
    }
    return notify(to=to, **given | changes)


def test_each_person_is_told_once_in_the_app_and_by_mail(world: World) -> None:
    cro, cmo = add_user(world, Role.CRO), add_user(world, Role.CMO)
    assert tell(world, cro) == 1
    assert tell(world, cro, cmo, cmo) == 1
    assert tell(world, cro, cmo) == 0
    assert set(Notification.objects.values_list("user", flat=True)) == {cro.pk, cmo.pk}
    assert sorted(OutgoingMail.objects.values_list("to", flat=True)) == [cmo.email, cro.email]
    assert set(OutgoingMail.objects.values_list("text", flat=True)) == {
        f"Everything holds.\n\n{settings.BASE_URL}/program/"
    }


def test_a_login_that_is_switched_off_is_told_nothing(world: World) -> None:
    cro = add_user(world, Role.CRO)
    cro.is_active = False
    assert tell(world, cro) == 0
    assert not OutgoingMail.objects.exists()


def test_without_mail_it_stays_in_the_app(world: World) -> None:
    assert tell(world, add_user(world, Role.CRO), by_mail=False) == 1
    assert not OutgoingMail.objects.exists()


def test_what_matters_as_a_mail_alone_is_read_from_the_beginning(world: World) -> None:
    cro = add_user(world, Role.CRO)
    assert tell(world, cro, is_read=True) == 1
    assert tell(world, cro, is_read=True) == 0
    assert not Notification.objects.unread().exists()
    assert OutgoingMail.objects.count() == 1
    tell(world, cro, key="b")
    page = signed_in(cro).get("/notifications/").content.decode()
    assert found(r'class="bell-count">(\d+)<', page) == "1"


def test_nobody_is_told_of_what_did_not_happen(world: World) -> None:
    cro = add_user(world, Role.CRO)
    with transaction.atomic():
        assert tell(world, cro) == 1
        transaction.set_rollback(True)
    assert not Notification.objects.exists()
    assert not OutgoingMail.objects.exists()


def test_a_subject_is_one_line_of_what_a_mail_can_take(world: World) -> None:
    tell(world, add_user(world, Role.CRO), subject="one\r\nBcc: all@example.com" + "x" * 300)
    subject = OutgoingMail.objects.get().subject
    assert "\n" not in subject
    assert len(subject) == 200


def test_a_key_that_is_too_long_is_refused(world: World) -> None:
    with pytest.raises(ValueError, match="120"):
        tell(world, add_user(world, Role.CRO), key="k" * 121)


def test_telling_many_costs_as_many_statements_as_telling_one(
    world: World, django_assert_max_num_queries: Any
) -> None:
    users = [add_user(world, Role.MARKETING, f"M {n}") for n in range(20)]
    with django_assert_max_num_queries(4):
        tell(world, *users)


class TestPage:
    def test_unread_come_first_and_are_counted_in_the_menu(self, world: World) -> None:
        cro = add_user(world, Role.CRO)
        tell(world, cro, key="a", subject="First of all")
        tell(world, cro, key="b", subject="Second of all")
        newest = Notification.objects.get(key="b")
        client = signed_in(cro)
        assert found(r'class="bell-count">(\d+)<', client.get("/").content.decode()) == "2"
        client.post(f"/notifications/{newest.pk}/read/")
        page = client.get("/notifications/").content.decode()
        assert page.index("First of all") < page.index("Second of all")
        assert found(r'class="bell-count">(\d+)<', page) == "1"

    def test_reading_one_leads_to_where_it_points(self, world: World) -> None:
        cro = add_user(world, Role.CRO)
        tell(world, cro)
        answer = signed_in(cro).post(f"/notifications/{Notification.objects.get().pk}/read/", {"go": "1"})
        assert (answer.status_code, answer["Location"]) == (302, "/program/")
        assert Notification.objects.get().read_at is not None

    def test_an_address_outside_of_the_product_is_never_followed(self, world: World) -> None:
        cro = add_user(world, Role.CRO)
        tell(world, cro, url="//evil.example/x", by_mail=False)
        answer = signed_in(cro).post(f"/notifications/{Notification.objects.get().pk}/read/", {"go": "1"})
        assert answer["Location"] == "/notifications/"

    def test_all_are_read_at_once_but_nobody_else_s(self, world: World) -> None:
        cro, cmo = add_user(world, Role.CRO), add_user(world, Role.CMO)
        tell(world, cro, cmo)
        signed_in(cro).post("/notifications/read/")
        assert list(Notification.objects.unread().values_list("user", flat=True)) == [cmo.pk]

    def test_somebody_else_s_is_not_there(self, world: World) -> None:
        cro, cmo = add_user(world, Role.CRO), add_user(world, Role.CMO)
        tell(world, cmo)
        pk = Notification.objects.get().pk
        assert signed_in(cro).post(f"/notifications/{pk}/read/").status_code == 404
        assert "The gate to step 2" not in signed_in(cro).get("/notifications/").content.decode()

    def test_it_says_so_where_there_is_nothing(self, world: World) -> None:
        assert "Nothing yet" in signed_in(add_user(world, Role.CRO)).get("/notifications/").content.decode()

    def test_pages_by_key_show_each_once(self, world: World) -> None:
        cro = add_user(world, Role.CRO)
        for n in range(120):
            tell(world, cro, key=f"k{n}", subject=f"Number {n:03}.", by_mail=False, at=timezone.now())
        Notification.objects.filter(key__in=[f"k{n}" for n in range(0, 120, 3)]).update(
            read_at=timezone.now()
        )
        client, seen, address = signed_in(cro), [], "/notifications/"
        while address:
            page = client.get(address).content.decode()
            seen += re.findall(r"Number (\d+)\.</h2>", page)
            after = page.partition('href="?after=')[2].partition('"')[0]
            address = f"/notifications/?after={after}" if after else ""
        assert len(seen) == len(set(seen)) == 120
        assert seen[:80] == [f"{n:03}" for n in reversed(range(120)) if n % 3]

    @pytest.mark.parametrize("after", ["x", "u-", "r-9" * 30, "-1", "²"])
    def test_an_address_that_names_no_place_is_not_found(self, world: World, after: str) -> None:
        cro = add_user(world, Role.CRO)
        assert signed_in(cro).get(f"/notifications/?after={after}").status_code == 404

    def test_the_number_of_queries_does_not_grow(
        self, world: World, django_assert_max_num_queries: Any
    ) -> None:
        cro = add_user(world, Role.CRO)
        client = signed_in(cro)
        for n in range(20):
            tell(world, cro, key=f"k{n}", by_mail=False, at=world.at + timedelta(minutes=n))
        with django_assert_max_num_queries(9):
            client.get("/notifications/")
