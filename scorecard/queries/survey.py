"""Reading the trust survey: its results once they are out, whom it could invite, and how far it is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from alignment.models import Function, Person, Program, Role, User
from scorecard.models import (
    LIVE,
    InviteeState,
    Survey,
    SurveyChannel,
    SurveyInvitee,
    SurveyRelease,
    SurveyState,
)
from scorecard.survey import box
from scorecard.survey.figures import Figure

FUNCTIONS = (Function.SALES, Function.MARKETING, Function.REVOPS, Function.FINANCE)
_FUNCTION_OF_ROLE = {
    Role.REVOPS: Function.REVOPS,
    Role.CRO: Function.SALES,
    Role.SALES_MANAGER: Function.SALES,
    Role.REP: Function.SALES,
    Role.CMO: Function.MARKETING,
    Role.MARKETING: Function.MARKETING,
    Role.FINANCE: Function.FINANCE,
}


@dataclass(frozen=True)
class ByFunction:
    """One function's results. A question that may not be shown by function is not in `figures`."""

    function: str
    count: int
    figures: dict[str, Figure]
    overall: int | None

    @property
    def label(self) -> str:
        return str(Function(self.function).label)


@dataclass(frozen=True)
class Published:
    """Results of a closed survey, as frozen at its close. Scores are tenths from 10 to 50.

    Below the minimum `count` and `overall` are None and there are no figures.
    """

    survey: int
    closed_at: datetime
    minimum: int
    invited: int
    count: int | None
    overall: int | None
    figures: dict[str, Figure]
    functions: tuple[ByFunction, ...]

    @property
    def is_about(self) -> bool:
        """Whether `overall` counts a band by its middle."""
        return any(figure.band for figure in self.figures.values())


def published(program: Program) -> Published | None:
    """The results of a program's survey; None while there is none with answers enough."""
    release = (
        SurveyRelease.objects.filter(survey__program=program, survey__is_released=True)
        .select_related("survey")
        .first()
    )
    return read_release(release) if release else None


def read_release(release: SurveyRelease) -> Published:
    content: Mapping[str, Any] = release.content
    return Published(
        survey=release.survey_id,
        closed_at=release.released_at,
        minimum=content["minimum"],
        invited=content["invited"],
        count=content["count"],
        overall=content["overall"],
        figures=_figures(content["questions"]),
        functions=tuple(
            ByFunction(function, found["count"], _figures(found["questions"]), found["overall"])
            for function, found in content["functions"].items()
        ),
    )


def _figures(given: Mapping[str, Any]) -> dict[str, Figure]:
    return {key: Figure.from_json(figure) for key, figure in given.items()}


def latest(program: Program) -> Survey | None:
    """The program's newest survey that was not withdrawn."""
    return program.surveys.exclude(state=SurveyState.WITHDRAWN).order_by("-pk").first()


def live() -> Survey | None:
    """The survey that invites or takes answers now."""
    return Survey.objects.filter(state__in=LIVE).first()


@dataclass(frozen=True)
class Progress:
    """What RevOps sees of a running survey: how mails went, and whether answers are enough; never how many."""

    invited: int
    waiting: int
    failed: tuple[str, ...]
    is_enough: bool
    is_untouched: bool


def number_invited(survey: Survey) -> int:
    """How many links were given out: mails that the server took, or links printed."""
    if survey.channel == SurveyChannel.PRINTED:
        return survey.invited_total
    return SurveyInvitee.objects.filter(survey=survey, state=InviteeState.INVITED).count()


def progress(survey: Survey) -> Progress:
    invitees = list(SurveyInvitee.objects.filter(survey=survey).select_related("person", "user"))
    states = [invitee.state for invitee in invitees]
    return Progress(
        invited=number_invited(survey),
        waiting=states.count(InviteeState.WAITING),
        failed=tuple(
            str(invitee.person or invitee.user)
            for invitee in invitees
            if invitee.state == InviteeState.FAILED
        ),
        is_enough=box.has_at_least(survey.minimum),
        is_untouched=box.is_untouched(),
    )


@dataclass(frozen=True)
class Candidate:
    """Somebody who could be invited. `key`: p and the number of a person, or u and that of a login."""

    key: str
    name: str
    address: str
    function: str


def candidates() -> list[Candidate]:
    """People and logins with an address, each address once, by function and name."""
    found: dict[str, Candidate] = {}
    people = Person.objects.filter(is_active=True, merged_into=None).select_related("user")
    for person in people:
        user = person.user
        address = person.email or (user.email if user else "")
        function = person.function
        if function == Function.UNKNOWN and user:
            function = _FUNCTION_OF_ROLE.get(Role(user.role), Function.UNKNOWN)
        if address and function != Function.UNKNOWN and (user is None or user.is_active):
            found.setdefault(
                address.lower(), Candidate(f"p{person.pk}", person.name, address.lower(), function)
            )
    for user in User.objects.filter(is_active=True, person=None).exclude(role=Role.BOARD_VIEWER):
        function = _FUNCTION_OF_ROLE[Role(user.role)]
        found.setdefault(
            user.email.lower(), Candidate(f"u{user.pk}", str(user), user.email.lower(), function)
        )
    order = {function: place for place, function in enumerate(FUNCTIONS)}
    return sorted(
        found.values(), key=lambda found: (order[Function(found.function)], found.name, found.address)
    )
