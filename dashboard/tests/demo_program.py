"""The program of the demo company: told through the services, whole, verified, and readable by those it concerns."""

from __future__ import annotations

import io
import re
from datetime import UTC, datetime, timedelta
from html import unescape

import pypdf
from django.test import Client
from django.urls import reverse

from alignment.artifacts.kinds import kind_named
from alignment.definitions.conditions import row_holds
from alignment.gates import State, state_of
from alignment.models import (
    ArtifactVersion,
    GateDecision,
    Notification,
    OutgoingMail,
    Program,
    Rendition,
    Role,
    Step,
    User,
    VersionState,
)
from alignment.queries.artifacts import waiting_for
from alignment.queries.definitions import (
    counted_mqls,
    definition_in_force,
    matches,
    moment,
    standing_leads,
)
from alignment.verification.database import verify_database
from dashboard.demo.program import story
from scorecard.models import AnswerSheet, Diagnosis, Survey

# A Thursday, 15:00 in Berlin.
AT = datetime(2026, 11, 19, 14, 0, tzinfo=UTC)
BACKEND = "allauth.account.auth_backends.AuthenticationBackend"


def squeezed(text: str) -> str:
    """Without white space, as lines break where they must."""
    return re.sub(r"[\s\u200b]+", "", text)


def document_of(version: ArtifactVersion) -> list[str]:
    return [squeezed(text) for text in kind_named(version.artifact.kind).render(version.content).texts()]


class ProgramOfTheDemo:
    """Tests of the whole demo company (test_demo_history.py), which is made once for all of them."""

    def scorecard(self, program: int) -> ArtifactVersion:
        return ArtifactVersion.objects.of("scorecard", str(program)).get()

    def test_an_old_scorecard_is_signed_and_a_new_one_waits_for_the_cmo(self) -> None:
        old, new = self.scorecard(1), self.scorecard(2)
        assert (old.state, new.state) == (VersionState.IN_FORCE, VersionState.SENT)
        assert {signature.role for signature in new.signatures.all()} == {Role.CRO}
        cmo = User.objects.get(role=Role.CMO)
        assert [waiting.version for waiting in waiting_for(cmo, at=AT)] == [new]
        assert new.content["compared"]["program"] == "First alignment program"
        assert all(entry["score"] is not None for entry in new.content["dimensions"])
        assert sum(entry["score"] < 30 for entry in new.content["dimensions"]) >= 2

    def test_the_steps_follow_one_another_and_trust_is_a_fracture(self) -> None:
        found = self.scorecard(2).content
        assert found["sequence"]["rule"] == "in_order"
        assert next(entry["score"] for entry in found["dimensions"] if entry["key"] == "trust") < 30

    def test_the_survey_has_just_closed_and_shows_its_results_by_function(self) -> None:
        last = Survey.objects.latest("pk")
        assert last.is_released and last.closed_at
        assert AT - timedelta(days=7) < last.closed_at < AT
        assert last.groups == ["sales", "marketing"]

    def test_the_program_stands_before_gate_1(self) -> None:
        states = {found.step: found for found in state_of(Program.objects.get(number=2), at=AT)}
        assert states[Step.PREREQUISITES].state == State.PASSED
        assert [blocker.code for blocker in states[Step.SCORECARD].blockers] == ["scorecard-unsigned"]
        assert states[Step.SLA].state == State.PASSED, "by the SLA that the first program ended with"
        assert {states[step].state for step in (Step.HANDOFF, Step.PLAN, Step.DASHBOARD)} == {State.LOCKED}
        assert GateDecision.objects.filter(program__number=2).count() == len(Step)

    def test_what_was_missing_was_waived_and_is_printed(self) -> None:
        waivers = ArtifactVersion.objects.filter(artifact__kind="waiver").order_by("pk")
        for program, waiver in enumerate(waivers, start=1):
            assert waiver.signatures.count() == 2
            printed = " ".join(document_of(self.scorecard(program)))
            assert squeezed(waiver.content["reason"]) in printed

    def test_everything_that_was_signed_verifies(self) -> None:
        report = verify_database()
        assert not report.findings, report.findings
        assert ArtifactVersion.objects.exclude(state=VersionState.DRAFT).count() == 14

    def test_each_pdf_has_its_pages_and_the_text_of_its_page(self) -> None:
        client = Client()
        client.force_login(User.objects.get(role=Role.REVOPS), backend=BACKEND)
        for rendition in Rendition.objects.select_related("version__artifact"):
            version = rendition.version
            pages = pypdf.PdfReader(io.BytesIO(bytes(rendition.pdf))).pages
            limit = kind_named(version.artifact.kind).page_limit
            assert len(pages) == rendition.pages <= (limit or 99), version
            paper = squeezed("".join(page.extract_text() for page in pages))
            address = reverse(
                "alignment:artifact-version",
                args=[version.artifact.kind, version.artifact.key, version.number],
            )
            html = client.get(address).content.decode()
            screen = squeezed(unescape(re.sub(r"<[^>]+>", " ", html)))
            for text in document_of(version):
                assert text in paper, (version, text)
                assert text in screen, (version, text)
        signed = ArtifactVersion.objects.filter(signed_at__isnull=False).count()
        assert Rendition.objects.filter(is_signed=True).count() == signed == 13

    def test_the_definition_of_an_mql_has_something_to_show(self) -> None:
        found = definition_in_force("mql")
        assert found is not None and found.definition.crm_status is not None
        called = standing_leads().filter(row_holds(found.definition.crm_status.row, moment(AT)))
        met = matches("mql", at=AT)
        assert met is not None
        assert 0 < called.filter(met).count() < called.count()
        mqls = counted_mqls().filter(is_history=True)
        assert 0 < mqls.filter(lead__title="").count() < mqls.count() / 10

    def test_what_both_answer_of_the_follow_up_is_what_was_declared(self) -> None:
        for sheet in AnswerSheet.objects.all():
            assert sheet.answers["follow_up"] == "minutes"  # "… the rest within the day"
        within = {row.follow_up_hours for row in Diagnosis.objects.all()}
        assert within == {8}
        assert all(
            entry["score"] < 30
            for entry in self.scorecard(1).content["dimensions"]
            if entry["key"] == "hygiene"
        )

    def test_people_have_read_what_is_old_and_no_mail_of_the_past_waits(self) -> None:
        assert not OutgoingMail.objects.filter(state="waiting").exists()
        unread = Notification.objects.unread()
        assert unread.filter(user__role=Role.CMO, kind="signature-wanted").exists()
        assert not unread.filter(created_at__lt=AT - story.READ_AFTER).exists()
