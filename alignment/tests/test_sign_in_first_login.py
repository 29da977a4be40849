"""Where nobody can sign in yet, the page to sign in says how the first login is made; later it does not."""

from __future__ import annotations

import pytest
from django.test import Client

from alignment.models import Role, User
from testing.world import PASSWORD

COMMAND = "manage set_up --admin"


def sign_in_page() -> str:
    answer = Client().get("/accounts/login/")
    assert answer.status_code == 200
    return answer.content.decode()


@pytest.mark.django_db
def test_without_any_login_the_command_that_makes_the_first_is_shown() -> None:
    page = sign_in_page()
    assert "There is no login yet" in page
    assert f"<code>python3 run.py {COMMAND} YOU@COMPANY</code>" in page


@pytest.mark.django_db
@pytest.mark.parametrize("is_active", [True, False])
def test_with_any_login_nothing_is_said_about_making_one(is_active: bool) -> None:
    User.objects.create_user("r@example.com", PASSWORD, name="R", role=Role.REP, is_active=is_active)
    page = sign_in_page()
    assert COMMAND not in page
    assert "Logins are made by RevOps" in page
