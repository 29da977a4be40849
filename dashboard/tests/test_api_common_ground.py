"""What every address of the API has in common: problems, pages by key, filters, and nothing that gives a 500."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.db import OperationalError, connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from alignment.api.problems import KINDS, NAMESPACE
from alignment.models import Delivery, Lead, Person, Role, Source, User
from handoff.models import Leave
from handoff.services.acts import CHANNELS
from testing.api import Api, by_session, by_token
from testing.routes import every_route
from testing.world import World, add_user, event


@pytest.fixture
def revops(world: World) -> User:
    return add_user(world, Role.REVOPS)


@pytest.fixture
def api(revops: User, settings: Any) -> Api:
    settings.API_BURST = 100_000
    return by_token(revops)


def problem(answer: Any, status: int, code: str) -> dict[str, Any]:
    """The problem document of an answer, checked for its form."""
    assert (answer.status_code, answer["Content-Type"]) == (status, "application/problem+json"), (
        answer.content
    )
    found: dict[str, Any] = answer.json()
    assert found["type"] == NAMESPACE + code
    assert (found["status"], KINDS[code][0]) == (status, status)
    assert found["title"] == KINDS[code][1] and found["detail"]
    assert set(found) <= {"type", "title", "status", "detail", "errors", "refusal", "reason"}
    for error in found.get("errors", ()):
        assert len(error) == 2 and error["detail"], error
    return found


def attempts(world: World) -> str:
    """Address of a cycle's attempts."""
    world.send(event("lead.updated", "L1", world.at, score=80))
    return f"mql-cycles/{Lead.objects.get().cycles.get().pk}/attempts"


# --- problems ----------------------------------------------------------------------------------------


def test_every_refusal_is_a_problem_document(world: World, api: Api, revops: User) -> None:
    where = attempts(world)
    problem(Api().get("leads"), 401, "unauthenticated")
    problem(by_token(world.users["rep.1"]).get("people"), 403, "forbidden")
    problem(api.get("leads/999999999"), 404, "not-found")
    problem(api.get("nowhere"), 404, "not-found")
    problem(api.get("leads/"), 404, "not-found")
    problem(api.get("/api/v2/leads"), 404, "not-found")
    refused = api.post("leads", {})
    problem(refused, 405, "method-not-allowed")
    assert refused["Allow"] == "GET, HEAD"
    assert api.client.get(f"/api/v1/{where}", headers=api.headers)["Allow"] == "POST"
    for method in ("put", "patch", "delete", "options", "trace"):
        problem(getattr(api.client, method)("/api/v1/leads", headers=api.headers), 405, "method-not-allowed")
    problem(
        api.client.get("/api/v1/leads", headers=api.headers | {"Accept": "text/html"}), 406, "not-acceptable"
    )
    problem(api.post(where, b"{" + b" " * 2**20 + b"}"), 413, "too-large")
    problem(api.post(where, b"{"), 400, "bad-request")
    chunked = api.headers | {"Transfer-Encoding": "chunked", "Content-Type": "application/json"}
    problem(api.client.generic("POST", f"/api/v1/{where}", headers=chunked), 411, "length-required")
    for kind in (
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "text/json",
    ):
        sent = api.headers | {"Idempotency-Key": "k"}
        answer = api.client.post(f"/api/v1/{where}", b"channel=call", content_type=kind, headers=sent)
        problem(answer, 415, "unsupported-media-type")
    problem(api.post(where, {}, **{"Content-Encoding": "gzip"}), 415, "unsupported-media-type")


def test_a_fault_of_ours_says_nothing_of_its_inside(
    api: Api, monkeypatch: pytest.MonkeyPatch, caplog: Any
) -> None:
    def fail(*_: Any) -> None:
        raise RuntimeError("ada@example.com is in the way")

    monkeypatch.setattr("alignment.api.people.People.get_queryset", fail)
    answer = api.get("people")
    found = problem(answer, 500, "internal-error")
    assert "ada@" not in json.dumps(found) and "RuntimeError" not in json.dumps(found)
    assert "ada@" not in caplog.text and "api_failed" in caplog.text


def test_a_database_that_does_not_answer_is_a_503(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any) -> None:
        raise OperationalError("gone")

    monkeypatch.setattr("alignment.api.people.People.get_queryset", fail)
    answer = api.get("people")
    problem(answer, 503, "unavailable")
    assert answer["Retry-After"] == "10"


def test_a_statement_that_takes_too_long_is_stopped(
    api: Api, monkeypatch: pytest.MonkeyPatch, settings: Any, revops: User
) -> None:
    settings.API_STATEMENT_TIMEOUT = 50

    def slow(*_: Any) -> Any:
        return Person.objects.extra(where=["pg_sleep(5) IS NOT NULL"])

    Person.objects.create(name="Somebody")
    monkeypatch.setattr("alignment.api.people.People.get_queryset", slow)
    answer = api.get("people")
    assert "narrow" in problem(answer, 503, "unavailable")["detail"]
    with connection.cursor() as cursor:
        cursor.execute("SHOW statement_timeout")
        assert cursor.fetchone()[0] in {"0", "50ms"}  # the test's own transaction is still open around it


def test_answers_are_kept_by_no_cache_and_carry_the_policy_of_pages(api: Api, revops: User) -> None:
    for answer in (
        api.get("calendars"),
        by_session(revops).get("calendars"),
        api.get("nowhere"),
        Api().get("leads"),
    ):
        assert "no-store" in answer["Cache-Control"]
        assert answer["X-Content-Type-Options"] == "nosniff"
        assert "default-src 'none'" in answer["Content-Security-Policy"]


# --- bodies ------------------------------------------------------------------------------------------

BAD_BODIES = [
    b"\xff\xfe",
    b"",
    b"[",
    b"null",
    b"[]",
    b'"text"',
    b"1e999",
    b"[" * 40 + b"]" * 40,
    b'{"a":' * 5000 + b"1" + b"}" * 5000,
    b'{"channel": "call", "channel": "email"}',
    b'{"channel": "call\\u0000"}',
    b'{"channel": "\\ud800"}',
    b'{"channel": ' + b"9" * 5000 + b"}",
    b'{"channel": NaN}',
    b'{"channel": Infinity}',
    b'{"channel": {"$gt": ""}}',
    b'{"channel": ["call"], "outcome": "sent"}',
    b'{"channel": true, "outcome": 1}',
    b'{"channel": "call", "outcome": "no_answer", "is_staff": true}',
    b'{"channel": "call", "outcome": "no_answer", "note": "' + b"x" * 201 + b'"}',
    b'{"channel": "call", "outcome": "no_answer", "note": null}',
    b'{"channel": "call", "outcome": "no_answer", "note": {}}',
    b'{"__proto__": {}, "": 1}',
    b'{"' + b"k" * 100_000 + b'": 1}',
    b"{" + b",".join(b'"%d": 1' % n for n in range(30_000)) + b"}",
]


@pytest.mark.parametrize("body", BAD_BODIES, ids=range(len(BAD_BODIES)))
def test_a_body_that_cannot_be_used_is_a_400_that_says_why(world: World, api: Api, body: bytes) -> None:
    answer = api.post(attempts(world), body)
    found = problem(answer, 400, answer.json()["type"].removeprefix(NAMESPACE))
    assert found.get("errors") or found.get("reason")
    assert len(answer.content) < 6000
    assert Lead.objects.get().touches.count() == 0


def test_each_part_at_fault_is_named_by_its_pointer(world: World, api: Api) -> None:
    found = problem(api.post(attempts(world), {"channel": "pigeon", "a/b~c": 1}), 400, "invalid")
    assert {error["pointer"] for error in found["errors"]} == {"#/a~1b~0c", "#/channel", "#/outcome"}
    found = problem(api.post(_where(), {"channel": "pigeon"}), 400, "invalid")
    said = {error["pointer"]: error["detail"] for error in found["errors"]}
    assert set(said) == {"#/channel", "#/outcome"}
    assert said["#/channel"] == f'"pigeon" is none of: {", ".join(CHANNELS)}.'
    sent: list[dict[str, Any]] = [
        {"type": "lead.updated", "data": {"external_id": "1"}},
        {"type": "x", "data": {}, "extra": 1},
    ]
    found = problem(api.post(f"sources/{world.crm.key}/events", sent), 400, "invalid")
    assert {error["pointer"] for error in found["errors"]} == {"#/1/extra", "#/1/type", "#/1/data"}
    sent[1].pop("extra")
    found = problem(api.post(f"sources/{world.crm.key}/events", sent), 400, "invalid")
    assert {error["pointer"] for error in found["errors"]} == {"#/1/type", "#/1/data"}
    assert "lead.updated" in str(found["errors"])
    assert not Delivery.objects.filter(endpoint__scheme="api_token").exists()


def _where() -> str:
    return f"mql-cycles/{Lead.objects.get().cycles.get().pk}/attempts"


# --- query parameters --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("parameter", "value"),
    [
        ("page", "2"),
        ("page_size", "1000000000"),
        ("format", "csv"),
        ("source__key", "crm"),
        ("crm_owner__user__password__startswith", "p"),
        ("limit", "0"),
        ("limit", "101"),
        ("limit", "1000000000"),
        ("limit", "-1"),
        ("limit", "ten"),
        ("limit", "٣"),
        ("limit", ""),
        ("ordering", "email"),
        ("ordering", "--id"),
        ("ordering", "crm_owner__user__password"),
        ("cursor", ""),
        ("cursor", "x"),
        ("cursor", "é"),
        ("cursor", "bnVsbA"),
        ("cursor", base64.urlsafe_b64encode(b'["id",null,1e5]').decode()),
        ("cursor", base64.urlsafe_b64encode(b'["id",null,' + b"9" * 30 + b"]").decode()),
        ("cursor", base64.urlsafe_b64encode(b'["-id",null,1]').decode()),
        ("cursor", base64.urlsafe_b64encode(b"[" * 9000).decode()),
        ("account", "x"),
        ("account", "-1"),
        ("account", "1e3"),
        ("account", "9" * 400),
        ("account", "99999999999999999999"),
        ("account", ""),
        ("email", "a\0b"),
        ("email", "x" * 201),
        ("is_deleted", "yes"),
        ("is_deleted", "1"),
        ("first_seen_from", "yesterday"),
        ("first_seen_from", "2026-11-17"),
        ("first_seen_from", "2026-11-17T10:00:00"),
        ("first_seen_from", "0001-01-01T00:00:00+14:00"),
        ("first_seen_from", "9999-12-31T23:59:59-14:00"),
        ("first_seen_from", "2026-13-45T99:00:00Z"),
    ],
)
def test_a_parameter_that_cannot_be_used_is_a_400_that_names_it(api: Api, parameter: str, value: str) -> None:
    answer = api.get("leads", **{parameter: value})
    found = problem(answer, 400, "invalid")
    assert [error["parameter"] for error in found["errors"]] == [parameter]


@pytest.mark.parametrize("where", ["leads", "mql-cycles", "opportunities", "imports", "deliveries", "people"])
def test_a_source_that_is_not_there_is_refused_with_the_known_keys(api: Api, where: str) -> None:
    (error,) = problem(api.get(where, source="nope"), 400, "invalid")["errors"]
    assert error == {"parameter": "source", "detail": "There is no source of this key; known: crm."}


@pytest.mark.parametrize(
    ("where", "parameter", "known"),
    [
        ("mql-cycles", "state", "open"),
        ("outgoing-messages", "state", "pending, delivered, dead"),
        ("compliance/weeks", "kind", "follow_up"),
    ],
)
def test_a_word_that_is_none_of_a_few_is_refused_with_the_known_ones(
    api: Api, where: str, parameter: str, known: str
) -> None:
    (error,) = problem(api.get(where, **{parameter: "bogus"}), 400, "invalid")["errors"]
    assert error["parameter"] == parameter and known in error["detail"], error


def test_an_unknown_parameter_is_told_the_known_ones(api: Api) -> None:
    found = problem(api.get("people", colour="red"), 400, "invalid")
    assert "email, external_id, function, is_active, limit, ordering, source, team" in found["detail"]
    assert "no parameters" in problem(api.get("calendars/1", limit=3), 400, "invalid")["detail"]


def test_a_parameter_given_twice_is_refused(api: Api) -> None:
    answer = api.client.get("/api/v1/leads?limit=1&limit=2", headers=api.headers)
    assert problem(answer, 400, "invalid")["errors"] == [{"parameter": "limit", "detail": "Give it once."}]


def test_a_plus_sign_that_was_not_encoded_is_understood(api: Api) -> None:
    answer = api.client.get("/api/v1/leads?first_seen_from=2026-11-17T10:00:00+01:00", headers=api.headers)
    assert answer.status_code == 200


@pytest.mark.parametrize(
    "path", ["leads/" + "9" * 30, "leads/" + "9" * 5000, "leads/0", "leads/-1", "leads/%00", "leads/x"]
)
def test_an_id_that_nothing_can_have_is_not_found(api: Api, path: str) -> None:
    problem(api.get(path), 404, "not-found")


# --- pages -------------------------------------------------------------------------------------------


def many(world: World, count: int, first: int = 0) -> None:
    at = timezone.now()
    Lead.objects.bulk_create(
        Lead(
            source=world.crm,
            external_id=f"lead-{first + n}",
            last_name=f"N{n}",
            first_seen_at=at,
        )
        for n in range(count)
    )


def walk(api: Api, where: str = "leads", **query: Any) -> Iterator[dict[str, Any]]:
    answer = api.get(where, **query).json()
    while True:
        yield from answer["results"]
        if answer["next"] is None:
            return
        assert answer["next"].startswith(f"/api/v1/{where}?")
        answer = api.get(answer["next"]).json()


@pytest.mark.parametrize("ordering", ["id", "-id", "starts_at", "-starts_at"])
@pytest.mark.parametrize("limit", [1, 7, 100])
def test_pages_hold_each_row_once_in_order(world: World, api: Api, ordering: str, limit: int) -> None:
    # several at one moment: ties are broken by id
    begins = [world.at - timedelta(minutes=n // 3) for n in range(23)]
    Leave.objects.bulk_create(
        Leave(person=world.reps[0], starts_at=at, ends_at=at + timedelta(1)) for at in begins
    )
    found = list(walk(api, "leaves", ordering=ordering, limit=limit))
    sign = "-" if ordering.startswith("-") else ""
    order = [ordering.replace("id", "pk"), f"{sign}pk"]
    assert [row["id"] for row in found] == list(Leave.objects.order_by(*order).values_list("pk", flat=True))


def test_what_comes_or_goes_between_two_pages_moves_nothing(world: World, api: Api) -> None:
    many(world, 10)
    before = list(Lead.objects.order_by("-pk").values_list("pk", flat=True))
    seen: list[int] = []
    for row in walk(api, ordering="-id", limit=2):
        seen.append(row["id"])
        if len(seen) == 4:
            many(world, 3, first=100)
            Lead.objects.filter(pk=before[0]).delete()
            Lead.objects.filter(pk=before[-1]).delete()
    assert seen == before[:-1]


def test_filters_stay_on_the_next_page(world: World, api: Api) -> None:
    many(world, 9)
    Lead.objects.filter(external_id__in=["lead-1", "lead-5", "lead-8"]).update(segment="a b&c")
    assert [row["external_id"] for row in walk(api, segment="a b&c", limit=1)] == [
        "lead-1",
        "lead-5",
        "lead-8",
    ]


def test_a_page_has_fifty_rows_unless_asked_and_a_hundred_at_most(world: World, api: Api) -> None:
    many(world, 120)
    assert len(api.results("leads")) == 50
    assert len(api.results("leads", limit=100)) == 100


def test_a_text_filter_on_the_crms_id_finds_the_record(world: World, api: Api) -> None:
    many(world, 3)
    found = api.results("leads", source="crm", external_id="lead-2")
    assert [row["external_id"] for row in found] == ["lead-2"]
    Source.objects.create(key="other", name="Other", kind="standard")
    assert api.results("leads", source="other", external_id="lead-2") == []


def test_times_are_in_utc_whatever_zone_the_viewer_has(world: World, revops: User) -> None:
    User.objects.filter(pk=revops.pk).update(zone="Asia/Tokyo")
    many(world, 1)
    for asker in (by_token(revops), by_session(revops)):
        assert asker.results("leads")[0]["first_seen_at"].endswith("Z")


def test_the_same_number_of_queries_for_one_row_and_for_twenty(
    world: World, api: Api, revops: User, django_assert_max_num_queries: Any
) -> None:
    lists = sorted({route.name for route in every_route() if re.fullmatch(r"api:.*-list", route.name)})
    assert len(lists) >= 18
    for count in (1, 20):
        for n in range(count):
            name = f"{count}.{n}"
            world.send(
                event("lead.updated", name, world.at, score=80, account=f"a{name}"),
                event("account.updated", f"a{name}", world.at, name=name),
                event("touch.recorded", f"t{name}", world.at, lead=name, channel="web", campaign=f"c{name}"),
                event("opportunity.created", f"o{name}", world.at, name=name, lead=name, stage="New"),
                event("lead.updated", f"dead{name}", world.at, score="many"),
            )
        for route in lists:
            with django_assert_max_num_queries(8):
                assert api.get(reverse(route)).status_code == 200


def test_no_list_counts_its_rows(world: World, api: Api) -> None:
    many(world, 3)
    with CaptureQueriesContext(connection) as found:
        api.get("leads")
    assert not [query for query in found.captured_queries if "COUNT(" in query["sql"].upper()]


def test_the_client_of_a_browser_and_of_a_token_read_the_same(world: World, revops: User) -> None:
    many(world, 2)
    assert by_session(revops).results("leads") == by_token(revops).results("leads")
