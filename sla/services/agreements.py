"""What runs before the first SLA is signed: terms that RevOps enters, unsigned and marked so.

Versions are evidence: none is ever changed. Once a signed one is there, only signatures bring the next
(sla.services.signed).
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db import connection, transaction

from alignment.business_time import BusinessCalendar, NoOpenTime
from alignment.models import Artifact, ArtifactVersion, Calendar, Team, User, VersionState
from alignment.queries.calendars import compiled
from alignment.services.authority import require_revops
from sla.content import KEY, KIND
from sla.models import Agreement
from sla.terms import InvalidTerms, Terms

_LOCK = 0x51A  # any number, as long as only this module uses it


class StartsInThePast(ValueError):
    """What has started is judged by the version of that time; a new version cannot reach back."""


class StartTaken(ValueError):
    """Another version starts at this very instant."""


class ClosedByTheSla(ValueError):
    """No working terms are taken; the message says what to do instead."""


class SignedIsThere(ClosedByTheSla):
    """Terms come in force by signature only, once the first SLA is signed."""


class AwaitsSignatures(ClosedByTheSla):
    """The number of an SLA that was sent is fixed; terms entered now would take it."""


class EnteredMeanwhile(ValueError):
    """Somebody entered a version after the one that this one was written to follow."""


@transaction.atomic
def put_in_force(
    *,
    terms: Mapping[str, Any],
    in_force_from: datetime,
    note: str = "",
    follows: int | None = None,
    by: User | None,
    at: datetime,
) -> Agreement:
    """The next unsigned version, which judges every MQL cycle that starts from `in_force_from` on.

    A version that was still to begin at or after that instant is passed over. The very first version may
    reach back, so that imported history has an agreement to be measured by. `follows`: the number of the last
    version its author knew (0: none), so that nothing entered meanwhile is overruled unread.
    Raises OnlyRevOps, SignedIsThere, AwaitsSignatures, InvalidTerms, StartsInThePast, StartTaken or EnteredMeanwhile.
    """
    require_revops(by, "Agreements")
    # nobody sends an SLA meanwhile; signing, too, takes this lock before the other
    Artifact.objects.select_for_update(no_key=True).filter(kind=KIND, key=KEY).first()
    queue_up()
    require_open_to_working_terms()
    last = Agreement.objects.order_by("-number").first()
    if follows is not None and follows != (last.number if last else 0):
        raise EnteredMeanwhile(
            f"Version {last.number if last else 0} was entered since this page was opened. Read it, then send this "
            "again if it still holds: the newer one counts."
        )
    check(terms=terms, in_force_from=in_force_from, at=at)
    entered = Agreement.objects.create(
        number=last.number + 1 if last else 1,
        terms=dict(terms),
        in_force_from=in_force_from,
        note=note[:200],
        entered_at=at,
        entered_by=by,
    )
    _renumber_draft(entered)
    return entered


def _renumber_draft(entered: Agreement) -> None:
    """A draft of the SLA that was begun before comes after this one: an agreement bears the number of its document."""
    drafts = ArtifactVersion.objects.of(KIND, KEY).filter(state=VersionState.DRAFT)
    drafts.filter(number__lte=entered.number).update(number=entered.number + 1)


def require_open_to_working_terms() -> None:
    """Raises SignedIsThere once the first SLA is signed, AwaitsSignatures while it waits for that."""
    if Agreement.objects.filter(is_signed=True).exists():
        raise SignedIsThere(
            "A signed SLA is there: its terms change by an amendment that both leaders sign, and by nothing else."
        )
    sent = ArtifactVersion.objects.of(KIND, KEY).sent().first()
    if sent is not None:
        raise AwaitsSignatures(
            f"Version {sent.number} of the SLA waits for its signatures, and brings its own terms. To change the "
            "working terms before that, withdraw it first; it can be begun again with its content."
        )


def check(*, terms: Mapping[str, Any], in_force_from: datetime, at: datetime) -> Terms:
    """The terms read, if a version with them could be entered; nothing is changed.

    Raises InvalidTerms, StartsInThePast or StartTaken.
    """
    parsed = require_usable(terms, at=at)
    if in_force_from < at and Agreement.objects.exists():
        raise StartsInThePast(
            "A version begins now or later: what has started stays under the version it started with."
        )
    if Agreement.objects.filter(in_force_from=in_force_from).exists():
        raise StartTaken("Another version begins at this very instant; choose another time.")
    return parsed


def require_usable(terms: Mapping[str, Any], *, at: datetime) -> Terms:
    """The terms read: calendars and teams are there, and every window ends in time. Raises InvalidTerms."""
    parsed = Terms.from_json(terms)
    _require_known(parsed)
    _require_reachable(parsed, at=at)
    return parsed


def _require_known(terms: Terms) -> None:
    wanted = {terms.default_calendar, *terms.team_calendars.values()}
    if missing := wanted - set(Calendar.objects.filter(pk__in=wanted).values_list("pk", flat=True)):
        raise InvalidTerms(f"calendars: there is no calendar {', '.join(map(str, sorted(missing)))}.")
    teams = set(terms.team_calendars)
    if missing := teams - set(Team.objects.filter(pk__in=teams).values_list("pk", flat=True)):
        raise InvalidTerms(f"calendars: there is no team {', '.join(map(str, sorted(missing)))}.")


def _require_reachable(terms: Terms, *, at: datetime) -> None:
    """Every window must end within the calendars' horizon, or no MQL could be given a due time."""
    windows = [("cadence: gap", terms.attempt_gap)]
    for number, tier in enumerate(terms.tiers, start=1):
        windows.append((f"tier {number}: follow_up_within", tier.follow_up_within))
        windows.append((f"tier {number}: disposition_within", tier.disposition_within))
    for where, window in windows:
        for known in compiled({terms.default_calendar, *terms.team_calendars.values()}).values():
            calendar = known.calendar if window.is_business else BusinessCalendar.always_open()
            try:
                calendar.add(at, window.seconds)
            except NoOpenTime as problem:
                raise InvalidTerms(
                    f"{where}: {window} is more open time than {known.versions[0].calendar} has in two years; "
                    "write less."
                ) from problem


def queue_up() -> None:
    """One writer at a time until the transaction ends: versions are numbered without gaps."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_LOCK])
