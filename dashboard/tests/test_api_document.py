"""The OpenAPI document: valid, complete, and honest about who may do what and what can go wrong."""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator
from typing import Any

import pytest
from django.urls import get_resolver
from openapi_spec_validator import validate

from alignment.api import document as module
from alignment.api.document import document
from alignment.api.problems import KINDS
from alignment.models import Role, TokenScope
from testing.api import Api, by_session, by_token
from testing.routes import every_route
from testing.world import World, add_user

OPERATIONS = [
    (path, method, operation)
    for path, methods in document()["paths"].items()
    for method, operation in methods.items()
]
named = pytest.mark.parametrize(
    ("path", "method", "operation"), OPERATIONS, ids=[f"{method} {path}" for path, method, _ in OPERATIONS]
)


def test_the_document_is_valid_and_made_without_a_warning(capsys: Any) -> None:
    module.document.cache_clear()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        validate(document())
    assert capsys.readouterr().err == ""


def test_it_describes_every_address_and_nothing_else() -> None:
    def plain(pattern: str) -> str:
        return "/" + re.sub(r"<(?:\w+:)?(\w+)>", lambda found: f"{{{found[1]}}}", pattern).replace(
            "{pk}", "{id}"
        )

    addresses = {plain(route.pattern) for route in every_route() if route.name.startswith("api:")}
    assert set(document()["paths"]) == addresses - {"/api/v1/schema"}
    assert get_resolver() is not None


@named
def test_an_operation_says_who_may_and_what_can_go_wrong(
    path: str, method: str, operation: dict[str, Any]
) -> None:
    assert method in {"get", "post"}
    assert operation["security"] == [{"token": []}, {"session": []}]
    assert operation["summary"] and re.search(r"Token scope: `[a-z:]+`. Roles: \w+", operation["description"])
    assert len(operation["tags"]) == 1
    answers = operation["responses"]
    expected = {"400", "401", "403", "406", "429", "503"} | ({"404"} if "{" in path else set())
    if method == "post":
        expected |= {"409", "410", "411", "413", "415", "422"}
    assert {status for status in answers if not status.startswith("2")} == expected
    for status, answer in answers.items():
        kinds = set(answer["content"])
        assert kinds == ({"application/json"} if status.startswith("2") else {"application/problem+json"})
    keys = [found for found in operation.get("parameters", []) if found["name"] == "Idempotency-Key"]
    assert [found["required"] for found in keys] == ([True] if method == "post" else [])
    if "requestBody" in operation:
        (content,) = operation["requestBody"]["content"].items()
        assert content[0] == ("multipart/form-data" if path.endswith("/imports") else "application/json")
        assert content[1]["examples"]


def test_ids_of_operations_are_unique_words() -> None:
    ids = [operation["operationId"] for _, _, operation in OPERATIONS]
    assert len(set(ids)) == len(ids)
    assert all(re.fullmatch(r"[a-z]+(_[a-z]+)+", found) for found in ids), ids


def test_the_introduction_names_every_scope_and_problem() -> None:
    said = document()["info"]["description"]
    for scope in TokenScope.values:
        assert f"`{scope}`" in said
    for code in KINDS:
        assert f":{code}`" in said


def walk(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        for name, inner in node.items():
            yield str(name)
            yield from walk(inner)
    elif isinstance(node, list):
        for inner in node:
            yield from walk(inner)


def _sent() -> set[str]:
    """Names of what is sent and never answered, and of the one answer that names a new secret, once."""
    names = document()["components"]["schemas"]
    return {name for name in names if name.endswith(("GivenRequest", "ChangeRequest"))} | {"NewSecret"}


def test_nothing_secret_has_a_place_in_any_answer() -> None:
    schemas = document()["components"]["schemas"]
    names = set(walk({name: found for name, found in schemas.items() if name not in _sent()}))
    assert not names & {
        "password",
        "secret",
        "secrets",
        "ciphertext",
        "address",
        "digest",
        "provenance",
        "mapping",
    }
    assert not [name for name in names if name.startswith("x-")]


def test_it_is_read_by_whoever_is_signed_in_or_has_a_token(world: World) -> None:
    board = add_user(world, Role.BOARD_VIEWER)
    for asker in (by_session(board), by_token(board, ["events:write"])):
        answer = asker.get("schema")
        assert answer.status_code == 200 and answer.json()["openapi"].startswith("3.1")
    assert Api().get("schema").status_code == 401


def test_the_page_of_the_document_takes_nothing_from_elsewhere(world: World) -> None:
    client = by_session(add_user(world, Role.BOARD_VIEWER)).client
    page = client.get("/api/v1/docs")
    assert page.status_code == 200
    html = page.content.decode()
    assert "<style" not in html and " style=" not in html and "<script>" not in html
    sources = re.findall(r'(?:src|href)="([^"]+\.(?:js|css))"', html)
    assert any("swagger-ui-bundle.js" in source for source in sources)
    for source in sources:
        assert source.startswith("/static/")
        answer = client.get(source)
        assert answer.status_code == 200, source
        answer.close()
