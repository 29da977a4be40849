"""Evidence cannot be changed, not even by the owner of the tables in passing; the daily work goes on."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta

import pytest
from django.db import IntegrityError, connection, transaction

from alignment.evidence import refused_operations
from alignment.models import (
    Calendar,
    CalendarVersion,
    Delivery,
    DeliveryState,
    Endpoint,
    Fact,
    Lead,
    MqlCycle,
    Person,
    Scheme,
    Source,
)

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
APPEND_ONLY = {
    "alignment_chainentry",
    "alignment_gatedecision",
    "alignment_chainhead",
    "alignment_refusal",
    "alignment_rendition",
    "alignment_signature",
    "alignment_serverkey",
    "alignment_fact",
    "alignment_calendarversion",
    "alignment_retentionrun",
    "alignment_erasure",
    "alignment_erasuremark",
    "alignment_erasurearrival",
    "sla_adherencereport",
    "sla_adoptioncase",
    "sla_adoptioncaseclosing",
    "sla_agreement",
    "sla_breach",
    "sla_clauseperiod",
    "sla_clockcorrection",
    "sla_clockredating",
    "sla_consequence",
    "sla_consequenceundone",
    "sla_knownweek",
    "sla_override",
    "sla_reviewtaken",
    "sla_ruling",
    "sla_scenario",
    "handoff_assignment",
    "scorecard_answersheet",
    "scorecard_claim",
    "scorecard_claimlist",
    "scorecard_surveyrelease",
}
UNDELETABLE = {
    "alignment_apitoken",
    "alignment_delivery",
    "alignment_leadmerge",
    "alignment_mqlcycle",
    "scorecard_nomination",
    "scorecard_questionround",
    "scorecard_survey",
    "sla_clock",
    "sla_clockhold",
    "sla_consequencecycle",
    "sla_dispute",
    "sla_renegotiationcase",
}


@pytest.fixture
def source(db: None) -> Source:
    return Source.objects.create(key="crm", name="CRM", kind="standard")


@pytest.fixture
def delivery(source: Source) -> Delivery:
    endpoint = Endpoint.objects.create(source=source, scheme=Scheme.STANDARD_WEBHOOKS)
    return Delivery.objects.create(
        source=source,
        endpoint=endpoint,
        external_id="msg_1",
        body=b"{}",
        body_sha256=hashlib.sha256(b"{}").digest(),
        received_at=NOON,
    )


@pytest.fixture
def fact(source: Source) -> Fact:
    return Fact.objects.create(
        source=source,
        ref="1",
        subject="lead",
        external_id="L1",
        fields={"score": 70},
        occurred_at=NOON,
        received_at=NOON,
        order_key="1",
    )


@pytest.fixture
def cycle(source: Source, fact: Fact) -> MqlCycle:
    lead = Lead.objects.create(source=source, external_id="L1", first_seen_at=NOON)
    return MqlCycle.objects.create(
        lead=lead,
        number=1,
        opened_by=fact,
        crossed_at=NOON,
        received_at=NOON,
        started_at=NOON,
        agreement_number=1,
        tier="standard",
    )


def refused(saying: str):
    """The block runs under a savepoint, and the database refuses it in these words."""
    return _Refused(saying)


class _Refused:
    def __init__(self, saying: str) -> None:
        self.saying = saying

    def __enter__(self) -> None:
        self.expected = pytest.raises(IntegrityError, match=self.saying)
        self.expected.__enter__()
        self.savepoint = transaction.atomic()
        self.savepoint.__enter__()

    def __exit__(self, *error) -> bool | None:
        self.savepoint.__exit__(*error)
        return self.expected.__exit__(*error)


@pytest.mark.django_db
def test_the_evidence_tables_are_exactly_these() -> None:
    expected = dict.fromkeys(APPEND_ONLY, frozenset({"UPDATE", "DELETE"}))
    assert refused_operations() == expected | dict.fromkeys(UNDELETABLE, frozenset({"DELETE"}))


def test_a_fact_is_neither_changed_nor_deleted(fact: Fact) -> None:
    with refused("UPDATE of alignment_fact is refused: its rows are evidence"):
        Fact.objects.filter(pk=fact.pk).update(fields={"score": 0})
    with refused("DELETE of alignment_fact is refused"):
        fact.delete()
    assert Fact.objects.get(pk=fact.pk).fields == {"score": 70}


@pytest.mark.django_db
def test_a_version_of_a_calendar_stays() -> None:
    calendar = Calendar.objects.create(name="Office")
    version = CalendarVersion.objects.create(
        calendar=calendar, number=1, schedule={"zone": "UTC", "weekly": {}}, reason="first", entered_at=NOON
    )
    with refused("UPDATE of alignment_calendarversion is refused"):
        CalendarVersion.objects.filter(pk=version.pk).update(reason="other")
    with refused("DELETE of alignment_calendarversion is refused"):
        version.delete()


@pytest.mark.parametrize(
    "change",
    [
        {"external_id": "msg_2"},
        {"external_id": None},
        {"body": b"[]"},
        {"body_sha256": b"x" * 32},
        {"received_at": NOON - timedelta(seconds=1)},
    ],
    ids=lambda change: next(iter(change)),
)
def test_a_delivery_stays_as_it_was_received(delivery: Delivery, change: dict[str, object]) -> None:
    with refused("a delivery stays as it was received"):
        Delivery.objects.filter(pk=delivery.pk).update(**change)


def test_a_delivery_keeps_its_source_and_endpoint(delivery: Delivery) -> None:
    other = Source.objects.create(key="other", name="Other", kind="standard")
    endpoint = Endpoint.objects.create(source=other, scheme=Scheme.STANDARD_WEBHOOKS)
    for change in ({"source": other}, {"endpoint": endpoint}):
        with refused("a delivery stays as it was received"):
            Delivery.objects.filter(pk=delivery.pk).update(**change)


def test_a_delivery_is_worked_on_and_its_body_may_expire_but_not_return(delivery: Delivery) -> None:
    delivery.state, delivery.items, delivery.applied_at = DeliveryState.DONE, 1, NOON
    delivery.save()
    Delivery.objects.filter(pk=delivery.pk).update(body=None)
    delivery.refresh_from_db()
    assert (delivery.state, delivery.body) == (DeliveryState.DONE, None)
    with refused("only its body may be emptied"):
        Delivery.objects.filter(pk=delivery.pk).update(body=b"forged")
    with refused("DELETE of alignment_delivery is refused"):
        Delivery.objects.filter(pk=delivery.pk).delete()


def test_an_mql_cycle_changes_but_is_never_deleted(cycle: MqlCycle) -> None:
    MqlCycle.objects.filter(pk=cycle.pk).update(attempts=2)
    with refused("DELETE of alignment_mqlcycle is refused"):
        MqlCycle.objects.filter(pk=cycle.pk).delete()


def test_raw_sql_is_refused_as_well(fact: Fact) -> None:
    with refused("DELETE of alignment_fact is refused"), connection.cursor() as cursor:
        cursor.execute("DELETE FROM alignment_fact")


@pytest.mark.django_db
def test_an_ordinary_table_is_not_guarded() -> None:
    person = Person.objects.create(name="Ann")
    Person.objects.filter(pk=person.pk).update(name="Ann B.")
    assert Person.objects.filter(pk=person.pk).delete()[0] == 1


@pytest.mark.django_db(transaction=True)
def test_a_flush_by_the_owner_empties_evidence(source: Source, fact: Fact) -> None:
    from django.core.management import call_command

    call_command("flush", interactive=False, verbosity=0, inhibit_post_migrate=True)
    assert not Fact.objects.exists()
