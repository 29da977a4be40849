"""Events that come by the REST API: stored as a delivery like any other, and applied by the same drain."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction

from alignment.intake.endpoints import OpenEndpoint
from alignment.intake.store import store
from alignment.models import Delivery, Endpoint, Scheme, Source, User
from alignment.services.authority import require_revops


class SourceClosed(Exception):
    """The source, or its door for the API, is switched off."""


class OtherEventTypes(Exception):
    """What this source sends is read by another grammar than that of our own event types."""


class AnotherBody(Exception):
    """Under this key other events came before."""


@transaction.atomic
def send_events(*, source: Source, body: bytes, key: str, by: User, at: datetime) -> Delivery:
    """Keep `body`, a JSON array of our event types, as one delivery; durable once the transaction commits.

    The same `key` of the same login names one delivery for ever: sent again, it is the one that came first.
    Raises OnlyRevOps, SourceClosed, OtherEventTypes or AnotherBody.
    """
    require_revops(by, "Events of a source")
    if source.kind == "espocrm":
        raise OtherEventTypes(f"{source} is read as EspoCRM's webhooks; send to a source of another kind.")
    endpoint = _door(source, at=at)
    if not (source.is_active and endpoint.is_active):
        raise SourceClosed(f"{source} takes no events at present.")
    door = OpenEndpoint(endpoint.pk, source.pk, endpoint.scheme, "", "", ())
    external_id = f"api:{by.pk}:{key}"
    if store(door, external_id, body) == "conflict":
        raise AnotherBody("Other events came under this key before; make a new key for every delivery.")
    return Delivery.objects.defer("body").get(source=source, external_id=external_id)


def _door(source: Source, *, at: datetime) -> Endpoint:
    """The endpoint that stands for the API; made by the first delivery that comes this way."""
    locked = Source.objects.select_for_update(of=("self",), no_key=True).get(pk=source.pk)
    found = locked.endpoints.filter(scheme=Scheme.API_TOKEN).first()
    return found or Endpoint.objects.create(source=locked, scheme=Scheme.API_TOKEN, created_at=at)
