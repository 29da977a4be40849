"""A person is erased: no table names them any more, nothing that counts moves, and they do not come back by the way."""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Iterator
from datetime import timedelta
from io import StringIO
from typing import Any

import psycopg2
import pytest
from django.core.management import call_command
from django.db import IntegrityError, ProgrammingError, connection, transaction

from alignment import erasure as registry
from alignment.access import Scope
from alignment.business_time import Week
from alignment.erasure import Erasing, erases
from alignment.models import (
    AskedBy,
    DeadEvent,
    Delivery,
    Erasure,
    ErasureArrival,
    Fact,
    Import,
    ImportPiece,
    ImportReject,
    KeptAnswer,
    Lead,
    MqlCycle,
    Opportunity,
    Role,
    Touch,
)
from alignment.pipeline import drain
from alignment.queries.erasure import duplicates, returns
from alignment.services.authority import OnlyRevOps
from alignment.services.erasure import ReasonNamesThePerson, erase_person
from alignment.services.inbox import ReasonMissing
from alignment.services.merges import merge_leads
from handoff.models import Assignment
from sla.models import Breach, Clock
from sla.queries import compliance
from sla.services import mark_breached, roll_up
from sla.services.rollup import mark_all_days_dirty
from testing.processes import database_url, wait_until
from testing.state import end_state
from testing.world import World, add_user, event

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
EMAIL, PHONE, LAST = "Wilma.Canary@feathers.example", "+49 30 5550142", "Canary-Sparrow"
PERSONAL: dict[str, Any] = {
    "email": EMAIL,
    "phone": PHONE,
    "first_name": "Wilma",
    "last_name": LAST,
    "title": "Chief of Birds",
}
NAMES = (EMAIL.lower(), PHONE, LAST.lower(), "wilma")


def every_value() -> Iterator[tuple[str, str]]:
    """(place, value) of every cell of every table that can hold text, bytes as text."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT table_schema, table_name, column_name, data_type FROM information_schema.columns
            JOIN information_schema.tables USING (table_schema, table_name)
            WHERE table_schema NOT IN ('pg_catalog', 'information_schema') AND table_type = 'BASE TABLE'
              AND data_type NOT IN ('bigint', 'integer', 'smallint', 'boolean', 'date', 'interval')
            """
        )
        for schema, table, column, kind in cursor.fetchall():
            text = f"encode(\"{column}\", 'escape')" if kind == "bytea" else f'"{column}"::text'
            cursor.execute(f'SELECT DISTINCT {text} FROM "{schema}"."{table}" WHERE "{column}" IS NOT NULL')  # noqa: S608
            for (value,) in cursor.fetchall():
                yield f"{table}.{column}", value


def places_naming(*names: str) -> set[str]:
    return {place for place, value in every_value() if any(name in value.lower() for name in names)}


@pytest.fixture
def lead(world: World) -> Lead:
    """Somebody with a history: a first touch, an MQL that breached, attempts, notes, an opportunity, dead events,
    a conflict, a message that waits and one whose array named another lead."""
    at = world.at - 7 * DAY
    world.send(
        event("lead.created", "L1", at, channel="webinar", company=f"{LAST} Consulting", **PERSONAL),
        event("lead.updated", "L2", at, score=90, last_name="Other", email="other@example.com"),
        at=at,
    )
    world.send(event("lead.updated", "L1", at + HOUR, score=80), at=at + HOUR)
    world.send(
        event("touch.recorded", "T1", at + 2 * HOUR, lead="L1", is_attempt=True, channel="call",
              subject=f"Rang Ms {LAST}", outcome="mother of wilma is ill", touched_at=(at + 2 * HOUR).isoformat()),
        event("opportunity.created", "O1", at + 3 * HOUR, lead="L1", name=f"Cages for {LAST}", amount="10"),
        event("opportunity.created", "O2", at + 3 * HOUR, lead="L1", name="Two hundred cages", amount="20"),
        at=at + 3 * HOUR,
    )  # fmt: skip
    world.send(
        event("lead.updated", "L1", at + 3 * HOUR, id="dead", score=f"many {LAST}", email=EMAIL), at=at
    )
    world.deliver(event("lead.updated", "L1", at, id="dead", score=1, email=EMAIL), external_id="later")
    drain(at=at + 4 * HOUR)
    first = Delivery.objects.get(external_id="dead")
    Delivery.objects.create(
        source=first.source,
        endpoint=first.endpoint,
        body=json.dumps({"email": EMAIL}).encode(),
        body_sha256=b"x" * 32,
        state="conflict",
        conflicts_with=first,
    )
    KeptAnswer.objects.create(
        user=add_user(world, Role.FINANCE), key="k", request_digest=b"x" * 32, status=200,
        body=json.dumps({"lead": {"last_name": LAST}}), kept_at=world.at,
    )  # fmt: skip
    file = Import.objects.create(
        source=world.crm, subject="lead", mapping={}, file_name="leads.csv", sha256="x", size=1, as_of=world.at,
        state="done", requested_at=world.at, finished_at=world.at,
        warnings={"odd": {"count": 1, "samples": [f"“{LAST}”"]}},
    )  # fmt: skip
    ImportPiece.objects.create(file=file, number=1, body=b"kept, compressed")
    ImportReject.objects.create(file=file, line=2, code="bad_field", message=f"score: “{LAST}” is no number")
    mark_breached(at=world.at)
    roll_up(at=world.at)
    assert places_naming(*NAMES) >= {
        "alignment_lead.email", "alignment_fact.fields", "alignment_delivery.body", "alignment_touch.subject",
        "alignment_touch.outcome", "alignment_opportunity.name", "alignment_deadevent.message",
        "alignment_lead.company", "alignment_keptanswer.body",
    }  # fmt: skip
    return Lead.objects.get(external_id="L1")


def erase(world: World, *leads: Lead, **given: Any) -> list[Erasure]:
    given = {"asked_by": AskedBy.PERSON, "reason": "Asked by letter", "by": None, "at": world.at} | given
    return erase_person(leads=leads, **given)


def figures(world: World) -> list[Any]:
    """What every report of these weeks counts, read anew from the base tables."""
    mark_all_days_dirty()
    roll_up(at=world.at)
    found: list[Any] = []
    for day in (world.at - 7 * DAY, world.at):
        week, everyone = Week.of(day, "UTC"), Scope(is_all=True)
        found += [compliance.by_kind(week, everyone), compliance.by_group(week, everyone, "rep")]
    return found


def run(statement: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement)


def rows_of(*models: Any) -> dict[str, list[Any]]:
    return {model.__name__: list(model.objects.order_by("pk").values()) for model in models}


def test_no_table_and_no_log_names_the_person_afterwards(
    world: World, lead: Lead, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG):
        (erasure,) = erase(world, lead)
    assert places_naming(*NAMES) == set()
    assert not any(name in caplog.text.lower() for name in NAMES)
    lead.refresh_from_db()
    assert lead.last_name == erasure.pseudonym == lead.name
    assert (lead.email, lead.phone, lead.first_name, lead.title, lead.company) == ("",) * 5
    assert Opportunity.objects.get(external_id="O2").name == "Two hundred cages"
    assert Lead.objects.get(external_id="L2").email == "other@example.com"
    assert erasure.counts == {
        "facts of the lead": 2, "facts of touches": 1, "facts of opportunities": 1, "raw bodies": 8,
        "messages of what could not be read": 1, "kept answers of the API": 1,
        "pieces of imported files": 1, "what the CRM answered to messages": 0,
        "mails and notifications": 0,
    }  # fmt: skip


def test_what_counts_stays_to_the_last_row(world: World, lead: Lead) -> None:
    evidence = (Breach, Assignment, Clock, MqlCycle)
    before = (rows_of(*evidence), figures(world), end_state())
    plain = Touch.objects.order_by("pk").values(
        "pk", "touched_at", "is_attempt", "channel", "function", "person"
    )
    touches = list(plain)
    assert Breach.objects.exists() and any(figure.due for figure in before[1][0].values())
    erase(world, lead)
    after = end_state()
    assert after["leads"][0][1] == "" and after["leads"][0][0] == "L1"
    after["leads"][0] = before[2]["leads"][0]  # first name and company, which were the person's
    assert (rows_of(*evidence), figures(world), after) == before
    assert list(plain.all()) == touches


def test_folding_everything_again_gives_the_same_rows(world: World, lead: Lead) -> None:
    erase(world, lead)
    kept = (Lead, Touch, Opportunity, MqlCycle, Clock, Breach, Assignment, Fact)
    before = rows_of(*kept)
    call_command("rebuild", stdout=StringIO())
    assert rows_of(*kept) == before
    assert places_naming(*NAMES) == set()


def test_facts_keep_everything_but_what_is_personal(world: World, lead: Lead) -> None:
    before = {fact["id"]: fact for fact in Fact.objects.values()}
    (erasure,) = erase(world, lead)
    for fact in Fact.objects.values():
        was = before[fact["id"]]
        assert {**fact, "fields": None} == {**was, "fields": None}
        assert sorted(fact["fields"]) == sorted(was["fields"])
        changed = {key: value for key, value in fact["fields"].items() if value != was["fields"][key]}
        assert set(changed) <= {*PERSONAL, "company", "subject", "outcome", "name"}
        assert set(changed.values()) <= {None, erasure.pseudonym}


class TestAfterwards:
    def test_a_later_message_keeps_its_counts_and_loses_the_person(self, world: World, lead: Lead) -> None:
        (erasure,) = erase(world, lead)
        later = event("lead.updated", "L1", world.at, score=95, company=f"{LAST} Ltd", **PERSONAL)
        note = event("touch.recorded", "T9", world.at, lead="L1", is_attempt=True, subject=f"Saw {LAST}")
        unlinked = event("touch.recorded", "T1", world.at, subject="Wilma again")
        deal = event("opportunity.updated", "O1", world.at, name=f"More for Wilma {LAST}", stage="Won")
        fine = event("opportunity.updated", "O2", world.at, name="Three hundred cages")
        world.send(later, note, unlinked, deal, fine)
        assert places_naming(*NAMES) == set()
        lead.refresh_from_db()
        assert (lead.score, lead.last_name) == (95, erasure.pseudonym)
        assert lead.touches.filter(external_id="T9", is_attempt=True).exists()
        assert Opportunity.objects.get(external_id="O1").stage == "Won"
        assert Opportunity.objects.get(external_id="O2").name == "Three hundred cages"
        arrivals = ErasureArrival.objects.filter(kind="withheld").order_by("delivery")
        assert [(a.external_id, a.facts, a.dropped) for a in arrivals] == [
            ("L1", 1, 6), ("T9", 1, 1), ("T1", 1, 1), ("O1", 1, 1), ("O2", 1, 0),
        ]  # fmt: skip
        assert not DeadEvent.objects.open().exists()

    def test_the_same_message_again_changes_nothing(self, world: World, lead: Lead) -> None:
        told = event("lead.updated", "L1", world.at, id="evt_twice", score=95, **PERSONAL)
        world.deliver([told], external_id="array-1")
        drain(at=world.at)
        erase(world, lead)
        before = rows_of(Fact)
        world.deliver([told], external_id="array-2")
        drain(at=world.at)
        assert rows_of(Fact) == before
        assert not DeadEvent.objects.open().exists()
        assert places_naming(*NAMES) == set()

    def test_what_waited_for_the_drain_is_applied_without_the_person(self, world: World, lead: Lead) -> None:
        waiting = world.deliver(event("lead.updated", "L1", world.at, score=99, email=EMAIL), external_id="w")
        erase(world, lead)
        waiting.refresh_from_db()
        assert waiting.body is not None and waiting.state == "pending"
        drain(at=world.at)
        lead.refresh_from_db()
        assert lead.score == 99
        assert places_naming(*NAMES) == set()

    def test_one_event_of_an_array_that_fails_takes_no_other_along(self, world: World, lead: Lead) -> None:
        erase(world, lead)
        world.deliver(
            [
                event("lead.updated", "L1", world.at, score=97, email=EMAIL),
                event("lead.updated", "L2", world.at, score="many", last_name=LAST),
                event("lead.updated", "L3", world.at, score=70, last_name="Third"),
            ],
            external_id="mixed",
        )
        drain(at=world.at)
        assert Lead.objects.get(external_id="L1").score == 97
        assert Lead.objects.get(external_id="L3").last_name == "Third"
        dead = DeadEvent.objects.get(delivery__external_id="mixed")
        assert dead.set_aside_at == world.at and "cannot be replayed" in dead.set_aside_reason
        assert places_naming(*NAMES) == set()

    def test_a_new_record_with_the_same_email_is_kept_and_shown_to_revops(
        self, world: World, lead: Lead
    ) -> None:
        (erasure,) = erase(world, lead)
        for _ in range(2):
            world.send(event("lead.created", "L77", world.at, score=70, email=EMAIL.upper(), last_name=LAST))
        assert Lead.objects.get(external_id="L77").last_name == LAST
        (back,) = returns()
        assert (back.arrival.external_id, back.arrival.erasure, back.lead) == (
            "L77", erasure, Lead.objects.get(external_id="L77"),
        )  # fmt: skip
        erase(world, Lead.objects.get(external_id="L77"))
        assert returns() == []
        assert places_naming(*NAMES) == set()

    def test_an_email_is_recognised_under_an_earlier_key(
        self, world: World, lead: Lead, settings: Any
    ) -> None:
        erase(world, lead)
        settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = "another" * 8, [settings.SECRET_KEY]
        world.send(event("lead.created", "L77", world.at, email=EMAIL))
        assert len(returns()) == 1

    def test_what_a_rep_types_about_the_person_stays_out(self, world: World, lead: Lead) -> None:
        from uuid import uuid4

        from handoff.services.acts import log_attempt

        cycle = MqlCycle.objects.get(lead=lead)
        erase(world, lead)
        log_attempt(
            cycle=cycle, channel="call", outcome="connected", note=f"Wilma {LAST} called back",
            by=add_user(world, Role.REVOPS), at=world.at, act=uuid4(),
        )  # fmt: skip
        assert lead.touches.filter(is_connected=True).count() == 1
        assert places_naming(*NAMES) == set()


def test_duplicates_are_listed_and_erased_together(world: World, lead: Lead) -> None:
    world.send(
        event("lead.created", "L8", world.at, email=EMAIL.upper(), last_name="Wilma's second"),
        event("lead.created", "L9", world.at, email="somebody@example.com"),
    )
    assert [found.external_id for found in duplicates(lead)] == ["L8"]
    made = erase(world, lead, *duplicates(lead))
    assert len({erasure.pseudonym for erasure in made}) == 2
    assert places_naming(EMAIL.lower(), "wilma") == set()
    assert Lead.objects.get(external_id="L9").email == "somebody@example.com"


@pytest.mark.parametrize("asked_for", ["L1", "L8"])
def test_records_merged_into_one_person_are_erased_together(world: World, lead: Lead, asked_for: str) -> None:
    world.send(event("lead.created", "L8", world.at, email=EMAIL, phone=PHONE, last_name=LAST))
    second, revops = Lead.objects.get(external_id="L8"), add_user(world, Role.REVOPS)
    merge_leads(survivor=lead, merged=second, reason="the same desk", by=revops, at=world.at)
    before = (rows_of(Breach, Assignment, Clock, MqlCycle), figures(world))
    assert len(erase(world, Lead.objects.get(external_id=asked_for))) == 2
    assert (rows_of(Breach, Assignment, Clock, MqlCycle), figures(world)) == before
    call_command("rebuild", stdout=StringIO())
    assert places_naming(*NAMES) == set()


def test_erasing_again_takes_out_what_came_since_and_keeps_the_pseudonym(world: World, lead: Lead) -> None:
    (first,) = erase(world, lead)
    (second,) = erase(world, lead)
    assert second.pseudonym == first.pseudonym
    assert second.counts["facts of the lead"] == 0
    assert Erasure.objects.count() == 2


def test_all_or_nothing(world: World, lead: Lead, monkeypatch: pytest.MonkeyPatch) -> None:
    before = rows_of(Fact, Delivery, Lead, Touch)

    def fails(*_: Any, **__: Any) -> None:
        raise RuntimeError("the machine stopped")

    monkeypatch.setattr("alignment.services.erasure.refold", fails)
    with pytest.raises(RuntimeError), transaction.atomic():
        erase(world, lead)
    assert rows_of(Fact, Delivery, Lead, Touch) == before
    assert not Erasure.objects.exists()


def test_a_copy_elsewhere_is_erased_and_counted_by_whoever_registered(
    world: World, lead: Lead, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(registry, "_erasers", {})
    asked: list[Erasing] = []

    @erases("messages to the CRM")
    def empty(person: Erasing) -> int:
        asked.append(person)
        return 3

    (erasure,) = erase(world, lead)
    assert erasure.counts["messages to the CRM"] == 3
    assert asked[0].lead == lead and asked[0].emails == {EMAIL} and asked[0].last_names == {LAST}


class TestWhoMay:
    def test_only_revops_with_a_reason_that_names_nobody(self, world: World, lead: Lead) -> None:
        with pytest.raises(OnlyRevOps):
            erase(world, lead, by=add_user(world, Role.CMO))
        with pytest.raises(ReasonMissing):
            erase(world, lead, reason="  ")
        for given in ({"reason": f"Letter of ms {LAST.upper()}"}, {"reference": EMAIL}):
            with pytest.raises(ReasonNamesThePerson):
                erase(world, lead, **given)
        with pytest.raises(ValueError, match="who asked"):
            erase(world, lead, asked_by="nobody")
        assert not Erasure.objects.exists()

    @pytest.mark.usefixtures("as_application_role")
    def test_the_applications_role_erases_by_the_function_and_by_nothing_else(
        self, world: World, lead: Lead
    ) -> None:
        erase(world, lead)
        assert places_naming(*NAMES) == set()
        for statement in (
            "UPDATE alignment_fact SET fields = '{}'",
            "UPDATE alignment_erasure SET reason = 'x'",
            "ALTER FUNCTION erase_lead SECURITY INVOKER",
            "DROP FUNCTION refuse_fact_change() CASCADE",
        ):
            with pytest.raises(ProgrammingError), transaction.atomic():
                run(f"SELECT set_config('alignment.erasing', pg_current_xact_id()::text, true); {statement}")

    def test_nobody_else_may_call_the_function(self, world: World, lead: Lead, application_role: str) -> None:
        with connection.cursor() as cursor:
            cursor.execute("CREATE ROLE a_stranger")
            cursor.execute("GRANT USAGE ON SCHEMA public TO a_stranger")
            cursor.execute("SET LOCAL ROLE a_stranger")
            with (
                pytest.raises(ProgrammingError, match="permission denied for function"),
                transaction.atomic(),
            ):
                cursor.execute("SELECT erase_lead(1, '{}', '{}', 'person', 'x', '', NULL, now(), '{}')")
            cursor.execute("RESET ROLE")

    @pytest.mark.parametrize(
        "change",
        [
            """fields = fields || '{"score": 1}'""",
            """fields = fields || '{"email": "new@example.com"}'""",
            """fields = fields || '{"last_name": "Somebody else"}'""",
            "fields = fields - 'email'",
            "external_id = 'L9', fields = fields",
            """fields = fields || '{"new": null}'""",
        ],
    )
    def test_the_guard_lets_even_the_owner_only_take_a_person_out(
        self, world: World, lead: Lead, change: str
    ) -> None:
        erasing = "SELECT set_config('alignment.erasing', pg_current_xact_id()::text, true);"
        for statement in (
            f"{erasing} UPDATE alignment_fact SET {change} WHERE external_id = 'L1' AND subject = 'lead'",  # noqa: S608
            """UPDATE alignment_fact SET fields = fields || '{"email": null}' WHERE external_id = 'L1'""",
        ):
            with pytest.raises(IntegrityError, match="its rows are evidence"), transaction.atomic():
                run(statement)


@pytest.mark.django_db(transaction=True)
@pytest.mark.xdist_group("processes")
def test_what_a_drain_is_writing_at_this_moment_is_erased_too(world: World, lead: Lead) -> None:
    """The drain looked before the erasure and writes after it began: the erasure waits for it."""
    with psycopg2.connect(database_url()) as drainer, drainer.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock_shared(hashtext('alignment.erasure'))")
        cursor.execute(
            """
            INSERT INTO alignment_fact (source_id, ref, subject, external_id, action, fields, occurred_at,
                received_at, order_key, is_timed, is_history)
            VALUES (%s, 'id:late', 'lead', 'L1', '', %s, now(), now(), 'late', true, false)
            """,
            [lead.source_id, json.dumps({"email": EMAIL})],
        )
        done: list[Any] = []

        def work() -> None:
            try:
                done.extend(erase(world, lead))
            finally:
                connection.close()

        thread = threading.Thread(target=work)
        thread.start()
        wait_until(is_waiting_for_the_lock)
        assert not done
        drainer.commit()
        thread.join(30)
    drainer.close()
    assert len(done) == 1
    assert Fact.objects.get(ref="id:late").fields == {"email": None}
    assert places_naming(*NAMES) == set()


def is_waiting_for_the_lock() -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted")
        return bool(cursor.fetchone()[0])
