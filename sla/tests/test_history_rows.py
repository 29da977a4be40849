"""Merging imported drafts in SQL gives the very rows that folding the ledger in Python gives."""

from __future__ import annotations

import random
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, timedelta
from io import StringIO
from typing import Any

import pytest
from django.apps import apps
from django.core.management import call_command
from django.db import models, transaction

from alignment.importing.drafts import Draft
from alignment.intake.drafts import Event
from alignment.management.commands import rebuild
from alignment.matching.accounts import match_waiting
from alignment.merging import Chunk, Stager, merge
from alignment.models import (
    Account,
    Campaign,
    DuplicatePair,
    Fact,
    Lead,
    MqlCycle,
    Opportunity,
    OpportunityStage,
    Person,
    PersonIdentity,
    Role,
    Touch,
    User,
)
from alignment.pipeline import apply_events
from alignment.services.merges import CannotMerge, merge_leads
from alignment.services.who_is_who import compare_leads
from sla.models import Clock
from testing.state import end_state
from testing.world import NOW, World, add_user

pytestmark = pytest.mark.django_db
TABLES: list[type[models.Model]] = [
    Account, Campaign, Fact, Lead, MqlCycle, Opportunity, Person, PersonIdentity, Touch, Clock, DuplicatePair,
    apps.get_model("handoff", "Assignment"),
]  # fmt: skip
DAY = timedelta(days=1)


def state() -> dict[str, list[dict[str, Any]]]:
    """Every column of every row; of stage entries, which are written anew, all but the ids."""
    found = {model.__name__: list(model._default_manager.order_by("pk").values()) for model in TABLES}
    stages = OpportunityStage.objects.order_by("opportunity_id", "position")
    found["stages"] = [
        dict(row) for row in stages.values("opportunity_id", "position", "stage", "entered_at")
    ]
    return found


def bring_in(
    world: World,
    drafts: list[Draft],
    *,
    as_of: datetime,
    at: datetime,
    is_fresh: bool = False,
    rows: int = 1_000_000,
) -> Chunk:
    """Merge the drafts, one a row, `rows` in a chunk; the last chunk, with the new facts of all of them."""
    new = 0
    for start in range(0, max(len(drafts), 1), rows):
        stager = Stager(as_of)
        for line, draft in enumerate(drafts[start : start + rows], start=start + 2):
            stager.add(line, [draft])
        chunk = Chunk(world.crm.pk, at=at, now=at)
        with transaction.atomic():
            merge(chunk, stager.take(), is_fresh=is_fresh)
        new = chunk.facts_new = new + chunk.facts_new
    return chunk


def assert_a_rebuild_changes_nothing(about: str = "") -> None:
    before = state()
    call_command("rebuild", stdout=StringIO())
    after = state()
    for table, rows in before.items():
        assert after[table] == rows, f"{table} {about}"


class Teller:
    """Random statements about a handful of records."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.sequence = 0

    def some(self, *values: Any) -> Any:
        return self.random.choice(values)

    def when(self) -> str:
        return (
            NOW - self.random.randint(0, 40) * DAY + self.random.randint(0, 3) * timedelta(hours=1)
        ).isoformat()

    def part(self, fields: dict[str, Any]) -> dict[str, Any]:
        """Some of the fields; now and then one is cleared."""
        return {
            name: None if self.random.random() < 0.1 else value
            for name, value in fields.items()
            if self.random.random() < 0.6
        }

    def person(self) -> str:
        return str(self.some("ada@example.com", "rep.1@example.com", "u7"))

    def name(self) -> str:
        return str(self.some("", "Ada", "Ada Lovelace", "Augusta Ada Byron", "ada@example.com", "u7"))

    def lead(self) -> tuple[str, dict[str, Any]]:
        fields = self.part(
            {
                "email": f"{self.some('a', 'b')}@x.com", "company": self.some("Ünï \\ \"Q\"\tT", "B"),
                "segment": self.some("smb", "mid"),
                "channel": self.some("webinar", "odd", ""), "score": self.some(10, 66, 90),
                "account": self.some("A1", "A2"), "owner": self.person(), "owner_name": self.name(),
                "created_at": self.when(), "status": "Open",
                "opportunity": self.some("O1", "O2", "O9"), "is_deleted": self.some(False, False, True),
            }
        )  # fmt: skip
        if self.random.random() < 0.5:
            fields |= {
                "mql_at": self.some((NOW - 30 * DAY).isoformat(), (NOW - 20 * DAY).isoformat(), self.when())
            }
            fields |= self.part(
                {
                    "assigned_at": self.when(), "followed_up_at": self.when(), "accepted_at": self.when(),
                    "disposed_at": self.when(), "reason": self.some("bad_fit", "no_response"),
                    "disposition": self.some("working", "recycled", "converted", "disqualified"),
                }
            )  # fmt: skip
            if self.random.random() < 0.4:  # closed some time on a day
                day = [(NOW - self.some(19, 15) * DAY).isoformat(), (NOW - 14 * DAY).isoformat()]
                fields |= {"disposed_day": day, "disposed_at": self.some(day[0], day[0], self.when())}
                fields |= {"disposition": self.some("recycled", "disqualified", "working")}
        return f"L{self.random.randint(1, 5)}", fields

    def touch(self) -> tuple[str, dict[str, Any]]:
        function = self.some("sales", "marketing", "unknown")
        fields = self.part(
            {
                "lead": f"L{self.random.randint(1, 6)}", "channel": self.some("call", "webinar"),
                "campaign": self.some("C1", "C2"), "person": self.person(), "person_name": self.name(),
                "touched_at": self.when(),
                "is_outbound": True, "took_place": True, "is_connected": self.some(True, False),
                "outcome": "held", "is_deleted": self.some(False, False, True),
            }
        ) | {"function": function}  # fmt: skip
        if function == "sales":
            fields |= self.part({"is_attempt": True})
            kind = self.some("any", "any", "on a day of closing", "by its day", "by its day")
            if kind != "any":
                fields |= {"is_attempt": True, "is_deleted": False, "lead": f"L{self.random.randint(1, 5)}"}
            if kind == "on a day of closing":
                fields["touched_at"] = (NOW - 15 * DAY + timedelta(hours=5)).isoformat()
            if kind == "by its day":  # now and then of a time that holds no more
                day = self.some(30, 20) * DAY + timedelta(hours=2)
                fields["touched_day"] = [(NOW - day).isoformat(), (NOW - day + DAY).isoformat()]
                fields["touched_at"] = self.some(*fields["touched_day"][:1] * 3, self.when())
        return f"T{self.random.randint(1, 7)}", fields

    def call(self) -> list[tuple[str, dict[str, Any]]]:
        call, leads = f"T{self.random.randint(8, 9)}", ["L1", "L2"]
        fields = {
            "lead": "L1",
            "leads": leads,
            "function": "sales",
            "is_attempt": True,
            "touched_at": self.when(),
        }
        return [(call, fields), (f"{call}:L2", {"lead": "L2", "part_of": call})]

    def opportunity(self) -> tuple[str, dict[str, Any]]:
        fields = self.part(
            {
                "name": "Deal", "amount": self.some(100, 250, 120_000, "1.234"),
                "currency": self.some("eur", "eur", "jpy", "KWD"), "stage": self.some("a", "b", "c"),
                "is_closed": self.some(True, False), "is_won": self.some(True, False), "close_on": "2026-10-01",
                "opened_at": self.when(), "lead": f"L{self.random.randint(1, 6)}", "account": self.some("A1", "A3"),
                "owner": self.person(), "owner_name": self.name(),
            }
        )  # fmt: skip
        return f"O{self.random.randint(1, 3)}", fields

    def statements(self) -> list[tuple[str, str, dict[str, Any]]]:
        kind = self.some("lead", "lead", "touch", "touch", "opportunity", "account", "campaign", "call")
        if kind == "call":
            return [("touch", *each) for each in self.call()]
        if kind in ("account", "campaign"):
            more = {"domain": "x.com"} if kind == "account" else {"channel": "webinar"}
            fields = self.part(
                {"name": self.some("One", "Two"), **more, "is_deleted": self.some(False, True)}
            )
            return [(kind, f"{kind[0].upper()}{self.random.randint(1, 2)}", fields)]
        return [(kind, *getattr(self, kind)())]

    def drafts(self, number: int) -> list[Draft]:
        return [
            Draft(*said, self.some(None, None, NOW - self.random.randint(0, 9) * DAY))
            for _ in range(number)
            for said in self.statements()
        ]

    def act(self, world: World, by: User, at: datetime) -> None:
        """An attempt logged here, as handoff's acts make it; now and then of a touch that a source tells of too."""
        self.sequence += 1
        ref = f"app:{self.sequence}"
        fields = {
            "lead": f"L{self.random.randint(1, 5)}", "function": "sales", "channel": "call", "is_attempt": True,
            "touched_at": at.isoformat(),
        }  # fmt: skip
        fact = Fact(
            source=world.crm, ref=ref, subject="touch", external_id=self.some(ref, f"T{self.random.randint(1, 7)}"),
            fields=fields, occurred_at=at, received_at=at, order_key=ref, by=by,
        )  # fmt: skip
        with transaction.atomic():
            apply_events([Event(None, 0, [fact])], at=at)

    def live(self, world: World, at: datetime) -> None:
        facts = []
        for said in self.statements():
            self.sequence += 1
            ref = f"id:evt{self.sequence}"
            facts.append(
                Fact(
                    source=world.crm, ref=ref, subject=said[0], external_id=said[1], fields=said[2],
                    occurred_at=at - self.random.randint(0, 3) * timedelta(hours=5), received_at=at,
                    order_key=ref, action=self.some("", "disposition") if said[2].get("disposition") else "",
                )
            )  # fmt: skip
        with transaction.atomic():
            apply_events([Event(None, 0, facts)], at=at)


def test_files_of_any_content_and_order_leave_what_the_ledger_says(
    world: World, examples: Callable[[int, int], int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rebuild, "CHUNK", 3)
    for seed in range(examples(8, 1500)):
        with transaction.atomic():
            _tell_at_random(world, seed)
            transaction.set_rollback(True)


def test_where_chunks_end_changes_nothing(world: World, examples: Callable[[int, int], int]) -> None:
    for seed in range(examples(2, 150)):
        ends = []
        for rows in (1, 4, 100):
            with transaction.atomic():
                _tell_at_random(world, seed, rows=rows, is_compared=False)
                ends.append(_told())
                transaction.set_rollback(True)
        assert ends[0] == ends[1] == ends[2], f"seed {seed}"


def _told() -> list[Any]:
    """All that statements decide, by what people call records and not by ids."""
    facts = Fact.objects.order_by("ref").values("ref", "order_key", "occurred_at", "received_at", "fields")
    # what one chunk puts right before anybody saw it, two chunks make and void again
    cycles = MqlCycle.objects.standing().order_by("lead__external_id", "number")
    people = PersonIdentity.objects.order_by("external_id")
    return [
        end_state(),
        list(people.values_list("external_id", "person__name", "person__named_from")),
        [{**row, "order_key": ""} if row["ref"].startswith("id:") else row for row in facts],
        list(
            cycles.values(
                "lead__external_id", "number", "opened_by__ref", "received_at", "owner__name", "reason",
                "is_clock_suspect", "is_tagged", "accepted_at", "first_follow_up_at",
            )
        ),
    ]  # fmt: skip


def _tell_at_random(world: World, seed: int, *, rows: int = 1_000_000, is_compared: bool = True) -> None:
    teller = Teller(seed)
    revops = add_user(world, Role.REVOPS)
    at = NOW
    files: list[tuple[list[Draft], datetime]] = []
    for _ in range(teller.random.randint(1, 6)):
        at += timedelta(hours=7)
        act = teller.random.random()
        if act < 0.1:
            teller.act(world, revops, at)
        elif act < 0.3:
            teller.live(world, at)
        elif act < 0.4 and Lead.objects.filter(merged_into=None).count() > 1:
            _merge_two(teller, revops, at)
        elif act < 0.55 and files:
            drafts, as_of = teller.some(*files)
            bring_in(world, drafts, as_of=teller.some(as_of, at), at=at, rows=rows)
        else:
            drafts, as_of = (
                teller.drafts(teller.random.randint(1, 15)),
                at - teller.random.randint(0, 5) * DAY,
            )
            bring_in(world, drafts, as_of=as_of, at=at, rows=rows)
            files.append((drafts, as_of))
        match_waiting()
        if not is_compared:
            continue
        before = state()
        compare_leads(at=at)
        assert state() == before, f"accounts and duplicates of seed {seed}"
        assert_a_rebuild_changes_nothing(f"of seed {seed}")
    before = state()
    for drafts, as_of in files:
        assert bring_in(world, drafts, as_of=as_of, at=at + DAY, rows=rows).facts_new == 0
    match_waiting()
    assert state() == before, f"every file again, seed {seed}"


def _merge_two(teller: Teller, by: User, at: datetime) -> None:
    """Two leads turn out to be one person."""
    survivor, merged = teller.random.sample(
        list(Lead.objects.filter(merged_into=None).order_by("external_id")), 2
    )
    with suppress(CannotMerge):
        merge_leads(survivor=survivor, merged=merged, reason="the same person", by=by, at=at)
