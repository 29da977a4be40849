"""Setting up sources: connections, their mapping, their endpoints and the secrets of these.

Every change is kept in the source's history with who and why. Plain secrets are returned once, and are stored
encrypted.
"""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any, NamedTuple

from django.db import IntegrityError, transaction

from alignment.intake import endpoints, secrets
from alignment.intake.mapping import Mapping
from alignment.models import Endpoint, Scheme, Source, User
from alignment.services import live_secrets
from alignment.services.authority import require_revops
from alignment.services.history import save_with_history

_HEADER = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]{0,59}")


class SourceKeyTaken(Exception):
    """Another source has this key."""


class UnsuitableEndpoint(ValueError):
    """The endpoint lacks what its scheme needs."""


class EndpointInactive(Exception):
    """The endpoint is switched off."""


class NewEndpoint(NamedTuple):
    endpoint: Endpoint
    secret: str  # plain; there is no way to read it again


def create_source(
    *,
    key: str,
    name: str,
    kind: str,
    zone: str = "UTC",
    assigns: str = Source.Assigns.PRODUCT,
    mapping: dict[str, Any] | None = None,
    by: User | None,
    at: datetime,
) -> Source:
    """A new connection. `by` None stands for the product itself (set-up, demo).

    Raises OnlyRevOps, SourceKeyTaken, InvalidMapping, or ValidationError with the fields at fault.
    """
    require_revops(by, "Sources")
    source = Source(key=key, name=name, kind=kind, zone=zone, assigns=assigns, mapping=mapping or {})
    source.clean_fields()
    _check_mapping(source, source.mapping)
    try:
        with transaction.atomic():
            save_with_history(source, reason="connected", by=by, at=at)
    except IntegrityError as error:
        raise SourceKeyTaken(f"There is a source with the key “{key}”.") from error
    return source


def update_mapping(
    *, source: Source, mapping: dict[str, Any], reason: str = "", by: User | None, at: datetime
) -> Source:
    """Which field means what from the next drain on. Raises OnlyRevOps or InvalidMapping."""
    require_revops(by, "Sources")
    _check_mapping(source, mapping)
    with transaction.atomic():
        source = Source.objects.select_for_update(of=("self",)).get(pk=source.pk)
        source.mapping = mapping
        save_with_history(source, reason=reason or "mapping changed", by=by, at=at)
    return source


def add_endpoint(
    *,
    source: Source,
    scheme: str,
    event: str = "",
    webhook_id: str = "",
    header: str = "",
    secret: str | None = None,
    by: User | None,
    at: datetime,
) -> NewEndpoint:
    """A new secret address with its first secret: made here, or given where the CRM made it (EspoCRM).

    Raises OnlyRevOps, UnsuitableEndpoint or UnsuitableSecret.
    """
    require_revops(by, "Sources")
    if scheme not in Scheme.values:
        raise UnsuitableEndpoint(f"“{scheme}” is not a way to sign that this product knows.")
    if scheme == Scheme.SHARED_SECRET and not _HEADER.fullmatch(header):
        raise UnsuitableEndpoint("Name the header that carries the secret: letters, digits and hyphens.")
    if scheme == Scheme.ESPOCRM and not event:
        raise UnsuitableEndpoint("EspoCRM names the event only by the address: give it, as in Lead.update.")
    plain = _suitable(scheme, secret)
    endpoint = Endpoint(source=source, scheme=scheme, event=event, webhook_id=webhook_id, header=header)
    endpoint.created_at = at
    with transaction.atomic():
        source = Source.objects.select_for_update(of=("self",)).get(pk=source.pk)
        endpoint.clean_fields(exclude=["created_at"])
        endpoint.save(force_insert=True)
        live_secrets.store_first(endpoint, plain, at=at)
        save_with_history(
            source, reason=f"endpoint {endpoint.pk} added{f' for {event}' if event else ''}", by=by, at=at
        )
    return NewEndpoint(endpoint, plain)


def rotate_secret(*, endpoint: Endpoint, secret: str | None = None, by: User | None, at: datetime) -> str:
    """A second secret beside the first, which lives for 24 more hours; returns the new one, plain.

    Raises OnlyRevOps, EndpointInactive, AlreadyRotating or UnsuitableSecret.
    """
    require_revops(by, "Sources")
    plain = _suitable(endpoint.scheme, secret)
    with transaction.atomic():
        endpoint = _lock(endpoint)
        if not endpoint.is_active:
            raise EndpointInactive("This endpoint is switched off; add a new one.")
        live_secrets.rotate(endpoint, plain, at=at)
        _changed(endpoint, "secret rotated", by=by, at=at)
    return plain


def revoke_secret(*, endpoint: Endpoint, slot: int, by: User | None, at: datetime) -> None:
    """Ends one secret within seconds. After the last one the endpoint refuses everything until a rotation.

    Raises OnlyRevOps or NoSuchSecret.
    """
    require_revops(by, "Sources")
    with transaction.atomic():
        endpoint = _lock(endpoint)
        live_secrets.revoke(endpoint, slot=slot)
        _changed(endpoint, f"secret {slot} revoked", by=by, at=at)


def deactivate_endpoint(*, endpoint: Endpoint, by: User | None, at: datetime) -> Endpoint:
    """Refuses all that is sent to this address from now on; what came stays.

    Raises OnlyRevOps or EndpointInactive.
    """
    require_revops(by, "Sources")
    with transaction.atomic():
        endpoint = _lock(endpoint)
        if not endpoint.is_active:
            raise EndpointInactive("This endpoint is switched off already.")
        endpoint.is_active = False
        endpoint.save(update_fields=["is_active"])
        _changed(endpoint, "switched off", by=by, at=at)
    return endpoint


def _check_mapping(source: Source, mapping: dict[str, Any]) -> None:
    Mapping.of(source.kind, mapping, source.zone)


def _suitable(scheme: str, secret: str | None) -> str:
    if secret is None:
        return secrets.generate(scheme)
    secrets.check(scheme, secret)
    return secret


def _lock(endpoint: Endpoint) -> Endpoint:
    return Endpoint.objects.select_for_update(of=("self",)).select_related("source").get(pk=endpoint.pk)


def _changed(endpoint: Endpoint, reason: str, *, by: User | None, at: datetime) -> None:
    source = Source.objects.select_for_update(of=("self",)).get(pk=endpoint.source_id)
    save_with_history(source, reason=f"endpoint {endpoint.pk}: {reason}", by=by, at=at)
    transaction.on_commit(lambda: endpoints.forget(endpoint.address))
