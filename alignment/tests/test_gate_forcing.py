"""Nobody sets a gate: not by the database, the admin, a forged decision or a switch of the program."""

from __future__ import annotations

from decimal import Decimal

import pytest
from django.db import IntegrityError, ProgrammingError, connection, transaction

from alignment.gates import (
    GateClosed,
    require_open,
)
from alignment.models import (
    ArtifactVersion,
    GateDecision,
    Program,
    Refusal,
    Role,
    Step,
    User,
)
from alignment.services.artifacts import Refused, send
from alignment.services.gates import evaluate
from alignment.services.program_kinds import draft_sponsorship, draft_waiver
from alignment.services.programs import change_program, close_program
from alignment.tests.gate_conditions import LATER, NOW, Conditions, said, states
from alignment.tests.pages import signed_in
from testing.artifacts import sign_as, user_with
from testing.programs import define_opportunity, open_one

__all__ = ["said"]  # a fixture
pytestmark = pytest.mark.django_db


class TestNobodySetsAGate:
    def test_a_forged_decision_opens_nothing(self, said: Conditions) -> None:
        program = open_one(NOW)
        GateDecision.objects.create(program=program, step=1, is_open=True, blockers=[], decided_at=NOW)
        with pytest.raises(GateClosed):
            require_open(Step.SCORECARD, program, at=NOW)
        assert states(program)[1] == "blocked"
        evaluate(at=LATER)
        assert GateDecision.objects.filter(step=1).latest("pk").is_open is False

    def test_the_database_keeps_decisions_as_they_were(self, said: Conditions) -> None:
        program = open_one(NOW)
        evaluate(at=NOW)
        for change in (
            "UPDATE alignment_gatedecision SET is_open = true, blockers = '[]'",
            "DELETE FROM alignment_gatedecision",
        ):
            with (
                pytest.raises(IntegrityError, match="is refused"),
                transaction.atomic(),
                connection.cursor() as cursor,
            ):
                cursor.execute(change)
        assert not GateDecision.objects.filter(program=program, is_open=True).exists()

    def test_the_database_takes_no_open_gate_with_blockers_and_no_waiver(self, said: Conditions) -> None:
        program = open_one(NOW)
        kept = [{"code": "x", "message": "X."}]
        for values in ({"is_open": True, "blockers": kept}, {"is_open": False, "blockers": []}):
            with pytest.raises(IntegrityError), transaction.atomic():
                GateDecision.objects.create(program=program, step=1, decided_at=NOW, **values)

    def test_no_switch_of_a_program_opens_a_gate(self, said: Conditions) -> None:
        program = open_one(NOW)
        assert {
            field.name for field in Program._meta.get_fields() if field.name.startswith(("is_", "gate"))
        } == set()
        change_program(
            program=program,
            name="Other",
            owner=program.owner,
            hours_per_week=80,
            has_admin_access=True,
            starts_on=program.starts_on,
            weeks=6,
            reason="x",
            by=user_with(Role.REVOPS),
            at=NOW,
        )
        assert states(program)[:2] == ["blocked", "blocked"]


class TestTheApplicationsRole:
    """What a thief of the application's database login could try."""

    @pytest.mark.parametrize(
        "change",
        [
            "UPDATE alignment_gatedecision SET is_open = true",
            "DELETE FROM alignment_gatedecision",
            "TRUNCATE alignment_gatedecision",
        ],
    )
    def test_it_may_only_add_decisions(self, said: Conditions, as_application_role: str, change: str) -> None:
        open_one(NOW)
        evaluate(at=NOW)
        with (
            pytest.raises((ProgrammingError, IntegrityError)),
            transaction.atomic(),
            connection.cursor() as cursor,
        ):
            cursor.execute(change)

    def test_what_it_adds_opens_no_gate(self, said: Conditions, as_application_role: str) -> None:
        program = open_one(NOW)
        GateDecision.objects.create(program=program, step=0, is_open=True, blockers=[], decided_at=NOW)
        with pytest.raises(GateClosed):
            require_open(Step.PREREQUISITES, program, at=NOW)

    def test_it_puts_no_waiver_in_force_without_signatures(
        self, said: Conditions, as_application_role: str
    ) -> None:
        program = open_one(NOW)
        draft = draft_waiver(
            program=program,
            step=Step.PREREQUISITES,
            codes={"s0"},
            reason="x",
            expires_on=NOW.date(),
            by=user_with(Role.REVOPS),
            at=NOW,
        )
        forged = {"state": "in_force", "digest": "f" * 64, "envelope": "{}", "sent_at": NOW, "signed_at": NOW}
        with pytest.raises(IntegrityError), transaction.atomic():
            ArtifactVersion.objects.filter(pk=draft.pk).update(**forged)
        with pytest.raises(IntegrityError), transaction.atomic():
            ArtifactVersion.objects.create(
                artifact=draft.artifact,
                number=9,
                content=draft.content,
                drafted_at=NOW,
                changed_at=NOW,
                **forged,
            )
        with pytest.raises(GateClosed):
            require_open(Step.PREREQUISITES, program, at=NOW)

    def test_the_admin_changes_neither_programs_nor_decisions(self, said: Conditions) -> None:
        open_one(NOW)
        evaluate(at=NOW)
        admin = User.objects.create_superuser("root@example.com", "x", name="Root")
        client = signed_in(admin)
        decision = GateDecision.objects.first()
        assert decision is not None
        for path in (f"gatedecision/{decision.pk}/change/", "gatedecision/add/", "program/add/"):
            answer = client.post(f"/admin/alignment/{path}", {"is_open": "on"})
            assert answer.status_code in {403, 404}, path


def test_closing_a_program_withdraws_what_waits_for_signatures() -> None:
    program = open_one(NOW)
    revops, cro, _ = (user_with(role) for role in (Role.REVOPS, Role.CRO, Role.CMO))
    draft = draft_sponsorship(program=program, currency="USD", amounts=[Decimal(1)] * 4, by=revops, at=NOW)
    waiting = send(version=draft, by=revops, at=NOW)
    waiver = draft_waiver(
        program=program,
        step=Step.PREREQUISITES,
        codes={"calendar"},
        reason="Because",
        expires_on=NOW.date(),
        by=revops,
        at=NOW,
    )
    send(version=waiver, by=revops, at=NOW)
    signed = define_opportunity(NOW)  # of no program: it stays as it is
    close_program(program=program, reason="No budget", by=revops, at=LATER)
    assert set(ArtifactVersion.objects.exclude(pk=signed.pk).values_list("state", flat=True)) == {"withdrawn"}
    assert "Alignment 2026 was closed: No budget" in Refusal.objects.get(version=waiting).reason
    with pytest.raises(Refused):
        sign_as(cro, waiting, at=LATER)
    signed.refresh_from_db()
    assert signed.state == "in_force"
