"""What waits for a login to do, and what it should know though others do it."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from django.db.models import Count, Exists, OuterRef, QuerySet, Subquery
from django.utils import timezone

from alignment.access import Scope
from alignment.artifacts.kinds import kind_named
from alignment.models import (
    ArtifactVersion,
    DeadEvent,
    Delivery,
    Destination,
    Endpoint,
    Function,
    OutgoingMessage,
    Person,
    Role,
    Scheme,
    Source,
    User,
)
from alignment.queries import inbox, outbox
from alignment.queries.artifact_pages import title_of
from alignment.queries.artifact_ripples import refused_without_successor, to_renew
from alignment.queries.artifacts import waiting_for
from alignment.queries.erasure import unrecognised
from alignment.queries.identity import urgent_pairs
from alignment.queries.renditions import title_of as named
from alignment.services.artifacts.telling import address_of
from alignment.wording import relative
from dashboard.queries.need import Need
from dashboard.queries.sla_needs import adoption, no_agreement, review_near, unsigned
from handoff.models import Leave
from handoff.queries import cycles, routing
from scorecard.queries.answers import waiting_nominations
from sla.models import Clock, ClockKind, Outcome
from sla.queries.arbitration import to_rule

SILENT_AFTER = timedelta(hours=24)
INBOX_WAITS_AFTER = timedelta(minutes=1)
WRITE_BACK_WAITS_AFTER = timedelta(hours=1)
AWAY_SHOWN = 5
SOURCES_SHOWN = 5
DOCUMENTS_SHOWN = 5


def needs(user: User, scope: Scope, *, at: datetime) -> list[Need]:
    """What this login can act on, the urgent first, then what it should know; empty when nothing waits."""
    found: list[Need] = []
    if user.has_role(Role.REP):
        found = _overdue(scope, at, "handoff:queue") + _due_today(scope, at) + _untagged(scope, at)
    elif user.has_role(Role.SALES_MANAGER):
        found = [
            *_overdue(scope, at, "handoff:cycles"),
            *_unassigned(scope, at),
            *_owner_away(scope, at),
            *_untagged(scope, at),
        ]
    elif user.has_role(Role.REVOPS):
        found = [
            *no_agreement(at=at),
            *_for_others(adoption()),
            *_documents(at),
            *review_near(at=at),
            *_for_others(unsigned(at=at)),
            *_unassigned(scope, at),
            *_overdue(scope, at, "handoff:cycles"),
            *_owner_away(scope, at),
            *_untagged(scope, at),
            *_duplicates(),
            *_erased(),
            *_intake(at),
            *_write_back(at),
            *_pools(at),
            *_unknown_people(),
        ]
    elif user.has_role(Role.CRO, Role.CMO):
        sla = no_agreement(at=at) + unsigned(at=at)
        found = review_near(at=at) + _for_others(sla + _unassigned(scope, at) + _untagged(scope, at))
        found += adoption() if user.has_role(Role.CRO) else _for_others(adoption())
    elif user.has_role(Role.MARKETING):
        found = _for_others(_unassigned(scope, at) + _untagged(scope, at))
    found = asked_of(user, at=at) + found
    return sorted(found, key=lambda need: (need.is_for_others, not need.is_urgent))


# --- what needs somebody --------------------------------------------------------------------------------


def _counted(code: str, found: QuerySet[Any], text: str, url_name: str, **more: Any) -> list[Need]:
    """A need for as many rows as there are; none for none."""
    count = found.count()
    return [Need(code, count, text, url_name, **more)] if count else []


def asked_of(user: User, *, at: datetime) -> list[Need]:
    """What this person was asked for by name or role, whatever else they do here."""
    return signatures(user, at=at) + rulings(user, at=at) + questions(user)


def before_data(user: User, *, at: datetime) -> list[Need]:
    """What waits before any record has come in: what this person was asked for, and for RevOps the documents."""
    return asked_of(user, at=at) + (_documents(at) if user.has_role(Role.REVOPS) else [])


def signatures(user: User, *, at: datetime) -> list[Need]:
    """Documents that this person may sign now, as holder of a role or as a delegate; the oldest is named."""
    waiting = waiting_for(user, at=at)
    if not waiting:
        return []
    more = " and others" if len(waiting) > 1 else ""
    text = f"waiting for your signature: {title_of(waiting[0].version)}{more}"
    return [Need("signatures", len(waiting), text, "alignment:artifacts", is_urgent=True)]


def rulings(user: User, *, at: datetime) -> list[Need]:
    """Disputes that this person may rule on now; an escalation owner those that were not ruled on in time."""
    waiting = to_rule(user, at=at)
    if not waiting:
        return []
    late = sum(dispute.rule_by < at for dispute in waiting)
    text = "disputes wait for your ruling" if len(waiting) > 1 else "dispute waits for your ruling"
    if late:
        text += f", {late} of them past the time for it" if len(waiting) > 1 else ", past the time for it"
    return [Need("rulings", len(waiting), text, "sla:disputes", is_urgent=True)]


def questions(user: User) -> list[Need]:
    """The blind questions, for whoever was named and has not handed in."""
    return [
        Need("questions", None, f"The blind questions wait for your answers for {function}", "scorecard:questions",
             is_urgent=True)
        for function in (one.get_function_display().lower() for one in waiting_nominations(user))
    ]  # fmt: skip


def _documents(at: datetime) -> list[Need]:
    """For who writes them: what lost what it rests on, and what was declined or revoked and not taken up since."""
    found = []
    for version in to_renew(at=at)[:DOCUMENTS_SHOWN]:
        begin = "Measure again" if version.artifact.kind == "scorecard" else "Renew"
        text = f"{begin}: {named(version)} rests on what is no longer in force"
        found.append(Need("renew", None, text, "", url=_where_to_write(version), is_urgent=True))
    for version in refused_without_successor()[:DOCUMENTS_SHOWN]:
        text = f"{named(version)} was {version.state}: read why, then write the next version"
        found.append(Need("declined", None, text, "", url=address_of(version)))
    return found


def _where_to_write(version: ArtifactVersion) -> str:
    return kind_named(version.artifact.kind).edit_url(version) or address_of(version)


def _overdue(scope: Scope, at: datetime, url_name: str) -> list[Need]:
    found = cycles.in_state("overdue", scope, at=at)
    query = "state=overdue" if url_name == "handoff:cycles" else ""
    return _counted("overdue", found, "overdue", url_name, query=query, is_urgent=True)


def _due_today(scope: Scope, at: datetime) -> list[Need]:
    """Due before the day ends in the zone in which this person reads times."""
    local = timezone.localtime(at)
    midnight = timezone.make_aware(
        datetime(local.year, local.month, local.day) + timedelta(days=1),  # noqa: DTZ001 - made aware here
    )
    due = (
        Clock.objects.filter(
            scope.q("cycle__owner"),
            outcome=Outcome.OPEN,
            met_at__isnull=True,
            due_at__gte=at,
            due_at__lt=midnight,
            cycle__voided_at__isnull=True,
            cycle__closed_at__isnull=True,
        )
        .exclude(kind=ClockKind.ASSIGN)
        .values("cycle")
        .distinct()
    )
    return _counted("due-today", due, "due before the day ends", "handoff:queue")


def _unassigned(scope: Scope, at: datetime) -> list[Need]:
    found = cycles.in_state("unassigned", scope, at=at)
    return _counted(
        "unassigned", found, "without an owner", "handoff:cycles", query="state=unassigned", is_urgent=True
    )


def _untagged(scope: Scope, at: datetime) -> list[Need]:
    found = cycles.in_state("untagged", scope, at=at)
    return _counted(
        "untagged", found, "closed without a complete disposition", "handoff:cycles", query="state=untagged"
    )


def _duplicates() -> list[Need]:
    text = "of two open MQLs that look like one person"
    return _counted("duplicates", urgent_pairs(), text, "handoff:duplicates", query="urgent=1")


def _erased() -> list[Need]:
    text = "erased and no longer recognised: a key is missing"
    return _counted("erased", unrecognised(), text, "alignment:erasure", is_urgent=True)


def _owner_away(scope: Scope, at: datetime) -> list[Need]:
    """Open MQLs whose owner is on leave: they stay there, with running clocks, until handed over."""
    leave = Leave.objects.filter(person=OuterRef("owner"), starts_at__lte=at, ends_at__gt=at)
    found = cycles.in_state("open", scope, at=at).filter(Exists(leave))
    owners = (
        found.values("owner", "owner__name").annotate(count=Count("pk")).order_by("-count", "owner__name")
    )
    rows = list(owners[: AWAY_SHOWN + 1])
    if len(rows) > AWAY_SHOWN:
        return _counted("away", found, "with an owner who is away", "handoff:pools")
    return [
        Need(
            "away",
            row["count"],
            f"with {row['owner__name']}, who is away",
            "handoff:queue",
            query=urlencode({"person": row["owner"]}),
        )
        for row in rows
    ]


def _for_others(found: list[Need]) -> list[Need]:
    return [replace(need, is_for_others=True) for need in found]


def _dead() -> list[Need]:
    """Of each source that has any, the events that could not be applied."""
    rows = (
        DeadEvent.objects.open()
        .values("delivery__source__key", "delivery__source__name")
        .annotate(count=Count("pk"))
        .order_by("-count", "delivery__source__name")
    )
    return [
        Need(
            "dead",
            row["count"],
            f"from {row['delivery__source__name']} that could not be applied",
            "alignment:source-dead",
            argument=row["delivery__source__key"],
            is_urgent=True,
        )
        for row in rows
    ]


def _intake(at: datetime) -> list[Need]:
    found = _dead()
    oldest = inbox.oldest_waiting()
    if oldest is not None and at - oldest > INBOX_WAITS_AFTER:
        text = f"The oldest delivery that waits in the inbox came {relative(oldest, now=at)}"
        found.append(Need("inbox-waits", None, text, "alignment:sources", is_urgent=True))
    if not Source.objects.filter(is_active=True).exists():
        return [
            *found,
            Need("no-source", None, "No source is connected", "alignment:sources", is_urgent=True),
        ]
    return [*found, *_silent(at)]


def _silent(at: datetime) -> list[Need]:
    """Endpoints that never delivered, or not for a day: of each source, so that it leads to their page."""
    last = Delivery.objects.filter(endpoint=OuterRef("pk")).order_by("-id").values("received_at")[:1]
    doors = Endpoint.objects.filter(is_active=True, source__is_active=True).exclude(scheme=Scheme.API_TOKEN)
    endpoints = doors.annotate(last=Subquery(last))
    return [
        *_by_source("never-heard", endpoints.filter(last__isnull=True), "that never delivered"),
        *_by_source("silent", endpoints.filter(last__lt=at - SILENT_AFTER), "silent for a day"),
    ]


def _by_source(code: str, endpoints: QuerySet[Endpoint], text: str) -> list[Need]:
    """A need for each source of these endpoints, or one that leads to the list where there are many."""
    rows = list(
        endpoints.order_by()
        .values_list("source__key", "source__name")
        .annotate(count=Count("pk"))
        .order_by("source__name", "source__key")
    )
    if len(rows) > SOURCES_SHOWN:
        return [Need(code, sum(row[2] for row in rows), text, "alignment:sources")]
    return [
        Need(code, count, f"of {name} {text}", "alignment:source", argument=key) for key, name, count in rows
    ]


def _write_back(at: datetime) -> list[Need]:
    """Decisions that do not reach their CRM: given up, paused, unsigned, or waiting for long."""
    messages = OutgoingMessage.objects.filter(destination__is_active=True).order_by()
    by_source = messages.values_list("destination__source__key", "destination__source__name")
    dead = by_source.filter(pk__in=OutgoingMessage.objects.dead().values("pk")).annotate(count=Count("pk"))
    found = [
        Need("not-written-back", count, f"not written back to {name}", "alignment:source-write-back",
             query="show=dead", argument=key, is_urgent=True)
        for key, name, count in dead
    ]  # fmt: skip
    paused = Destination.objects.paused().select_related("source").order_by("source__name")
    found += [
        Need("write-back-paused", None, f"Write-back to {row.source} is paused: {row.paused_reason}",
             "alignment:source-write-back", argument=row.source.key)
        for row in paused
    ]  # fmt: skip
    found += [
        Need("write-back-unsigned", None, f"Nothing is written back to {row.source}: {problem}",
             "alignment:source-write-back", argument=row.source.key, is_urgent=True)
        for row, problem in outbox.unsigned(at=at)
    ]  # fmt: skip
    late = by_source.filter(
        pk__in=OutgoingMessage.objects.pending().values("pk"),
        created_at__lt=at - WRITE_BACK_WAITS_AFTER,
        destination__paused_at__isnull=True,
    ).annotate(count=Count("pk"))
    return found + [
        Need("write-back-late", count, f"waiting for over an hour to be written back to {name}",
             "alignment:source-write-back", query="show=waiting", argument=key)
        for key, name, count in late
    ]  # fmt: skip


def _pools(at: datetime) -> list[Need]:
    if not Source.objects.filter(is_active=True, assigns=Source.Assigns.PRODUCT).exists():
        return []
    parts = routing.pool_parts(at=at)
    found = [
        Need("dead-end", None, f"{part.pool}: nobody is eligible and there is no fallback person",
             "handoff:pools", is_urgent=True)
        for part in routing.dead_ends(parts)
    ]  # fmt: skip
    if not any(not part.pool.segment for part in parts):
        text = "There is no default pool: leads of other segments get no owner"
        found.append(Need("no-default", None, text, "handoff:pools", is_urgent=True))
    return found


def _unknown_people() -> list[Need]:
    people = Person.objects.filter(
        is_active=True,
        user__isnull=True,
        team__isnull=True,
        function=Function.UNKNOWN,
        identities__isnull=False,
    ).distinct()
    return _counted("unknown-people", people, "named by a CRM and not set up", "alignment:people")
