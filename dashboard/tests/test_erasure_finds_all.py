"""An erasure finds the person in every record of theirs, in every body that is kept, and in nobody else's."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from alignment.models import (
    Delivery,
    Erasure,
    Import,
    ImportPiece,
    ImportReject,
    KeptAnswer,
    Lead,
    Opportunity,
    Role,
    Touch,
)
from alignment.pipeline import drain
from alignment.services.erasure import erase_person
from alignment.services.merges import CannotMerge, merge_leads
from dashboard.tests.test_erasure import places_naming
from handoff.tests.pages import add_mql
from testing.api import by_token
from testing.world import World, add_user, event

pytestmark = pytest.mark.django_db
HOUR = timedelta(hours=1)
PERSON = {"email": "wilma@feathers.example", "phone": "+49 30 5550142", "last_name": "Canary-Sparrow"}
NAMES = ("wilma", "canary-sparrow", "5550142")


def lead(ref: str) -> Lead:
    return Lead.objects.get(external_id=ref, source__key="crm")


def erase(world: World, *refs: str) -> list[Erasure]:
    return erase_person(
        leads=[lead(ref) for ref in refs], asked_by="person", reason="asked", by=None, at=world.at
    )


@pytest.fixture
def merged(world: World) -> World:
    """L1 bears the last name; L2 has the e-mail, and what names the person by the name that only L1 has."""
    world.send(event("lead.created", "L1", world.at, **PERSON))
    world.send(
        event(
            "lead.created",
            "L2",
            world.at,
            email=PERSON["email"],
            company="Canary-Sparrow Consulting",
            score=70,
        ),
        event("opportunity.created", "O1", world.at, lead="L2", name="Cages for Canary-Sparrow"),
    )
    by = add_user(world, Role.REVOPS)
    merge_leads(survivor=lead("L1"), merged=lead("L2"), reason="same", by=by, at=world.at)
    return world


class TestMergedRecords:
    @pytest.mark.parametrize("asked_for", ["L1", "L2"])
    def test_each_is_searched_for_the_names_of_all(self, merged: World, asked_for: str) -> None:
        assert len(erase(merged, asked_for)) == 2
        assert places_naming(*NAMES) == set()
        assert lead("L2").company == lead("L1").company == Opportunity.objects.get().name == ""

    def test_what_comes_later_for_one_is_searched_for_the_names_of_all(self, merged: World) -> None:
        erase(merged, "L1")
        merged.send(
            event("lead.updated", "L2", merged.at + HOUR, company="Canary-Sparrow Ltd", score=80),
            event("opportunity.updated", "O1", merged.at + HOUR, name="More for Canary-Sparrow"),
        )
        assert lead("L2").score == 80
        assert places_naming(*NAMES) == set()


@pytest.mark.parametrize("erased", ["L1", "L9"])
def test_an_erased_record_is_merged_with_no_other(world: World, erased: str) -> None:
    world.send(event("lead.created", "L1", world.at, **PERSON))
    world.send(event("lead.created", "L9", world.at, **PERSON))
    by = add_user(world, Role.REVOPS)
    (erasure,) = erase(world, erased)
    with pytest.raises(CannotMerge, match=f"{erasure.pseudonym} cannot be merged"):
        merge_leads(survivor=lead("L1"), merged=lead("L9"), reason="same", by=by, at=world.at)
    assert lead(erased).email == ""


class TestBodies:
    def state(self, ref: str) -> bool:
        """Whether the body is kept."""
        return Delivery.objects.get(external_id=ref).body is not None

    def send_unreadable(self, world: World, ref: str, **data: Any) -> None:
        body = event("lead.updated", "x", world.at, id=ref)
        body["data"] = data | {"score": "many"}
        world.deliver(body, external_id=ref)
        drain(at=world.at)

    def test_an_id_is_found_as_a_number_but_not_in_a_score(self, world: World) -> None:
        world.send(event("lead.created", "7", world.at, **PERSON))
        self.send_unreadable(world, "own", external_id=7, first_name="Wilma")
        self.send_unreadable(world, "others", external_id="L5", amount=7, room="7")
        self.send_unreadable(world, "longer", external_id=77)
        erase(world, "7")
        assert not self.state("own")
        assert self.state("others") and self.state("longer")

    def test_a_number_of_another_source_is_another_record(self, world: World) -> None:
        from alignment.models import Endpoint, Scheme, Source

        other = Source.objects.create(key="other", name="Other", kind="standard")
        door = Endpoint.objects.create(source=other, scheme=Scheme.STANDARD_WEBHOOKS)
        world.send(event("lead.created", "7", world.at, **PERSON))
        world.deliver(event("lead.updated", "7", world.at, score=3), external_id="other", endpoint=door)
        drain(at=world.at)
        erase(world, "7")
        assert self.state("other")

    def test_a_note_with_nothing_but_the_last_name_is_found_in_any_case(self, world: World) -> None:
        world.send(event("lead.created", "L1", world.at, email="j@x.example", last_name="Müller"))
        for ref, text in (
            ("note", "Rang Ms MÜLLER"),
            ("escaped", "rang müller"),
            ("other", "Rang Ms Müllerin"),
        ):
            body = event("touch.recorded", ref, world.at, id=ref, subject=text, channel=["bad"])
            raw = json.dumps(body, ensure_ascii=ref == "escaped").encode()
            world.deliver(raw, external_id=ref)
        drain(at=world.at)
        erase(world, "L1")
        assert not self.state("note") and not self.state("escaped")
        assert self.state("other")

    def test_what_waits_is_emptied_once_it_is_applied(self, world: World) -> None:
        world.send(event("lead.created", "L1", world.at, **PERSON))
        body = event("touch.recorded", "T1", world.at, id="w", channel="call", outcome=["Canary-Sparrow"])
        world.deliver(body, external_id="w")
        erase(world, "L1")
        assert self.state("w")
        drain(at=world.at)
        assert not self.state("w")
        assert places_naming(*NAMES) == set()


class TestKeptAnswers:
    def test_a_short_name_blanks_nobody_elses_answer(self, world: World, settings: Any) -> None:
        by, cycle = add_user(world, Role.REVOPS), add_mql(world, "Ada")
        world.send(event("lead.updated", "L9", world.at, last_name="Ed", email="e@x.example"))
        api = by_token(by)
        act = {"channel": "call", "outcome": "no_answer"}
        first = api.post(f"mql-cycles/{cycle.pk}/attempts", act, key="k")
        (erasure,) = erase(world, "L9")
        again = api.post(f"mql-cycles/{cycle.pk}/attempts", act, key="k")
        assert again.content == first.content
        assert erasure.counts["kept answers of the API"] == 0

    def test_a_number_of_ours_is_no_id_of_the_crm(self, world: World) -> None:
        KeptAnswer.objects.create(
            user=add_user(world, Role.REVOPS), key="k", request_digest=b"x" * 32, status=200,
            body='{"id": 7, "lead": 7, "external_id": "L5"}', kept_at=world.at,
        )  # fmt: skip
        world.send(event("lead.created", "7", world.at, **PERSON))
        assert erase(world, "7")[0].counts["kept answers of the API"] == 0

    def test_the_persons_own_is_gone_and_the_act_is_not_done_twice(self, world: World) -> None:
        by, cycle = add_user(world, Role.REVOPS), add_mql(world, "Ada")
        act = {"channel": "call", "outcome": "no_answer"}
        api = by_token(by)
        assert api.post(f"mql-cycles/{cycle.pk}/attempts", act, key="k").status_code == 201
        KeptAnswer.objects.update(body=json.dumps({"lead": {"external_id": cycle.lead.external_id}}))
        erase_person(leads=[cycle.lead], asked_by="person", reason="x", by=by, at=timezone.now())
        before = Touch.objects.count()
        again = api.post(f"mql-cycles/{cycle.pk}/attempts", act, key="k")
        assert again.status_code == 410 and "erased" in again.json()["detail"]
        assert Touch.objects.count() == before


def test_uploads_and_names_of_files_go_too(world: World) -> None:
    world.send(event("lead.created", "L1", world.at, **PERSON))

    def add(state: str, name: str, **given: Any) -> Import:
        made = Import.objects.create(
            source=world.crm, subject="lead", mapping={}, file_name=name, sha256="x", size=1, as_of=world.at,
            state=state, requested_at=world.at, **given,
        )  # fmt: skip
        ImportPiece.objects.create(file=made, number=0, body=b"x")
        return made

    done = add("done", "wilma_canary-sparrow.csv", finished_at=world.at)
    warned = add(
        "waiting", "b.csv", warnings={"older_than_imported": {"count": 1, "samples": ["Canary-Sparrow.csv"]}}
    )
    draft = add("draft", "Canary-Sparrow 2.csv")
    ImportReject.objects.create(
        file=warned, line=2, code="bad", message="score: “Canary-Sparrow” is no number"
    )
    erase(world, "L1")
    done.refresh_from_db()
    assert done.file_name == f"File of import {done.pk}"
    assert not Import.objects.filter(pk=draft.pk).exists()
    assert list(ImportPiece.objects.values_list("file", flat=True)) == [warned.pk]
    assert places_naming(*NAMES) == set()
