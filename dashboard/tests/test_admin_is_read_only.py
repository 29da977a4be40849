"""The admin shows every record of the product and changes none, not even for a superuser."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime

import pytest
from django.apps import apps
from django.conf import settings
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver, reverse

from alignment.models import Delivery, Endpoint, EndpointSecret, Person, Role, Scheme, Source, Team, User
from alignment.readonly_admin import ReadOnlyAdmin, site

pytestmark = [pytest.mark.django_db, pytest.mark.ignore_template_errors]
OUR_APPS = ("alignment", "scorecard", "sla", "handoff", "planning", "dashboard")
MODELS = sorted(site._registry, key=lambda model: model._meta.label)
AT = datetime(2026, 3, 2, 10, tzinfo=UTC)


@pytest.fixture
def superuser() -> User:
    return User.objects.create(
        email="olga@example.com",
        name="Olga",
        role=Role.REVOPS,
        is_staff=True,
        is_superuser=True,
        password="pbkdf2_sha256$1$salt$digest-of-a-password",
    )


@pytest.fixture
def admin(superuser: User) -> Client:
    client = Client()
    client.force_login(superuser)
    return client


def address(model, page: str, *args: object) -> str:
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_{page}", args=args)


def test_every_model_is_shown_or_left_out_with_a_reason() -> None:
    ours = {model for app in OUR_APPS for model in apps.get_app_config(app).get_models()}
    assert ours == set(site._registry) | set(site.left_out)
    assert all(reason.endswith(".") for reason in site.left_out.values())
    assert not set(site._registry) & set(site.left_out)


def test_everything_shown_is_read_only() -> None:
    assert all(isinstance(options, ReadOnlyAdmin) for options in site._registry.values())


def test_no_other_admin_site_is_reachable() -> None:
    def names(patterns: list[URLPattern | URLResolver]) -> list[str | None]:
        found: list[str | None] = []
        for pattern in patterns:
            if isinstance(pattern, URLResolver):
                found += [pattern.app_name, *names(pattern.url_patterns)]
        return found

    assert names(get_resolver().url_patterns).count("admin") == 1
    assert reverse("admin:index") == "/admin/"
    third_party = {model for model in site._registry if model._meta.app_label not in OUR_APPS}
    assert not third_party


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model._meta.label)
def test_a_superuser_looks_at_but_cannot_change(model, admin: Client) -> None:
    assert admin.get(address(model, "changelist")).status_code == 200
    assert admin.get(address(model, "add")).status_code == 403
    for page, args in (("add", ()), ("change", ("1",)), ("delete", ("1",))):
        assert admin.post(address(model, page, *args), {"post": "yes"}).status_code == 403, page


def test_no_action_can_be_called_on_a_list(admin: Client) -> None:
    person = Person.objects.create(name="Ann")
    admin.post(
        address(Person, "changelist"),
        {"action": "delete_selected", "_selected_action": str(person.pk), "post": "yes"},
    )
    assert Person.objects.filter(pk=person.pk).exists()


def test_a_row_is_shown_without_a_form_that_saves(admin: Client) -> None:
    person = Person.objects.create(name="Ann", team=Team.objects.create(name="East"))
    page = admin.get(address(Person, "change", person.pk)).content.decode()
    assert "Ann" in page
    assert "East" in page
    assert 'name="_save"' not in page


def test_secrets_and_raw_bodies_are_not_shown(admin: Client, superuser: User) -> None:
    source = Source.objects.create(key="crm", name="CRM", kind="standard")
    endpoint = Endpoint.objects.create(source=source, scheme=Scheme.STANDARD_WEBHOOKS)
    EndpointSecret.objects.create(endpoint=endpoint, slot=1, ciphertext=b"sealed-envelope", created_at=AT)
    body = b'{"email": "somebody@example.com"}'
    digest = hashlib.sha256(body)
    delivery = Delivery.objects.create(
        source=source, endpoint=endpoint, external_id="msg_1", body=body, body_sha256=digest.digest()
    )
    shown = "".join(
        admin.get(address(type(row), page, *args)).content.decode()
        for row in (endpoint, delivery, superuser, source)
        for page, args in (("changelist", ()), ("change", (row.pk,)))
    )
    assert digest.hexdigest() in shown
    for secret in (endpoint.address, "somebody@", superuser.password, "sealed-envelope"):
        assert secret not in shown


def test_a_list_takes_no_more_queries_for_more_rows(admin: Client, django_assert_max_num_queries) -> None:
    team = Team.objects.create(name="East")
    for model in (Person, Person.history.model):
        with django_assert_max_num_queries(12):
            admin.get(address(model, "changelist"))
        for number in range(10):
            Person.objects.create(name=f"P{number}", team=team)
        with django_assert_max_num_queries(12):
            admin.get(address(model, "changelist"))


@pytest.mark.parametrize("role", Role)
def test_without_the_staff_mark_no_role_gets_in(role: Role) -> None:
    user = User.objects.create(email="ann@example.com", name="Ann", role=role)
    client = Client()
    client.force_login(user)
    for page in (reverse("admin:index"), address(Person, "changelist"), reverse("admin:login")):
        answer = client.get(page, follow=True)
        assert answer.status_code == 403, page


def test_logging_in_goes_through_the_products_own_page() -> None:
    client = Client()
    for page in ("/admin/", "/admin/login/", "/admin/login/?next=/admin/"):
        answer = client.get(page, follow=False)
        while answer.status_code == 302 and answer.headers["Location"].startswith("/admin/login/"):
            answer = client.get(answer.headers["Location"])
        assert answer.status_code == 302, page
        assert answer.headers["Location"].startswith(reverse(settings.LOGIN_URL)), page
    posted = client.post("/admin/login/", {"username": "olga@example.com", "password": "guess"})
    assert posted.status_code == 302
    assert posted.headers["Location"].startswith(reverse(settings.LOGIN_URL))


def test_a_password_is_changed_on_the_products_own_page(admin: Client) -> None:
    answer = admin.get("/admin/password_change/")
    assert answer.headers["Location"] == reverse("account_change_password")
