"""An amount is in the minor units of its currency: live as in files, together or apart, folded again or merged."""

from __future__ import annotations

from datetime import timedelta
from importlib import import_module
from io import BytesIO, StringIO
from itertools import permutations
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection, transaction

from alignment.importing.mapping import ImportMapping
from alignment.importing.rows import Row, read_rows
from alignment.merging import Chunk, Stager, merge
from alignment.models import DeadEvent, Endpoint, Opportunity, Role, Source
from alignment.pipeline import drain
from testing.api import by_token
from testing.world import World, add_user, event

MINUTE = timedelta(minutes=1)


def amount(deal: str = "D") -> tuple[int | None, str]:
    found = Opportunity.objects.get(external_id=deal)
    return found.amount_minor, found.currency


@pytest.mark.parametrize(
    ("stated", "currency", "minor"),
    [("5000", "JPY", 5000), (5000, "jpy", 5000), ("1.234", "KWD", 1234), ("1.5", "BHD", 1500), ("12.5", "EUR", 1250)],
)  # fmt: skip
def test_an_event_states_major_units(world: World, stated: Any, currency: str, minor: int) -> None:
    world.send(event("opportunity.updated", "D", world.at, amount=stated, currency=currency))
    assert amount() == (minor, currency.upper())
    api = by_token(add_user(world, Role.REVOPS))
    (row,) = api.get("opportunities").json()["results"]
    assert (row["amount_minor"], row["currency"]) == (minor, currency.upper())


def test_amount_and_currency_may_come_apart_and_in_any_order(world: World) -> None:
    told = [
        event("opportunity.updated", "D", world.at, currency="EUR", amount="10.50", id="a"),
        event("opportunity.updated", "D", world.at + MINUTE, currency="JPY", id="b"),
        event("opportunity.updated", "D", world.at + 2 * MINUTE, amount="7000", id="c"),
    ]
    for number, order in enumerate(permutations(told)):
        for one in order:
            one["data"]["external_id"] = f"D{number}"
            world.send(one | {"id": f"{one['id']}{number}"})
        assert amount(f"D{number}") == (7000, "JPY")


def test_an_amount_that_its_currency_cannot_have_is_not_known(world: World) -> None:
    world.send(event("opportunity.updated", "D", world.at, amount="10.50", currency="EUR"))
    world.send(event("opportunity.updated", "D", world.at + MINUTE, currency="JPY"))
    assert amount() == (None, "JPY")
    world.send(event("opportunity.updated", "D", world.at + 2 * MINUTE, currency="USD"))
    assert amount() == (1050, "USD")


@pytest.mark.parametrize(
    ("stated", "currency", "told"),
    [
        ("12.50", "JPY", "no decimals"),
        ("1.234", "EUR", "two decimals"),
        ("1.234", None, "beside it"),
        ("1.2345", "KWD", "three decimals"),
        ("1.00001", "KWD", "four decimals"),
    ],
)
def test_what_the_currency_beside_it_lacks_is_refused(
    world: World, stated: str, currency: str | None, told: str
) -> None:
    world.send(event("opportunity.updated", "D", world.at, amount=stated, currency=currency))
    dead = DeadEvent.objects.get()
    assert dead.code == "bad_field" and told in dead.message
    assert not Opportunity.objects.exists()


def test_espocrm_names_amount_and_currency_its_own_way(world: World) -> None:
    source = Source.objects.create(key="espo", name="Espo", kind="espocrm")
    create: Endpoint = world.endpoint(source, "Opportunity.create")
    update = world.endpoint(source, "Opportunity.update")
    world.deliver([{"id": "D", "amount": 5000, "amountCurrency": "JPY"}], endpoint=create)
    drain(at=world.at)
    assert amount() == (5000, "JPY")
    world.deliver([{"id": "D", "amount": 6000}], endpoint=update)
    drain(at=world.at)
    assert amount() == (6000, "JPY")


CELLS = ["5000;JPY", "1.234;KWD", "1.5;kwd", "10.50;EUR", "0;JPY", ";JPY", "0.0001;CLF", "1234567;krw"]


def test_a_file_gives_the_very_amounts_that_events_give(world: World) -> None:
    document = {
        "object": "opportunity",
        "columns": {"external_id": "id", "amount": "a", "currency": "c", "updated_at": "u"},
        "zone": "UTC",
    }
    lines = [f"F{n};{cells};{world.at.isoformat()}" for n, cells in enumerate(CELLS)]
    bring_in(world, document, "id;a;c;u\n" + "\n".join(lines) + "\n")
    for n, cells in enumerate(CELLS):
        stated, currency = cells.split(";")
        world.send(event("opportunity.updated", f"L{n}", world.at, amount=stated or None, currency=currency))
        assert amount(f"F{n}") == amount(f"L{n}"), cells
    assert [amount(f"F{n}")[0] for n in range(len(CELLS))] == [5000, 1234, 1500, 1050, 0, None, 1, 1234567]
    # folded by SQL again with another file, and by Python with an event and a rebuild
    bring_in(world, document, f"id;a;c;u\nF1;2.345;KWD;{(world.at + MINUTE).isoformat()}\n")
    assert amount("F1") == (2345, "KWD")
    before = [amount(f"F{n}") for n in range(len(CELLS))]
    call_command("rebuild", stdout=StringIO())
    assert [amount(f"F{n}") for n in range(len(CELLS))] == before


def test_amounts_stored_as_hundredths_are_put_right_by_the_migration(world: World) -> None:
    for currency, stated in (("JPY", "5000"), ("KWD", "1.5"), ("EUR", "10.5")):
        world.send(event("opportunity.updated", currency, world.at, amount=stated, currency=currency))
        Opportunity.objects.filter(external_id=currency).update(amount_minor=int(float(stated) * 100))
    world.send(event("opportunity.updated", "ODD", world.at, amount="10.5"))
    Opportunity.objects.filter(external_id="ODD").update(currency="XOF")
    migration = import_module("alignment.migrations.0028_minor_units")
    with connection.cursor() as cursor:
        cursor.execute(migration.IN_MINOR_UNITS)
    assert {deal: amount(deal)[0] for deal in ("JPY", "KWD", "EUR", "ODD")} == {
        "JPY": 5000, "KWD": 1500, "EUR": 1050, "ODD": None,
    }  # fmt: skip


def bring_in(world: World, document: dict[str, Any], body: str) -> None:
    mapping = ImportMapping.of(document, source_kind="standard", source_mapping={}, zone="UTC")
    stager = Stager(world.at)
    for row in read_rows(BytesIO(body.encode()), mapping):
        assert isinstance(row, Row), row
        stager.add(row.line, row.drafts)
    with transaction.atomic():
        merge(Chunk(world.crm.pk, at=world.at, now=world.at), stager.take())
