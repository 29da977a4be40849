"""The pages of the definitions: written by RevOps with or without scripts, sent, signed and read by the others."""

from __future__ import annotations

from typing import Any

import pytest
import time_machine
from django.test import Client
from django.urls import reverse
from pytest_django import DjangoAssertNumQueries

from alignment.definitions.predicate import KEYS
from alignment.definitions.suggestions import suggestion
from alignment.forms.definitions import lines
from alignment.models import ArtifactVersion, Lead, Role, VersionState
from alignment.queries.definitions import definition_in_force
from alignment.services.artifacts import decline, revoke, save_draft
from alignment.tests.pages import signed_in
from testing.artifacts import sent, sign_all, user_with
from testing.definitions import COMPLETE, put_in_force
from testing.world import World, add_user, event


@pytest.fixture
def revops(world: World) -> Client:
    with time_machine.travel(world.at, tick=False):
        yield signed_in(add_user(world, Role.REVOPS))


def posted(key: str, content: dict[str, Any], **more: Any) -> dict[str, Any]:
    """What the editor's form would send for this content."""
    found: dict[str, Any] = {"prose": content["prose"], "act": "save", "revision": "0"}
    for part in lines(key, content):
        found |= {
            f"{part.name}-prose": part.prose,
            f"{part.name}-combine": part.combine,
            f"{part.name}-rows": len(part.rows),
        }
        for line in part.rows:
            found |= {
                f"{line.prefix}-field": line.field,
                f"{line.prefix}-operator": line.operator,
                f"{line.prefix}-value": line.value,
            }
    if content.get("crm_status"):
        found |= {
            "crm-field": content["crm_status"]["field"],
            "crm-values": ", ".join(content["crm_status"]["values"]),
        }
    found |= {f"limit-{name}": value for name, value in (content.get("limits") or {}).items()}
    return found | more


def draft_of(key: str) -> ArtifactVersion:
    return ArtifactVersion.objects.of("definition", key).get(state=VersionState.DRAFT)


def change(client: Client, key: str, data: dict[str, Any]) -> Any:
    return client.post(reverse("alignment:definition-change", args=[key]), data)


@pytest.mark.parametrize("key", KEYS)
def test_a_definition_is_started_saved_sent_and_signed(revops: Client, world: World, key: str) -> None:
    page = revops.get(reverse("alignment:definition", args=[key])).content.decode()
    assert "Start from our suggestion" in page
    assert not ArtifactVersion.objects.exists()
    revops.post(reverse("alignment:definition-start", args=[key]))
    draft = draft_of(key)
    assert draft.content == suggestion(key)
    for role in (Role.CRO, Role.CMO, Role.FINANCE):
        user_with(role)
    answer = change(revops, key, posted(key, draft.content, act="send", revision=draft.revision))
    assert answer.status_code == 302
    draft.refresh_from_db()
    assert draft.state == VersionState.SENT
    assert draft.content == suggestion(key)
    sign_all(draft, at=world.at)
    found = definition_in_force(key)
    assert found is not None
    assert found.version == draft
    page = revops.get(reverse("alignment:definition", args=[key])).content.decode()
    assert "In force, version 1" in page
    assert "The CRO" in page
    assert "Draft the next version" in page


def test_rows_come_and_go_by_buttons_and_nothing_is_saved_meanwhile(revops: Client) -> None:
    revops.post(reverse("alignment:definition-start", args=["mql"]))
    saved = draft_of("mql")
    more = change(revops, "mql", posted("mql", saved.content, act="add:role", revision=saved.revision))
    assert more.status_code == 200
    assert 'name="role-1-field"' in more.content.decode()
    assert "Not saved yet" in more.content.decode()
    fewer = change(
        revops, "mql", posted("mql", saved.content, act="remove:firmographic:1", revision=saved.revision)
    ).content.decode()
    assert 'name="firmographic-1-field"' in fewer
    assert 'name="firmographic-2-field"' not in fewer
    assert '<option value="segment" selected>' not in fewer
    again = draft_of("mql")
    assert (again.revision, again.content) == (saved.revision, saved.content)


def test_a_draft_keeps_what_cannot_be_read_and_says_what_to_write(revops: Client, world: World) -> None:
    content = suggestion("mql")
    data = posted("mql", content) | {
        "engagement-0-value": "sixty",
        "role-0-operator": "at_least",
        "prose": "",
    }
    assert change(revops, "mql", data).status_code == 302
    draft = draft_of("mql")
    assert draft.content["parts"][3]["rows"] == [{"field": "score", "operator": "at_least", "value": "sixty"}]
    page = revops.get(reverse("alignment:definition", args=["mql"])).content.decode()
    assert ">sixty</textarea>" in page
    assert "Engagement threshold, row 1: write a whole number" in page
    assert "The definition needs its meaning in words." in page
    assert "Send for signature" not in page
    sent = change(revops, "mql", data | {"act": "send", "revision": draft.revision})
    assert sent.status_code == 409
    assert "cannot be sent yet" in sent.content.decode()
    assert draft_of("mql").state == VersionState.DRAFT


def test_who_saves_over_a_draft_that_changed_meanwhile_loses_nothing(revops: Client, world: World) -> None:
    revops.post(reverse("alignment:definition-start", args=["lead"]))
    mine = draft_of("lead")
    save_draft(
        kind="definition", key="lead", content=mine.content | {"prose": "What the other one wrote."},
        expected=mine.revision, by=world.users[Role.REVOPS], at=world.at,
    )  # fmt: skip
    data = posted("lead", mine.content, revision=mine.revision) | {"prose": "What I wrote."}
    answer = change(revops, "lead", data)
    page = answer.content.decode()
    assert answer.status_code == 409
    assert "What I wrote." in page
    assert "What the other one wrote." in page
    assert draft_of("lead").content["prose"] == "What the other one wrote."
    seen = draft_of("lead").revision
    assert f'name="revision" value="{seen}"' in page
    assert change(revops, "lead", data | {"revision": seen}).status_code == 302
    assert draft_of("lead").content["prose"] == "What I wrote."


def test_two_who_start_at_once_work_on_one_draft(revops: Client) -> None:
    for _ in range(2):
        assert revops.post(reverse("alignment:definition-start", args=["lead"])).status_code == 302
    assert draft_of("lead").revision == 1


def test_a_change_is_a_new_version_and_the_signed_one_stays(revops: Client, world: World) -> None:
    signed = put_in_force("lead", at=world.at)
    revops.post(reverse("alignment:definition-start", args=["lead"]), {"from": "1"})
    draft = draft_of("lead")
    assert (draft.number, draft.content) == (2, signed.content)
    change(revops, "lead", posted("lead", draft.content, revision=1) | {"prose": "Anybody at all."})
    assert draft_of("lead").content["prose"] == "Anybody at all."
    found = definition_in_force("lead")
    assert found is not None
    assert found.version == signed
    assert revops.post(reverse("alignment:definition-discard", args=["lead"])).status_code == 302
    assert not ArtifactVersion.objects.of("definition", "lead").filter(state="draft").exists()


def test_the_count_follows_what_is_typed_without_saving_it(revops: Client, world: World) -> None:
    world.send(
        *(event("lead.updated", f"l{n}", world.at, **COMPLETE | {"score": 60 + n}) for n in range(10)),
        event("lead.updated", "x", world.at, **COMPLETE | {"title": ""}),
    )
    data = posted("mql", suggestion("mql"))
    said = revops.post(reverse("alignment:definition-counts", args=["mql"]), data).content.decode()
    assert "5 of 11" in said
    more = data | {"engagement-0-value": "69"}
    said = revops.post(reverse("alignment:definition-counts", args=["mql"]), more).content.decode()
    assert "1 of 11" in said
    assert "Of the last 6 that crossed the trigger of the agreement, <strong>1 match</strong>" in said
    assert reverse("handoff:lead", args=[Lead.objects.get(external_id="x").pk]) in said
    assert "by role fit" in said
    called = more | {"crm-field": "lifecycle", "crm-values": "mql"}
    said = revops.post(reverse("alignment:definition-counts", args=["mql"]), called).content.decode()
    assert "None yet that the CRM calls an MQL" in said
    assert not ArtifactVersion.objects.exists()


@pytest.mark.parametrize("role", [Role.CRO, Role.FINANCE, Role.REP])
def test_the_others_read_and_do_not_write(world: World, role: Role) -> None:
    client = signed_in(add_user(world, role))
    put_in_force("mql", at=world.at)
    page = client.get(reverse("alignment:definition", args=["mql"]))
    assert "Score is at least 65" in page.content.decode()
    assert "definition-form" not in page.content.decode()
    for name in ("start", "change", "counts", "discard"):
        assert client.post(reverse(f"alignment:definition-{name}", args=["mql"])).status_code == 403


def test_names_of_leads_are_shown_to_those_who_see_all_of_them(world: World) -> None:
    world.send(
        event("lead.updated", "l1", world.at, **COMPLETE | {"first_name": "Ada", "last_name": "Byron"})
    )
    put_in_force("mql", at=world.at)
    for role, sees in ((Role.CMO, True), (Role.FINANCE, False), (Role.REP, False)):
        client = signed_in(add_user(world, role, f"a {role}"))
        page = client.get(reverse("alignment:definition", args=["mql"])).content.decode()
        assert "1 of 1" in page
        assert ("Ada Byron" in page) is sees


def test_an_unknown_definition_is_not_found(revops: Client) -> None:
    assert revops.get("/definitions/inquiry/").status_code == 404
    assert change(revops, "inquiry", {}).status_code == 404


def test_a_form_full_of_rubbish_is_answered_and_loses_nothing_that_can_be_kept(revops: Client) -> None:
    rubbish = {
        "act": "save", "revision": "²", "prose": "\0x" * 3000, "role-rows": "9" * 30,
        "firmographic-rows": "2", "firmographic-0-field": "score", "firmographic-0-operator": "nonsense",
        "firmographic-1-value": "lost?", "limit-gap": "4.5", "crm-values": ",,",
    }  # fmt: skip
    assert change(revops, "mql", rubbish).status_code == 302
    draft = draft_of("mql")
    assert draft.content["parts"][0]["rows"][1]["value"] == "lost?"
    assert revops.get(reverse("alignment:definition", args=["mql"])).status_code == 200


def test_the_list_says_where_each_stands_and_what_to_do(revops: Client, world: World) -> None:
    page = revops.get(reverse("alignment:definitions")).content.decode()
    assert page.count("Not written yet") == len(KEYS)
    assert page.count(">Write it<") == len(KEYS)
    assert "Nothing is measured before" in page
    revops.post(reverse("alignment:definition-start", args=["lead"]))
    put_in_force("mql", at=world.at)
    page = revops.get(reverse("alignment:definitions")).content.decode()
    assert "Complete and send" in page
    assert "In force, version 1" in page
    assert "The CMO" in page
    assert "Complete MQLs this month" in page


def test_what_was_revoked_is_not_called_unwritten_and_is_what_the_next_one_starts_from(
    revops: Client, world: World
) -> None:
    version = put_in_force("mql", at=world.at)
    revoke(version=version, role="cro", reason="We sell else", by=user_with(Role.CRO), at=world.at)
    listed = revops.get(reverse("alignment:definitions")).content.decode()
    assert "Revoked, version 1" in listed
    assert listed.count("Not written yet") == len(KEYS) - 1
    page = revops.get(reverse("alignment:definition", args=["mql"])).content.decode()
    assert "Not written yet" not in page and "No version is in force" in page
    primary = page.partition('btn btn-primary"')[2]
    assert "Start from version 1" in primary.partition("</button>")[0]
    reader = signed_in(user_with(Role.CMO))
    page = reader.get(reverse("alignment:definition", args=["mql"])).content.decode()
    assert "No version is in force" in page and "Not written yet" not in page


def test_the_list_takes_as_many_queries_for_one_as_for_five(
    revops: Client, world: World, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    put_in_force("mql", at=world.at)
    for key in KEYS:
        if key != "mql":
            put_in_force(key, at=world.at)
    world.send(*(event("lead.updated", f"l{n}", world.at, **COMPLETE) for n in range(20)))
    with django_assert_max_num_queries(24):
        revops.get(reverse("alignment:definitions"))
    with django_assert_max_num_queries(18):
        revops.get(reverse("alignment:definition", args=["mql"]))


def test_the_page_of_a_lead_says_how_it_stands_to_each_part(revops: Client, world: World) -> None:
    world.send(
        event("lead.updated", "good", world.at, **COMPLETE),
        event("lead.updated", "bad", world.at, **COMPLETE | {"title": "Student", "score": None}),
    )
    good, bad = (
        reverse("handoff:lead", args=[Lead.objects.get(external_id=name).pk]) for name in ("good", "bad")
    )
    assert "definition of an MQL" not in revops.get(good).content.decode()
    put_in_force("mql", at=world.at)
    page = revops.get(good).content.decode()
    part = page[page.index("definition of an MQL") :]
    assert part.count("Met</span>") == 4
    assert "None matches" in part
    page = revops.get(bad).content.decode()
    part = page[page.index("definition of an MQL") : page.index('id="opportunities"')]
    assert "Disqualified" in part
    assert part.count("Not met</span>") == 2
    assert "Score" in part


def test_the_key_enter_takes_no_row_away(revops: Client) -> None:
    revops.post(reverse("alignment:definition-start", args=["mql"]))
    page = revops.get(reverse("alignment:definition", args=["mql"])).content.decode()
    form = page[page.index('id="definition-form"') :]
    first = form[form.index("<button") : form.index("</button>")]
    assert 'value="count"' in first


def test_a_declined_version_is_not_lost(revops: Client, world: World) -> None:
    version = sent(
        "definition", suggestion("lead") | {"prose": "Anybody who ever came."}, key="lead", at=world.at
    )
    decline(version=version, role=Role.CRO, reason="Too wide", by=user_with(Role.CRO), at=world.at)
    page = revops.get(reverse("alignment:definition", args=["lead"])).content.decode()
    assert "Version 1 is declined since" in page
    revops.post(reverse("alignment:definition-start", args=["lead"]), {"from": "1"})
    assert (draft_of("lead").number, draft_of("lead").content["prose"]) == (2, "Anybody who ever came.")


@pytest.mark.parametrize(("role", "is_linked"), [(Role.FINANCE, False), (Role.CMO, True), (Role.REP, True)])
def test_figures_lead_only_where_the_role_may_go(world: World, role: Role, is_linked: bool) -> None:
    put_in_force("mql", at=world.at)
    client = signed_in(add_user(world, role))
    page = client.get(reverse("alignment:definitions")).content.decode()
    assert (reverse("alignment:mqls-incomplete") in page) is is_linked
    for name in ("mqls-incomplete", "drift"):
        url = reverse(f"alignment:{name}")
        assert client.get(url).status_code == (200 if url in page else 403)
