"""People: who works here, and how each gets in."""

from __future__ import annotations

import secrets
from typing import Any

from allauth.account.forms import ResetPasswordForm
from django.contrib import messages
from django.core.exceptions import ValidationError
from django.forms import Form
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST

from alignment.access import roles, viewer
from alignment.asked import asked, posted
from alignment.forms.people import (
    TEMPORARY,
    IdentityForm,
    LinkLoginForm,
    LoginForm,
    MergeForm,
    NewPersonForm,
    PersonForm,
)
from alignment.models import Person, Role, User
from alignment.paging import NoSuchPage, by_name
from alignment.queries import people as queries
from alignment.services import people as services
from alignment.services.teams import change_person


@roles(Role.REVOPS)
def index(request: HttpRequest) -> HttpResponse:
    """Everybody with team, login and identities; teams; logins that own no leads."""
    which = asked(request, "show")
    search = asked(request, "q")
    which = which if which in queries.FILTERS else "active"
    try:
        page = by_name(queries.people(which, search), asked(request, "after"))
    except NoSuchPage as problem:
        raise Http404("No such page.") from problem
    return render(
        request,
        "alignment/people.html",
        {
            "rows": [queries.person_row(person) for person in page.rows],
            "page": page,
            "which": which,
            "search": search,
            "filters": queries.FILTERS,
            "teams": queries.teams(),
            "logins": queries.logins_without_person(),
            "found": queries.people("found").count(),
        },
    )


@never_cache
@roles(Role.REVOPS)
def create(request: HttpRequest) -> HttpResponse:
    """A person, with a login where a role is chosen."""
    user, now = viewer(request), timezone.now()
    form = NewPersonForm(request.POST or None)
    status = 200
    if request.method == "POST":
        status = 422
        if form.is_valid():
            given = form.cleaned_data
            password = _password(given["way_in"])
            try:
                if not given["role"]:
                    person = services.create_person(
                        name=given["name"], email=given["email"], team=given["team"], by=user, at=now
                    )
                    messages.success(request, f"{person} can own leads now.")
                    return redirect("alignment:person", pk=person.pk)
                login = services.create_user(
                    email=given["email"],
                    name=given["name"],
                    role=given["role"],
                    password=password,
                    title=given["title"],
                    team=given["team"],
                    by=user,
                    at=now,
                )
            except services.EmailTaken as problem:
                form.add_error("email", str(problem))
                status = 409
            except ValidationError as problem:
                _refuse(form, problem)
            else:
                return _let_in(request, login, password)
    return render(request, "alignment/person_new.html", {"form": form}, status=status)


@roles(Role.REVOPS)
def page(request: HttpRequest, pk: int) -> HttpResponse:
    """One person: what can be changed, and what was."""
    return _page(request, pk)


@require_POST
@roles(Role.REVOPS)
def change(request: HttpRequest, pk: int) -> HttpResponse:
    """Name, e-mail, function, team."""
    user, person, form = viewer(request), get_object_or_404(Person, pk=pk), PersonForm(request.POST)
    if form.is_valid():
        try:
            change_person(person=person, **form.cleaned_data, by=user, at=timezone.now())
        except ValidationError as problem:
            _refuse(form, problem)
        else:
            messages.success(request, f"{form.cleaned_data['name']} is changed.")
            return redirect("alignment:person", pk=pk)
    return _page(request, pk, person_form=form, status=422)


@never_cache
@require_POST
@roles(Role.REVOPS)
def give_login(request: HttpRequest, pk: int) -> HttpResponse:
    """A login for somebody who owns leads already."""
    user, person, form = (
        viewer(request),
        get_object_or_404(Person, pk=pk),
        LoginForm(request.POST, auto_id="login_%s"),
    )
    if not form.is_valid():
        return _page(request, pk, login_form=form, status=422)
    given, status = form.cleaned_data, 422
    password = _password(given["way_in"])
    try:
        login = services.create_user(
            email=given["email"],
            name=person.name,
            role=given["role"],
            password=password,
            person=person,
            by=user,
            at=timezone.now(),
        )
    except (services.EmailTaken, services.PersonHasLogin) as problem:
        form.add_error("email", str(problem))
        status = 409
    except ValidationError as problem:
        _refuse(form, problem)
    else:
        return _let_in(request, login, password)
    return _page(request, pk, login_form=form, status=status)


@require_POST
@roles(Role.REVOPS)
def link(request: HttpRequest, pk: int) -> HttpResponse:
    """Say by which id a source names this person."""
    user, person, form = (
        viewer(request),
        get_object_or_404(Person, pk=pk),
        IdentityForm(request.POST, auto_id="identity_%s"),
    )
    if not form.is_valid():
        return _page(request, pk, identity_form=form, status=422)
    try:
        services.link_identity(person=person, **form.cleaned_data, by=user, at=timezone.now())
    except services.IdentityTaken as problem:
        form.add_error("external_id", str(problem))
        return _page(request, pk, identity_form=form, status=409)
    messages.success(request, f"{form.cleaned_data['source']} knows {person} by this id from now on.")
    return redirect("alignment:person", pk=pk)


@require_POST
@roles(Role.REVOPS)
def merge(request: HttpRequest, pk: int) -> HttpResponse:
    """A person found by a CRM is somebody who is set up here."""
    user, stub = viewer(request), get_object_or_404(Person, pk=pk)
    form = MergeForm(request.POST, candidates=queries.mergeable_into(stub), auto_id="merge_%s")
    if not form.is_valid():
        return _page(request, pk, merge_form=form, status=422)
    try:
        into = services.merge_people(stub=stub, into=form.cleaned_data["into"], by=user, at=timezone.now())
    except services.CannotMerge as problem:
        form.add_error("into", str(problem))
        return _page(request, pk, merge_form=form, status=409)
    messages.success(request, f"{stub} is {into}: identities and leads went over.")
    return redirect("alignment:person", pk=into.pk)


@roles(Role.REVOPS)
def link_login(request: HttpRequest, pk: int) -> HttpResponse:
    """Say who a login without a person is, so that it gets leads or sees those of a team."""
    user, login = viewer(request), get_object_or_404(User, pk=pk)
    known = Person.objects.filter(user=login).first()
    if known is not None:
        return redirect("alignment:person", pk=known.pk)
    form, status = LinkLoginForm(request.POST or None), 200
    if request.method == "POST":
        status = 422
        if form.is_valid():
            try:
                person = services.link_login(user=login, **form.cleaned_data, by=user, at=timezone.now())
            except (services.LoginHasPerson, services.PersonHasLogin) as problem:
                form.add_error(None, str(problem))
                status = 409
            else:
                messages.success(request, f"The login of {login.name} belongs to {person} of {person.team}.")
                return redirect("alignment:person", pk=person.pk)
    return render(request, "alignment/login_person.html", {"form": form, "login": login}, status=status)


@require_POST
@roles(Role.REVOPS)
def set_login(request: HttpRequest, pk: int) -> HttpResponse:
    """Shut a login, or open it again."""
    user, login, now = viewer(request), get_object_or_404(User, pk=pk), timezone.now()
    if posted(request, "active") == "1":
        services.reactivate_user(user=login, by=user, at=now)
        messages.success(request, f"The login of {login} is open again.")
    else:
        try:
            services.deactivate_user(user=login, by=user, at=now)
        except services.LastRevOps as problem:
            messages.error(request, str(problem))
        else:
            messages.success(request, f"The login of {login} is shut.")
    return _back_to(login)


@require_POST
@roles(Role.REVOPS)
def reset_second_factor(request: HttpRequest, pk: int) -> HttpResponse:
    """For somebody who lost the phone and the recovery codes."""
    user, login = viewer(request), get_object_or_404(User, pk=pk)
    try:
        services.reset_second_factor(user=login, by=user, at=timezone.now())
    except (services.OwnSecondFactor, services.NoSecondFactor) as problem:
        messages.error(request, str(problem))
    else:
        messages.success(
            request, f"The password alone lets {login} in now; ask them to set up a second factor again."
        )
    return _back_to(login)


def _back_to(login: User) -> HttpResponse:
    person = Person.objects.filter(user=login).first()
    return redirect("alignment:person", pk=person.pk) if person else redirect("alignment:people")


def _password(way_in: str) -> str | None:
    return secrets.token_urlsafe(12) if way_in == TEMPORARY else None


def _let_in(request: HttpRequest, login: User, password: str | None) -> HttpResponse:
    """Show the temporary password, this once; or mail the link and go on."""
    if password is not None:
        return render(request, "alignment/login_made.html", {"login": login, "password": password})
    form = ResetPasswordForm(data={"email": login.email})
    if form.is_valid():
        form.save(request)
    messages.success(request, f"A link to set a password went to {login.email}; it holds for one hour.")
    return redirect("alignment:people")


def _refuse(form: Form, problem: ValidationError) -> None:
    """Put a service's complaints beside the fields that the form has, the others above it."""
    if not hasattr(problem, "error_dict"):
        form.add_error(None, problem)
        return
    for name, errors in problem.message_dict.items():
        for said in errors:
            form.add_error(name if name in form.fields else None, said)


def _page(request: HttpRequest, pk: int, *, status: int = 200, **forms: Form) -> HttpResponse:
    person = get_object_or_404(queries.people("all"), pk=pk)
    row = queries.person_row(person)
    context: dict[str, Any] = {
        "row": row,
        "person": person,
        "owns_anything": queries.owns_anything(person),
        "has_second_factor": person.user is not None and queries.has_second_factor(person.user),
        "history": person.history.select_related("history_user").order_by("-history_date", "-history_id")[
            :20
        ],
        "person_form": PersonForm(
            initial={
                "name": person.name,
                "email": person.email,
                "function": person.function,
                "team": person.team_id,
            }
        ),
        "login_form": LoginForm(initial={"email": person.email}, auto_id="login_%s"),
        "identity_form": IdentityForm(auto_id="identity_%s"),
        "merge_form": MergeForm(candidates=queries.mergeable_into(person), auto_id="merge_%s"),
    }
    return render(request, "alignment/person.html", context | forms, status=status)
