"""The application's own role runs a whole survey, and owns the box and nothing else."""

from __future__ import annotations

import pytest
from django.core.management import CommandError, call_command
from django.db import IntegrityError, ProgrammingError, connection, transaction

from alignment import database_roles
from scorecard.models import Survey, SurveyRelease, SurveyState
from scorecard.services import survey as services
from scorecard.services.survey import Outcome
from scorecard.tests.surveys import AT, CLOSED, answer, draft, open_program, printed


@pytest.mark.usefixtures("as_application_role")
def test_a_whole_survey_runs_as_the_application() -> None:
    _, codes = printed({"sales": 7, "marketing": 6})
    for n, code in enumerate(codes["sales"] + codes["marketing"]):
        assert answer(code, [(n + place) % 5 + 1 for place in range(5)]) is Outcome.TAKEN
    assert services.close_due(at=CLOSED) == 1
    assert SurveyRelease.objects.get().content["count"] == 13


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("as_application_role", "empty_box")
def test_it_does_so_over_connections_of_its_own() -> None:
    _, codes = printed({"sales": 7})
    assert answer(codes["sales"][0]) is Outcome.TAKEN
    assert not services.stir()
    services.withdraw(survey=Survey.objects.get(), reason="Wrong people", by=None, at=AT)


def test_the_role_owns_the_box_and_nothing_else(application_role: str, db: None) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT relnamespace::regnamespace || '.' || relname FROM pg_class "
            "WHERE relowner = %s::regrole AND relkind IN ('r', 'S', 'v', 'm', 'p') ORDER BY 1",
            [application_role],
        )
        assert [row[0] for row in cursor.fetchall()] == ["survey.answer", "survey.box_key", "survey.token"]
        cursor.execute("SELECT nspname FROM pg_namespace WHERE nspowner = %s::regrole", [application_role])
        assert cursor.fetchall() == [("survey",)]
        cursor.execute(
            "SELECT count(*) FROM pg_class, aclexplode(relacl) WHERE relnamespace = 'survey'::regnamespace "
            "AND grantee <> relowner"
        )
        assert cursor.fetchone() == (0,)


@pytest.mark.django_db
def test_an_owner_who_is_no_member_of_the_role_is_told_what_to_do(settings, monkeypatch) -> None:
    with connection.cursor() as cursor:
        cursor.execute("CREATE ROLE apart_owner NOLOGIN; CREATE ROLE apart_app NOLOGIN")
        cursor.execute("SET LOCAL ROLE apart_owner")
    settings.APP_DB_ROLE = "apart_app"
    monkeypatch.setattr(database_roles, "allowed_operations", dict)
    monkeypatch.setattr(database_roles, "_schema_grants", lambda role: [])
    with pytest.raises(CommandError, match='GRANT "apart_app" TO "apart_owner"'):
        call_command("grant_application_role")


class TestTheDatabaseHolds:
    @pytest.mark.django_db
    @pytest.mark.parametrize(
        "change",
        [{"minimum": 6}, {"closes_on": AT.date()}, {"channel": "mail"}, {"invited": {}}, {"groups": []}],
    )
    def test_what_was_told_at_launch(self, change: dict[str, object]) -> None:
        survey, _ = printed({"sales": 7, "marketing": 7})
        with pytest.raises(IntegrityError, match="respondents were told"), transaction.atomic():
            Survey.objects.filter(pk=survey.pk).update(**change)

    @pytest.mark.django_db
    @pytest.mark.parametrize("minimum", [0, 1, 4])
    def test_the_smallest_group(self, minimum: int) -> None:
        with pytest.raises(IntegrityError, match="groups_of_five"), transaction.atomic():
            Survey.objects.filter(pk=draft(counts={"sales": 6}).pk).update(minimum=minimum)

    @pytest.mark.django_db
    def test_the_end_of_a_survey(self) -> None:
        survey, _ = printed({"sales": 7})
        services.withdraw(survey=survey, reason="Wrong people", by=None, at=AT)
        with pytest.raises(IntegrityError, match="does not begin again"), transaction.atomic():
            Survey.objects.filter(pk=survey.pk).update(state=SurveyState.OPEN, withdrawn_at=None)

    @pytest.mark.django_db
    def test_one_survey_at_a_time(self) -> None:
        printed({"sales": 7})
        with pytest.raises(IntegrityError, match="one_survey_at_a_time"), transaction.atomic():
            Survey.objects.create(program=open_program(), closes_on=AT.date(), closes_at=AT)

    @pytest.mark.django_db
    def test_the_release(self) -> None:
        _, codes = printed({"sales": 7})
        for code in codes["sales"]:
            answer(code)
        services.close_due(at=CLOSED)
        for statement in (
            "UPDATE scorecard_surveyrelease SET content = '{}'",
            "DELETE FROM scorecard_survey",
        ):
            with pytest.raises(IntegrityError), transaction.atomic(), connection.cursor() as cursor:
                cursor.execute(statement)

    @pytest.mark.usefixtures("as_application_role")
    def test_the_release_against_the_application_as_well(self) -> None:
        with pytest.raises(ProgrammingError), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("TRUNCATE scorecard_surveyrelease")
