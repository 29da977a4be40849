"""The mapping editor: what is saved, what it would make of a delivery, and what is refused."""

from __future__ import annotations

from html import unescape
from typing import Any

import pytest
from django.test import Client

from alignment.forms.mapping import MappingForm
from alignment.intake.mapping import DEFAULTS, Mapping
from alignment.models import Delivery, Fact, Role, Scheme, Source
from alignment.services.sources import create_source
from alignment.tests.pages import signed_in
from testing.world import World, add_user, event

ADDRESS = "/sources/crm/mapping/"
LEAD_FIELD = "lead.score"


@pytest.fixture
def revops(world: World) -> Client:
    return signed_in(add_user(world, Role.REVOPS, "Ann"))


def text(response: Any) -> str:
    return " ".join(unescape(response.content.decode()).split())


def typed(source: Source, **changes: str) -> dict[str, str]:
    """The form as the page gives it, with some of it changed; `__` stands for a dot in a name."""
    form = MappingForm(source=source)
    given = {name: str(form[name].value() or "") for name in form.fields}
    return given | {name.replace("__", "."): value for name, value in changes.items()}


def test_names_values_lists_and_the_reason_are_saved(world: World, revops: Client) -> None:
    given = typed(
        world.crm,
        lead__score=" Score__c ",
        touch__is_attempt="Outbound",
        values__disposition="Dead = disqualified\nNurture=recycled",
        values__reason="a=b = bad_fit",
        closed_statuses="Closed\n\n Dead ",
        channel_functions="Trade show = marketing",
        reason="the fields were renamed",
    )
    response = revops.post(ADDRESS, given, follow=True)
    assert "Saved" in text(response)
    world.crm.refresh_from_db()
    assert world.crm.mapping == {
        "fields": {"lead": {"score": "Score__c"}, "touch": {"is_attempt": "Outbound"}},
        "values": {
            "disposition": {"Dead": "disqualified", "Nurture": "recycled"},
            "reason": {"a=b": "bad_fit"},
        },
        "closed_statuses": ["Closed", "Dead"],
        "channel_functions": {"Trade show": "marketing"},
    }
    page = text(response)
    assert "the fields were renamed" in page and "Ann" in page
    assert "fields › lead › score: Score__c" in page


def test_what_is_read_back_and_saved_again_is_the_same(world: World, revops: Client) -> None:
    document = {
        "fields": {"lead": {"score": "S", "email": "email"}, "account": {"domain": "web"}},
        "values": {"stage": {"Won!": "Closed Won"}, "segment": {"SMB": "small"}},
        "closed_statuses": [],
        "won_stages": ["Gewonnen"],
        "channel_functions": {"fair": "marketing"},
    }
    source = create_source(key="espo", name="Espo", kind="espocrm", mapping=document, by=None, at=world.at)
    revops.post("/sources/espo/mapping/", typed(source))
    source.refresh_from_db()
    assert source.mapping == document


def test_what_equals_the_default_of_the_kind_is_left_to_the_default(world: World, revops: Client) -> None:
    source = create_source(key="espo", name="Espo", kind="espocrm", by=None, at=world.at)
    default = DEFAULTS["espocrm"]["fields"]["lead"]["email"]
    revops.post("/sources/espo/mapping/", typed(source, lead__email=default))
    source.refresh_from_db()
    assert source.mapping == {}
    assert f'placeholder="{default}"' in text(revops.get("/sources/espo/mapping/"))


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"values__disposition": "Dead"}, "write their value = our value"),
        ({"values__disposition": "= working"}, "write their value = our value"),
        ({"channel_functions": "fair = finance"}, "channel_functions: fair: write one of"),
        ({"lead__score": "x" * 200}, "at most 120 characters"),
    ],
)
def test_a_mapping_that_cannot_be_used_is_refused_and_kept_on_the_page(
    world: World, revops: Client, changes: dict[str, str], said: str
) -> None:
    given = typed(world.crm, lead__segment="Kept__c", **changes)
    response = revops.post(ADDRESS, given)
    assert response.status_code == 422
    assert said in text(response) and 'value="Kept__c"' in text(response)
    world.crm.refresh_from_db()
    assert world.crm.mapping == {}
    assert said.split(":")[0] in text(revops.post(ADDRESS + "preview/", given))


def test_the_preview_shows_what_the_last_delivery_would_become_and_writes_nothing(
    world: World, revops: Client
) -> None:
    world.send(event("lead.created", "L1", world.at, Points=81, Shoe=44))
    before = (Fact.objects.count(), Delivery.objects.count())
    plain = text(revops.post(ADDRESS + "preview/", typed(world.crm)))
    assert "Sent, but not taken by any field: <code>Points</code>, <code>Shoe</code>" in plain
    mapped = text(revops.post(ADDRESS + "preview/", typed(world.crm, lead__score="Points")))
    assert "<dt>score</dt><dd>81</dd>" in mapped and "<code>Shoe</code>" in mapped
    assert "<code>Points</code>" not in mapped
    wrong = text(
        revops.post(ADDRESS + "preview/", typed(world.crm, lead__email="Points", lead__mql_at="Shoe"))
    )
    assert "mql_at: a time is wanted" in wrong
    assert "<html" not in mapped
    assert (Fact.objects.count(), Delivery.objects.count()) == before
    world.crm.refresh_from_db()
    assert world.crm.mapping == {}


def test_without_scripts_the_page_itself_shows_the_preview(world: World, revops: Client) -> None:
    body = '{"type": "lead.created", "data": {"external_id": "L7", "Points": 12}}'
    given = typed(world.crm, lead__score="Points", act="preview") | {"body": body}
    page = text(revops.post(ADDRESS, given))
    assert "<h1" in page and "L7" in page and "<dt>score</dt><dd>12</dd>" in page
    assert "receipt: no time was sent" in page
    world.crm.refresh_from_db()
    assert world.crm.mapping == {}


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("{", "Not JSON"),
        ("[1]", "An event is an object"),
        ('{"type": "lead.upsert", "data": {}}', "Unknown type"),
        ('{"type": "lead.created", "data": {}}', "external_id must name the record"),
        ("[]", "the body is empty"),
        ('{"type": [], "data": 3}', "Unknown type"),
    ],
)
def test_a_pasted_body_that_cannot_be_read_says_why(
    world: World, revops: Client, body: str, said: str
) -> None:
    response = revops.post(ADDRESS + "preview/", typed(world.crm) | {"body": body})
    assert response.status_code == 200 and said in text(response)


def test_a_pasted_record_of_espocrm_is_read_by_the_chosen_endpoint(world: World, revops: Client) -> None:
    source = create_source(key="espo", name="Espo", kind="espocrm", by=None, at=world.at)
    world.endpoint(source, "Call.create")
    leads = world.endpoint(source, "Lead.update")
    given = typed(source) | {
        "body": '[{"id": "a1", "status": "Dead", "cFoo": 1}]',
        "endpoint": str(leads.pk),
    }
    page = text(revops.post("/sources/espo/mapping/preview/", given))
    assert "<dt>status</dt><dd>Dead</dd>" in page and "<dt>closed</dt><dd>yes</dd>" in page
    assert "<code>cFoo</code>" in page
    foreign = world.endpoint(world.crm, "Lead.delete", scheme=Scheme.ESPOCRM)
    page = text(revops.post("/sources/espo/mapping/preview/", given | {"endpoint": str(foreign.pk)}))
    assert "is_deleted" not in page


def test_before_anything_came_the_preview_says_so(revops: Client) -> None:
    assert "Nothing has come in yet" in text(revops.get(ADDRESS))


def test_every_mapping_that_the_form_saves_can_be_used(world: World) -> None:
    form = MappingForm(typed(world.crm, lead__score="S", closed_statuses="x"), source=world.crm)
    assert form.is_valid()
    Mapping.of("standard", form.document(), "UTC")
