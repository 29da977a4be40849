"""Imports by the API: a file is streamed, kept once, watched and stopped; what cannot be used is refused by name."""

from __future__ import annotations

import io
import json
import tracemalloc
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from alignment.models import Import, ImportState, KeptAnswer, Lead, MqlCycle, Role, TokenScope, User
from alignment.services.import_drafts import create_draft
from alignment.services.import_run import run_waiting
from alignment.services.imports import pieces_of
from alignment.tests.pages import signed_in
from testing.api import Api, by_session, by_token
from testing.world import World, add_user, event

MAPPING = {"object": "lead", "columns": {"external_id": "Id", "score": "Score", "mql_at": "MQL"}}
FILE = b"Id,Score,MQL\nL-1,80,2026-01-12T09:00:00Z\nL-2,many,\nL-3,20,\n"
WHERE = "sources/crm/imports"


@pytest.fixture
def revops(world: World) -> User:
    return add_user(world, Role.REVOPS)


@pytest.fixture
def api(revops: User, settings: Any) -> Api:
    settings.API_BURST = 100_000
    return by_token(revops)


def start(api: Api, file: bytes = FILE, **texts: Any) -> Any:
    return api.upload(WHERE, file, **{"mapping": MAPPING} | texts)


def problem(answer: Any, status: int, code: str) -> Any:
    assert (answer.status_code, answer["Content-Type"]) == (status, "application/problem+json"), (
        answer.content
    )
    found = answer.json()
    assert found["type"].endswith(f":{code}")
    return found


def pointers(answer: Any) -> set[str]:
    return {error["pointer"] for error in problem(answer, 400, "invalid")["errors"]}


# --- starting and watching ----------------------------------------------------------------------------


def test_a_file_is_kept_imported_and_told_of(world: World, api: Api, revops: User) -> None:
    answer = start(api, as_of="2026-03-02T15:00:00+01:00")
    assert answer.status_code == 202, answer.content
    asked = answer.json()
    assert (asked["state"], asked["source"], asked["object"], asked["share"]) == ("waiting", "crm", "lead", 0)
    assert (asked["as_of"], asked["file_name"]) == ("2026-03-02T14:00:00Z", "leads.csv")
    assert (asked["size"], asked["is_file_kept"], asked["requested_by"]) == (len(FILE), True, revops.pk)
    made = Import.objects.get()
    assert b"".join(pieces_of(made)) == FILE
    assert run_waiting(now=timezone.now) is not None
    told = api.get(f"imports/{made.pk}").json()
    assert (told["state"], told["share"], told["rejected"], told["seconds_left"]) == ("done", 1.0, 1, None)
    assert told["counts"]["lead"]["new"] == 2 and told["rows_per_second"] > 0
    assert told["finished_at"] and not told["error"]
    rejects = api.results(f"imports/{made.pk}/rejects")
    assert [(row["line"], row["code"]) for row in rejects] == [(3, "bad_number")]
    assert "Score" in rejects[0]["message"]
    assert Lead.objects.get(external_id="L-1").score == 80
    assert MqlCycle.objects.get().lead.external_id == "L-1"


def test_a_trial_writes_nothing_and_says_what_it_would(world: World, api: Api) -> None:
    mapping = {"columns": MAPPING["columns"]}
    made = start(api, mapping=mapping, object="lead", is_dry_run=True).json()
    assert made["is_dry_run"] is True
    run_waiting(now=timezone.now)
    told = api.get(f"imports/{made['id']}").json()
    assert (told["state"], told["counts"]["lead"]["new"]) == ("done", 2)
    assert not Lead.objects.exists()


def test_warnings_come_with_their_meaning(world: World, api: Api) -> None:
    made = Import.objects.get(pk=start(api).json()["id"])
    made.warnings = {
        "unknown_channel": {"count": 1, "samples": ["fax"]},
        "person_not_known": {"count": 9, "samples": ["x", "y"]},
    }
    made.save()
    first, second = api.get(f"imports/{made.pk}").json()["warnings"]
    assert (first["code"], first["count"], first["samples"]) == ("person_not_known", 9, ["x", "y"])
    assert "nobody has set up" in first["meaning"] and second["code"] == "unknown_channel"


def test_lists_filter_and_rejects_come_in_pages(world: World, api: Api) -> None:
    rows = b"".join(b"L-%d,x,\n" % n for n in range(7))
    made = start(api, b"Id,Score,MQL\n" + rows).json()
    run_waiting(now=timezone.now)
    other = start(api, is_dry_run=True).json()
    for query, expected in (
        ({"state": "done"}, [made["id"]]),
        ({"is_dry_run": "true"}, [other["id"]]),
        ({"source": "crm", "object": "lead", "ordering": "-id"}, [other["id"], made["id"]]),
    ):
        assert [row["id"] for row in api.results("imports", **query)] == expected
    assert api.get("imports", state="draft").status_code == 400
    seen, where = [], f"/api/v1/imports/{made['id']}/rejects?limit=3"
    while where:
        page = api.client.get(where, headers=api.headers).json()
        seen += [row["line"] for row in page["results"]]
        where = page["next"]
    assert seen == list(range(2, 9))
    assert api.results(f"imports/{made['id']}/rejects", code="other") == []
    problem(api.get("imports/999999/rejects"), 404, "not-found")


def test_what_is_only_uploaded_yet_is_no_import(world: World, api: Api, revops: User) -> None:
    draft = create_draft(
        file=io.BytesIO(FILE), file_name="x.csv", source=world.crm, kind="lead", by=revops, at=timezone.now()
    )
    assert api.results("imports") == []
    for act in ("", "/rejects"):
        problem(api.get(f"imports/{draft.pk}{act}"), 404, "not-found")
    for act in ("cancel", "resume"):
        problem(api.post(f"imports/{draft.pk}/{act}"), 404, "not-found")


# --- once ---------------------------------------------------------------------------------------------


def test_the_same_request_is_one_import_and_another_file_under_its_key_is_refused(
    world: World, api: Api
) -> None:
    first = api.upload(WHERE, FILE, key="k", mapping=MAPPING)
    again = api.upload(WHERE, FILE, key="k", mapping=MAPPING)
    assert (again.status_code, again.content) == (first.status_code, first.content)
    assert again["Idempotent-Replayed"] == "true" and Import.objects.count() == 1
    for file, name, texts in (
        (FILE + b"L-4,1,\n", "leads.csv", {}),
        (FILE, "other.csv", {}),
        (FILE, "leads.csv", {"is_dry_run": True}),
    ):
        answer = api.upload(WHERE, file, name=name, key="k", mapping=MAPPING, **texts)
        problem(answer, 422, "key-reused")
    refusal = problem(start(api), 409, "refused")
    assert refusal["refusal"] == "already-importing"
    assert Import.objects.count() == 1


def test_a_refused_file_leaves_no_trace(world: World, api: Api) -> None:
    assert start(api, b"").status_code == 400
    assert not Import.objects.exists() and not KeptAnswer.objects.exists()


# --- refusals -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("file", "texts", "pointer"),
    [
        (b"", {}, "#/file"),
        (b"PK\x03\x04" + b"\0" * 60, {}, "#/file"),
        (b"Number\n1\n", {}, "#/file"),
        (FILE, {"mapping": "{"}, "#/mapping"),
        (FILE, {"mapping": "[]"}, "#/mapping"),
        (FILE, {"mapping": "[" * 50 + "]" * 50}, "#/mapping"),
        (FILE, {"mapping": '{"object": "lead", "object": "lead"}'}, "#/mapping"),
        (FILE, {"mapping": {"object": "lead"}}, "#/mapping"),
        (FILE, {"mapping": {**MAPPING, "zone": "Nowhere"}}, "#/mapping"),
        (FILE, {"object": "invoice"}, "#/object"),
        (FILE, {"as_of": "2026-03-02"}, "#/as_of"),
        (FILE, {"as_of": (timezone.now() + timedelta(days=2)).isoformat()}, "#/as_of"),
        (FILE, {"is_dry_run": "perhaps"}, "#/is_dry_run"),
        (FILE, {"is_live": "true"}, "#/is_live"),
    ],
)
def test_what_cannot_be_used_is_named(
    world: World, api: Api, file: bytes, texts: dict[str, Any], pointer: str
) -> None:
    assert pointers(start(api, file, **texts)) == {pointer}
    assert not Import.objects.exists()


def raw(api: Api, body: bytes, kind: str = "multipart/form-data; boundary=b", **headers: str) -> Any:
    sent = {"Idempotency-Key": "k", **api.headers, **headers}
    return api.client.post(f"/api/v1/{WHERE}", body, content_type=kind, headers=sent)


def part(name: str, text: str, file: str = "") -> str:
    named = f'; filename="{file}"' if file else ""
    return f'--b\r\nContent-Disposition: form-data; name="{name}"{named}\r\n\r\n{text}\r\n'


def test_the_form_of_a_body_is_held_to(world: World, api: Api, settings: Any) -> None:
    mapping = part("mapping", json.dumps(MAPPING))
    end = "--b--\r\n"
    for parts, expected in (
        (mapping + end, {"#/file"}),
        (part("file", "Id\nL-1\n", "a.csv") + end, {"#/mapping"}),
        (part("file", "x", "a.csv") + part("file", "y", "b.csv") + mapping + end, {"#/file"}),
        (part("file", "x", "a.csv") + part("more", "y", "b.csv") + mapping + end, {"#/more"}),
        (part("file", "x", "a.csv") + mapping + mapping + end, {"#/mapping"}),
        (part("file", "Id\nL-1\n") + mapping + end, {"#/file"}),
        ("", {"#/file", "#/mapping"}),
    ):
        if parts:
            assert pointers(raw(api, parts.encode())) == expected
    problem(raw(api, b"x", "multipart/form-data"), 400, "bad-request")
    for kind in ("application/json", "text/csv", "application/x-www-form-urlencoded"):
        problem(raw(api, b"{}", kind), 415, "unsupported-media-type")
    problem(raw(api, b"x", **{"Content-Encoding": "gzip"}), 415, "unsupported-media-type")
    problem(raw(api, (mapping + end).encode(), **{"Idempotency-Key": ""}), 400, "invalid")
    chunked = api.headers | {
        "Transfer-Encoding": "chunked",
        "Content-Type": "multipart/form-data; boundary=b",
    }
    problem(api.client.generic("POST", f"/api/v1/{WHERE}", headers=chunked), 411, "length-required")
    problem(raw(api, (part("mapping", " " * 3 * 2**20) + end).encode()), 413, "too-large")
    settings.IMPORT_MAX_BYTES = len(FILE) - 1
    problem(start(api), 413, "too-large")
    settings.IMPORT_MAX_BYTES = len(FILE)
    assert start(api).status_code == 202
    problem(raw(api, b"x" * 6 * 2**20), 413, "too-large")
    assert Import.objects.count() == 1


# --- large files, and whose they are -------------------------------------------------------------------


class Sent(io.RawIOBase):
    """A body that is made while it is read, and knows how much of it was."""

    def __init__(self, rows: int) -> None:
        self.head = (part("mapping", json.dumps(MAPPING)) + part("file", "Id,Score,MQL", "big.csv")).encode()[
            :-2
        ]
        self.row, self.rows, self.end = b"\r\nL-1" + b" " * 1000 + b",5,", rows, b"\r\n--b--\r\n"
        self.size = len(self.head) + rows * len(self.row) + len(self.end)
        self.was_read = 0
        self.pieces = self._pieces()
        self.left = b""

    def _pieces(self) -> Iterator[bytes]:
        yield self.head
        for _ in range(self.rows):
            yield self.row
        yield self.end

    def read(self, size: int = -1) -> bytes:
        while len(self.left) < size and (piece := next(self.pieces, b"")):
            self.left += piece
        found, self.left = self.left[:size], self.left[size:]
        self.was_read += len(found)
        return found


def send(api: Api, body: Sent) -> Any:
    stream: Any = {
        "wsgi.input": body,
        "CONTENT_LENGTH": str(body.size),
        "CONTENT_TYPE": "multipart/form-data; boundary=b",
    }
    headers = {"Idempotency-Key": "k", **api.headers}
    return api.client.generic("POST", f"/api/v1/{WHERE}", headers=headers, **stream)


def test_a_large_file_takes_no_memory(world: World, api: Api) -> None:
    body = Sent(20_000)
    tracemalloc.start()
    answer = send(api, body)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert answer.status_code == 202, answer.content
    assert answer.json()["size"] > 20_000_000 and body.was_read == body.size
    assert most < 10_000_000, most


@pytest.mark.parametrize("missing", [1, 12, 400])
def test_a_file_that_breaks_off_is_not_taken_for_a_whole_one(world: World, api: Api, missing: int) -> None:
    body = Sent(3)
    body.size += missing
    problem(send(api, body), 400, "bad-request")
    assert not Import.objects.exists()


def test_a_sender_that_hangs_up_is_told_so(world: World, api: Api) -> None:
    class Broken(Sent):
        def read(self, size: int = -1) -> bytes:
            if self.was_read:
                raise ConnectionResetError
            return super().read(size)

    problem(send(api, Broken(2000)), 400, "bad-request")
    assert not Import.objects.exists()


def test_nothing_is_read_of_a_file_from_somebody_who_may_not_send_one(world: World, revops: User) -> None:
    others = [scope for scope in TokenScope.values if scope != "imports:write"]
    for api, status in (
        (Api(), 401),
        (by_token(revops, others), 403),
        (by_session(revops, checks_csrf=True), 403),
        (by_token(add_user(world, Role.CMO)), 403),
    ):
        body = Sent(3)
        assert send(api, body).status_code == status
        assert body.was_read == 0


def test_the_browser_may_send_a_file_with_the_token_of_its_session(world: World, revops: User) -> None:
    api = by_session(revops, checks_csrf=True)
    api.client.get("/api-tokens/")
    api.headers = {"X-CSRFToken": api.client.cookies["csrftoken"].value}
    assert start(api).status_code == 202
    world.send(event("lead.updated", "dead", world.at, score="many"))
    dead = api.results("dead-events")[0]["id"]
    assert api.post(f"dead-events/{dead}/set-aside", {"reason": "A test"}).status_code == 200


# --- stopping and going on ----------------------------------------------------------------------------


def test_an_import_is_not_resumed_while_its_file_is_imported_anew(world: World, api: Api) -> None:
    first = start(api).json()["id"]
    api.post(f"imports/{first}/cancel")
    second = start(api).json()["id"]
    refused = problem(api.post(f"imports/{first}/resume"), 409, "refused")
    assert refused["refusal"] == "already-importing" and "waiting already" in refused["detail"]
    revops = signed_in(add_user(world, Role.REVOPS, "Rhea"))
    answer = revops.post(f"/sources/crm/imports/{first}/resume/", follow=True)
    assert answer.redirect_chain[-1][0] == f"/sources/crm/imports/{second}/"
    assert "waiting already" in answer.content.decode()


def test_an_import_is_cancelled_and_resumed(world: World, api: Api) -> None:
    where = f"imports/{start(api).json()['id']}"
    assert problem(api.post(f"{where}/resume"), 409, "refused")["refusal"] == "nothing-to-resume"
    assert api.post(f"{where}/cancel").json()["state"] == "cancelled"
    assert problem(api.post(f"{where}/cancel"), 409, "refused")["refusal"] == "not-under-way"
    assert api.post(f"{where}/resume").json()["state"] == "waiting"
    run_waiting(now=timezone.now)
    assert Import.objects.get().state == ImportState.DONE


def test_lists_take_no_more_queries_for_more_imports(
    world: World, api: Api, django_assert_max_num_queries: Any
) -> None:
    for count in (1, 19):
        for n in range(count):
            start(api, FILE + b"X-%d-%d,1,\n" % (count, n))
            run_waiting(now=timezone.now)
        with django_assert_max_num_queries(8):
            assert len(api.results("imports")) == (1 if count == 1 else 20)
