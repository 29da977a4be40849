"""Raw bodies expire after the organisation's months; digest, length, facts and figures stay."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta
from io import StringIO
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.core.management import call_command
from django.db import IntegrityError, transaction
from django.test import Client
from django.utils import timezone

from alignment import retention, tasks
from alignment.models import DeadEvent, Delivery, DeliveryState, Fact, Organisation, RetentionRun, Role
from alignment.retention import Amount, months_before
from alignment.services import expiry
from alignment.services import retention as services
from alignment.services.authority import OnlyRevOps
from alignment.services.inbox import Replayed, replay_dead
from alignment.services.organisation import NothingChanged
from alignment.tests.pages import signed_in
from testing.world import World, add_user, event

DAY = timedelta(days=1)


@pytest.fixture
def revops(world: World) -> Client:
    return signed_in(add_user(world, Role.REVOPS, "Rhea"))


def later(world: World) -> datetime:
    """A day after what the world receives now has had its 13 months."""
    return world.at + timedelta(days=400)


def text(answer: Any) -> str:
    return str(answer.content.decode())


def test_a_body_goes_after_its_months_and_all_else_of_the_delivery_stays(world: World) -> None:
    world.send(event("lead.updated", "L1", world.at, score=80))
    before = Delivery.objects.get()
    assert before.body is not None
    raw = bytes(before.body)
    run, *_ = services.expire_bodies(at=later(world))
    after = Delivery.objects.get()
    assert after.body is None and after.body_bytes == len(raw) and after.body_emptied_at == later(world)
    assert bytes(after.body_sha256) == hashlib.sha256(raw).digest()
    kept = ("external_id", "received_at", "state", "items", "applied_at", "endpoint_id", "source_id")
    assert [getattr(after, name) for name in kept] == [getattr(before, name) for name in kept]
    assert Fact.objects.filter(delivery=after).exists()
    assert (run.rows, run.size, run.months) == (1, len(raw), 13)
    assert run.cut_off == months_before(later(world), 13)


def test_a_body_stays_until_the_very_moment(world: World) -> None:
    world.send(event("lead.updated", "L1", world.at, score=80))
    # 17 December of next year: thirteen months to the second
    due = world.at.replace(year=2027, month=12)
    assert services.expire_bodies(at=due)[0].rows == 0
    assert services.expire_bodies(at=due + timedelta(seconds=1))[0].rows == 1


def test_a_second_run_empties_nothing_more_and_says_so(world: World) -> None:
    world.send(event("lead.updated", "L1", world.at, score=80))
    services.expire_bodies(at=later(world))
    before = Delivery.objects.values().get()
    assert services.expire_bodies(at=later(world) + DAY)[0].rows == 0
    assert Delivery.objects.values().get() == before
    runs = RetentionRun.objects.filter(part="Bodies of deliveries")
    assert [run.rows for run in runs] == [0, 1]


def test_what_still_waits_for_the_drain_is_never_emptied(world: World) -> None:
    delivery = world.deliver(event("lead.updated", "L1", world.at, score=80), external_id="msg")
    assert services.expire_bodies(at=later(world))[0].rows == 0
    delivery.refresh_from_db()
    assert delivery.state == DeliveryState.PENDING and delivery.body is not None


def test_more_than_one_batch_is_emptied_and_counted(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(services, "BATCH", 2)
    world.send(*(event("lead.updated", f"L{n}", world.at, score=1) for n in range(5)))
    size = sum(len(bytes(body)) for body in Delivery.objects.values_list("body", flat=True) if body)
    run, *_ = services.expire_bodies(at=later(world))
    assert (run.rows, run.size) == (5, size)
    assert not Delivery.objects.filter(body__isnull=False).exists()


def test_a_dead_event_of_an_emptied_body_waits_for_nobody_and_quotes_nothing(
    world: World, revops: Client
) -> None:
    world.send(event("lead.updated", "L1", world.at, score="Jane Doe"))
    dead = DeadEvent.objects.get()
    assert "Jane Doe" in dead.message
    services.expire_bodies(at=later(world))
    dead.refresh_from_db()
    assert "Jane Doe" not in dead.message and dead.message.endswith("is not a whole number")
    assert dead.set_aside_at == later(world) and dead.code == "bad_field"
    assert not DeadEvent.objects.open().exists()
    assert replay_dead(events=[dead], by=None, at=later(world)) == Replayed(0, 0)
    page = text(revops.get("/sources/crm/dead/?show=aside"))
    assert expiry.CANNOT_BE_REPLAYED in page and "Cannot be replayed" in page
    assert "/replay/" not in page
    assert "cannot be replayed" in text(revops.get(f"/sources/crm/deliveries/{dead.delivery_id}/"))


def test_a_reason_that_somebody_gave_before_stays(world: World) -> None:
    world.send(event("lead.updated", "L1", world.at, score="many"))
    DeadEvent.objects.update(set_aside_at=world.at, set_aside_reason="A test of theirs")
    services.expire_bodies(at=later(world))
    dead = DeadEvent.objects.get()
    assert (dead.set_aside_at, dead.set_aside_reason) == (world.at, "A test of theirs")


@pytest.mark.parametrize(
    ("at", "months", "expected"),
    [
        (datetime(2026, 3, 31, 5, tzinfo=UTC), 1, datetime(2026, 2, 28, 5, tzinfo=UTC)),
        (datetime(2028, 3, 31, tzinfo=UTC), 1, datetime(2028, 2, 29, tzinfo=UTC)),
        (datetime(2026, 1, 15, tzinfo=UTC), 13, datetime(2024, 12, 15, tzinfo=UTC)),
        (datetime(2026, 12, 1, tzinfo=UTC), 120, datetime(2016, 12, 1, tzinfo=UTC)),
    ],
)
def test_months_are_counted_by_the_calendar(at: datetime, months: int, expected: datetime) -> None:
    assert months_before(at, months) == expected


def test_another_part_joins_by_registering(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retention, "_parts", {})
    files = [world.at, world.at + 300 * DAY]

    def count(cut_off: datetime) -> Amount:
        old = [at for at in files if at < cut_off]
        return Amount(len(old), 10 * len(old))

    @retention.expires("Uploaded files", count=count)
    def empty(cut_off: datetime, limit: int, at: datetime) -> Amount:
        found = count(cut_off)
        files[:] = [at for at in files if at >= cut_off]
        return found

    assert services.due_now(months=13, at=later(world)) == [("Uploaded files", Amount(1, 10))]
    (run,) = services.expire_bodies(at=later(world))
    assert (run.part, run.rows, run.size) == ("Uploaded files", 1, 10)
    assert files == [world.at + 300 * DAY]


def test_the_months_change_with_who_and_why(world: World) -> None:
    rhea = add_user(world, Role.REVOPS, "Rhea")
    services.change_retention(months=6, reason=" our policy ", by=rhea, at=world.at)
    entry = Organisation.get().history.get(history_user=rhea)
    assert (entry.body_months, entry.history_user, entry.history_change_reason) == (6, rhea, "our policy")
    with pytest.raises(NothingChanged):
        services.change_retention(months=6, reason="again", by=rhea, at=world.at)
    for months, reason in ((0, "x"), (121, "x"), (5, "  ")):
        with pytest.raises(ValidationError):
            services.change_retention(months=months, reason=reason, by=rhea, at=world.at)
    with pytest.raises(OnlyRevOps):
        services.change_retention(months=5, reason="x", by=add_user(world, Role.CMO), at=world.at)
    with pytest.raises(IntegrityError), transaction.atomic():
        Organisation.objects.update(body_months=0)


@pytest.mark.usefixtures("as_application_role")
def test_the_applications_role_may_do_it(world: World) -> None:
    world.send(event("lead.updated", "L1", world.at, score=80))
    assert services.expire_bodies(at=later(world))[0].rows == 1


class TestDoors:
    @pytest.fixture(autouse=True)
    def _old_delivery(self, world: World) -> None:
        at = timezone.now() - 300 * DAY
        world.send(event("lead.updated", "L1", at, score=80), at=at)
        Organisation.objects.get_or_create(pk=1)

    def test_the_settings_show_what_other_months_would_remove_and_save_them(self, revops: Client) -> None:
        assert "Bodies of deliveries: 0 (" in text(revops.get("/settings/"))
        look = {"months": 6, "reason": "our policy", "look": "1"}
        shown = text(revops.post("/settings/retention/", look))
        assert 'value="our policy"' in shown and Organisation.get().body_months == 13
        assert "With 6 months instead of 13" in shown and "Bodies of deliveries: 1 (" in shown
        answer = revops.post("/settings/retention/", {"months": 6, "reason": "our policy"}, follow=True)
        assert "Raw content is kept for 6 months now" in text(answer)
        assert "Bodies of deliveries: 1 (" in text(answer)
        assert Delivery.objects.filter(body__isnull=False).count() == 1  # the run does it, not the click

    @pytest.mark.parametrize(
        ("given", "status", "said"),
        [
            ({"months": 0, "reason": "x"}, 422, "greater than or equal to 1"),
            ({"months": "many", "reason": "x"}, 422, "Enter a whole number"),
            ({"months": 6, "reason": ""}, 422, "This field is required"),
            ({"months": 13, "reason": "x"}, 409, "It is 13 months already"),
        ],
    )
    def test_what_makes_no_sense_is_said_beside_the_form(
        self, revops: Client, given: dict[str, Any], status: int, said: str
    ) -> None:
        answer = revops.post("/settings/retention/", given)
        assert answer.status_code == status
        assert said in text(answer)
        looked = revops.post("/settings/retention/", {"months": "many", "look": "1"})
        assert looked.status_code == 200 and "Enter a whole number" in text(looked)
        assert revops.get("/settings/retention/").status_code == 200

    def test_the_task_and_the_command_empty_the_same(self, revops: Client) -> None:
        Organisation.objects.update(body_months=6)
        out = StringIO()
        call_command("expire_bodies", dry_run=True, stdout=out)
        assert "Bodies of deliveries: 1 (" in out.getvalue() and "would be" in out.getvalue()
        assert Delivery.objects.filter(body__isnull=False).count() == 1
        assert tasks.expire_bodies() == 1
        out = StringIO()
        call_command("expire_bodies", stdout=out)
        assert "Bodies of deliveries: 0 (" in out.getvalue()
        page = text(revops.get("/settings/"))
        assert "What expired" in page
