"""What programs look records up by has an index: the plan of a look-up among many leads reads no table to its end."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connection
from django.db.models import Model
from django.test.utils import CaptureQueriesContext

from alignment.models import Account, Campaign, Lead, MqlCycle, Opportunity, Role, Touch
from testing.api import Api, by_token
from testing.world import World, add_user, event

ROWS = 20_000


@pytest.fixture
def api(world: World, settings: Any) -> Api:
    """Asking among many leads with cycles, and as many accounts, campaigns, touches and deals."""
    settings.API_BURST = 100_000
    world.send(
        event("account.updated", "first", world.at, name="First"),
        event("campaign.updated", "first", world.at, name="First"),
        event("lead.updated", "first", world.at, score=80),
        event("touch.recorded", "first", world.at, lead="first", channel="web"),
        event("opportunity.created", "first", world.at, name="First", lead="first", stage="New"),
    )
    multiply(Lead, email="'X' || n || '@ACME.example'")
    multiply(Account, domain="'x' || n || '.example'")
    for model in (Campaign, Touch, Opportunity):
        multiply(model)
    one = "(SELECT id FROM alignment_lead WHERE source_id = one_source AND external_id = 'x' || n)"
    one = one.replace("one_source", str(world.crm.pk))
    multiply(MqlCycle, external_id="NULL", lead_id=one)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    return by_token(add_user(world, Role.REVOPS))


def multiply(model: type[Model], **changes: str) -> None:
    """Copy the first row of a table, each copy `n` with an external id of its own and with changes, as SQL."""
    table = model._meta.db_table
    names = [str(f.column) for f in model._meta.concrete_fields if not f.primary_key and not f.generated]
    given = ", ".join(f"'{name}', {sql}" for name, sql in ({"external_id": "'x' || n"} | changes).items())
    with connection.cursor() as cursor:
        cursor.execute(
            f"""INSERT INTO {table} ({", ".join(names)}) SELECT {", ".join(f"made.{name}" for name in names)}
            FROM (SELECT * FROM {table} ORDER BY id LIMIT 1) one, generate_series(1, {ROWS}) n,
            LATERAL jsonb_populate_record(NULL::{table}, to_jsonb(one) || jsonb_build_object({given})) made"""  # noqa: S608
        )


BIG = {f"alignment_{name}" for name in ("lead", "account", "campaign", "touch", "opportunity", "mqlcycle")}


def read_to_the_end(api: Api, where: str, **query: str) -> tuple[int, set[str]]:
    """How many rows a list answers, and of which big tables its statement reads more than an index finds."""
    with CaptureQueriesContext(connection) as told:
        found = len(api.results(where, **query))
    plans = [_plan(asked["sql"]) for asked in told.captured_queries if asked["sql"].startswith("SELECT")]
    return found, {name for plan in plans for name in _unaided(plan)}


def _plan(statement: str) -> Any:
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN (FORMAT JSON) {statement}")
        return cursor.fetchone()[0][0]["Plan"]


def _unaided(node: Any) -> Iterator[str]:
    table = node.get("Relation Name")
    condition = node.get("Index Cond", "")
    is_narrow = bool(condition) and ("external_id" not in condition or "source_id" in condition)
    if table in BIG and not is_narrow and node["Node Type"] != "Bitmap Heap Scan":
        yield table
    for inner in node.get("Plans", ()):
        yield from _unaided(inner)


LOOK_UPS: list[tuple[str, dict[str, str]]] = [
    ("leads", {"email": "x77@acme.EXAMPLE"}),
    ("leads", {"search": "x77@ac"}),
    ("leads", {"search": "x77"}),
    ("leads", {"external_id": "x77"}),
    ("leads", {"external_id": "x77", "source": "crm"}),
    ("accounts", {"external_id": "x77"}),
    ("accounts", {"domain": "X77.example"}),
    ("campaigns", {"external_id": "x77"}),
    ("touches", {"external_id": "x77"}),
    ("opportunities", {"external_id": "x77"}),
    ("mql-cycles", {"lead_external_id": "x77"}),
]


def test_a_look_up_reads_what_its_index_finds(api: Api) -> None:
    found = {(where, *query): read_to_the_end(api, where, **query) for where, query in LOOK_UPS}
    assert found == dict.fromkeys(found, (1, set()))
    # and what has no index is told apart
    assert read_to_the_end(api, "leads", segment="none")[1] == {"alignment_lead"}


def test_an_email_is_found_however_it_is_written(world: World, settings: Any) -> None:
    api = by_token(add_user(world, Role.REVOPS))
    world.send(event("lead.updated", "L1", world.at, email="Zoe.Lee@M\u00fcnchen.example"))
    for email in ("zoe.lee@m\u00fcnchen.example", " ZOE.LEE@xn--mnchen-3ya.example"):
        assert [row["external_id"] for row in api.results("leads", email=email)] == ["L1"]
    assert api.results("leads", email="zoelee@m\u00fcnchen.example") == []
    assert api.get("leads", email="Zoe").status_code == 400


def test_leads_are_searched_by_words_in_the_scope_of_the_login(world: World, settings: Any) -> None:
    world.send(
        event(
            "lead.updated", "L1", world.at, first_name="Zoe", last_name="Lee", company="Acme Foods", score=90
        ),
        event("lead.updated", "L2", world.at, first_name="Zoe", last_name="Leeson", company="Rings"),
    )
    api = by_token(add_user(world, Role.REVOPS))

    def found(api: Api, text: str) -> list[str]:
        return sorted(row["external_id"] for row in api.results("leads", search=text))

    assert found(api, "zo lee") == ["L1", "L2"] and found(api, "foo zoe") == ["L1"]
    assert found(api, "oe") == []
    owner = MqlCycle.objects.get().owner
    assert owner is not None and owner.user is not None
    assert found(by_token(owner.user), "zoe") == ["L1"]
