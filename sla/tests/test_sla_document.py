"""The SLA on paper: a realistic one takes two pages at most, and what does not fit is named."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from datetime import date
from typing import Any

import pytest

from alignment.artifacts.document import Document
from alignment.artifacts.pdf import Imprint, SignatureLine, overflow, pages_of
from alignment.business_time import Schedule
from alignment.models import Calendar, Role, Team
from alignment.services.artifacts import blockers_of, choose_paper
from alignment.services.calendars import create_calendar
from sla.clauses import MOST_SEGMENTS
from sla.content import PICKLISTS, check
from sla.page import render, weekly_text
from sla.queries.drafting import USUAL_OWNERS, complete, usual_clauses
from sla.services.drafts import save_draft_of_sla
from testing.artifacts import user_with
from testing.definitions import put_in_force
from testing.world import ALL_HOURS, NOW, WEEKDAYS, World, terms

PAPERS = ("a4", "us-letter")
SIGNED = [
    SignatureLine(role, "Maximiliane Oberkircher-Santos", "Chief Officer", "21 Nov 2026, 14:05 (Europe/Berlin)")
    for role in ("CRO", "CMO")
]  # fmt: skip
IMPRINT = Imprint(
    "Northwind", "Joint revenue SLA, version 1", "0" * 64, "DRAFT", "I commit my function to it."
)


def pages(document: Document, paper: str) -> int:
    return pages_of(document, paper, signatures=SIGNED, imprint=IMPRINT)


def tier(name: str, field: str, *values: str) -> dict[str, Any]:
    def hours(amount: int) -> dict[str, Any]:
        return {"amount": amount, "unit": "hours", "time": "business"}

    return {
        "name": name,
        "label": name.replace("_", " ").capitalize(),
        "when": {"field": field, "in": list(values)},
        "follow_up_within": hours(4),
        "disposition_within": hours(24),
    }


@pytest.fixture
def content(world: World) -> dict[str, Any]:
    """Of a realistic company: four segments, three tiers, three calendars, a scenario on record and a note."""
    put_in_force("mql", at=NOW)
    calendars = [
        create_calendar(name=name, schedule={"zone": zone, "weekly": weekly}, by=None, at=NOW)
        for name, zone, weekly in (
            ("New York office", "America/New_York", WEEKDAYS),
            ("Demo desk", "UTC", ALL_HOURS),
        )
    ]
    teams = [Team.objects.create(name=name) for name in ("Inbound Americas", "Demo desk")]
    named = {str(team.pk): calendar.pk for team, calendar in zip(teams, calendars, strict=True)}
    own = terms(world.calendar, calendars={"default": world.calendar.pk, "teams": named})
    own["tiers"].insert(1, tier("partners", "channel", "partner", "referral", "reseller"))
    clauses = usual_clauses(at=NOW)
    for part, role in USUAL_OWNERS.items():
        clauses["owners"][part] = {"user": user_with(role).pk}
    segments = ("enterprise", "mid_market", "smb", "public_sector", "")
    clauses["marketing"]["volumes"] = [{"segment": name, "mqls": 40} for name in segments]
    said = [
        "Follow-up in time 88.1% (398 of 452), today 79.0%.",
        "The clause would have fired in 1 of 6 months.",
    ]
    return complete(
        terms=own,
        clauses=clauses,
        begins_on=date(2027, 1, 1),
        evidence=[{"scenario": 1, "name": "8 hours for all", "said": said}],
        note="What both sides agreed on after the first quarter.",
    )


@pytest.mark.parametrize("paper", PAPERS)
def test_a_realistic_sla_takes_two_pages_at_most(content: dict[str, Any], paper: str) -> None:
    check(content)
    assert pages(render(content), paper) == 2


def test_everything_that_is_signed_is_in_the_text(world: World, content: dict[str, Any]) -> None:
    content["clauses"]["consequences"] |= {"volume_months": 3, "missed_percent": 12, "period": "quarter"}
    content["clauses"]["gate"] |= {"follow_up_percent": 87, "tagging_percent": 91, "weekly_minimum": 13}
    content["clauses"] |= {"channels": 4, "ruling_within_days": 6, "report_on": "tuesday"}
    text = " ".join(render(content).texts())
    for said in (
        "score reaches 65", "5 minutes", "24 business hours (3 working days of the 8-hour calendars",
        "less than a working day", "6 attempts over at least 4 channels", "16 business hours", "75% of its window",
        "public sector", "All other segments", "Together", "200", "90%", "3 calendar months", "more than 12%",
        "calendar quarter", "above 87%", "above 91%", "13 MQLs", "The CRO", "The CMO", "The RevOps", "within 6 days",
        "15 February 2027", "each Tuesday", "1 January 2027", "New York office", "America/New_York",
        "Mon–Sun 00:00–24:00",
        "Mon–Fri 09:00–17:00", "Inbound Americas", "8 hours for all", "398 of 452", "after the first quarter",
    ):  # fmt: skip
        assert said in text, said
    cited = content["clauses"]["marketing"]["definition"]
    assert cited["digest"][:12] in text and f"version {cited['version']}" in text
    assert all(word in text.lower() for word in (*PICKLISTS["dispositions"], "no response", "bad fit"))


@pytest.mark.parametrize("paper", PAPERS)
def test_filled_to_the_last_line_it_passes_and_one_more_is_blocked_with_what_overflows(
    content: dict[str, Any], paper: str
) -> None:
    """All lines of volume that an SLA may have and a full note, then tiers, then lines of evidence while they fit."""
    volumes = [{"segment": f"segment {number}", "mqls": 10} for number in range(MOST_SEGMENTS)]
    content["clauses"]["marketing"]["volumes"] = volumes
    content["note"] = "what changes " * 15
    full = fill(
        content, paper, lambda grown, n: grown["terms"]["tiers"].insert(0, tier(f"t{n}", "product", f"p{n}"))
    )
    line = "Follow-up in time 88.1% (398 of 452), today 79.0%; nobody waits any longer than before."
    full = fill(full, paper, lambda grown, _: grown["evidence"][0]["said"].append(line))
    check(full)
    assert pages(render(full), paper) == 2
    full["evidence"][0]["said"].append(line)
    said = overflow(render(full), paper, 2, signatures=SIGNED, imprint=IMPRINT)
    assert said is not None and "It takes 3 pages and may take 2 pages" in said
    assert "The first part that does not fit: " in said and "Shorten it or what stands before it" in said


def fill(content: dict[str, Any], paper: str, add: Callable[[dict[str, Any], int], None]) -> dict[str, Any]:
    """The same with as many more as two pages hold."""
    last = content
    for number in range(80):
        grown = deepcopy(last)
        add(grown, number)
        if pages(render(grown), paper) > 2:
            return last
        last = grown
    raise AssertionError("it never grew beyond two pages")


def test_sending_is_blocked_by_what_does_not_fit_and_says_where(
    world: World, content: dict[str, Any]
) -> None:
    revops, cmo = user_with(Role.REVOPS), user_with(Role.CMO)
    assert cmo.is_active

    def blockers(tiers: int) -> list[str]:
        own = deepcopy(content["terms"])
        for number in range(tiers):
            own["tiers"].insert(0, tier(f"tier_{number}", "product", f"product {number}"))
        draft = save_draft_of_sla(
            terms=own,
            clauses=content["clauses"],
            begins_on=date(2027, 1, 1),
            evidence=content["evidence"],
            note=content["note"],
            by=revops,
            at=NOW,
        )
        return [found.message for found in blockers_of(draft, at=NOW)]

    fitting = next(count for count in range(1, 40) if blockers(count))
    assert blockers(fitting - 1) == []
    [said] = blockers(fitting)
    assert "may take 2 pages of A4" in said and "first part that does not fit" in said


def test_a_sheet_of_letter_holds_less_and_is_measured_on_its_own(
    world: World, content: dict[str, Any]
) -> None:
    draft = save_draft_of_sla(
        terms=content["terms"], clauses=content["clauses"], by=user_with(Role.REVOPS), at=NOW
    )
    user_with(Role.CMO)
    letter = choose_paper(version=draft, paper="us-letter", by=user_with(Role.REVOPS), at=NOW)
    assert blockers_of(letter, at=NOW) == []


def test_an_incomplete_draft_says_what_it_leaves_open_in_place_of_a_text(content: dict[str, Any]) -> None:
    content["clauses"]["marketing"] |= {"volumes": [], "definition": None}
    content["terms"] = None
    document = render(content)
    text = " ".join(document.texts())
    assert (
        "not complete" in text
        and "how many MQLs a month" in text
        and "no signed definition of an MQL" in text
    )
    assert "The terms that clocks run on are missing" in text


def test_open_hours_are_said_in_runs_of_equal_days(world: World) -> None:
    split = create_calendar(
        name="Split",
        schedule={
            "zone": "UTC",
            "weekly": {
                "mon": [["09:00", "12:00"], ["13:00", "17:00"]],
                "tue": [["09:00", "12:00"], ["13:00", "17:00"]],
                "fri": [["22:00", "06:00"]],
            },
        },
        by=None,
        at=NOW,
    )
    schedule = Calendar.objects.get(pk=split.pk).versions.get().schedule
    assert weekly_text(Schedule.from_json(schedule)) == (
        "Mon–Tue 09:00–12:00, 13:00–17:00; Fri 22:00–06:00 (next day)"
    )
