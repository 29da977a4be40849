"""The demo company's past: imported through the product's own import, of believable shape, apart from live work."""

# ruff: noqa: S608 - the queries are made of the constants of this module
from __future__ import annotations

import io
import json
import tempfile
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection, transaction
from django.test import TestCase

from alignment.importing.look import look_at
from alignment.importing.mapping import ImportMapping
from alignment.models import (
    Account,
    Campaign,
    DuplicatePair,
    Fact,
    Import,
    Lead,
    MqlCycle,
    Opportunity,
    Person,
    Touch,
)
from alignment.services.imports import mapping_of
from dashboard.demo import company, history, people
from dashboard.demo.past import aftermath, bring_in, scars, shape
from dashboard.demo.past.files import ExportFile, export
from dashboard.demo.past.season import Past
from dashboard.demo.past.story import Story, tell_past
from dashboard.demo.program import story as programs
from dashboard.tests.demo_live import LiveDaysOfTheDemo
from dashboard.tests.demo_program import AT, ProgramOfTheDemo
from sla.models import Breach, Clock, ClockKind
from sla.services import compare_roll_up
from sla.tests.engine import assert_equal_to_the_engine

# The quarters before AT are those from October 2025 to September 2026.
DAYS = 10
GOOD, BAD = ("2025Q4", "2026Q1", "2026Q3"), "2026Q2"


@dataclass(frozen=True)
class Built:
    story: Story
    told: history.Told
    files: list[ExportFile]
    imports: list[Import]

    def __deepcopy__(self, memo: dict[int, Any]) -> Built:
        return self  # the tests only read it; Django would copy it for each of them


def rows(query: str) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(query)
        return list(cursor.fetchall())


def figure(query: str) -> float:
    return float(rows(query)[0][0])


def by_name(query: str) -> dict[str, float]:
    return {str(name): float(value) for name, value in rows(query) if value is not None}


# What was imported, apart from what happened here.
LEADS = "(SELECT * FROM alignment_lead WHERE external_id ~ '^NW-1[0-9]{4}$')"
DEALS = "(SELECT * FROM alignment_opportunity WHERE external_id ~ '^OPP-1[0-9]{4}$')"
CYCLES = "(SELECT * FROM alignment_mqlcycle WHERE is_history AND voided_at IS NULL)"
QUARTER = "to_char({} AT TIME ZONE 'Europe/Berlin', 'YYYY\"Q\"Q')"


def accepted_by_quarter() -> dict[str, float]:
    return by_name(
        f"SELECT {QUARTER.format('crossed_at')}, avg((accepted_at IS NOT NULL)::int) FROM {CYCLES} c GROUP BY 1"
    )


@pytest.mark.xdist_group("whole demo")  # set up once, not once in each process
class WholeDemo(LiveDaysOfTheDemo, ProgramOfTheDemo, TestCase):
    """The demo company with its whole past, its programs and ten live days, made once for all tests here."""

    built: Built

    @classmethod
    def setUpTestData(cls) -> None:
        made = company.set_up(at=AT - company.IN_FORCE_FOR)
        story = tell_past(until=AT - timedelta(days=DAYS))
        files = export(story)
        done = bring_in.import_past(files, source=made.crm.source, at=story.past.until)
        programs.tell_first(at=AT)
        told = history.tell(made, at=AT, days=DAYS, past=story, say=lambda line: None)
        programs.tell_second(at=AT)
        cls.built = Built(story, told, files, done)

    def test_every_file_is_read_whole(self) -> None:
        assert [each.rejected for each in self.built.imports] == [0] * 8
        assert [each.rows for each in self.built.imports] == [
            each.body.count(b"\r\n") - 1 for each in self.built.files
        ]
        codes = {code for each in self.built.imports for code in each.warnings}
        # the leads are told before the file of their MQL cycles is
        assert codes == {"closed_before_crossing", "trigger_without_date"}

    def test_it_is_as_large_as_a_company_of_this_size_has_it(self) -> None:
        assert 6_000 <= figure(f"SELECT count(*) FROM {LEADS} l") <= 9_000
        assert 1_800 <= figure(f"SELECT count(*) FROM {CYCLES} c") <= 2_600
        touches = f"SELECT count(*) FROM alignment_touch t JOIN {LEADS} l ON l.id = t.lead_id"
        assert 15_000 <= figure(touches) <= 25_000
        assert 500 <= figure(f"SELECT count(*) FROM {DEALS} o") <= 700
        several = f"SELECT count(*) FROM (SELECT FROM {CYCLES} c GROUP BY lead_id HAVING count(*) > 1) again"
        assert figure(several) > 100

    def test_a_replay_of_its_live_days_gives_what_the_engine_recorded(self) -> None:
        seen = assert_equal_to_the_engine(AT)
        assert {kind for kind, _ in seen} == set(ClockKind.values)
        assert {outcome for _, outcome in seen} >= {"met", "missed", "running", "not_owed"}

    def test_its_rates_are_those_of_the_field(self) -> None:
        leads = f"SELECT count(DISTINCT o.lead_id)::float / (SELECT count(*) FROM {LEADS} l) FROM {DEALS} o"
        assert 0.05 <= figure(leads) <= 0.15
        assert 0.18 <= figure(f"SELECT avg(is_won::int) FROM {DEALS} o WHERE is_closed") <= 0.28
        accepted = accepted_by_quarter()
        assert all(accepted[quarter] > 0.7 for quarter in GOOD), accepted

    def test_the_second_to_last_full_quarter_is_bad_and_the_next_one_recovers(self) -> None:
        assert self.built.story.past.bad.name == BAD
        accepted = accepted_by_quarter()
        assert accepted[BAD] < 0.65 < 0.7 < accepted["2026Q3"]
        quarter = QUARTER.format("crossed_at")
        hours = by_name(
            f"""SELECT {quarter}, percentile_cont(0.5) WITHIN GROUP (
                    ORDER BY extract(epoch FROM first_follow_up_at - crossed_at) / 3600) FROM {CYCLES} c GROUP BY 1"""
        )
        mqls = by_name(f"SELECT {quarter}, count(*) FROM {CYCLES} c GROUP BY 1")
        pipeline = by_name(
            f"SELECT {QUARTER.format('opened_at')}, sum(amount_minor) / 100.0 FROM {DEALS} o GROUP BY 1"
        )
        for good in GOOD:
            assert hours[BAD] > 2 * hours[good]
            assert mqls[BAD] > 1.2 * mqls[good]
            assert pipeline[BAD] < pipeline[good]

    def test_coverage_falls_in_the_bad_quarter_and_comes_back(self) -> None:
        """Open pipeline at the end of the quarter over what a quarter is to bring."""
        coverage = {}
        for quarter in self.built.story.past.quarters[:-1]:
            end = quarter.ends_on.isoformat()
            pipeline = figure(
                f"""SELECT sum(amount_minor) / 100.0 FROM {DEALS} o
                    WHERE opened_at < '{end}' AND (closed_at IS NULL OR closed_at >= '{end}')"""
            )
            coverage[quarter.name] = pipeline / shape.QUARTERLY_TARGET
        assert min(coverage, key=coverage.__getitem__) == BAD, coverage
        assert coverage[BAD] < 0.85 * sum(coverage[good] for good in GOOD) / len(GOOD)
        assert 2.5 < sum(coverage[good] for good in GOOD) / len(GOOD) < 4.5

    def test_the_pipeline_reaches_into_this_and_the_next_quarter(self) -> None:
        found = by_name(
            """SELECT to_char(close_on, 'YYYY"Q"Q'), sum(amount_minor) / 100.0 FROM alignment_opportunity
               WHERE NOT is_closed GROUP BY 1"""
        )
        reach = found["2026Q4"] + found["2027Q1"]
        assert reach > 0.8 * sum(found.values())
        assert 2 < reach / shape.QUARTERLY_TARGET < 5
        stale = figure(f"SELECT avg((close_on < '2026-11-19')::int) FROM {DEALS} o WHERE NOT is_closed")
        assert stale < 0.1
        assert figure(f"SELECT count(*) FROM {DEALS} o WHERE closed_at > '2026-11-19 14:00Z'") == 0

    def test_months_and_weekdays_differ(self) -> None:
        day = "(crm_created_at AT TIME ZONE 'Europe/Berlin')::date"
        monthly = by_name(
            f"SELECT to_char({day}, 'YYYY-MM'), count(*)::float / count(DISTINCT {day}) FROM {LEADS} l GROUP BY 1"
        )
        normal = (monthly["2026-01"] + monthly["2026-02"] + monthly["2026-07"]) / 3
        assert monthly["2026-08"] < 0.8 * normal
        assert monthly["2026-05"] > 1.4 * normal  # the flood, and a fair
        holidays = figure(
            f"SELECT count(*) / 16.0 FROM {LEADS} l WHERE {day} BETWEEN '2025-12-20' AND '2026-01-04'"
        )
        assert holidays < 0.5 * normal
        weekdays = by_name(f"SELECT extract(isodow FROM {day}), count(*) FROM {LEADS} l GROUP BY 1")
        assert weekdays["6"] + weekdays["7"] < 0.6 * weekdays["2"]
        fair = figure(
            f"SELECT count(*) FROM {LEADS} l WHERE channel = 'event' AND {day} BETWEEN '2026-09-22' AND '2026-09-25'"
        )
        assert fair > 0.5 * figure(
            f"SELECT count(*) FROM {LEADS} l WHERE channel = 'event' AND {day} >= '2026-07-01'"
        )

    def test_channels_differ_in_volume_and_worth(self) -> None:
        leads = by_name(f"SELECT channel, count(*) FROM {LEADS} l WHERE channel IS NOT NULL GROUP BY 1")
        worth = by_name(
            f"""SELECT l.channel, count(o.lead_id)::float / count(*) FROM {LEADS} l
                LEFT JOIN (SELECT DISTINCT lead_id FROM {DEALS} d) o ON o.lead_id = l.id GROUP BY 1"""
        )
        assert leads["content"] > 3 * leads["partner"] and leads["webinar"] > 3 * leads["partner"]
        for strong in ("demo_request", "partner", "referral"):
            for weak in ("content", "webinar", "email", shape.FLOOD_CHANNEL):
                assert worth[strong] > 3 * worth[weak], (strong, weak)
        assert figure(f"SELECT count(*) FROM {LEADS} l WHERE channel IS NULL") > 50
        assert "unknown" not in leads
        functions = by_name(f"SELECT sourced_function, count(*) FROM {LEADS} l GROUP BY 1")
        assert functions["marketing"] > functions["other"] > functions["sales"] > functions["unknown"] > 50

    def test_segments_differ_in_length_and_amount(self) -> None:
        found = rows(
            f"""SELECT l.segment, percentile_cont(0.5) WITHIN GROUP (
                    ORDER BY extract(epoch FROM o.closed_at - o.opened_at) / 86400) FILTER (WHERE o.is_won),
                percentile_cont(0.5) WITHIN GROUP (ORDER BY o.amount_minor / 100), count(DISTINCT o.currency)
                FROM {DEALS} o JOIN {LEADS} l ON l.id = o.lead_id GROUP BY 1"""
        )
        days = {segment: length for segment, length, _, _ in found}
        amounts = {segment: amount for segment, _, amount, _ in found}
        assert 25 < days["smb"] < days["mid_market"] < days["enterprise"] < 105
        assert 2 * amounts["smb"] < amounts["mid_market"] < amounts["enterprise"] / 2
        assert {currencies for *_, currencies in found} == {1}

    def test_reps_keep_their_habits(self) -> None:
        owned = f"FROM {CYCLES} c JOIN alignment_person p ON p.id = c.owner_id GROUP BY 1"
        open_hours = "extract(epoch FROM first_follow_up_at - crossed_at) / 3600"
        speed = by_name(f"SELECT p.name, percentile_cont(0.5) WITHIN GROUP (ORDER BY {open_hours}) {owned}")
        colleagues = [
            rep.name for rep in people.REPS if rep.team != people.DESK and rep.name != shape.PUNCTUAL
        ]
        assert all(speed[shape.PUNCTUAL] < speed[name] for name in colleagues), speed
        silent = by_name(f"SELECT p.name, avg((disposition = '')::int) {owned}")
        assert (
            silent[shape.FORGETFUL] > 0.25 > 0.1 > max(v for k, v in silent.items() if k != shape.FORGETFUL)
        )
        strict = by_name(f"SELECT p.name, avg((reason = 'bad_fit')::int) {owned}")
        assert strict[shape.TOO_STRICT] > 1.4 * max(v for k, v in strict.items() if k != shape.TOO_STRICT)
        tuesdays = figure(
            f"""SELECT avg((extract(isodow FROM first_follow_up_at AT TIME ZONE 'Europe/Berlin') = 2)::int)
                FROM {CYCLES} c JOIN alignment_person p ON p.id = c.owner_id
                WHERE p.name = '{shape.WAITS_FOR_TUESDAY}' AND first_follow_up_at IS NOT NULL
                  AND extract(isodow FROM assigned_at AT TIME ZONE 'Europe/Berlin') >= 5"""
        )
        assert tuesdays == 1

    def test_the_scars_are_there_and_few(self) -> None:
        def count(query: str) -> int:
            return int(figure(f"SELECT count(*) FROM {query}"))

        assert count(f"{CYCLES} c WHERE owner_id IS NULL") == scars.OWNERLESS_CYCLES
        assert (
            scars.OWNERLESS_DEALS - 2 <= count(f"{DEALS} o WHERE owner_id IS NULL") <= scars.OWNERLESS_DEALS
        )
        assert count(f"{DEALS} o WHERE lead_id IS NULL") in range(5, scars.WITHOUT_LEAD + 1)
        assert count(f"{DEALS} o WHERE is_closed AND close_on IS NULL") == scars.WITHOUT_DATE
        assert count(f"{DEALS} o WHERE closed_at < opened_at") == scars.NEGATIVE
        assert count(f"{CYCLES} c WHERE closed_at < crossed_at") == scars.NEGATIVE
        assert count(f"{LEADS} l WHERE email LIKE '%@{scars.FREE_MAIL}'") == scars.DUPLICATES / 2
        assert count("alignment_account WHERE name LIKE '% GmbH'") == scars.TWINS
        assert DuplicatePair.objects.count() in range(scars.DUPLICATES // 2, 30)
        assert set(Lead.objects.exclude(email="").values_list("email", flat=True).distinct())
        assert not Lead.objects.exclude(email__iendswith=".example").exclude(email="").exists()

    def test_importing_the_files_again_changes_nothing(self) -> None:
        def state() -> list[Any]:
            return [
                list(model._default_manager.order_by("pk").values())
                for model in (Lead, MqlCycle, Opportunity, Touch, Person, Account, Campaign, DuplicatePair)
            ]

        with transaction.atomic():
            before, last = state(), Fact.objects.latest("pk").pk
            again = bring_in.import_past(self.built.files, source=self.built.imports[0].source, at=AT)
            assert state() == before
            assert [each.facts_new for each in again[:-1]] == [0] * 7
            # a link that said nothing new then is kept where live events have spoken about the deal since
            for fact in Fact.objects.filter(pk__gt=last):
                assert (fact.subject, list(fact.fields)) == ("opportunity", ["lead"])
            transaction.set_rollback(True)

    def test_history_stays_out_of_queues_clocks_and_what_needs_somebody(self) -> None:
        for rep in people.REPS:
            assert 2 <= MqlCycle.objects.open().filter(owner__email=rep.email).count() <= 10, rep.name
        assert MqlCycle.objects.unassigned().count() == len(history.OWNERLESS)
        assert not MqlCycle.objects.closed_in_crm_untagged().filter(is_history=True).exists()
        assert not Clock.objects.filter(cycle__is_history=True).exists()
        assert not Breach.objects.filter(clock__cycle__is_history=True).exists()
        assert not MqlCycle.objects.filter(is_history=False, clocks=None).exists()
        assert compare_roll_up(at=AT) == []
        assert not Fact.objects.filter(received_at__gt=AT).exists()
        assert {person.email for person in Person.objects.all()} <= {each[3] for each in people.logins()}

    def test_leads_of_the_past_cross_again_under_our_clocks(self) -> None:
        again = MqlCycle.objects.filter(is_history=False, lead__cycles__is_history=True).distinct()
        assert again.count() == aftermath.RETURNING
        assert not again.filter(clocks=None).exists()
        assert again.exclude(first_follow_up_at=None).exists()
        assert all(cycle.number > 1 for cycle in again)

    def test_what_was_open_at_the_export_goes_on_by_live_events(self) -> None:
        until = self.built.story.past.until
        ended = MqlCycle.objects.filter(is_history=True, closed_at__gt=until)
        assert ended.count() > 20 and not ended.filter(closed_at__gt=AT).exists()
        assert ended.filter(opportunity__opened_at__gt=until - timedelta(hours=1)).exists()
        assert Opportunity.objects.filter(opened_at__lt=until, closed_at__gt=until, is_won=True).exists()

    def test_one_instant_and_one_seed_tell_one_past(self) -> None:
        again = export(tell_past(until=AT - timedelta(days=DAYS)))
        assert [each.body for each in again] == [each.body for each in self.built.files]
        assert [each.mapping for each in again] == [each.mapping for each in self.built.files]

    def test_a_first_look_knows_every_file(self) -> None:
        for each in self.built.files:
            found = look_at(io.BytesIO(each.body))
            assert found.object == each.mapping["object"], each.name
            known = each.mapping["columns"].items() & found.columns.items()
            assert len(known) >= 0.75 * len(each.mapping["columns"]), each.name

    def test_the_files_can_be_written_for_an_import_by_hand(self) -> None:
        out = StringIO()
        folder = Path(self.enterContext(tempfile.TemporaryDirectory())) / "export"
        call_command("demo", "--files", str(folder), stdout=out)
        source = self.built.imports[0].source
        for each in self.built.files:
            path = folder / each.name
            assert path.read_bytes() == each.body, "the same as was imported here"
            document = json.loads(path.with_suffix(".mapping.json").read_text())
            assert isinstance(mapping_of(document, source), ImportMapping)
            assert str(path) in out.getvalue()


@pytest.mark.parametrize(
    "day", ["2026-01-05", "2026-03-31", "2026-06-30", "2026-10-01", "2026-12-31", "2028-02-29"]
)
def test_the_past_ends_anywhere_in_a_quarter(day: str) -> None:
    past = Past.before(datetime.fromisoformat(day).replace(tzinfo=UTC))
    assert len(past.quarters) == 5
    assert past.quarters[-1].holds(past.until)
    assert past.bad == past.quarters[2]
    story = tell_past(until=past.until, quarters=1)
    assert story.leads and all(lead.created_at < past.until for lead in story.leads)
    assert all(cycle.crossed_at < past.until for _, cycle in story.cycles())
