"""Two enforced weeks under the agreed tagging open one case to the CRO, which ends by two good weeks or by a note."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.db import DatabaseError, connection, transaction
from time_machine import travel

from alignment.models import Notification, OutgoingMail, Person, Role
from alignment.tests.pages import signed_in
from sla.models import AdoptionCase, AdoptionCaseClosing, Agreement, KnownWeek
from sla.queries.cases import open_case
from sla.services import watch_weeks
from sla.services.cases import CaseIsClosed, NoteMissing, OnlyTheCro, close_case
from testing.artifacts import user_with
from testing.weeks import adoption_case, after, monday, signed_world, week
from testing.world import World, build_world


@pytest.fixture
def rep(world: World) -> Person:
    signed_world(world)
    for role in (Role.CRO, Role.REVOPS, Role.CMO):
        user_with(role)
    return world.reps[0]


def test_two_weeks_under_90_percent_open_one_case_and_tell_cro_and_revops(world: World, rep: Person) -> None:
    week(0, tagging=(89, 100), owner=rep)
    week(1, tagging=(80, 90), untagged=3, owner=world.reps[1])
    week(1, tagging=(10, 10), owner=None)
    watch_weeks(at=after(0))
    assert open_case() is None
    assert watch_weeks(at=after(1)) == 1
    watch_weeks(at=after(1))
    case = open_case()
    assert case is not None
    assert [(one.monday, one.tagged, one.due) for one in case.weeks] == [
        (monday(0), 89, 100),
        (monday(1), 87, 100),
    ]
    assert [(share.name, share.untagged, share.due) for share in case.reps] == [
        ("Rep 2", 13, 90),
        ("Rep 1", 11, 100),
        ("Assigned to nobody", 0, 10),
    ]
    told = Notification.objects.filter(kind="adoption-case")
    assert sorted(told.values_list("user__role", flat=True)) == ["cro", "revops"]
    mail = OutgoingMail.objects.get(key__startswith="adoption-case", user=user_with(Role.CRO))
    assert "This is an adoption issue, not a tooling issue" in mail.text
    assert "- Inbound: 24 of 190 not tagged" in mail.text


@pytest.mark.parametrize("both", [(90, 100), (0, 9)])
def test_exactly_90_percent_or_too_few_open_none(rep: Person, both: tuple[int, int]) -> None:
    week(0, tagging=(10, 100), owner=rep)
    week(1, both, both, owner=rep)
    week(2, tagging=(10, 100), owner=rep)
    watch_weeks(at=after(2))
    assert open_case() is None


def test_it_closes_by_itself_after_two_weeks_at_90_percent_and_the_next_two_open_another(rep: Person) -> None:
    for number, tagged in enumerate([50, 50, 90, 89, 90, 91, 50, 50]):
        week(number, tagging=(tagged, 100), owner=rep)
        watch_weeks(at=after(number))
        assert AdoptionCase.objects.open().exists() == (number in (1, 2, 3, 4, 7)), number
    first = AdoptionCase.objects.get(first_week=monday(0)).closing
    assert [one["monday"] for one in first.figures] == [str(monday(4)), str(monday(5))]
    assert first.closed_by is None
    second = AdoptionCase.objects.open().get()
    assert second.first_week == monday(6)
    assert Notification.objects.filter(subject__startswith="Tagging is back").count() == 2


def test_the_cro_closes_it_with_a_note_and_only_weeks_after_that_open_another(rep: Person) -> None:
    for number in range(5):
        week(number, tagging=(50, 100), owner=rep)
    watch_weeks(at=after(1))
    case, cro = AdoptionCase.objects.get(), user_with(Role.CRO)
    with pytest.raises(OnlyTheCro):
        close_case(case=case, note="Trained", by=user_with(Role.REVOPS), at=after(1))
    with pytest.raises(NoteMissing):
        close_case(case=case, note=" ", by=cro, at=after(1))
    close_case(case=case, note="Trained all managers", by=cro, at=after(1))
    with pytest.raises(CaseIsClosed):
        close_case(case=case, note="Again", by=cro, at=after(1))
    watch_weeks(at=after(2))
    watch_weeks(at=after(3))
    assert open_case() is None, "the week in which it was closed is no evidence of what came of the note"
    watch_weeks(at=after(4))
    assert AdoptionCase.objects.open().get().first_week == monday(3)


def test_weeks_and_cases_stay_as_they_were_written(rep: Person) -> None:
    week(0, tagging=(50, 100), owner=rep)
    week(1, tagging=(50, 100), owner=rep)
    watch_weeks(at=after(1))
    close_case(case=AdoptionCase.objects.get(), note="Done", by=user_with(Role.CRO), at=after(1))
    for model, change in (
        (KnownWeek, {"known_at": after(2)}),
        (AdoptionCase, {"opened_at": after(2)}),
        (AdoptionCaseClosing, {"note": "Other"}),
    ):
        with pytest.raises(DatabaseError, match="only ever added"), transaction.atomic():
            model.objects.update(**change)
        with pytest.raises(DatabaseError, match="only ever added"), transaction.atomic():
            model.objects.all()._raw_delete("default")


def test_the_cro_closes_it_on_its_page(rep: Person) -> None:
    case = adoption_case(Agreement.objects.get(is_signed=True))
    cro, revops = user_with(Role.CRO), user_with(Role.REVOPS)
    address = f"/compliance/cases/{case.pk}/closing/"
    with travel(after(1), tick=False):
        client = signed_in(cro)
        assert "Adoption case" in client.get("/compliance/").content.decode()
        page = client.get("/compliance/cases/").content.decode()
        assert "Assigned to nobody" in page and "Close the case with this note" in page
        assert (
            "Close the case with this note"
            not in signed_in(revops).get("/compliance/cases/").content.decode()
        )
        empty = client.post(address, {"note": " "})
        assert empty.status_code == 422 and "Say what was done" in empty.content.decode()
        done = client.post(address, {"note": "Trained <b>all</b>"}, follow=True).content.decode()
        assert "Trained &lt;b&gt;all&lt;/b&gt;" in done
        again = client.post(address, {"note": "Twice"})
        assert again.status_code == 409 and "closed already" in again.content.decode()
    assert open_case() is None


@pytest.mark.django_db(transaction=True)
def test_two_watches_at_once_keep_each_week_once_and_open_one_case() -> None:
    world = build_world()
    signed_world(world)
    user_with(Role.CRO)
    for number in (0, 1):
        week(number, tagging=(50, 100), owner=world.reps[0])

    def watch(_: int) -> int:
        try:
            return watch_weeks(at=after(1) + timedelta(minutes=1))
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as pool:
        kept = list(pool.map(watch, range(4)))
    assert sorted(kept) == [0, 0, 0, 2]
    assert AdoptionCase.objects.count() == 1
    assert Notification.objects.filter(kind="adoption-case", user__role=Role.CRO).count() == 1
