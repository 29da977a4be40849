"""The menu shows each role its sections in the order of the work, and where one is."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from types import ModuleType

import pytest
from django.http import HttpRequest, HttpResponse
from django.test import override_settings
from django.urls import include, path

from alignment.models.people import Role
from alignment.navigation import sections_for, tabs_for


def _page(request: HttpRequest) -> HttpResponse:
    return HttpResponse()


@pytest.fixture
def addresses() -> Iterator[ModuleType]:
    """Addresses of all sections but Calendars, so that one name does not resolve."""
    module = ModuleType("addresses_of_the_menu_test")
    module.urlpatterns = [  # type: ignore[attr-defined]
        path(
            "",
            include(
                (
                    [
                        path("queue/", _page, name="queue"),
                        path("mqls/", _page, name="cycles"),
                        path("routing/", _page, name="pools"),
                    ],
                    "handoff",
                )
            ),
        ),
        path(
            "",
            include(
                (
                    [
                        path("compliance/", _page, name="compliance"),
                        path("agreement/", _page, name="agreement"),
                        path("agreement/review/", _page, name="review"),
                        path("agreement/calibration/", _page, name="calibration"),
                        path("disputes/", _page, name="disputes"),
                    ],
                    "sla",
                )
            ),
        ),
        path(
            "",
            include(
                (
                    [path("people/", _page, name="people"), path("sources/", _page, name="sources")],
                    "alignment",
                )
            ),
        ),
    ]
    sys.modules[module.__name__] = module
    with override_settings(ROOT_URLCONF=module.__name__):
        yield module
    del sys.modules[module.__name__]


def _labels(role: Role) -> list[str]:
    return [entry.label for entry in sections_for(role, "/")]


@pytest.mark.usefixtures("addresses")
class TestMenu:
    def test_revops_sees_what_it_sets_up(self) -> None:
        assert _labels(Role.REVOPS) == [
            "Home",
            "MQLs",
            "SLA",
            "Compliance",
            "Routing",
            "People",
            "Sources",
        ]

    def test_a_rep_sees_the_own_queue_first_and_no_settings(self) -> None:
        assert _labels(Role.REP) == ["Home", "My queue", "MQLs", "SLA", "Compliance", "Routing"]

    def test_a_sales_manager_sees_queue_and_routing(self) -> None:
        assert _labels(Role.SALES_MANAGER) == [
            "Home",
            "My queue",
            "MQLs",
            "SLA",
            "Compliance",
            "Routing",
        ]

    @pytest.mark.parametrize("role", [Role.CRO, Role.CMO, Role.MARKETING])
    def test_others_see_the_shared_sections(self, role: Role) -> None:
        assert _labels(role) == ["Home", "MQLs", "SLA", "Compliance"]

    def test_who_sees_no_records_or_figures_has_no_entry_for_them(self) -> None:
        assert _labels(Role.FINANCE) == ["Home", "SLA", "Compliance"]
        assert _labels(Role.BOARD_VIEWER) == ["Home"]

    def test_a_section_whose_address_does_not_resolve_is_left_out(self) -> None:
        assert "Calendars" not in _labels(Role.REVOPS)

    @pytest.mark.parametrize(
        ("where", "label"),
        [
            ("/", "Home"),
            ("/mqls/", "MQLs"),
            ("/mqls/12/", "MQLs"),
            ("/agreement/3/", "SLA"),
            ("/disputes/7/", "Compliance"),
            ("/mqls-of-old/", None),
            ("/accounts/login/", None),
        ],
    )
    def test_the_section_around_the_page_is_current(self, where: str, label: str | None) -> None:
        current = [entry.label for entry in sections_for(Role.REVOPS, where) if entry.is_current]
        assert current == ([label] if label else [])

    @pytest.mark.parametrize(
        ("where", "shown"),
        [
            ("/agreement/", ["TERMS", "Calibration", "Review"]),
            ("/agreement/draft/", ["TERMS", "Calibration", "Review"]),
            ("/agreement/review/", ["Terms", "Calibration", "REVIEW"]),
            ("/disputes/7/", ["By week", "DISPUTES"]),
            ("/mqls/", []),
            ("/", []),
        ],
    )
    def test_pages_of_one_section_stand_beside_each_other(self, where: str, shown: list[str]) -> None:
        found = tabs_for(Role.REVOPS, where)
        assert [tab.label.upper() if tab.is_current else tab.label for tab in found] == shown

    def test_a_tab_is_shown_to_those_who_may_open_it(self) -> None:
        assert "Calibration" not in {tab.label for tab in tabs_for(Role.REP, "/agreement/")}
