"""The program's pages: the rail, opening and changing it, sponsorship, waivers, what history lacks."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import icalendar
import pytest
import time_machine
from django.core.exceptions import PermissionDenied
from django.db import IntegrityError, transaction

from alignment.access import may_go
from alignment.blockers import Blocked, Blocker
from alignment.gates import standing_blockers
from alignment.gates.rail import rail_of
from alignment.gates.states import State
from alignment.gates.tracks import Track
from alignment.models import ArtifactVersion, Program, Role, Step
from alignment.services.artifacts import decline, send
from alignment.services.programs import (
    ProgramIsClosed,
    ProgramIsOpen,
    change_program,
    close_program,
    open_program,
)
from alignment.tests.pages import cards, signed_in
from testing.artifacts import kind_of, sent, sign_all, sign_as, user_with
from testing.programs import (
    cycle,
    fill_history,
    meet_prerequisites,
    noon,
    open_one,
    opportunity,
    sponsor,
    waive,
)

NOW = datetime(2026, 11, 23, 10, tzinfo=UTC)
pytestmark = pytest.mark.django_db
GIVEN = {
    "name": "Alignment 2027",
    "owner": "",
    "hours_per_week": "25",
    "has_admin_access": "on",
    "starts_on": "2026-12-07",
    "weeks": "8",
}


@pytest.fixture(autouse=True)
def _now() -> Iterator[None]:
    with time_machine.travel(NOW, tick=False):
        yield


def page(role: str = Role.REVOPS, path: str = "/program/") -> str:
    answer = signed_in(user_with(role)).get(path)
    assert answer.status_code == 200
    return str(answer.content.decode())


class TestOpening:
    def test_without_a_program_revops_is_led_to_open_one(self) -> None:
        assert "Open a program" in page()
        assert "Open a program" not in page(Role.CRO)
        assert "RevOps opens one" in page(Role.CRO)

    def test_what_is_entered_is_what_is_open(self) -> None:
        revops = user_with(Role.REVOPS)
        answer = signed_in(revops).post("/program/new/", GIVEN | {"owner": revops.pk})
        assert (answer.status_code, answer["Location"]) == (302, "/program/")
        program = Program.objects.get()
        assert (program.number, program.owner, program.hours_per_week) == (1, revops, 25)
        assert (program.has_admin_access, program.starts_on) == (True, date(2026, 12, 7))
        assert "25 hours a week" in page()

    @pytest.mark.parametrize(
        "change",
        [
            {"weeks": "5"},
            {"weeks": "11"},
            {"hours_per_week": "81"},
            {"name": ""},
            {"starts_on": "soon"},
            {"starts_on": "0001-01-01"},
            {"starts_on": "9999-12-31"},
            {"owner": "999999"},
            {"name": "x\0y"},
        ],
    )
    def test_what_cannot_be_is_said_and_kept_in_the_form(self, change: dict[str, str]) -> None:
        answer = signed_in(user_with(Role.REVOPS)).post("/program/new/", GIVEN | change)
        assert answer.status_code == 422
        assert not Program.objects.exists()
        assert 'value="25"' in answer.content.decode() or "hours_per_week" in change

    def test_a_second_one_waits_until_the_first_is_closed(self) -> None:
        program = open_one(NOW)
        client = signed_in(user_with(Role.REVOPS))
        assert client.post("/program/new/", GIVEN).status_code == 409
        with pytest.raises(ProgramIsOpen):
            open_one(NOW)
        assert client.post("/program/close/", {"reason": "Done"}).status_code == 302
        assert client.post("/program/new/", GIVEN).status_code == 302
        assert Program.objects.get(closed_at=None).number == program.number + 1

    def test_the_database_holds_one_open_program(self) -> None:
        open_one(NOW)
        with pytest.raises(IntegrityError), transaction.atomic():
            Program.objects.create(number=9, name="x", starts_on=date(2026, 12, 1), opened_at=NOW)

    @pytest.mark.parametrize("role", [role for role in Role if role != Role.REVOPS])
    def test_only_revops_opens_changes_and_closes(self, role: Role) -> None:
        user = user_with(role)
        with pytest.raises(PermissionDenied):
            open_one(NOW, by=user)
        program = open_one(NOW)
        with pytest.raises(PermissionDenied):
            close_program(program=program, reason="x", by=user, at=NOW)


class TestChanging:
    def test_a_change_needs_a_reason_and_stays_readable(self) -> None:
        program = open_one(NOW)
        client = signed_in(user_with(Role.REVOPS))
        given = GIVEN | {"owner": program.owner_id, "name": program.name}
        assert client.post("/program/change/", given).status_code == 422
        assert client.post("/program/change/", given | {"reason": "New quarter"}).status_code == 302
        row = cards(page(), "Changes of the program")[0]
        assert row["Why"] == "New quarter"
        assert "Hours a week: 20 → 25" in row["What"] and "Starts on: 30 November 2026" in row["What"]
        assert row["By"] == "The RevOps"

    def test_nothing_different_is_no_change(self) -> None:
        program = open_one(NOW, hours_per_week=25, starts_on=date(2026, 12, 7))
        given = GIVEN | {"owner": program.owner_id, "name": program.name, "reason": "x"}
        assert signed_in(user_with(Role.REVOPS)).post("/program/change/", given).status_code == 409

    def test_what_is_closed_stays_and_can_be_read(self) -> None:
        program = open_one(NOW)
        revops = user_with(Role.REVOPS)
        assert signed_in(revops).post("/program/close/", {}).status_code == 422
        closed = close_program(program=program, reason="The board chose another way", by=revops, at=NOW)
        with pytest.raises(ProgramIsClosed):
            change_program(
                program=closed,
                name="x",
                owner=None,
                hours_per_week=1,
                has_admin_access=False,
                starts_on=NOW.date(),
                weeks=6,
                reason="x",
                by=revops,
                at=NOW,
            )
        assert "Alignment 2026" in page()
        old = page(Role.CMO, "/program/1/")
        assert "The board chose another way" in old and "Download for a calendar" not in old

    def test_a_program_that_never_was_is_not_found(self) -> None:
        client = signed_in(user_with(Role.REVOPS))
        for path in ("/program/7/", "/program/change/", "/program/sponsorship/", "/program/steps/0/waiver/"):
            assert client.get(path).status_code == 404, path
        assert client.get("/program/99999999999999999999/").status_code == 404


class TestClosedMeanwhile:
    """Two people act at once: what the one opened the page on is not there any more."""

    @pytest.mark.parametrize("path", ["close/", "plan/", "plan/mail/"])
    def test_an_act_on_a_program_that_was_closed_a_moment_ago_is_told(
        self, path: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        revops, program = user_with(Role.REVOPS), open_one(NOW)
        user_with(Role.CRO)
        close_program(program=Program.objects.get(), reason="Over", by=revops, at=NOW)
        monkeypatch.setattr("alignment.views.programs._current", lambda: program)
        client = signed_in(revops)
        assert client.post(f"/program/{path}", {"reason": "Over"}).status_code == 302
        assert "is closed" in client.get("/program/").content.decode()


class TestRail:
    def test_each_step_says_its_state_and_what_is_missing(self) -> None:
        open_one(NOW)
        shown = page(Role.CRO)
        assert shown.count("rail-blocked") == 2 and shown.count("rail-locked") == 4
        assert "Waits for gate 1 (Scorecard)" in shown
        assert "sending waits for the prerequisites" in shown
        rows = {row["How we know"]: row for row in cards(shown, "Evidence for Prerequisites")}
        assert rows["By signature"]["Met"] == "Missing"

    def test_with_all_met_the_evidence_stays_in_sight(self) -> None:
        program = open_one(NOW)
        meet_prerequisites(program, NOW)
        rows = cards(page(), "Evidence for Prerequisites")
        assert len(rows) == 12
        assert {row["Met"] for row in rows} == {"Met"}

    def test_the_months_of_history_lead_to_what_they_lack(self) -> None:
        open_one(NOW)
        fill_history(NOW)
        opportunity(noon(date(2026, 3, 5)), stage="", name="Half a deal")
        months = {row["Pipeline"] for row in cards(page(), "History by month")}
        assert any("50.0% (1 of 2)" in text for text in months)
        listed = page(path="/program/history/pipeline/2026-03/")
        assert "Half a deal" in listed
        assert [row["Lacks"] for row in cards(listed, "Records that lack something")] == ["stage"]
        assert "/program/history/pipeline/2026-03/" in page()
        assert "/program/history/" not in page(Role.FINANCE)

    def test_of_mqls_the_list_leads_to_the_lead(self) -> None:
        open_one(NOW)
        lacking = cycle(noon(date(2026, 3, 5)), is_tagged=False)
        listed = page(path="/program/history/mql-to-sql/2026-03/")
        assert f"/leads/{lacking.lead_id}/" in listed

    @pytest.mark.parametrize(
        "path", ["pipeline/2026-11", "pipeline/2020-01", "nothing/2026-03", "pipeline/march"]
    )
    def test_a_month_outside_of_the_history_is_not_found(self, path: str) -> None:
        open_one(NOW)
        client = signed_in(user_with(Role.REVOPS))
        assert client.get(f"/program/history/{path}/").status_code == 404
        assert client.get("/program/history/pipeline/2026-03/?after=x").status_code == 404

    def test_a_scorecard_that_waits_too_long_is_called_what_it_is(self) -> None:
        open_one(NOW - timedelta(days=60))
        with kind_of("scorecard"):
            version = sent("scorecard", {"text": "One"}, key="1", at=NOW - timedelta(days=8))
            shown = page(Role.REVOPS)
            assert "waits for The CRO (CRO) and The CMO (CMO)." in shown
            assert "/artifacts/scorecard/1/1/remind/" in shown
            sign_as(user_with(Role.CRO), version, at=NOW)
            shown = page(Role.CMO)
            assert "waits for The CMO (CMO)." in shown and "remind/" not in shown

        with kind_of("scorecard"), time_machine.travel(NOW + timedelta(days=8), tick=False):
            assert "Sponsorship problem: facilitate" in page()

    def test_the_plan_says_where_today_is_and_how_far_a_step_is_behind(self) -> None:
        open_one(NOW)
        with time_machine.travel(NOW + timedelta(days=25), tick=False):
            shown = " ".join(page().split())
        plan = shown.partition('id="plan"')[2].partition("</section>")[0]
        assert plan.count(">Today<") == 1 and "Scorecard was planned until" in plan
        assert "days behind" in plan and "Dashboard was planned" not in plan

    def test_a_link_is_shown_to_those_alone_whose_role_opens_it(self) -> None:
        open_one(NOW)
        assert 'href="/sources/"' in page(Role.REVOPS)
        assert 'href="/sources/"' not in page(Role.REP)
        assert may_go(user_with(Role.REP), "/program/#plan") and not may_go(user_with(Role.REP), "/sources/")
        assert may_go(user_with(Role.REP), "https://example.com/elsewhere")

    def test_the_work_is_at_the_first_step_of_the_track_that_nothing_stands_before(self) -> None:
        program = open_one(NOW)
        rail = rail_of(program, at=NOW)
        track = Track(order=((Step.SCORECARD,), (Step.PLAN,), (Step.SLA,), (Step.HANDOFF,)))
        passed = [
            replace(stop, state=replace(stop.state, state=State.PASSED)) if stop.number < 2 else stop
            for stop in rail.stops
        ]
        unmeasured = [
            replace(stop, state=replace(stop.state, state=State.OPEN, blockers=(Blocker("unknown", "?"),)))
            if stop.number == 4
            else stop
            for stop in passed
        ]
        now = replace(rail, stops=unmeasured, track=track)
        assert now.current is not None and now.current.number == 4
        assert "What can be done now: keep the sponsorship's numbers" in now.meanwhile
        assert rail.current is not None and rail.current.number == 0 and rail.meanwhile == ""

    def test_a_waiver_is_named_where_it_opens_the_gate(self) -> None:
        program = open_one(NOW)
        waive(program, 0, {b.code for b in standing_blockers(Step.PREREQUISITES, program, at=NOW)}, NOW)
        shown = page(Role.CMO)
        assert "Passed by waiver" in shown and "waiver 1-1" in shown
        assert "Excused by waiver" in shown

    def test_queries_do_not_grow_with_changes_and_records(self, django_assert_max_num_queries: Any) -> None:
        program = open_one(NOW)
        client = signed_in(user_with(Role.REVOPS))
        client.get("/program/")
        with django_assert_max_num_queries(40) as few:
            client.get("/program/")
        fill_history(NOW)
        for hours in range(21, 41):
            change_program(
                program=program,
                name=program.name,
                owner=program.owner,
                hours_per_week=hours,
                has_admin_access=True,
                starts_on=program.starts_on,
                weeks=8,
                reason="x",
                by=user_with(Role.REVOPS),
                at=NOW,
            )
        with django_assert_max_num_queries(len(few)):
            client.get("/program/")


class TestPlan:
    def test_the_file_can_be_read_and_its_taking_shows(self) -> None:
        open_one(NOW)
        answer = signed_in(user_with(Role.REVOPS)).post("/program/plan/")
        assert answer["Content-Type"].startswith("text/calendar")
        assert 'filename="program-1.ics"' in answer["Content-Disposition"]
        calendar: Any = icalendar.Calendar.from_ical(answer.content)
        assert len(list(calendar.walk("VEVENT"))) == 13
        assert "Plan taken to the calendars by The RevOps" in page()

    def test_mailing_it_says_to_how_many(self) -> None:
        open_one(NOW)
        user_with(Role.CRO)
        client = signed_in(user_with(Role.REVOPS))
        assert (
            "The plan goes to 2 mailboxes."
            in client.post("/program/plan/mail/", follow=True).content.decode()
        )


class TestSponsorship:
    AMOUNTS = {"currency": "eur", "amount_0": "1200000", "amount_1": "1.5", "amount_2": "3", "amount_3": "4"}

    def test_a_draft_is_kept_shown_again_and_signed(self) -> None:
        open_one(NOW)
        user_with(Role.CRO)
        user_with(Role.CMO)
        revops = user_with(Role.REVOPS)
        client = signed_in(revops)
        answer = client.post("/program/sponsorship/", self.AMOUNTS | {"revision": 0})
        assert answer["Location"] == "/artifacts/sponsorship/1/1/"
        assert client.get(answer["Location"]).status_code == 200
        assert 'value="1200000"' in page(path="/program/sponsorship/")
        version = ArtifactVersion.objects.get()
        assert version.content["quarters"][1] == {"quarter": "2027-Q2", "amount": "1.5"}
        sign_all(send(version=version, by=revops, at=NOW), at=NOW)
        assert "signed by CRO and CMO" in page()

    def test_what_was_declined_is_not_typed_again(self) -> None:
        version = sponsor(open_one(NOW), NOW, is_signed=False)
        decline(version=version, role=Role.CRO, reason="Too low", by=user_with(Role.CRO), at=NOW)
        assert 'value="1200000"' in page(path="/program/sponsorship/")

    def test_two_who_write_at_once_do_not_overwrite_each_other(self) -> None:
        open_one(NOW)
        client = signed_in(user_with(Role.REVOPS))
        client.post("/program/sponsorship/", self.AMOUNTS | {"revision": 0})
        assert client.post("/program/sponsorship/", self.AMOUNTS | {"revision": 0}).status_code == 409

    @pytest.mark.parametrize(
        "change",
        [{"currency": "??"}, {"currency": "JPY"}, {"amount_0": "-1"}, {"amount_0": "a"}, {"amount_0": "NaN"}],
    )
    def test_what_cannot_be_is_said(self, change: dict[str, str]) -> None:
        open_one(NOW)
        answer = signed_in(user_with(Role.REVOPS)).post("/program/sponsorship/", self.AMOUNTS | change)
        assert answer.status_code == 422
        assert not ArtifactVersion.objects.exists()

    def test_one_without_every_amount_is_a_draft_that_cannot_be_sent(self) -> None:
        open_one(NOW)
        revops = user_with(Role.REVOPS)
        signed_in(revops).post("/program/sponsorship/", self.AMOUNTS | {"amount_3": ""})
        with pytest.raises(Blocked, match="Q4 2027: write the sourced pipeline"):
            send(version=ArtifactVersion.objects.get(), by=revops, at=NOW)


class TestWaiver:
    def test_revops_drafts_it_from_what_stands_in_the_way(self) -> None:
        open_one(NOW)
        client = signed_in(user_with(Role.REVOPS))
        shown = page(path="/program/steps/0/waiver/")
        assert 'value="calendar"' in shown and "until 21 February 2027" in shown
        answer = client.post(
            "/program/steps/0/waiver/",
            {"codes": ["calendar"], "reason": "Board", "expires_on": "2026-12-24"},
        )
        assert answer["Location"] == "/artifacts/waiver/1-1/1/"
        assert ArtifactVersion.objects.get().content["blockers"][0]["code"] == "calendar"

    @pytest.mark.parametrize(
        "change",
        [
            {"codes": []},
            {"codes": ["hours"]},
            {"reason": ""},
            {"expires_on": "2027-03-01"},
            {"expires_on": "2026-11-01"},
        ],
    )
    def test_what_cannot_be_is_said(self, change: dict[str, Any]) -> None:
        open_one(NOW)
        given = {"codes": ["calendar"], "reason": "Board", "expires_on": "2026-12-24"} | change
        answer = signed_in(user_with(Role.REVOPS)).post("/program/steps/0/waiver/", given)
        assert answer.status_code == 422
        assert not ArtifactVersion.objects.exists()

    def test_there_is_no_sixth_step(self) -> None:
        open_one(NOW)
        assert signed_in(user_with(Role.REVOPS)).get("/program/steps/6/waiver/").status_code == 404


def test_open_program_trims_the_name() -> None:
    program = open_program(
        name="  Two words ",
        owner=None,
        hours_per_week=None,
        has_admin_access=False,
        starts_on=NOW.date(),
        weeks=6,
        by=None,
        at=NOW,
    )
    assert program.name == "Two words"
