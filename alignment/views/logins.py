"""What a login is called: its name and title, as they are printed beside signatures."""

from __future__ import annotations

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone

from alignment.access import roles, viewer
from alignment.forms.people import LoginNameForm
from alignment.models import Person, Role, User
from alignment.services.logins import rename_login
from alignment.services.organisation import NothingChanged

HISTORY_SHOWN = 20


@roles(Role.REVOPS)
def rename(request: HttpRequest, pk: int) -> HttpResponse:
    """Correct them, and see what they were."""
    user, login = viewer(request), get_object_or_404(User, pk=pk)
    person = Person.objects.filter(user=login).first()
    back = redirect("alignment:person", pk=person.pk) if person else redirect("alignment:people")
    form = LoginNameForm(request.POST or None, initial={"name": login.name, "title": login.title})
    if request.method == "POST" and form.is_valid():
        try:
            renamed = rename_login(user=login, **form.cleaned_data, by=user, at=timezone.now())
        except NothingChanged as problem:
            form.add_error(None, str(problem))
        except ValidationError as problem:
            form.add_error(None, problem)
        else:
            called = ", ".join(filter(None, (renamed.name, renamed.title)))
            messages.success(request, f"Signatures of this login name {called} from now on.")
            return back
    history = login.history.select_related("history_user").order_by("-history_date", "-history_id")
    context = {"form": form, "login": login, "back": back.url, "history": history[:HISTORY_SHOWN]}
    return render(
        request, "alignment/login_name.html", context, status=422 if request.method == "POST" else 200
    )
