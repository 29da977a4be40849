"""A delivery's raw body to events and problems. One bad event stops no other."""

from __future__ import annotations

import logging

from alignment.intake import espocrm, standard
from alignment.intake.drafts import Event, Problem, Unreadable
from alignment.intake.fields import BadField
from alignment.intake.limits import BadJson, load_json
from alignment.intake.mapping import InvalidMapping, Mapping
from alignment.models import Delivery

log = logging.getLogger(__name__)


def parse_delivery(delivery: Delivery) -> tuple[list[Event], list[Problem]]:
    """All events of a delivery whose `source` and `endpoint` are loaded, and what could not be read.

    Reads nothing and writes nothing; the same body under the same mapping gives the same facts.
    """
    pk = delivery.pk
    if delivery.body is None:
        return [], [
            Problem(pk, -1, "body_expired", "The body was removed by retention; it cannot be replayed.")
        ]
    source = delivery.source
    try:
        mapping = Mapping.of(source.kind, source.mapping, source.zone)
        document = load_json(bytes(delivery.body))
    except BadJson as problem:
        return [], [Problem(pk, -1, problem.code, str(problem)[:500])]
    except InvalidMapping as problem:
        return [], [Problem(pk, -1, "bad_mapping", f"The source's mapping cannot be used: {problem}"[:500])]
    items = standard.split(document)
    events: list[Event] = []
    problems: list[Problem] = []
    for position, item in enumerate(items):
        try:
            if source.kind == "espocrm":
                events.append(espocrm.parse(delivery, position, item, mapping, delivery.endpoint.event))
            else:
                events.append(standard.parse(delivery, position, item, mapping, isinstance(document, list)))
        except Unreadable as problem:
            problems.append(Problem(pk, position, problem.code, str(problem)[:500]))
        except BadField as problem:
            problems.append(Problem(pk, position, "bad_field", str(problem)[:500]))
        except Exception as problem:
            # whatever a sender thinks up, one event must not stop the inbox
            log.warning("event could not be read", extra={"delivery": pk, "problem": type(problem).__name__})
            found = f"The event has a form that was not foreseen ({type(problem).__name__})."
            problems.append(Problem(pk, position, "cannot_read", found))
    return events, problems
