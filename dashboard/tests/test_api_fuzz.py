"""Requests that nobody thought of, made from the API's own document: no 5xx, and every answer as documented."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import islice
from typing import Any

import pytest
import schemathesis
from django.core.signals import request_finished, request_started
from django.db import close_old_connections
from hypothesis import HealthCheck, Phase, given, seed, settings
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from alignment.api.document import document
from alignment.models import Role
from alignment.wsgi import application
from dashboard.tests.test_access_api import objects  # noqa: F401 - a fixture
from dashboard.tests.test_access_matrix import things  # noqa: F401 - a fixture
from testing.api import secret_of
from testing.world import World

CHECKS: list[Any] = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
]
# What the first part of an address, or of that of an act, is about.
ABOUT = {
    "leads": "own lead", "accounts": "own account", "campaigns": "own campaign", "touches": "own touch",
    "opportunities": "own opportunity", "mql-cycles": "own mql-cycle", "assignments": "own assignment",
    "clocks": "own clock", "breaches": "own breach", "pools": "own pool", "pool-members": "own member",
    "leaves": "own leave", "people": "own person", "teams": "team", "calendars": "calendar", "sources": "source",
    "agreements": "agreement", "adherence-reports": "adherence report", "deliveries": "delivery",
    "dead-events": "dead event", "adoption-cases": "case",
    "destinations": "destination", "outgoing-messages": "message", "duplicate-pairs": "pair", "merges": "merge",
    "erasures": "erasure", "retention-runs": "retention run", "imports": "import",
    "endpoints": "endpoint", "definitions": "mql definition", "disputes": "own dispute", "rulings": "ruling",
    "clause-periods": "clause period", "consequences": "consequence", "consequence-mqls": "own consequence-mql",
    "renegotiations": "renegotiation",
}  # fmt: skip
ROLES = (Role.REVOPS, Role.SALES_MANAGER, Role.REP, Role.BOARD_VIEWER)
LONG_RUN = 5_000  # requests of all roles together, at least
MODES = (GenerationMode.POSITIVE, GenerationMode.NEGATIVE)


@pytest.fixture(autouse=True)
def one_connection() -> Iterator[None]:
    """The requests are answered within the test's transaction, as by Django's own test client."""
    for signal in (request_started, request_finished):
        signal.disconnect(close_old_connections)
    yield
    for signal in (request_started, request_finished):
        signal.connect(close_old_connections)


def operations() -> Iterator[Any]:
    """Every operation of the document, served in process."""
    schema = schemathesis.openapi.from_dict(document())
    schema.app = application
    found: Any
    for found in schema.get_all_operations():
        yield found.ok()


def path_of(operation: Any, objects: dict[str, dict[str, Any]]) -> dict[str, Any]:  # noqa: F811
    """Parameters of the address that lead to an object that is there."""
    if "{" not in operation.path:
        return {}
    about = objects[ABOUT[operation.path.removeprefix("/api/v1/").partition("/")[0]]]
    return {"id" if name == "pk" else name: value for name, value in about.items()}


@pytest.mark.parametrize("role", ROLES)
def test_nothing_breaks_and_every_answer_is_as_documented(
    world: World,
    objects: dict[str, dict[str, Any]],  # noqa: F811
    examples: Callable[[int, int], int],
    role: Role,
) -> None:
    headers = {"Authorization": f"Bearer {secret_of(world.users[role])}"}
    asked: dict[int, int] = {}
    # without TEST_ALL the roles take turns
    turns = examples(len(ROLES) // 2, 1)
    for operation in islice(operations(), ROLES.index(role) % turns, None, turns):
        for mode in MODES:
            # half of the requests go to an object that is there, so that they come further than "not found"
            for path in (
                (path_of(operation, objects), {}) if examples(0, 1) else (path_of(operation, objects),)
            ):
                cases = operation.as_strategy(generation_mode=mode, path_parameters=path)

                @seed(20261117)
                @settings(
                    max_examples=examples(1, 8),
                    database=None,
                    deadline=None,
                    phases=[Phase.generate],
                    suppress_health_check=list(HealthCheck),
                )
                @given(case=cases)
                def ask(case: Any) -> None:
                    answer = case.call(headers=headers)
                    case.validate_response(answer, checks=CHECKS)
                    asked[answer.status_code] = asked.get(answer.status_code, 0) + 1

                ask()
    assert sum(asked.values()) >= examples(25, LONG_RUN // len(ROLES)), asked
    expected = {403} if role == Role.BOARD_VIEWER else {200, 400}
    assert expected <= set(asked), asked
