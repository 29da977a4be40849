"""Signing in with a real browser: the content policy lets single sign-on through, and only to its provider."""

from __future__ import annotations

from collections.abc import Iterator
from copy import deepcopy
from typing import Any

import pytest
from allauth.mfa.models import Authenticator
from django.conf import settings as project
from django.test import Client

from alignment.models import Person, Role, User
from testing.browser import DESK, PHONE_DARK, Visitor, looks, needs_browser
from testing.oidc import Provider, serve
from testing.site import Journey
from testing.world import World, add_user, build_world

pytestmark = needs_browser


@pytest.fixture
def world(journey: Journey) -> World:
    return build_world()


@pytest.fixture
def provider(settings: Any, world: World) -> Iterator[Provider]:
    """At another site than the product, allowed as a form's target as the settings do it for OIDC_SERVER_URL."""
    with serve() as provider:
        provider.url = provider.url.replace("127.0.0.1", "localhost")
        settings.SOCIALACCOUNT_PROVIDERS = provider.settings()
        settings.CONTENT_SECURITY_POLICY = policy_with(provider.url)
        email = world.reps[0].email
        provider.claims = {"sub": "u-1", "email": email, "email_verified": True}
        yield provider


def policy_with(*origins: str) -> dict[str, Any]:
    policy = deepcopy(project.CONTENT_SECURITY_POLICY)
    policy["DIRECTIVES"]["form-action"] = ["'self'", *origins]
    return policy


def look_at_everything(visitor: Visitor) -> None:
    for look in (*looks(), DESK):
        visitor.wear(look)
        visitor.examine()


@pytest.mark.parametrize("look", [DESK, PHONE_DARK], ids=str)
def test_the_button_leads_to_the_provider_and_back_into_the_product(
    journey: Journey, world: World, provider: Provider, look: Any
) -> None:
    visitor = journey.visitors.at(look)
    visitor.open("/accounts/login/")
    visitor.arrive("Sign in")
    visitor.press("Company login")
    visitor.arrive("Good to see you")
    assert len(provider.asked) == 1


def test_without_the_providers_origin_in_the_policy_the_browser_stops_the_form(
    journey: Journey, world: World, provider: Provider, settings: Any
) -> None:
    """So the test above would notice if the origin were missing."""
    settings.CONTENT_SECURITY_POLICY = policy_with()
    visitor = journey.visitors.at(DESK)
    visitor.open("/accounts/login/")
    visitor.arrive("Sign in")
    visitor.press("Company login")
    visitor.page.wait_for_timeout(500)
    assert provider.asked == []
    assert visitor.path == "/accounts/login/"
    stopped, visitor.faults[:] = list(visitor.faults), []
    assert any("form-action" in fault for fault in stopped), stopped


def test_refusals_are_pages_like_all_others(journey: Journey, world: World, provider: Provider) -> None:
    visitor = journey.visitors.at(DESK)
    provider.claims["email"] = "stranger@example.com"
    visitor.open("/accounts/login/")
    visitor.arrive("Sign in")
    visitor.expected = 403
    visitor.press("Company login")
    visitor.arrive("Single sign-on did not open a login", saying="There is no login for stranger@example.com")
    look_at_everything(visitor)
    visitor.expected = 401
    visitor.page.goto("/accounts/oidc/sso/login/callback/?code=made-up&state=made-up")
    visitor.arrive("Single sign-on failed")
    look_at_everything(visitor)
    visitor.open("/accounts/3rdparty/login/cancelled/")
    visitor.arrive("Signing in was cancelled")
    visitor.open("/accounts/oidc/sso/login/")
    visitor.arrive("Sign in with Company login")
    look_at_everything(visitor)


def test_the_lockout_page_and_the_way_out_of_it(journey: Journey, world: World) -> None:
    visitor = journey.visitors.at(DESK)
    email = world.reps[0].email
    other = Client(REMOTE_ADDR="127.0.0.1")
    for _ in range(9):
        other.post("/accounts/login/", {"login": email, "password": "wrong"})
    visitor.open("/accounts/login/")
    visitor.arrive("Sign in")
    visitor.page.get_by_label("Email").fill(email)
    visitor.page.get_by_label("Password").fill("wrong as well")
    visitor.expected = 429
    visitor.press("Sign in")
    visitor.arrive("Too many attempts")
    look_at_everything(visitor)
    visitor.expected = 200
    visitor.follow("Reset the password")
    visitor.arrive("Reset the password")


def test_revops_takes_a_lost_second_factor_off(journey: Journey, world: World) -> None:
    rep = world.reps[0]
    assert rep.user is not None
    Authenticator.objects.create(user=rep.user, type="totp", data={"secret": "A" * 32})
    leader = add_user(world, Role.CRO, "Carla")
    Authenticator.objects.create(user=leader, type="totp", data={"secret": "A" * 32})
    visitor = journey.visitors.at(DESK)
    visitor.sign_in(add_user(world, Role.REVOPS, "Olga").email, "correct horse battery")
    visitor.open("/people/")
    visitor.arrive("People")
    look_at_everything(visitor)
    visitor.press("Reset second factor of Carla")
    visitor.arrive("People", saying="The password alone lets Carla in")
    visitor.open(f"/people/{Person.objects.get(user=rep.user).pk}/")
    visitor.arrive(rep.name)
    look_at_everything(visitor)
    visitor.press(f"Reset second factor of {rep.name}")
    visitor.arrive(rep.name, saying="The password alone lets")
    assert not Authenticator.objects.exists()
    assert User.objects.filter(pk=leader.pk).exists()
