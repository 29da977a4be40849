"""A definition says the same of a record in memory and in a query, whatever the record and the rows."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.db import transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from alignment.definitions.conditions import all_filled, meets
from alignment.definitions.evaluate import Moment, fold, holds, missing
from alignment.definitions.fields import CYCLE, FIELDS, LEAD, OPPORTUNITY, Field, FieldType
from alignment.definitions.operators import Operator, Wants, operators_for
from alignment.definitions.predicate import Definition, Part, Row
from alignment.models import Account, Fact, Lead, MqlCycle, Opportunity, Source, Touch
from testing.world import World

NOW = Moment(datetime(2026, 11, 17, 23, 30, tzinfo=UTC), ZoneInfo("Europe/Berlin"))
WORDS = st.sampled_from(
    ["", " ", "VP Sales", "vp sales ", "Head of É", "head of e\u0301", "İstanbul", "STRASSE", "straße", "ﬁnance",
     "Finance", "100%", "a_b", "Σας", "ΣΑΣ", "x"]
)  # fmt: skip
NAMES = st.sampled_from(
    ["vp", "VP Sales", "é", "E\u0301", "istanbul", "i", "ß", "fi", "%", "_", "σας", "Finance", "x"]
)
MOMENTS = st.sampled_from(
    [None, *(NOW.at + timedelta(days=n, seconds=s) for n in (-31, -30, -1, 0, 1, 30) for s in (-1, 0, 1))]
)
DAYS = st.sampled_from(
    [None, *(date(2026, 11, 18) + timedelta(days=n) for n in (-31, -30, -1, 0, 1, 30, 31))]
)


def rows_of(subject: str) -> st.SearchStrategy[Row]:
    return st.sampled_from(list(FIELDS[subject].values())).flatmap(
        lambda field: st.sampled_from(operators_for(field)).flatmap(
            lambda operator: _values(field, operator).map(lambda value: Row(field, operator, value))
        )
    )


def _values(field: Field, operator: Operator) -> st.SearchStrategy[Any]:
    if operator.wants is Wants.NOTHING:
        return st.none()
    if operator.wants is Wants.DAYS:
        return st.sampled_from([1, 30])
    if field.type is FieldType.NUMBER:
        return st.sampled_from([-1, 64, 65])
    if field.type is FieldType.MONEY:
        return st.sampled_from(["0", "12.5", "12.50", "1.2345", "1250", "-1"])
    one = st.sampled_from([key for key, _ in field.choices]) if field.choices else NAMES
    return st.lists(one, min_size=1, max_size=3) if operator.wants is Wants.LIST else one


def definitions_of(subject: str) -> st.SearchStrategy[Definition]:
    def part(name: str) -> st.SearchStrategy[Part]:
        rows = st.lists(rows_of(subject), min_size=1, max_size=3).map(tuple)
        return st.builds(Part, st.just(name), st.just(name), st.booleans(), rows)

    shapes = st.sampled_from([("criteria",), ("role", "disqualifiers"), ("disqualifiers",)])
    return shapes.flatmap(lambda names: st.tuples(*map(part, names))).map(lambda p: Definition(subject, p))


LEADS = st.fixed_dictionaries(
    dict.fromkeys(
        ("title", "segment", "country", "company", "intent", "lifecycle", "status", "first_name"), WORDS
    )
    | {
        "channel": st.none() | WORDS,
        "email": st.sampled_from(["", "a@Example.com", "b@mail.acme.co.uk", "c@localhost"]),
        "score": st.sampled_from([None, -1, 64, 65, 66]),
        "sourced_function": st.sampled_from(["marketing", "sales", "other", "unknown"]),
        "crm_created_at": MOMENTS,
        "touched_at": MOMENTS,
        "account": st.none() | WORDS,
    }
)
DEALS = st.fixed_dictionaries(
    {
        "name": WORDS,
        "stage": WORDS,
        "amount_minor": st.sampled_from([None, 0, 1250, 12345, 2**62, -100]),
        "currency": st.sampled_from(["", "EUR", "jpy", "KWD", "CLF"]),
        "is_closed": st.booleans(),
        "close_on": DAYS,
        "opened_at": MOMENTS,
    }
)
LIMITS = settings(
    max_examples=400 if os.environ.get("TEST_ALL") == "1" else 60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


def make_leads(source: Source, given: list[dict[str, Any]]) -> list[Lead]:
    """Leads as they lie in the database, with an account and a first touch where there is one."""
    found = []
    for number, values in enumerate(given):
        values = dict(values)
        touched_at, account = values.pop("touched_at"), values.pop("account")
        lead = Lead.objects.create(source=source, external_id=f"l{number}", first_seen_at=NOW.at, **values)
        if account is not None:
            lead.matched_account = Account.objects.create(
                source=source, external_id=f"a{number}", name=account
            )
            lead.match_rule = "name"
        if touched_at is not None:
            lead.first_touch = Touch.objects.create(
                source=source, external_id=f"t{number}", lead=lead, touched_at=touched_at, received_at=NOW.at
            )
        lead.save()
        found.append(lead)
    return found


@contextmanager
def taken_back() -> Iterator[None]:
    """What one example writes, the next does not find."""
    with transaction.atomic():
        yield
        transaction.set_rollback(True)


@LIMITS
@given(leads=st.lists(LEADS, min_size=1, max_size=6), definition=definitions_of(LEAD))
def test_a_query_finds_the_leads_that_meet_a_definition_in_memory(
    world: World, leads: list[dict[str, Any]], definition: Definition
) -> None:
    with taken_back():
        make_leads(world.crm, leads)
        kept = list(Lead.objects.select_related("matched_account", "first_touch", "crm_owner"))
        assert set(Lead.objects.filter(meets(definition, NOW)).values_list("pk", flat=True)) == {
            lead.pk for lead in kept if holds(definition, lead, NOW)
        }
        assert set(Lead.objects.filter(all_filled(definition.required)).values_list("pk", flat=True)) == {
            lead.pk for lead in kept if not missing(definition, lead)
        }


@LIMITS
@given(
    deals=st.lists(st.tuples(DEALS, st.none() | LEADS), max_size=5), definition=definitions_of(OPPORTUNITY)
)
def test_a_query_finds_the_opportunities_that_meet_a_definition_in_memory(
    world: World, deals: list[tuple[dict[str, Any], dict[str, Any] | None]], definition: Definition
) -> None:
    with taken_back():
        leads = iter(make_leads(world.crm, [lead for _, lead in deals if lead is not None]))
        for number, (deal, lead) in enumerate(deals):
            Opportunity.objects.create(
                source=world.crm,
                external_id=f"o{number}",
                first_seen_at=NOW.at,
                lead=next(leads) if lead is not None else None,
                **deal,
            )
        kept = list(Opportunity.objects.all())
        assert set(Opportunity.objects.filter(meets(definition, NOW)).values_list("pk", flat=True)) == {
            deal.pk for deal in kept if holds(definition, deal, NOW)
        }


@LIMITS
@given(
    leads=st.lists(st.tuples(LEADS, st.none() | DEALS, MOMENTS), min_size=1, max_size=4),
    definition=definitions_of(CYCLE),
)
def test_a_query_finds_the_mqls_that_meet_a_definition_in_memory(
    world: World, leads: list[tuple[dict[str, Any], dict[str, Any] | None, Any]], definition: Definition
) -> None:
    with taken_back():
        made = make_leads(world.crm, [lead for lead, _, _ in leads])
        for number, (lead, (_, deal, accepted_at)) in enumerate(zip(made, leads, strict=True)):
            fact, _ = Fact.objects.get_or_create(
                source=world.crm, ref=f"f{number}", defaults=_fact(lead, number)
            )
            opportunity = deal and Opportunity.objects.create(
                source=world.crm, external_id=f"o{number}", first_seen_at=NOW.at, **deal
            )
            MqlCycle.objects.create(
                lead=lead, number=1, opened_by=fact, crossed_at=NOW.at, received_at=NOW.at, started_at=NOW.at,
                agreement_number=1, tier="x", accepted_at=accepted_at, opportunity=opportunity or None,
                disposition="working" if accepted_at else "", attempts=number,
            )  # fmt: skip
        kept = list(MqlCycle.objects.all())
        assert set(MqlCycle.objects.filter(meets(definition, NOW)).values_list("pk", flat=True)) == {
            cycle.pk for cycle in kept if holds(definition, cycle, NOW)
        }


def _fact(lead: Lead, number: int) -> dict[str, Any]:
    return {
        "subject": "lead", "external_id": lead.external_id, "fields": {}, "occurred_at": NOW.at,
        "received_at": NOW.at, "order_key": str(number),
    }  # fmt: skip


@pytest.mark.parametrize(
    ("operator", "value"),
    [("is_not", "VP"), ("is_none_of", ["VP"]), ("contains_none", ["VP"]), ("is", "VP"), ("is_filled", None)],
)
def test_an_empty_field_meets_nothing_but_is_empty(operator: str, value: Any) -> None:
    field = FIELDS[LEAD]["title"]
    found = {each.name: each for each in operators_for(field)}
    empty, other = Lead(title=" "), Lead(title="Head")

    def asked(name: str, value: Any) -> Definition:
        return Definition(LEAD, (Part("criteria", "", False, (Row(field, found[name], value),)),))

    assert not holds(asked(operator, value), empty, NOW)
    assert holds(asked(operator, value), other, NOW) is (operator != "is")
    assert holds(asked("is_empty", None), empty, NOW)
    assert not holds(asked("is_empty", None), other, NOW)


def test_words_are_compared_in_one_form_without_case_and_blanks_around_them() -> None:
    assert fold(" Caf\u00e9 ") == fold("CAFE\u0301")


def test_a_definition_without_rows_is_met_by_nothing(world: World) -> None:
    make_leads(world.crm, [])
    Lead.objects.create(source=world.crm, external_id="l", first_seen_at=NOW.at)
    for parts in ((), (Part("disqualifiers", "", True, ()),), (Part("criteria", "", False, ()),)):
        nothing = Definition(LEAD, parts)
        assert not holds(nothing, Lead(), NOW)
        assert not Lead.objects.filter(meets(nothing, NOW)).exists()


@pytest.mark.parametrize(
    ("operator", "scores"),
    [
        ("is", {65}), ("is_not", {64, 66}), ("at_least", {65, 66}), ("more_than", {66}), ("at_most", {64, 65}),
        ("less_than", {64}),
    ],
)  # fmt: skip
def test_limits_count_as_their_words_say(world: World, operator: str, scores: set[int]) -> None:
    field = FIELDS[LEAD]["score"]
    asked = next(each for each in operators_for(field) if each.name == operator)
    definition = Definition(LEAD, (Part("criteria", "", False, (Row(field, asked, 65),)),))
    for score in (None, 64, 65, 66):
        Lead.objects.create(source=world.crm, external_id=f"{score}", first_seen_at=NOW.at, score=score)
    assert {lead.score for lead in Lead.objects.filter(meets(definition, NOW))} == scores
    assert {lead.score for lead in Lead.objects.all() if holds(definition, lead, NOW)} == scores
