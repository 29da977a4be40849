"""Logins and the people who own leads. Every change is in the history with who, when and why."""

from __future__ import annotations

from datetime import datetime

from allauth.mfa.models import Authenticator
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction

from alignment.intake.ids import one_form
from alignment.models import (
    Function,
    Lead,
    Opportunity,
    Person,
    PersonIdentity,
    Role,
    Source,
    Team,
    Touch,
    User,
)
from alignment.pipeline import refold_leads
from alignment.services.authority import require_revops
from alignment.services.history import save_with_history
from alignment.services.tokens import revoke_tokens_of

_REFOLD_BATCH = 500
FUNCTION_OF_ROLE = {
    Role.REVOPS: Function.REVOPS,
    Role.CRO: Function.SALES,
    Role.CMO: Function.MARKETING,
    Role.SALES_MANAGER: Function.SALES,
    Role.REP: Function.SALES,
    Role.MARKETING: Function.MARKETING,
    Role.FINANCE: Function.FINANCE,
}


class EmailTaken(Exception):
    """Another login has this e-mail address."""


class PersonHasLogin(Exception):
    """This person has a login already; one person has one role."""


class LoginHasPerson(Exception):
    """This login belongs to a person already."""


class LastRevOps(Exception):
    """Without a login of RevOps nobody could set anything up again."""


class OwnSecondFactor(Exception):
    """One's own second factor is switched off with a code of it, not by an act on a page."""


class NoSecondFactor(Exception):
    """This login has no second factor."""


class IdentityTaken(Exception):
    """The source's id belongs to somebody else; merge the two people if they are one."""


class CannotMerge(ValueError):
    """Only somebody whom a CRM named, and nobody set up, is merged into another person."""


@transaction.atomic
def create_user(
    *,
    email: str,
    name: str,
    role: Role | str,
    password: str | None = None,
    title: str = "",
    zone: str = "",
    team: Team | None = None,
    person: Person | None = None,
    may_open_admin: bool = False,
    reason: str = "login made",
    by: User | None,
    at: datetime,
) -> User:
    """A login with its one role; without a password it is opened by single sign-on or a reset link.

    `person` is who the login belongs to among those who own leads; without one, and with a team, a person is
    made in that team. A sales manager with a team manages it.
    Raises OnlyRevOps, EmailTaken, PersonHasLogin, or ValidationError (role, zone, e-mail, weak password).
    """
    require_revops(by, "Logins")
    user = User(
        email=User.objects.normalize_email(email).strip().lower(),
        name=name.strip(),
        role=role,
        title=title,
        zone=zone,
        is_staff=may_open_admin,
        is_superuser=may_open_admin,
    )
    user.clean_fields(exclude=["password"])
    if password is not None:
        validate_password(password, user)
    user.set_password(password)
    if person is not None:
        person = _lock(person)
        if person.user_id is not None:
            raise PersonHasLogin(f"{person} has a login already.")
    try:
        with transaction.atomic():
            save_with_history(user, reason=reason, by=by, at=at)
    except IntegrityError as problem:
        raise EmailTaken(f"There is a login for {user.email} already.") from problem
    if person is None and team is not None:
        function = FUNCTION_OF_ROLE.get(Role(role), Function.UNKNOWN)
        person = Person(name=user.name, email=user.email, function=function, team=team)
    if person is not None:
        person.user, person.named_from = user, ""
        person.team = team or person.team
        save_with_history(person, reason=reason, by=by, at=at)
    if team is not None and role == Role.SALES_MANAGER:
        team.managers.add(user)
    return user


@transaction.atomic
def deactivate_user(*, user: User, reason: str = "left", by: User | None, at: datetime) -> User:
    """Shut a login for good or for a while: its very next request is refused, its person gets no more leads, and
    its tokens end, also for the time when it is opened again.

    Raises OnlyRevOps, or LastRevOps for the last login that could undo it.
    """
    require_revops(by, "Logins")
    if user.role == Role.REVOPS:
        team = User.objects.filter(role=Role.REVOPS, is_active=True).order_by("pk")
        if {revops.pk for revops in team.select_for_update(of=("self",), no_key=True)} <= {user.pk}:
            raise LastRevOps(f"{user} is the last login of RevOps; make another one first.")
    shut = _set_active(user, False, reason=reason, by=by, at=at)
    revoke_tokens_of(shut, reason=f"login switched off: {reason}"[:100], by=by, at=at)
    return shut


@transaction.atomic
def reactivate_user(*, user: User, reason: str = "back", by: User | None, at: datetime) -> User:
    """Open a login again, and make its person eligible for leads; its tokens stay ended. Raises OnlyRevOps."""
    require_revops(by, "Logins")
    return _set_active(user, True, reason=reason, by=by, at=at)


@transaction.atomic
def reset_second_factor(
    *, user: User, reason: str = "second factor reset", by: User | None, at: datetime
) -> User:
    """Take the second factor and its recovery codes off a login whose owner lost them; the password lets in.

    Raises OnlyRevOps, OwnSecondFactor, or NoSecondFactor.
    """
    require_revops(by, "Logins")
    if by is not None and by.pk == user.pk:
        raise OwnSecondFactor("Switch your own second factor off under your account.")
    user = User.objects.select_for_update(of=("self",), no_key=True).get(pk=user.pk)
    if not Authenticator.objects.filter(user=user).delete()[0]:
        raise NoSecondFactor(f"{user} has no second factor.")
    save_with_history(user, reason=reason, by=by, at=at)
    return user


@transaction.atomic
def link_login(
    *,
    user: User,
    person: Person | None = None,
    team: Team | None = None,
    reason: str = "login linked",
    by: User | None,
    at: datetime,
) -> Person:
    """Say who of those who own leads a login without one belongs to; with no `person` one is made in `team`.

    A sales manager manages the team given. Raises OnlyRevOps, LoginHasPerson, PersonHasLogin, or ValueError
    for neither person nor team.
    """
    require_revops(by, "Logins")
    user = User.objects.select_for_update(of=("self",)).get(pk=user.pk)
    if Person.objects.filter(user=user).exists():
        raise LoginHasPerson(f"{user.name} belongs to somebody already.")
    if person is None and team is None:
        raise ValueError("Either a person or a team is needed.")
    if person is None:
        function = FUNCTION_OF_ROLE.get(Role(user.role), Function.UNKNOWN)
        person = Person(name=user.name, email=user.email, function=function)
    else:
        person = _lock(person)
        if person.user_id is not None:
            raise PersonHasLogin(f"{person} has a login already.")
    person.user, person.named_from = user, ""
    person.team = team or person.team
    if team is not None and user.role == Role.SALES_MANAGER:
        team.managers.add(user)
    save_with_history(person, reason=reason, by=by, at=at)
    return person


def create_person(
    *,
    name: str,
    email: str = "",
    function: Function | str = Function.SALES,
    team: Team | None = None,
    reason: str = "person added",
    by: User | None,
    at: datetime,
) -> Person:
    """Somebody who can own leads, with or without a login. Raises OnlyRevOps or ValidationError."""
    require_revops(by, "People")
    person = Person(name=name.strip(), email=email.strip().lower(), function=function, team=team)
    person.clean_fields()
    save_with_history(person, reason=reason, by=by, at=at)
    return person


@transaction.atomic
def link_identity(
    *, source: Source, external_id: str, person: Person, reason: str = "", by: User | None, at: datetime
) -> PersonIdentity:
    """Say that a source's id names this person. Saying it twice changes nothing.

    Raises OnlyRevOps, ValidationError for an empty id, or IdentityTaken.
    """
    require_revops(by, "People")
    external_id = one_form(external_id.strip())
    if not external_id:
        raise ValidationError({"external_id": "Write the id by which the source names the person."})
    person = _lock(person)
    identity, is_new = PersonIdentity.objects.get_or_create(
        source=source, external_id=external_id, defaults={"person": person}
    )
    if identity.person_id != person.pk:
        raise IdentityTaken(
            f"In {source} “{external_id}” is {identity.person}. Merge the two if they are one person."
        )
    if is_new:
        save_with_history(person, reason=reason or f"is {external_id} in {source}", by=by, at=at)
    return identity


@transaction.atomic
def merge_people(*, stub: Person, into: Person, reason: str = "", by: User | None, at: datetime) -> Person:
    """Two people are one: `stub`, found by a CRM, gives its identities and its leads to `into`, and retires.

    What it owns is folded again, so owners and running clocks follow; stamped breaches and the ledger of
    assignments keep the name under which they were written.
    Raises OnlyRevOps, or CannotMerge if the stub has a login or is the same person, or the other has left.
    """
    require_revops(by, "People")
    locked = {
        person.pk: person
        for person in Person.objects.select_for_update(of=("self",), no_key=True)
        .filter(pk__in=[stub.pk, into.pk])
        .order_by("pk")
    }
    stub, into = locked[stub.pk], locked[into.pk]
    if stub.pk == into.pk or stub.user_id is not None:
        raise CannotMerge(f"{stub} is set up here; only somebody whom a CRM named is merged into another.")
    if not into.is_active:
        raise CannotMerge(f"{into} is no longer active; choose who owns the leads now.")
    by_owner = (Lead.objects.filter(crm_owner=stub), Lead.objects.filter(cycles__owner=stub))
    keys = sorted({key for leads in by_owner for key in leads.values_list("source_id", "external_id")})
    stub.identities.update(person=into)
    stub.is_active, stub.merged_into = False, into
    save_with_history(stub, reason=reason or f"merged into {into}", by=by, at=at)
    stub.merged.update(merged_into=into)
    into.named_from = ""
    Touch.objects.filter(person=stub).update(person=into)
    Opportunity.objects.filter(owner=stub).update(owner=into)
    for start in range(0, len(keys), _REFOLD_BATCH):
        refold_leads(set(keys[start : start + _REFOLD_BATCH]), at=at, reason=f"{stub} is {into}")
    save_with_history(into, reason=reason or f"took over {stub}", by=by, at=at)
    return into


def _lock(person: Person) -> Person:
    return Person.objects.select_for_update(of=("self",), no_key=True).get(pk=person.pk)


def _set_active(user: User, is_active: bool, *, reason: str, by: User | None, at: datetime) -> User:
    user = User.objects.select_for_update(of=("self",), no_key=True).get(pk=user.pk)
    user.is_active = is_active
    save_with_history(user, reason=reason, by=by, at=at)
    person = Person.objects.select_for_update(of=("self",), no_key=True).filter(user=user).first()
    if person is not None:
        person.is_active = is_active
        save_with_history(person, reason=reason, by=by, at=at)
    return user
