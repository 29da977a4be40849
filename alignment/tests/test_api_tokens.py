"""Tokens: made once, kept as a digest, acting as their login, and refused with the next request once they end."""

from __future__ import annotations

import logging
import re
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.core.exceptions import ValidationError
from django.db import IntegrityError, connection, transaction
from django.test import Client
from django.utils import timezone

from alignment.models import ApiToken, Role, TokenScope, User
from alignment.services import people
from alignment.services import tokens as services
from testing.api import Api, by_session, by_token, secret_of
from testing.world import NOW, World, add_user

SCOPES = ["read"]
PASSWORD = "four cheerful otters"


@pytest.fixture
def revops(world: World) -> User:
    return add_user(world, Role.REVOPS)


def make(user: User, **changes: Any) -> services.NewToken:
    given: dict[str, Any] = {
        "user": user,
        "name": "export",
        "scopes": SCOPES,
        "days": 30,
        "by": user,
        "at": NOW,
    }
    return services.create_token(**given | changes)


def test_the_secret_is_shown_once_and_only_its_digest_is_kept(revops: User) -> None:
    token, secret = make(revops)
    assert re.fullmatch(r"rag_[A-Za-z0-9_-]{43}", secret)
    assert secret.startswith(token.hint) and len(token.hint) == 10
    with connection.cursor() as cursor:
        for table in ("alignment_apitoken", "alignment_historicalapitoken"):
            cursor.execute(f"SELECT string_agg(t::text, ' ') FROM {table} t")  # noqa: S608
            assert secret[10:] not in cursor.fetchone()[0]
    assert secret != make(revops).secret


def test_a_token_is_made_by_its_own_login_with_known_scopes_and_an_end(world: World, revops: User) -> None:
    rep = world.users["rep.1"]
    with pytest.raises(services.NotYourToken):
        make(rep, by=revops)
    for scopes in ([], ["root"], ["read", "root"]):
        with pytest.raises(services.NoScope):
            make(rep, scopes=scopes)
    for days in (0, 31, 10_000):
        with pytest.raises(services.UnknownLifetime):
            make(rep, days=days)
    with pytest.raises(ValidationError):
        make(rep, name="  ")
    assert not ApiToken.objects.exists()
    assert make(rep, scopes=["leads:write", "read"]).token.scopes == ["read", "leads:write"]


def test_a_login_with_fifty_live_tokens_has_to_revoke_some(revops: User) -> None:
    first = make(revops).token
    for _ in range(services.MOST_LIVE - 1):
        make(revops)
    with pytest.raises(services.TooManyTokens):
        make(revops)
    services.revoke_token(token=first, by=revops, at=NOW)
    make(revops)


def test_a_revoked_token_and_its_history_stay(world: World, revops: User) -> None:
    token = make(revops).token
    with pytest.raises(services.NotYourToken):
        services.revoke_token(token=token, by=world.users["rep.1"], at=NOW)
    services.revoke_token(token=token, by=revops, at=NOW)
    with pytest.raises(services.AlreadyRevoked):
        services.revoke_token(token=token, by=revops, at=NOW)
    assert [entry.history_change_reason for entry in token.history.order_by("history_id")] == [
        "made",
        "revoked",
    ]
    changes: list[dict[str, Any]] = [
        {"revoked_at": None, "revoked_by": None},
        {"scopes": ["read", "leads:write"]},
        {"expires_at": NOW + timedelta(days=999)},
        {"user": world.users["rep.1"]},
    ]
    for change in changes:
        with pytest.raises(IntegrityError, match="refused"), transaction.atomic():
            ApiToken.objects.filter(pk=token.pk).update(**change)
    with pytest.raises(IntegrityError, match="DELETE of alignment_apitoken is refused"), transaction.atomic():
        ApiToken.objects.filter(pk=token.pk).delete()


def test_the_database_refuses_scopes_that_are_none(revops: User) -> None:
    row = {"user": revops, "name": "x", "hint": "rag_", "created_at": NOW, "expires_at": NOW + timedelta(1)}
    for scopes in ([], ["root"]):
        with pytest.raises(IntegrityError, match="token_scopes_are_known"), transaction.atomic():
            ApiToken.objects.create(**row, digest=b"1", scopes=scopes)
    with pytest.raises(IntegrityError, match="a_token_expires"), transaction.atomic():
        ApiToken.objects.create(**row | {"expires_at": NOW}, digest=b"2", scopes=["read"])


# --- at the door -------------------------------------------------------------------------------------


def status(secret: str, header: str = "Bearer {}") -> int:
    answer = Client().get("/api/v1/calendars", headers={"Authorization": header.format(secret)})
    assert answer.status_code == 200 or answer["Content-Type"] == "application/problem+json"
    if answer.status_code == 401:
        assert answer["WWW-Authenticate"] == 'Bearer realm="api"'
        assert secret not in answer.content.decode() or not secret
    return int(answer.status_code)


def test_a_token_ends_with_the_next_request_however_it_ends(world: World, revops: User) -> None:
    with time_machine.travel(NOW, tick=False) as clock:
        live = make(revops).secret
        assert status(live) == 200
        clock.shift(timedelta(days=30, seconds=-1))
        assert status(live) == 200
        clock.shift(timedelta(seconds=1))
        assert status(live) == 401
        token, revoked = make(revops, at=timezone.now())
        assert status(revoked) == 200
        services.revoke_token(token=token, by=revops, at=timezone.now())
        assert status(revoked) == 401
        rep = world.users["rep.1"]
        of_rep = make(rep, at=timezone.now()).secret
        assert status(of_rep) == 200
        User.objects.filter(pk=rep.pk).update(is_active=False)
        assert status(of_rep) == 401


def test_a_login_that_is_switched_on_again_has_none_of_its_tokens_back(world: World, revops: User) -> None:
    rep, at = world.users["rep.1"], timezone.now()
    expired = make(rep, at=at - timedelta(days=40)).token
    token, secret = make(rep, at=at)
    kept = make(world.users["rep.2"], at=at).secret
    people.deactivate_user(user=rep, reason="on leave", by=revops, at=at)
    people.reactivate_user(user=rep, by=revops, at=at)
    assert (status(secret), status(kept)) == (401, 200)
    token.refresh_from_db()
    expired.refresh_from_db()
    assert (token.revoked_at, token.revoked_by, expired.revoked_at) == (at, revops, None)
    assert token.history.latest().history_change_reason == "login switched off: on leave"
    assert status(make(rep, at=at).secret) == 200


def test_a_new_password_ends_the_tokens_made_with_the_old_one(world: World) -> None:
    rep = _with_password(world.users["rep.1"])
    client, secret = by_session(rep).client, secret_of(rep)
    new = "seven sleepy badgers"
    refused = {"oldpassword": "wrong", "password1": new, "password2": new}
    assert client.post("/accounts/password/change/", refused).status_code == 200
    assert status(secret) == 200
    changed = client.post("/accounts/password/change/", refused | {"oldpassword": PASSWORD})
    assert (changed.status_code, status(secret)) == (302, 401)


def test_a_session_that_somebody_left_open_makes_no_token(world: World) -> None:
    rep = _with_password(world.users["rep.1"])
    client = by_session(rep).client
    assert form(client, name="").status_code == 422
    asked = form(client)
    assert asked.status_code == 302 and asked["Location"].startswith("/accounts/reauthenticate/")
    assert client.get("/api-tokens/").status_code == 200
    assert client.post(asked["Location"], {"password": "wrong"}).status_code == 200
    assert not ApiToken.objects.exists()
    made = client.post(asked["Location"], {"password": PASSWORD, "next": "/api-tokens/"})
    assert made.status_code == 200 and "no-store" in made["Cache-Control"]
    found = re.search(r"rag_[A-Za-z0-9_-]{43}", made.content.decode())
    assert found is not None and status(found[0]) == 200
    assert ApiToken.objects.get().name == "Nightly export"


def _with_password(user: User) -> User:
    user.set_password(PASSWORD)
    user.save()
    return user


@pytest.mark.parametrize(
    "header",
    [
        "Bearer rag_unknown",
        "Bearer",
        "Bearer  ",
        "Basic {}",
        "Token {}",
        "{}",
        "Bearer {} x",
        "Bearer \udce4",
        "bearer x",
    ],
)
def test_anything_but_a_live_bearer_token_is_refused(revops: User, header: str) -> None:
    assert status(make(revops, at=timezone.now()).secret, header) == 401


def test_a_bad_token_is_not_made_good_by_a_session(revops: User) -> None:
    browser = by_session(revops)
    assert browser.get("calendars").status_code == 200
    browser.headers["Authorization"] = "Bearer rag_unknown"
    assert browser.get("calendars").status_code == 401


def test_a_token_in_the_address_is_no_token(revops: User) -> None:
    secret = secret_of(revops)
    for name in ("token", "access_token", "api_key"):
        assert Api().get("calendars", **{name: secret}).status_code == 401


def test_a_secret_is_in_no_log_and_no_answer(revops: User, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    live, ended = secret_of(revops), make(revops, at=NOW - timedelta(days=99)).secret
    answers = [
        Client().get(path, headers={"Authorization": f"{kind} {secret}"})
        for path in ("/api/v1/people", "/api/v1/nowhere", "/api/v1/people?limit=x", "/people/")
        for kind in ("Bearer", "Basic")
        for secret in (live, ended)
    ]
    assert {answer.status_code for answer in answers} == {200, 302, 400, 401, 404}
    for said in (caplog.text, *(answer.content.decode() + str(answer.headers) for answer in answers)):
        assert live not in said and ended not in said


def test_a_token_opens_no_page(revops: User) -> None:
    for page in ("/", "/people/", "/api-tokens/", "/api/v1/docs"):
        answer = Client().get(page, headers={"Authorization": f"Bearer {secret_of(revops)}"})
        assert answer.status_code == 302 and answer["Location"].startswith("/accounts/login/")


def test_a_session_acts_only_with_its_csrf_token(world: World, revops: User) -> None:
    member = world.pool.members.all()[0]
    browser = by_session(revops, checks_csrf=True)
    where = f"pool-members/{member.pk}/pause"
    assert browser.post(where).status_code == 403
    page = browser.client.get("/api/v1/docs").content.decode()
    csrf = re.search(r'data-csrf="([^"]+)"', page)
    assert csrf is not None
    assert browser.post(where, **{"X-CSRFToken": csrf[1]}).status_code == 200


def test_its_last_use_is_noted_once_a_minute(revops: User, django_assert_num_queries: Any) -> None:
    with time_machine.travel(NOW, tick=False) as clock:
        token, secret = make(revops)
        seen = []
        for seconds in (0, 30, 29, 1, 59, 1):
            clock.shift(timedelta(seconds=seconds))
            status(secret)
            token.refresh_from_db()
            assert token.last_used_at is not None
            seen.append((token.last_used_at - NOW).total_seconds())
    assert seen == [0, 0, 0, 60, 60, 120]


def test_what_a_token_does_is_bounded_by_its_login(world: World) -> None:
    rep = by_token(world.users["rep.1"])
    assert rep.get("people").status_code == 403
    assert rep.post(f"sources/{world.crm.key}/events", []).status_code == 403


# --- the page ----------------------------------------------------------------------------------------


def proved(user: User) -> Client:
    """Signed in as somebody with a password, which was asked for once more just now."""
    client = by_session(_with_password(user)).client
    assert client.post("/accounts/reauthenticate/", {"password": PASSWORD}).status_code == 302
    return client


def form(client: Client, **changes: Any) -> Any:
    return client.post("/api-tokens/", {"name": "Nightly export", "scopes": ["read"], "days": 90} | changes)


def test_somebody_makes_a_token_and_sees_its_secret_once(world: World) -> None:
    client = proved(world.users["rep.1"])
    made = form(client)
    assert made.status_code == 200 and "no-store" in made["Cache-Control"]
    found = re.search(r"rag_[A-Za-z0-9_-]{43}", made.content.decode())
    assert found is not None
    assert status(found[0]) == 200
    page = client.get("/api-tokens/").content.decode()
    assert found[0] not in page and found[0][:10] in page and "Nightly export" in page


@pytest.mark.parametrize(
    "wrong",
    [{"name": ""}, {"name": "x" * 81}, {"scopes": []}, {"scopes": ["root"]}, {"days": 31}, {"days": "x"}],
)
def test_a_form_that_cannot_be_used_keeps_what_was_typed(world: World, wrong: dict[str, Any]) -> None:
    answer = form(proved(world.users["rep.1"]), **wrong)
    assert answer.status_code == 422
    assert not ApiToken.objects.exists()


@pytest.mark.parametrize(
    ("role", "offered"),
    [
        (Role.REVOPS, set(TokenScope.values)),
        (Role.REP, {"read", "leads:write", "routing:write"}),
        (Role.FINANCE, {"read"}),
    ],
)
def test_the_form_offers_the_scopes_that_the_role_can_use(
    world: World, role: Role, offered: set[str]
) -> None:
    user = world.users["rep.1"] if role == Role.REP else add_user(world, role)
    page = by_session(user).client.get("/api-tokens/").content.decode()
    assert set(re.findall(r'name="scopes" value="([^"]+)"', page)) == offered


def test_people_see_their_own_tokens_and_revops_all(world: World, revops: User) -> None:
    token = make(world.users["rep.1"], name="of the rep", at=timezone.now()).token
    other, boss = by_session(world.users["rep.2"]).client, by_session(revops).client
    assert "of the rep" not in other.get("/api-tokens/").content.decode()
    assert other.post(f"/api-tokens/{token.pk}/revocation/").status_code == 404
    assert "of the rep" in boss.get("/api-tokens/").content.decode()
    assert boss.post(f"/api-tokens/{token.pk}/revocation/").status_code == 302
    token.refresh_from_db()
    assert token.revoked_by == revops
    assert boss.post(f"/api-tokens/{token.pk}/revocation/", follow=True).status_code == 200


def test_the_list_takes_no_more_queries_for_more_tokens(
    revops: User, world: World, django_assert_max_num_queries: Any
) -> None:
    client = by_session(revops).client
    for count in (1, 19):
        for _ in range(count):
            make(world.users["rep.1"], at=timezone.now())
        with django_assert_max_num_queries(8):
            assert client.get("/api-tokens/").status_code == 200
