"""RevOps names the organisation and sets its zone, with who, when and why kept."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction

from alignment.models import Organisation, Role, User
from alignment.services import organisation as services
from alignment.services.authority import OnlyRevOps
from alignment.tests.pages import signed_in
from testing.world import PASSWORD

NOW = datetime(2026, 11, 17, 10, 0, tzinfo=UTC)
GIVEN: dict[str, Any] = {
    "name": "Northwind",
    "zone": "Europe/Berlin",
    "currency": "EUR",
    "weekly_minimum": 12,
}


@pytest.fixture
def revops(db: None) -> User:
    return User.objects.create_user("r@example.com", PASSWORD, name="Rita", role=Role.REVOPS)


@pytest.fixture
def recuts(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The zone as each registered recut found it."""
    seen: list[str] = []
    monkeypatch.setattr(services, "_recuts", [lambda: seen.append(Organisation.get().zone)])
    return seen


def test_a_change_is_kept_with_person_time_and_reason(revops: User) -> None:
    services.change_organisation(**GIVEN, reason="moved to Berlin", by=revops, at=NOW)
    organisation = Organisation.get()
    assert {field: getattr(organisation, field) for field in GIVEN} == GIVEN
    entry = organisation.history.first()
    assert (entry.history_user, entry.history_date, entry.history_change_reason) == (
        revops, NOW, "moved to Berlin",
    )  # fmt: skip


def test_without_a_reason_the_history_says_what_changed(revops: User) -> None:
    services.change_organisation(**GIVEN, by=revops, at=NOW)
    services.change_organisation(**GIVEN | {"zone": "Asia/Tokyo"}, by=revops, at=NOW)
    assert Organisation.get().history.first().history_change_reason == "zone: Europe/Berlin → Asia/Tokyo"


def test_only_another_zone_has_days_cut_anew(revops: User, recuts: list[str]) -> None:
    services.change_organisation(**GIVEN, by=revops, at=NOW)
    assert recuts == ["Europe/Berlin"]
    services.change_organisation(**GIVEN | {"name": "Southwind"}, by=revops, at=NOW)
    assert len(recuts) == 1


def test_what_changes_nothing_is_refused_and_leaves_no_trace(revops: User) -> None:
    services.change_organisation(**GIVEN, by=revops, at=NOW)
    with pytest.raises(services.NothingChanged):
        services.change_organisation(**GIVEN, by=revops, at=NOW)
    assert Organisation.get().history.filter(history_user=revops).count() == 1


@pytest.mark.parametrize(
    "wrong",
    [
        {"name": " "},
        {"zone": "Berlin"},
        {"zone": ""},
        {"currency": "EURO"},
        {"currency": "12€"},
        {"weekly_minimum": -1},
    ],
)
def test_what_makes_no_sense_is_refused(revops: User, recuts: list[str], wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        services.change_organisation(**GIVEN | wrong, by=revops, at=NOW)
    assert Organisation.get().zone == "UTC"
    assert not recuts


def test_nobody_else_may(db: None) -> None:
    cro = User.objects.create_user("c@example.com", PASSWORD, name="Cara", role=Role.CRO)
    with pytest.raises(OnlyRevOps):
        services.change_organisation(**GIVEN, by=cro, at=NOW)


def test_the_database_holds_one_organisation(revops: User) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        Organisation.objects.create(pk=2)


class TestPage:
    def test_it_shows_what_is_set_and_saves(self, revops: User) -> None:
        client = signed_in(revops)
        page = client.get("/settings/").content.decode()
        assert 'value="UTC"' in page
        answer = client.post("/settings/", GIVEN | {"currency": " eur"}, follow=True)
        assert answer.redirect_chain == [("/settings/", 302)]
        page = answer.content.decode()
        assert "Days and weeks are cut in Europe/Berlin now" in page
        assert Organisation.get().currency == "EUR"
        assert "zone: UTC → Europe/Berlin" in page

    def test_what_is_wrong_stands_beside_its_field_and_what_was_typed_stays(self, revops: User) -> None:
        answer = signed_in(revops).post("/settings/", GIVEN | {"zone": "Berlin"})
        page = answer.content.decode()
        assert answer.status_code == 422
        assert "is not an IANA time zone" in page
        assert 'value="Berlin"' in page
        assert Organisation.get().zone == "UTC"

    def test_saving_what_is_there_already_says_so(self, revops: User) -> None:
        client = signed_in(revops)
        client.post("/settings/", GIVEN)
        answer = client.post("/settings/", GIVEN)
        assert answer.status_code == 409
        assert "Nothing is different" in answer.content.decode()

    def test_the_menu_leads_revops_there_and_nobody_else(self, revops: User) -> None:
        cmo = User.objects.create_user("m@example.com", PASSWORD, name="Mia", role=Role.CMO)
        assert 'href="/settings/"' in signed_in(revops).get("/settings/").content.decode()
        assert signed_in(cmo).get("/settings/").status_code == 403
        assert 'href="/settings/"' not in signed_in(cmo).get("/").content.decode()
