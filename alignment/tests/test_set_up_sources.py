"""RevOps sets up sources, endpoints and secrets; the history says who changed what and why."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.db import connection

from alignment.intake.mapping import InvalidMapping
from alignment.intake.secrets import UnsuitableSecret, decrypt
from alignment.models import Endpoint, EndpointSecret, Role, Scheme, Source, User
from alignment.services import sources
from alignment.services.authority import OnlyRevOps
from alignment.services.live_secrets import AlreadyRotating, NoSuchSecret
from alignment.services.sources import EndpointInactive, SourceKeyTaken, UnsuitableEndpoint

pytestmark = pytest.mark.django_db
AT = datetime(2026, 3, 2, 14, 5, tzinfo=UTC)
LATER = AT + timedelta(hours=1)
WHSEC = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


@pytest.fixture
def revops() -> User:
    return User.objects.create_user("revops@example.com", name="Rev Ops", role=Role.REVOPS)


def create(by: User | None = None, **fields: Any) -> Source:
    given: dict[str, Any] = {"key": "espo", "name": "EspoCRM", "kind": "espocrm"} | fields
    return sources.create_source(**given, by=by, at=AT)


def add(source: Source, **fields: Any) -> sources.NewEndpoint:
    given: dict[str, Any] = {"scheme": Scheme.STANDARD_WEBHOOKS, "by": None, "at": AT} | fields
    return sources.add_endpoint(source=source, **given)


def live(endpoint: Endpoint) -> dict[int, tuple[str, datetime | None]]:
    return {secret.slot: (decrypt(secret.ciphertext), secret.expires_at) for secret in endpoint.secrets.all()}


def reasons(source: Source) -> list[str | None]:
    return list(source.history.order_by("history_id").values_list("history_change_reason", flat=True))


def test_a_source_is_connected_and_its_history_says_by_whom(revops: User) -> None:
    source = create(by=revops, zone="Europe/Berlin", mapping={"fields": {"lead": {"score": "cMqlScore"}}})
    entry = source.history.get()
    assert (entry.history_user, entry.history_date) == (revops, AT)
    assert entry.history_change_reason == "connected"
    source.refresh_from_db()
    assert source.mapping == {"fields": {"lead": {"score": "cMqlScore"}}}


def test_a_key_is_taken_once() -> None:
    create()
    with pytest.raises(SourceKeyTaken, match="espo"):
        create(name="Another")
    assert Source.objects.count() == 1


@pytest.mark.parametrize(
    "wrong", [{"zone": "Berlin"}, {"kind": "fax"}, {"key": "no spaces"}, {"name": ""}, {"assigns": "nobody"}]
)
def test_a_source_with_wrong_fields_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError) as refusal:
        create(**wrong)
    assert list(refusal.value.message_dict) == list(wrong)


def test_a_mapping_is_checked_before_it_is_kept(revops: User) -> None:
    source = create()
    with pytest.raises(InvalidMapping):
        sources.update_mapping(source=source, mapping={"nonsense": 1}, by=revops, at=LATER)
    with pytest.raises(InvalidMapping):
        create(key="other", mapping={"nonsense": 1})
    mapping = {"closed_statuses": ["Dead"]}
    changed = sources.update_mapping(
        source=source, mapping=mapping, reason="Dead closes", by=revops, at=LATER
    )
    assert changed.mapping == Source.objects.get().mapping == mapping
    assert reasons(source) == ["connected", "Dead closes"]


def test_an_endpoint_comes_with_its_secret_once(revops: User) -> None:
    source = create()
    endpoint, secret = add(source, event="Lead.update", by=revops)
    assert secret.startswith("whsec_")
    assert live(endpoint) == {1: (secret, None)}
    assert secret.encode() not in bytes(EndpointSecret.objects.get().ciphertext)
    assert len(endpoint.address) >= 32
    assert endpoint.created_at == AT
    assert reasons(source)[-1] == f"endpoint {endpoint.pk} added for Lead.update"
    assert secret not in str(list(source.history.values()))


def test_a_secret_that_the_crm_made_is_taken() -> None:
    given = "0123456789abcdef0123456789abcdef"
    endpoint, secret = add(
        create(), scheme=Scheme.ESPOCRM, event="Lead.update", webhook_id="6b01", secret=given
    )
    assert secret == given
    assert live(endpoint) == {1: (given, None)}


@pytest.mark.parametrize(
    ("fields", "refusal"),
    [
        ({"scheme": "none"}, UnsuitableEndpoint),
        ({"scheme": Scheme.SHARED_SECRET}, UnsuitableEndpoint),
        ({"scheme": Scheme.SHARED_SECRET, "header": "X Secret"}, UnsuitableEndpoint),
        ({"scheme": Scheme.SHARED_SECRET, "header": "X_Secret"}, UnsuitableEndpoint),
        ({"scheme": Scheme.ESPOCRM}, UnsuitableEndpoint),
        ({"secret": "weak"}, UnsuitableSecret),
        ({"secret": ""}, UnsuitableSecret),
        ({"scheme": Scheme.SHARED_SECRET, "header": "X-Secret", "secret": "short"}, UnsuitableSecret),
    ],
)
def test_an_endpoint_that_could_not_be_proven_is_refused(
    fields: dict[str, str], refusal: type[Exception]
) -> None:
    with pytest.raises(refusal):
        add(create(), **fields)
    assert not Endpoint.objects.exists()


def test_rotation_keeps_the_old_secret_for_24_hours_and_never_a_third(revops: User) -> None:
    endpoint, first = add(create(), secret=WHSEC)
    second = sources.rotate_secret(endpoint=endpoint, by=revops, at=LATER)
    ends = LATER + timedelta(hours=24)
    assert live(endpoint) == {1: (first, ends), 2: (second, None)}
    with pytest.raises(AlreadyRotating):
        sources.rotate_secret(endpoint=endpoint, by=revops, at=ends - timedelta(seconds=1))
    third = sources.rotate_secret(endpoint=endpoint, by=revops, at=ends)
    assert live(endpoint) == {1: (third, None), 2: (second, ends + timedelta(hours=24))}
    assert reasons(endpoint.source)[-1] == f"endpoint {endpoint.pk}: secret rotated"


def test_a_leaked_secret_is_revoked_and_replaced() -> None:
    endpoint, _ = add(create())
    sources.revoke_secret(endpoint=endpoint, slot=1, by=None, at=LATER)
    assert live(endpoint) == {}
    with pytest.raises(NoSuchSecret):
        sources.revoke_secret(endpoint=endpoint, slot=1, by=None, at=LATER)
    fresh = sources.rotate_secret(endpoint=endpoint, by=None, at=LATER)
    assert live(endpoint) == {1: (fresh, None)}


def test_revoking_the_new_secret_does_not_lengthen_the_old_one() -> None:
    endpoint, first = add(create())
    sources.rotate_secret(endpoint=endpoint, by=None, at=AT)
    sources.revoke_secret(endpoint=endpoint, slot=2, by=None, at=LATER)
    again = sources.rotate_secret(endpoint=endpoint, by=None, at=LATER)
    assert live(endpoint) == {1: (first, AT + timedelta(hours=24)), 2: (again, None)}


def test_an_endpoint_is_switched_off_once(revops: User) -> None:
    endpoint, _ = add(create())
    assert sources.deactivate_endpoint(endpoint=endpoint, by=revops, at=LATER).is_active is False
    with pytest.raises(EndpointInactive):
        sources.deactivate_endpoint(endpoint=endpoint, by=revops, at=LATER)
    with pytest.raises(EndpointInactive):
        sources.rotate_secret(endpoint=endpoint, by=revops, at=LATER)


ACTS: list[Callable[[Source, Endpoint, User], object]] = [
    lambda source, endpoint, by: create(key="other", by=by),
    lambda source, endpoint, by: sources.update_mapping(source=source, mapping={}, by=by, at=AT),
    lambda source, endpoint, by: add(source, by=by),
    lambda source, endpoint, by: sources.rotate_secret(endpoint=endpoint, by=by, at=AT),
    lambda source, endpoint, by: sources.revoke_secret(endpoint=endpoint, slot=1, by=by, at=AT),
    lambda source, endpoint, by: sources.deactivate_endpoint(endpoint=endpoint, by=by, at=AT),
]


@pytest.mark.parametrize("role", [role for role in Role if role != Role.REVOPS])
def test_nobody_but_revops_sets_up_sources(role: Role) -> None:
    person = User.objects.create_user("p@example.com", name="P", role=role)
    source = create()
    endpoint, secret = add(source)
    for act in ACTS:
        with pytest.raises(OnlyRevOps):
            act(source, endpoint, person)
    endpoint.refresh_from_db()
    assert endpoint.is_active
    assert live(endpoint) == {1: (secret, None)}
    assert Endpoint.objects.count() == Source.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_two_rotations_at_once_leave_two_secrets() -> None:
    endpoint, _ = add(create())

    def rotate(_: int) -> str:
        try:
            sources.rotate_secret(endpoint=endpoint, by=None, at=LATER)
        except AlreadyRotating:
            return "refused"
        finally:
            connection.close()
        return "rotated"

    with ThreadPoolExecutor(4) as pool:
        assert sorted(pool.map(rotate, range(4))) == ["refused"] * 3 + ["rotated"]
    assert endpoint.secrets.count() == 2
