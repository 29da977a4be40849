"""Setting a survey up, and the launch: from then on nothing that respondents are told can change."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping
from datetime import date, datetime, time, timedelta

from django.db import IntegrityError, transaction

from alignment.models import Organisation, Program, User
from alignment.services.authority import require_revops
from scorecard.models import Survey, SurveyChannel, SurveyInvitee, SurveyState
from scorecard.queries.survey import FUNCTIONS, candidates
from scorecard.services.survey.printing import PrintedLinks, make_links
from scorecard.services.survey.refusals import (
    AlreadyLaunched,
    AlreadyPublished,
    SurveyRefused,
    TooFewInvited,
    locked,
)
from scorecard.survey import box, mail

MOST_INVITED = 2000
LONGEST_DAYS = 60


@transaction.atomic
def save_draft(
    *,
    program: Program,
    channel: SurveyChannel | str,
    minimum: int,
    closes_on: date,
    people: Collection[str] = (),
    counts: Mapping[str, int] | None = None,
    by: User | None,
    at: datetime,
) -> Survey:
    """Make the program's draft, or change it. `people`: keys of candidates (by e-mail); `counts`: {function: links}
    (printed). Raises AlreadyPublished, AlreadyLaunched, SurveyRefused."""
    require_revops(by, "Surveys")
    survey = Survey.objects.select_for_update(of=("self",)).filter(
        state__in=["draft", "inviting", "open"]
    ).first() or Survey(program=program)
    if survey.state != SurveyState.DRAFT:
        raise AlreadyLaunched("A survey runs. Its settings were told to everybody who was invited.")
    _require_unpublished(program)
    known = {found.key: found for found in candidates()} if channel == SurveyChannel.MAIL else {}
    chosen = [known[key] for key in sorted(set(people)) if key in known]
    invited = (
        Counter(found.function for found in chosen)
        if channel == SurveyChannel.MAIL
        else {function: count for function, count in (counts or {}).items() if count}
    )
    if sum(invited.values()) > MOST_INVITED:
        raise SurveyRefused(f"A survey invites {MOST_INVITED} people at most.")
    zone = Organisation.get().tz
    survey.program, survey.channel, survey.minimum = program, SurveyChannel(channel), minimum
    survey.closes_on = closes_on
    survey.closes_at = datetime.combine(closes_on + timedelta(days=1), time(), zone)
    survey.invited = {str(function): invited[function] for function in FUNCTIONS if invited.get(function)}
    try:
        with transaction.atomic():
            survey.save()
    except IntegrityError:
        raise AlreadyLaunched("Somebody began another survey at the same time. Look at it first.") from None
    survey.invitees.all().delete()
    SurveyInvitee.objects.bulk_create(
        SurveyInvitee(
            survey=survey,
            person_id=int(found.key[1:]) if found.key[0] == "p" else None,
            user_id=int(found.key[1:]) if found.key[0] == "u" else None,
            function=found.function,
        )
        for found in chosen
    )
    return survey


@transaction.atomic
def launch(*, survey: Survey, by: User | None, at: datetime) -> list[PrintedLinks]:
    """Begin: the mails go out by the next sweep; printed links are returned, this once, and the survey is open.

    Raises AlreadyLaunched, TooFewInvited, MailIsWritten, BoxBusy, SurveyRefused.
    """
    require_revops(by, "Surveys")
    survey = locked(survey)
    if survey.state != SurveyState.DRAFT:
        raise AlreadyLaunched("The survey was launched already.")
    _require_unpublished(survey.program)
    total = survey.invited_total
    if total < survey.minimum:
        raise TooFewInvited(
            f"{total} {'is' if total == 1 else 'are'} invited, and results need {survey.minimum} answers at least. "
            "Invite more people."
        )
    days = (survey.closes_at - at).days
    if survey.closes_at <= at or days > LONGEST_DAYS:
        raise SurveyRefused(f"The last day has to lie ahead, within {LONGEST_DAYS} days. Choose another one.")
    if survey.channel == SurveyChannel.MAIL:
        mail.require_private_mail()
    box.prepare()
    survey.groups = groups_of(survey.invited, survey.minimum)
    survey.launched_at, survey.launched_by = at, by
    survey.state = SurveyState.INVITING
    if survey.channel == SurveyChannel.PRINTED:
        survey.state, survey.opened_at = SurveyState.OPEN, at
    survey.save()
    return make_links(survey) if survey.channel == SurveyChannel.PRINTED else []


def groups_of(invited: Mapping[str, int], minimum: int) -> list[str]:
    """The functions that answers may carry: themselves and all others together invite the minimum."""
    total = sum(invited.values())
    return [function for function, count in invited.items() if count >= minimum and total - count >= minimum]


def _require_unpublished(program: Program) -> None:
    if Survey.objects.filter(program=program, is_released=True).exists():
        raise AlreadyPublished(
            f"{program} has its survey results, and a program has one release. The next survey belongs to the next "
            "program."
        )
