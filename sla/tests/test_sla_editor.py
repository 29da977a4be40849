"""The editor of the SLA: the whole of it on one page, checked as often as one likes, and nothing typed is lost."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.test import Client

from alignment.models import ArtifactVersion, Role, Team
from alignment.queries.artifacts import draft_of
from alignment.services.artifacts import decline, discard_draft, revoke, send
from sla.content import KEY, KIND
from sla.models import Agreement
from sla.services.drafts import start_draft
from sla.tests.pages import signed_in
from testing.artifacts import sign_all, user_with
from testing.definitions import put_in_force
from testing.sla import sent_sla, signed_sla
from testing.world import NOW, World, add_user, event, terms

PAGE = "/agreement/draft/"
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
OWED = {"volume-0-segment": "enterprise", "volume-0-mqls": 40, "volume-others-mqls": 120}


@pytest.fixture
def revops(world: World) -> Client:
    return signed_in(user_with(Role.REVOPS))


@pytest.fixture(autouse=True)
def _now() -> Any:
    with time_machine.travel(NOW, tick=False):
        yield


def shown(client: Client) -> dict[str, Any]:
    """What a browser would send of the form as it is shown."""
    response = client.get(PAGE)
    assert response.status_code == 200
    form = response.context["form"]
    parts = [form, *form.tiers, form.others, *form.volumes.rows, form.volumes.others]
    typed = {field.html_name: field.value() for part in parts for field in part}
    page = {
        "revision": response.context["revision"],
        "tiers": len(form.tiers),
        "volumes": len(form.volumes.rows),
    }
    return page | {name: "" if value is None else value for name, value in typed.items()}


def text(response: Any) -> str:
    return " ".join(response.content.decode().split())


def drafted() -> ArtifactVersion:
    found = draft_of(KIND, KEY)
    assert found is not None
    return found


def test_a_first_sla_is_drafted_saved_and_sent_from_the_page(world: World, revops: Client) -> None:
    put_in_force("mql", at=NOW)
    escalation = user_with(Role.SALES_MANAGER)
    typed = shown(revops) | OWED | {"owner_escalation": escalation.pk, "channels": 3, "note": "The first one"}
    response = revops.post(PAGE, typed | {"act": "read"})
    draft = drafted()
    assert response.status_code == 302
    assert response["Location"].endswith(f"/sla/revenue/{draft.number}/")
    clauses = draft.content["clauses"]
    assert draft.content["terms"] == world.agreement.terms
    assert clauses["marketing"]["volumes"] == [
        {"segment": "enterprise", "mqls": 40},
        {"segment": "", "mqls": 120},
    ]
    assert clauses["marketing"]["definition"]["version"] == 1
    assert clauses["channels"] == 3 and clauses["owners"]["escalation"]["name"] == escalation.name
    assert clauses["review_on"] == "2027-02-15" and draft.content["note"] == "The first one"
    assert Agreement.objects.count() == 1
    sign_all(send(version=draft, by=user_with(Role.REVOPS), at=NOW), at=NOW)
    assert Agreement.objects.get(number=2).clauses == clauses


def test_the_form_says_the_same_again(world: World, revops: Client) -> None:
    put_in_force("mql", at=NOW)
    assert revops.post(PAGE, shown(revops) | OWED).status_code == 302
    before = drafted().content
    assert revops.post(PAGE, shown(revops)).status_code == 302
    assert drafted().content == before and drafted().revision == 2


def test_an_incomplete_draft_is_kept_and_the_page_says_what_is_missing(world: World, revops: Client) -> None:
    typed = shown(revops) | {"owner_sales": "", "review_on": ""}
    assert revops.post(PAGE, typed).status_code == 302
    page = text(revops.get(PAGE))
    for missing in (
        "how many MQLs a month marketing owes",
        "The draft cites no signed definition of an MQL",
        "Name who answers for what sales owes",
        "on which day the SLA is reviewed",
    ):
        assert missing in page
    assert "Until then this draft can be saved, but not sent" in page


def test_checking_saves_nothing_and_says_what_the_terms_come_to(world: World, revops: Client) -> None:
    response = revops.post(PAGE, shown(revops) | OWED | {"others-follow_up_amount": 16, "act": "check"})
    assert response.status_code == 200
    page = text(response)
    assert "It can be saved like this" in page
    assert "16 business hours are 2 working days of the 8-hour calendar Office hours" in page
    assert draft_of(KIND, KEY) is None


def test_what_is_half_written_is_no_error_while_the_page_looks_by_itself(
    world: World, revops: Client
) -> None:
    typed = shown(revops) | {"threshold": "", "act": "check"}
    assert revops.post(PAGE, typed, headers={"HX-Request": "true"}).status_code == 200
    assert revops.post(PAGE, typed).status_code == 422


def test_all_faults_are_said_at_once_beside_their_fields_and_nothing_is_lost(
    world: World, revops: Client
) -> None:
    same = user_with(Role.CRO)
    typed = shown(revops) | {
        "threshold": "many",
        "attempts": 2,
        "channels": 3,
        "missed_percent": 100,
        "gate_follow_up": 84,
        "owner_sales": same.pk,
        "owner_marketing": same.pk,
        "review_on": "2027-12-31",
        "begins_on": "2020-01-01",
        "volume-0-segment": "",
        "volume-0-mqls": 5,
        "others-follow_up_amount": "soon",
        "note": "Kept as typed",
    }
    response = revops.post(PAGE, typed)
    assert response.status_code == 422
    form = response.context["form"]
    assert set(form.errors) == {
        "threshold", "channels", "missed_percent", "gate_follow_up", "owner_marketing", "review_on", "begins_on",
    }  # fmt: skip
    assert "segment" in form.volumes.rows[0].errors and "follow_up_amount" in form.others.errors
    page = text(response)
    assert 'value="many"' in page and 'value="soon"' in page and "Kept as typed" in page
    assert "choose 15 February 2027 or an earlier day" in page
    assert draft_of(KIND, KEY) is None


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        (
            {"volume-0-segment": "a", "volume-0-mqls": 1, "volume-1-segment": "A", "volume-1-mqls": 2, "volumes": 2},
            "name each once",
        ),
        ({"owner_arbitration": "x", "tiers": "²", "volumes": "9" * 40}, "Select a valid choice"),
        ({"others-follow_up_amount": 9999}, "more open time than"),
        ({"default_calendar": "77"}, "Select a valid choice"),
    ],
)  # fmt: skip
def test_what_cannot_be_read_is_refused(
    world: World, revops: Client, changes: dict[str, Any], said: str
) -> None:
    response = revops.post(PAGE, shown(revops) | changes)
    assert response.status_code == 422 and said in text(response)


@pytest.mark.parametrize("typed", ["24.0", " 24", "+24", "\u0662\u0664"])
def test_a_window_is_read_however_its_number_is_written(world: World, revops: Client, typed: str) -> None:
    changes = {"others-follow_up_amount": typed, "gap_amount": typed}
    assert revops.post(PAGE, shown(revops) | changes).status_code == 302
    terms = drafted().content["terms"]
    assert terms["tiers"][-1]["follow_up_within"]["amount"] == terms["cadence"]["gap"]["amount"] == 24


def test_an_sla_has_at_most_twelve_lines_of_volume(world: World, revops: Client) -> None:
    rows: dict[str, Any] = {"volumes": 13}
    for n in range(13):
        rows |= {f"volume-{n}-segment": f"s{n}", f"volume-{n}-mqls": 1}
    response = revops.post(PAGE, shown(revops) | rows)
    assert response.status_code == 422 and "At most 12 lines" in text(response)
    assert 'value="s12"' in text(response)


def test_two_at_once_overwrite_nothing_unread(world: World, revops: Client) -> None:
    first, second = shown(revops), shown(revops)
    assert revops.post(PAGE, first | {"warn_at_percent": 50}).status_code == 302
    response = revops.post(PAGE, second | {"warn_at_percent": 60})
    assert response.status_code == 409
    assert 'value="60"' in text(response) and "saving it again replaces theirs" in text(response)
    assert drafted().content["terms"]["warn_at_percent"] == 50
    again = second | {"warn_at_percent": 60, "revision": response.context["revision"]}
    assert revops.post(PAGE, again).status_code == 302
    assert drafted().content["terms"]["warn_at_percent"] == 60


def test_a_draft_that_was_discarded_meanwhile_is_begun_anew_only_when_asked_again(
    world: World, revops: Client
) -> None:
    draft = start_draft(by=user_with(Role.REVOPS), at=NOW)
    typed = shown(revops)
    discard_draft(version=draft, by=user_with(Role.REVOPS), at=NOW)
    response = revops.post(PAGE, typed)
    assert response.status_code == 409 and response.context["revision"] == 0


def test_the_page_says_what_it_starts_from(world: World, revops: Client) -> None:
    assert "working terms that are in force unsigned" in text(revops.get(PAGE))
    signed_sla(terms(world.calendar), at=NOW, channels=4)
    response = revops.get(PAGE)
    assert "An amendment: starts from version 2 of the SLA" in text(response)
    assert response.context["form"]["channels"].value() == 4


def test_after_a_revocation_the_page_starts_from_what_goes_on_judging(world: World, revops: Client) -> None:
    signed = signed_sla(terms(world.calendar), at=NOW, channels=4)
    assert signed.version is not None
    revoke(version=signed.version, role=Role.CRO, reason="Wrong", by=user_with(Role.CRO), at=NOW)
    response = revops.get(PAGE)
    page = text(response)
    assert "Starts from version 2 of the SLA, which is no longer signed" in page
    assert "working terms that are in force unsigned" not in page
    assert response.context["form"]["channels"].value() == 4
    waiting = sent_sla(terms(world.calendar), at=NOW, channels=5)
    response = revops.get(PAGE)
    said = "Starts from version 3 of the SLA, which waits for The CRO (CRO) and The CMO (CMO)"
    assert said in text(response)
    assert response.context["form"]["channels"].value() == 5
    decline(version=waiting, role=Role.CMO, reason="No", by=user_with(Role.CMO), at=NOW)
    page = text(revops.get(PAGE))
    assert "Version 3 of the SLA was declined" in page and "start from it instead" in page


def test_a_team_and_a_tier_of_its_own_are_drafted(world: World, revops: Client) -> None:
    field = Team.objects.create(name="Field")
    typed = shown(revops)
    place = int(typed["tiers"]) - 1
    typed |= {
        f"team-{field.pk}": world.calendar.pk,
        f"tier-{place}-label": "Partners",
        f"tier-{place}-field": "channel",
        f"tier-{place}-values": "partner, referral",
        f"tier-{place}-follow_up_amount": 48,
        f"tier-{place}-disposition_amount": 48,
    }
    assert revops.post(PAGE, typed).status_code == 302
    content = drafted().content
    assert [tier["name"] for tier in content["terms"]["tiers"]] == ["high_intent", "partners", "standard"]
    assert content["teams"] == {str(field.pk): "Field"}


def test_evidence_stays_unless_it_is_unticked(world: World, revops: Client) -> None:
    found = [{"scenario": n, "name": f"Half {n}", "said": ["All met."]} for n in (1, 2)]
    start_draft(evidence=found, by=user_with(Role.REVOPS), at=NOW)
    assert revops.post(PAGE, shown(revops) | {"evidence": ["1"]}).status_code == 302
    assert drafted().content["evidence"] == found[1:]


def test_last_quarter_stands_beside_the_terms(world: World, revops: Client) -> None:
    start = datetime(2026, 9, 1, 10, 0, tzinfo=UTC)  # a Tuesday of the third quarter
    for n in range(4):
        at = start + n * HOUR + 3 * DAY * (n > 1)
        world.send(event("lead.created", f"L{n}", at, score=70, segment="smb"), at=at)
    typed = {"volume-0-mqls": 3, "others-disposition_amount": 48, "weekly_minimum": 4, "act": "check"}
    page = text(revops.post(PAGE, shown(revops) | typed))
    assert "the 4 MQLs of Q3 2026" in page
    assert "July 0, August 0, September 4: this figure was reached in 1 of 3" in page
    assert "Would have taken 4 of the 4 MQLs of Q3 2026" in page
    assert "All segments together were below this volume in 2 of 3 months" in page
    assert "one would have opened" in page
    # in the week of 7 September the follow-ups of two and the dispositions of the two others were due
    said = "Of 1 full weeks of Q3 2026 with so many MQLs due, 0 were above for first follow-up"
    assert f"{said}; for disposition in time 0 of 1" in page


def test_only_revops_drafts(world: World) -> None:
    for role in (Role.CRO, Role.MARKETING, Role.REP):
        client = signed_in(add_user(world, role, f"Other {role}"))
        assert client.get(PAGE).status_code == client.post(PAGE, {}).status_code == 403


def test_where_nothing_is_in_force_one_writes_all_of_it(db: None) -> None:
    client = signed_in(user_with(Role.REVOPS))
    assert "Nothing is in force yet" in text(client.get(PAGE))
    assert client.post(PAGE, shown(client)).status_code == 422


def test_working_terms_are_closed_by_the_first_signature(world: World, revops: Client) -> None:
    signed_sla(terms(world.calendar), at=NOW)
    page = revops.get("/agreement/new/")
    assert page.status_code == 200 and "Draft an amendment" in text(page)
    for act in ({}, {"check": "1"}):
        refused = revops.post("/agreement/new/", act)
        assert refused.status_code == 409 and "both leaders sign" in text(refused)


def test_the_number_of_queries_does_not_grow(
    world: World, revops: Client, django_assert_max_num_queries: Callable[[int], Any]
) -> None:
    for n in range(1, 9):
        Team.objects.create(name=f"Team {n}", calendar=world.calendar)
        user_with(Role.SALES_MANAGER, f"Manager {n}")
        if n in (1, 8):
            with django_assert_max_num_queries(28):
                revops.get(PAGE)
