"""Acts by the API: one effect per key, refusals as 409, and the state as it then is as the answer."""

from __future__ import annotations

import json
import threading
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
import time_machine
from django.db import OperationalError, connection
from django.utils import timezone
from psycopg2.errors import DeadlockDetected

from alignment.models import (
    Delivery,
    Fact,
    KeptAnswer,
    MqlCycle,
    Role,
    Touch,
    User,
)
from alignment.services.answers import forget_old_answers
from handoff.models import Assignment, Leave, PoolMember
from handoff.services import acts as services
from handoff.tests.pages import add_mql
from testing.api import Api, by_session, by_token
from testing.world import World, add_user, event

CALL = {"channel": "call", "outcome": "no_answer"}


@pytest.fixture
def revops(world: World) -> User:
    return add_user(world, Role.REVOPS)


@pytest.fixture
def api(revops: User, settings: Any) -> Api:
    settings.API_BURST = 100_000
    return by_token(revops)


@pytest.fixture
def cycle(world: World) -> MqlCycle:
    return add_mql(world, "Ada")


def attempts() -> int:
    return Touch.objects.filter(is_attempt=True).count()


def refusal(answer: Any) -> str:
    assert answer.status_code == 409, answer.content
    assert answer["Content-Type"] == "application/problem+json"
    return str(answer.json()["refusal"])


# --- what the acts do --------------------------------------------------------------------------------


def test_an_attempt_is_logged_by_the_login_behind_the_token(world: World, cycle: MqlCycle) -> None:
    rep = next(rep for rep in world.reps if rep.pk == cycle.owner_id)
    assert rep.user is not None
    answer = by_token(rep.user).post(f"mql-cycles/{cycle.pk}/attempts", CALL | {"note": "Asked for a demo"})
    assert answer.status_code == 201
    told = answer.json()
    assert (told["id"], told["attempts"], told["owner"]) == (cycle.pk, 1, {"id": rep.pk, "name": rep.name})
    assert [clock["outcome"] for clock in told["clocks"] if clock["kind"] == "follow_up"] == ["met"]
    touch = Touch.objects.get(is_attempt=True)
    assert (touch.person, touch.subject, touch.channel) == (rep, "Asked for a demo", "call")
    assert Fact.objects.get(external_id=touch.external_id).by == rep.user


def test_a_disposition_is_set_and_what_the_rules_forbid_is_a_refusal(cycle: MqlCycle, api: Api) -> None:
    where = f"mql-cycles/{cycle.pk}/disposition"
    assert refusal(api.post(where, {"disposition": "recycled"})) == "reason-missing"
    assert (
        refusal(api.post(where, {"disposition": "recycled", "reason": "no_response"})) == "too-few-attempts"
    )
    assert refusal(api.post(where, {"disposition": "converted"})) == "opportunity-missing"
    assert refusal(api.post(where, {"disposition": "converted", "opportunity": 999})) == "opportunity-missing"
    accepted = api.post(where, {"disposition": "working"}).json()
    assert (accepted["disposition"], accepted["is_open"]) == ("working", True)
    closed = api.post(where, {"disposition": "recycled", "reason": "bad_timing"}).json()
    assert (closed["disposition"], closed["reason"], closed["is_open"]) == ("recycled", "bad_timing", False)
    assert refusal(api.post(where, {"disposition": "working"})) == "cycle-is-over"
    assert refusal(api.post(f"mql-cycles/{cycle.pk}/attempts", CALL)) == "cycle-is-over"


def test_a_conversion_names_an_opportunity_of_the_same_lead(world: World, cycle: MqlCycle, api: Api) -> None:
    add_mql(world, "Bob")
    for lead in ("Ada", "Bob"):
        world.send(
            event(
                "opportunity.created", f"deal-{lead}", world.at, name=lead, lead=f"lead-{lead}", stage="New"
            )
        )
    theirs, ours = (
        api.results("opportunities", external_id=f"deal-{name}")[0]["id"] for name in ("Bob", "Ada")
    )
    where = f"mql-cycles/{cycle.pk}/disposition"
    assert (
        refusal(api.post(where, {"disposition": "converted", "opportunity": theirs})) == "opportunity-missing"
    )
    assert api.post(where, {"disposition": "converted", "opportunity": ours}).json()["opportunity"] == ours


def test_an_owner_is_set_by_hand_and_only_people_of_sales_can_be(
    world: World, cycle: MqlCycle, api: Api
) -> None:
    other = next(rep for rep in world.reps if rep.pk != cycle.owner_id)
    where = f"mql-cycles/{cycle.pk}/owner"
    told = api.post(where, {"person": other.pk, "note": "Knows them"}).json()
    assert (told["owner"]["id"], told["assigned_by"]) == (other.pk, "manual")
    other.is_active = False
    other.save()
    cycle.refresh_from_db()
    back = next(rep for rep in world.reps if rep.pk != other.pk)
    assert api.post(where, {"person": back.pk}).status_code == 200
    assert refusal(api.post(where, {"person": other.pk})) == "person-cannot-own"
    ledger = api.results("assignments", cycle=cycle.pk, ordering="-id")
    assert [row["person"]["id"] for row in ledger[:2]] == [back.pk, other.pk]
    assert ledger[1]["explanation"]["chosen"] == "Knows them"


def test_members_are_paused_and_leave_is_entered_and_ended(world: World, api: Api) -> None:
    member = PoolMember.objects.get(person=world.reps[0])
    assert api.post(f"pool-members/{member.pk}/pause").json()["is_paused"] is True
    assert api.post(f"pool-members/{member.pk}/resume").json()["is_paused"] is False
    soon, later = timezone.now() + timedelta(days=1), timezone.now() + timedelta(days=3)
    where = f"people/{world.reps[0].pk}/leaves"
    wrong = api.post(where, {"starts_at": later.isoformat(), "ends_at": soon.isoformat()})
    assert refusal(wrong) == "leave-ends-too-early"
    for text in ("2098-01-01T00:00:00", "2098-01-01", "soon", "", 5, None, "0001-01-01T00:00:00+14:00"):
        answer = api.post(where, {"starts_at": text, "ends_at": later.isoformat()})
        assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (400, "#/starts_at"), text
    made = api.post(where, {"starts_at": soon.isoformat(), "ends_at": later.isoformat(), "note": "Sea"})
    assert (made.status_code, made.json()["note"]) == (201, "Sea")
    assert api.post(f"leaves/{made.json()['id']}/end").status_code == 200
    assert not Leave.objects.exists()


def test_what_the_api_does_not_name_is_not_written(world: World, cycle: MqlCycle, api: Api) -> None:
    names = {field.name for field in MqlCycle._meta.get_fields()} | {
        "is_staff", "is_superuser", "role", "by", "at", "act", "user", "password", "signed_at", "state", "score",
        "external_id", "touched_at", "person_id", "_state", "__class__", "pk",
    }  # fmt: skip
    before = MqlCycle.objects.values().get()
    for where, body in (
        ("attempts", CALL),
        ("disposition", {"disposition": "working"}),
        ("owner", {"person": world.reps[0].pk}),
    ):
        for name in names - set(body) - {"note", "reason", "opportunity"}:
            answer = api.post(f"mql-cycles/{cycle.pk}/{where}", body | {name: 1})
            assert answer.status_code == 400, name
            assert [error["pointer"] for error in answer.json()["errors"]] == [f"#/{name}"]
    assert MqlCycle.objects.values().get() == before
    assert attempts() == 0


# --- one effect per key ------------------------------------------------------------------------------


def test_the_same_request_under_the_same_key_repeats_the_answer(cycle: MqlCycle, api: Api) -> None:
    key, where = str(uuid4()), f"mql-cycles/{cycle.pk}/attempts"
    first, again = api.post(where, CALL, key=key), api.post(where, CALL, key=key)
    assert (first.status_code, first.content) == (again.status_code, again.content)
    assert again["Idempotent-Replayed"] == "true" and "Idempotent-Replayed" not in first
    assert attempts() == 1
    api.post(where, CALL)
    assert attempts() == 2


def test_another_request_under_the_same_key_is_refused(cycle: MqlCycle, api: Api) -> None:
    key, where = str(uuid4()), f"mql-cycles/{cycle.pk}/attempts"
    assert api.post(where, CALL, key=key).status_code == 201
    for place, body in (
        (where, CALL | {"note": "x"}),
        (where.replace("attempts", "disposition"), {"disposition": "working"}),
    ):
        answer = api.post(place, body, key=key)
        assert answer.status_code == 422
        assert answer.json()["type"].endswith(":key-reused")
    assert attempts() == 1


def test_a_key_belongs_to_its_login(world: World, cycle: MqlCycle, api: Api) -> None:
    key, where = str(uuid4()), f"mql-cycles/{cycle.pk}/attempts"
    owner = next(rep for rep in world.reps if rep.pk == cycle.owner_id)
    assert owner.user is not None
    for asker in (api, by_token(owner.user)):
        answer = asker.post(where, CALL, key=key)
        assert (answer.status_code, answer.get("Idempotent-Replayed")) == (201, None)
    assert by_session(owner.user).post(where, CALL, key=key)["Idempotent-Replayed"] == "true"
    assert attempts() == 2


@pytest.mark.parametrize("key", ["", " ", "a b", "x" * 101, "é", "a\tb"])
def test_an_act_without_a_usable_key_is_refused(cycle: MqlCycle, api: Api, key: str) -> None:
    sent = api.headers | ({"Idempotency-Key": key} if key else {})
    answer = api.client.post(
        f"/api/v1/mql-cycles/{cycle.pk}/attempts", CALL, content_type="application/json", headers=sent
    )
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["header"] == "Idempotency-Key"
    assert attempts() == 0


def test_a_refusal_is_judged_anew_under_the_same_key(cycle: MqlCycle, api: Api) -> None:
    key, where = str(uuid4()), f"mql-cycles/{cycle.pk}/disposition"
    body = {"disposition": "recycled", "reason": "no_response"}
    assert refusal(api.post(where, body, key=key)) == "too-few-attempts"
    assert not KeptAnswer.objects.exists()
    for _ in range(6):
        api.post(f"mql-cycles/{cycle.pk}/attempts", CALL)
    assert api.post(where, body, key=key).status_code == 200


def test_a_key_is_kept_for_a_day_and_even_then_an_attempt_is_not_doubled(
    cycle: MqlCycle, world: World, revops: User
) -> None:
    key, where = str(uuid4()), f"mql-cycles/{cycle.pk}/attempts"
    with time_machine.travel(timezone.now(), tick=False) as clock:
        api = by_token(revops)
        api.post(where, CALL, key=key)
        clock.shift(timedelta(hours=24, seconds=-1))
        assert api.post(where, CALL, key=key)["Idempotent-Replayed"] == "true"
        assert forget_old_answers(at=timezone.now()) == 0
        clock.shift(timedelta(seconds=1))
        late = api.post(where, CALL, key=key)
        assert late.status_code == 201 and "Idempotent-Replayed" not in late
        assert attempts() == 1
        clock.shift(timedelta(hours=24))
        assert forget_old_answers(at=timezone.now()) == 1


def test_a_key_that_is_used_again_after_a_day_names_another_act_if_the_request_is_another(
    cycle: MqlCycle, world: World, revops: User
) -> None:
    attempt, dispose = f"mql-cycles/{cycle.pk}/attempts", f"mql-cycles/{cycle.pk}/disposition"
    with time_machine.travel(timezone.now(), tick=False) as clock:
        api = by_token(revops)
        api.post(attempt, CALL, key="k")
        clock.shift(timedelta(hours=25))
        other = api.post(attempt, {"channel": "email", "outcome": "sent"}, key="k")
        assert (other.status_code, other.json()["attempts"], attempts()) == (201, 2, 2)
        clock.shift(timedelta(hours=25))
        disposed = api.post(dispose, {"disposition": "working"}, key="k")
        assert (disposed.status_code, disposed.json()["disposition"]) == (200, "working")


def test_an_answer_that_was_kept_is_not_given_to_who_may_no_longer_see_it(
    world: World, cycle: MqlCycle, revops: User
) -> None:
    owner = next(rep for rep in world.reps if rep.pk == cycle.owner_id)
    assert owner.user is not None
    rep, key, where = by_token(owner.user), str(uuid4()), f"mql-cycles/{cycle.pk}/attempts"
    assert rep.post(where, CALL, key=key).status_code == 201
    other = next(person for person in world.reps if person != owner)
    by_token(revops).post(f"mql-cycles/{cycle.pk}/owner", {"person": other.pk})
    assert rep.post(where, CALL, key=key).status_code == 404


def test_an_act_that_fails_leaves_neither_effect_nor_answer(
    cycle: MqlCycle, api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    key, where = str(uuid4()), f"mql-cycles/{cycle.pk}/attempts"
    with monkeypatch.context() as broken:
        broken.setattr("alignment.api.acts.keep", lambda **_: 1 / 0)
        assert api.post(where, CALL, key=key).status_code == 500
    assert (attempts(), KeptAnswer.objects.count()) == (0, 0)
    assert api.post(where, CALL, key=key).status_code == 201
    assert attempts() == 1


def at_once(count: int, work: Any) -> list[Any]:
    """Run `work(n)` in threads that start together; their results."""
    barrier, found = threading.Barrier(count), [None] * count

    def run(n: int) -> None:
        try:
            barrier.wait()
            found[n] = work(n)
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=(n,)) for n in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return found


@pytest.mark.django_db(transaction=True)
def test_the_same_request_sent_many_times_at_once_acts_once(
    world: World, settings: Any, examples: Any
) -> None:
    count, settings.API_LOCK_TIMEOUT = examples(8, 50), 60_000
    api, cycle = by_token(add_user(world, Role.REVOPS)), add_mql(world, "Ada")
    key, where = str(uuid4()), f"mql-cycles/{cycle.pk}/attempts"
    answers = at_once(count, lambda _: Api(headers=api.headers).post(where, CALL, key=key))
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.content for answer in answers}) == 1
    assert sum("Idempotent-Replayed" in answer for answer in answers) == count - 1
    assert attempts() == 1


@pytest.mark.django_db(transaction=True)
def test_of_many_closings_at_once_under_different_keys_one_takes_effect(world: World, examples: Any) -> None:
    count = examples(8, 50)
    api, cycle = by_token(add_user(world, Role.REVOPS)), add_mql(world, "Ada")
    where, body = f"mql-cycles/{cycle.pk}/disposition", {"disposition": "recycled", "reason": "bad_fit"}
    answers = at_once(count, lambda _: Api(headers=api.headers).post(where, body))
    assert sorted(answer.status_code for answer in answers) == [200, *[409] * (count - 1)]
    assert Fact.objects.filter(action="disposition").count() == 1


@pytest.mark.django_db(transaction=True)
def test_a_request_whose_twin_hangs_is_told_to_wait(world: World, settings: Any) -> None:
    settings.API_LOCK_TIMEOUT = 200
    api, cycle = by_token(add_user(world, Role.REVOPS)), add_mql(world, "Ada")
    key, where = str(uuid4()), f"mql-cycles/{cycle.pk}/attempts"
    has_begun, may_end = threading.Event(), threading.Event()
    log_attempt = services.log_attempt

    def slow(**given: Any) -> None:
        has_begun.set()
        may_end.wait(10)
        log_attempt(**given)

    services.log_attempt = slow
    try:
        threads = at_once_later(lambda: Api(headers=api.headers).post(where, CALL, key=key))
        assert has_begun.wait(10)
        twin = api.post(where, CALL, key=key)
    finally:
        may_end.set()
        services.log_attempt = log_attempt
    first = threads()
    assert (twin.status_code, twin.json()["type"].rpartition(":")[2], twin["Retry-After"]) == (
        409,
        "busy",
        "1",
    )
    assert first.status_code == 201 and attempts() == 1
    assert api.post(where, CALL, key=key)["Idempotent-Replayed"] == "true"


def at_once_later(work: Any) -> Any:
    """Run `work` in a thread; a function that waits for its result."""
    found: list[Any] = []

    def run() -> None:
        try:
            found.append(work())
        finally:
            connection.close()

    thread = threading.Thread(target=run)
    thread.start()

    def result() -> Any:
        thread.join()
        return found[0]

    return result


@pytest.mark.django_db(transaction=True)
def test_a_deadlock_is_tried_again(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    api, cycle = by_token(add_user(world, Role.REVOPS)), add_mql(world, "Ada")
    log_attempt, calls = services.log_attempt, []

    def unlucky(**given: Any) -> None:
        calls.append(1)
        log_attempt(**given)
        if len(calls) < 3:
            raise OperationalError from DeadlockDetected()

    monkeypatch.setattr(services, "log_attempt", unlucky)
    assert api.post(f"mql-cycles/{cycle.pk}/attempts", CALL).status_code == 201
    assert (len(calls), attempts()) == (3, 1)


# --- events ------------------------------------------------------------------------------------------


def told(external_id: str, **data: Any) -> dict[str, Any]:
    return event("lead.updated", external_id, timezone.now(), **data)


def test_events_sent_by_the_api_go_the_way_of_all_deliveries(world: World, api: Api) -> None:
    from alignment.pipeline import drain

    answer = api.post(f"sources/{world.crm.key}/events", [told("L1", score=80), told("L2", score="many")])
    assert (answer.status_code, answer.json()["state"]) == (202, "pending")
    drain(at=timezone.now())
    delivery = api.get(f"deliveries/{answer.json()['delivery']}").json()
    assert (delivery["state"], delivery["items"]) == ("done", 2)
    cycle = api.results("mql-cycles", lead_external_id="L1")[0]
    assert cycle["is_open"] and cycle["owner"]
    assert Assignment.objects.filter(cycle=cycle["id"]).exists()
    dead = api.results("dead-events", source=world.crm.key)
    assert [(row["delivery"], row["position"]) for row in dead] == [(delivery["id"], 1)]
    assert "L2" in api.get(f"deliveries/{delivery['id']}/body").json()["body"]
    assert api.post(f"dead-events/{dead[0]['id']}/replay").json()["failures"] == 2
    aside = api.post(f"dead-events/{dead[0]['id']}/set-aside", {"reason": "A test"}).json()
    assert aside["set_aside_reason"] == "A test"
    assert api.results("dead-events", is_set_aside="false") == []
    assert api.get(f"sources/{world.crm.key}/health").json()["set_aside"] == 1


def test_a_key_names_one_delivery_for_ever(world: World, api: Api, revops: User) -> None:
    where, body = f"sources/{world.crm.key}/events", [told("L1", score=80)]
    first = api.post(where, body, key="import-1").json()["delivery"]
    KeptAnswer.objects.all().delete()
    assert api.post(where, body, key="import-1").json()["delivery"] == first
    KeptAnswer.objects.all().delete()
    assert refusal(api.post(where, [told("L9")], key="import-1")) == "another-body"
    assert Delivery.objects.filter(endpoint__scheme="api_token").count() == 1
    other = by_token(add_user(world, Role.REVOPS, "Second"))
    assert other.post(where, body, key="import-1").json()["delivery"] != first


def test_a_source_that_is_off_or_speaks_otherwise_takes_no_events(world: World, api: Api) -> None:
    where = f"sources/{world.crm.key}/events"
    world.crm.is_active = False
    world.crm.save()
    assert refusal(api.post(where, [told("L1")])) == "source-closed"
    world.crm.is_active, world.crm.kind = True, "espocrm"
    world.crm.save()
    assert refusal(api.post(where, [told("L1")])) == "other-event-types"
    assert not Delivery.objects.exists()
    wrong: list[Any] = [[], {}, [1], [[]], told("L1"), [{"type": "lead.updated"}]]
    for body in wrong:
        assert api.post(where, body).status_code == 400


def test_the_door_of_the_api_has_no_address_and_no_secret(world: World, api: Api, revops: User) -> None:
    where = f"sources/{world.crm.key}/events"
    before = api.get(f"sources/{world.crm.key}/health").json()["endpoints"]
    api.post(where, [told("L1")])
    door = world.crm.endpoints.get(scheme="api_token")
    assert api.get(f"sources/{world.crm.key}/health").json()["endpoints"] == before
    page = by_session(revops).client.get(f"/sources/{world.crm.key}/").content.decode()
    assert door.address not in page
    sent = {"Authorization": api.headers["Authorization"], "webhook-id": "x"}
    for body in (b"[]", json.dumps([told("L1")]).encode()):
        answer = api.client.post(door.path, body, content_type="application/json", headers=sent)
        assert answer.status_code == 401
    rotated = by_session(revops).client.post(
        f"/sources/{world.crm.key}/endpoints/{door.pk}/secret/", follow=True
    )
    assert rotated.status_code == 200 and "tokens of its own" in rotated.content.decode()
