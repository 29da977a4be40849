"""Dry run and import: started once, of what was seen."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from alignment.importing.mapping import InvalidMapping
from alignment.models import Import, ImportPiece, ImportState, Lead, MqlCycle, Role
from alignment.services import import_drafts
from alignment.services.imports import NothingToResume, NotUnderWay, cancel_import, resume_import
from alignment.tests.import_forms import LEADS, drafted, mapped, previewed, start, text, url, worked
from alignment.tests.pages import cards, signed_in
from testing.world import World, add_user


@pytest.fixture
def revops(world: World) -> Client:
    return signed_in(add_user(world, Role.REVOPS, "Ann"))


def test_a_dry_run_counts_and_leaves_the_draft_for_the_import(revops: Client) -> None:
    draft = drafted(revops)
    previewed(revops, draft)
    answer = start(revops, draft, "try")
    trial = Import.objects.latest("pk")
    assert trial.pk != draft.pk and answer.url == url("import", pk=trial.pk)
    assert worked() == trial
    said = text(revops.get(answer.url))
    assert "nothing was written" in said and "Statements in its rows that would be new: 2." in said
    assert not Lead.objects.exists()
    draft.refresh_from_db()
    assert draft.state == "draft"
    assert f'action="{url("import-start", pk=draft.pk)}"' in revops.get(answer.url).content.decode()
    assert start(revops, draft).url == url("import", pk=draft.pk)
    worked()
    draft.refresh_from_db()
    trial.refresh_from_db()
    assert (draft.state, draft.rows, draft.rejected) == ("done", trial.rows, trial.rejected) == ("done", 3, 2)
    assert (draft.facts_new, draft.counts) == (trial.facts_new, trial.counts)
    assert Lead.objects.count() == 1


def test_an_import_is_history_and_its_page_says_what_came_of_it(revops: Client) -> None:
    draft = drafted(revops, LEADS.replace("Trash", "Recycled"))
    previewed(revops, draft)
    address = start(revops, draft).url
    assert "Waits for a worker" in text(revops.get(address))
    worked()
    said = text(revops.get(address))
    assert "Done, with rejects" in said and "Leads 2" in said
    records = cards(revops.get(address).content.decode(), "Records by kind")
    assert records[0] == {"New": "2", "Changed": "0", "Unchanged": "0", "Named only": "0"}
    assert "4 Create Date (created_at): “tomorrow” is not a date" in said
    assert "People are named whom nobody has set up yet (1)" in said and "Such as Nobody Known" in said
    assert set(MqlCycle.objects.values_list("is_history", flat=True)) == {True}


def test_a_field_filled_by_mistake_is_emptied_by_a_line_and_the_same_file(revops: Client) -> None:
    """What the page says before an import about a wrong column."""
    wrong = drafted(revops)
    previewed(revops, wrong, **{"field-3": "phone"})
    start(revops, wrong)
    worked()
    assert set(Lead.objects.values_list("phone", "email")) == {("ada@example.com", "")}
    right = drafted(revops)
    previewed(revops, right, **{"field-3": "email", "constants": "phone ="})
    start(revops, right)
    worked()
    assert set(Lead.objects.values_list("phone", "email")) == {("", "ada@example.com")}


def test_pressing_import_twice_starts_one(revops: Client) -> None:
    draft = drafted(revops)
    previewed(revops, draft)
    seen = import_drafts.fingerprint(Import.objects.get(pk=draft.pk))
    first, second = (start(revops, draft, seen=seen) for _ in range(2))
    assert first.url == second.url == url("import", pk=draft.pk)
    assert Import.objects.filter(state=ImportState.WAITING).count() == 1
    again = drafted(revops)
    previewed(revops, again)
    Import.objects.filter(pk=again.pk).update(as_of=draft.as_of)
    answer = start(revops, again)
    assert answer.url == url("import", pk=draft.pk), "the same file with the same mapping is under way"


def test_pressing_dry_run_twice_starts_one(revops: Client) -> None:
    draft = drafted(revops)
    previewed(revops, draft)
    assert start(revops, draft, "try").url == start(revops, draft, "try").url
    assert Import.objects.count() == 2


def test_what_was_not_previewed_is_not_imported(revops: Client) -> None:
    draft = drafted(revops)
    previewed(revops, draft)
    seen = import_drafts.fingerprint(Import.objects.get(pk=draft.pk))
    mapped(revops, draft, zone="America/New_York")
    answer = start(revops, draft, seen=seen)
    assert answer.url == url("import-preview", pk=draft.pk)
    assert "changed meanwhile" in text(revops.get(answer.url))
    assert Import.objects.get().state == "draft"


def test_a_draft_that_is_gone_says_to_upload_again(revops: Client) -> None:
    draft = drafted(revops)
    previewed(revops, draft)
    draft.refresh_from_db()
    ImportPiece.objects.all().delete()
    for name in ("import-mapping", "import-preview"):
        assert "upload the file again" in text(revops.get(url(name, pk=draft.pk), follow=True))
    assert "upload the file again" in text(
        revops.post(url("import-start", pk=draft.pk), {"seen": import_drafts.fingerprint(draft)}, follow=True)
    )
    draft.delete()
    for name in ("import-mapping", "import-preview", "import"):
        assert revops.get(url(name, pk=draft.pk or 1)).status_code == 404


def test_an_upload_can_be_removed_but_not_what_has_begun(revops: Client) -> None:
    draft = drafted(revops)
    assert "nothing of it was imported" in text(revops.post(url("import-discard", pk=draft.pk), follow=True))
    assert not Import.objects.exists() and not ImportPiece.objects.exists()
    begun = drafted(revops)
    previewed(revops, begun)
    start(revops, begun)
    assert "cancel it instead" in text(revops.post(url("import-discard", pk=begun.pk), follow=True))
    assert Import.objects.get().state == "waiting"


def test_uploads_nobody_went_on_with_for_a_day_are_forgotten(revops: Client) -> None:
    old, fresh = drafted(revops), drafted(revops)
    done = drafted(revops, LEADS + "\n")
    previewed(revops, done)
    start(revops, done)
    day_ago = timezone.now() - timedelta(hours=25)
    Import.objects.filter(pk__in=[old.pk, done.pk]).update(requested_at=day_ago)
    assert import_drafts.forget_drafts(at=timezone.now()) == 1
    assert set(Import.objects.values_list("pk", flat=True)) == {fresh.pk, done.pk}
    assert not ImportPiece.objects.filter(file_id=old.pk).exists()


def test_the_same_file_states_the_same_facts_again(revops: Client) -> None:
    draft = drafted(revops)
    previewed(revops, draft)
    start(revops, draft)
    worked()
    again = drafted(revops)
    assert again.as_of == Import.objects.get(pk=draft.pk).as_of
    previewed(revops, again)
    start(revops, again)
    worked()
    again.refresh_from_db()
    assert (again.facts_new, again.facts_unchanged > 0) == (0, True)


def test_a_draft_is_neither_cancelled_nor_resumed(revops: Client, world: World) -> None:
    draft = drafted(revops)
    with pytest.raises(NotUnderWay):
        cancel_import(draft, by=None, at=world.at)
    with pytest.raises(NothingToResume):
        resume_import(draft, by=None, at=world.at)
    with pytest.raises(InvalidMapping):
        import_drafts.save_mapping(draft, mapping={"object": "lead"}, by=None, at=timezone.now())
