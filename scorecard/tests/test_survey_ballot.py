"""One link, one answer: used, replayed, guessed, sent twice or twenty times at once; closed and withdrawn."""

from __future__ import annotations

import threading

import pytest
from django.db import connection
from django.test import Client
from django.urls import reverse

from scorecard.models import SurveyRelease, SurveyState
from scorecard.services import survey as services
from scorecard.services.survey import Outcome
from scorecard.survey import box
from scorecard.survey.tokens import digest_of, make_token
from scorecard.tests.surveys import AT, CLOSED, answer, form, printed, valid_tokens

RESPOND = "/survey/"


def answers() -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM survey.answer")
        return int(cursor.fetchone()[0])


@pytest.mark.django_db
class TestOneLink:
    def test_counts_once(self) -> None:
        _, codes = printed({"sales": 6})
        assert answer(codes["sales"][0]) is Outcome.TAKEN
        assert answer(codes["sales"][0]) is Outcome.NOT_VALID
        assert answers() == 1
        assert valid_tokens() == 5

    def test_may_be_typed_in_any_way(self) -> None:
        _survey, codes = printed({"sales": 6})
        code = codes["sales"][0]
        typed = f" {code.lower().replace('-', ' ').replace('0', 'o').replace('1', 'l')} "
        assert digest_of(typed) == digest_of(code) == digest_of(f"http://host/survey/#{code}")
        assert answer(typed) is Outcome.TAKEN

    def test_is_used_up_by_a_refused_answer_no_more_than_by_none(self) -> None:
        _, codes = printed({"sales": 6})
        for values in ((1, 2, 3, 4), (0, 1, 1, 1, 1), (1, 1, 1, 1, 6)):
            with pytest.raises(ValueError, match="1 to 5"):
                answer(codes["sales"][0], values)
        assert answer(codes["sales"][0]) is Outcome.TAKEN

    @pytest.mark.parametrize("typed", ["", "#", "x" * 5000, "K7QF-9XWM", "Ü" * 28, "0" * 28, "\0" * 28])
    def test_is_not_what_somebody_makes_up(self, typed: str) -> None:
        printed({"sales": 6})
        assert answer(typed) is Outcome.NOT_VALID
        assert answers() == 0

    def test_is_not_guessed(self, examples) -> None:
        printed({"sales": 6})
        guesses = [make_token().digest for _ in range(examples(20_000, 1_000_000))]
        assert len(set(guesses)) == len(guesses)
        with connection.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM survey.token WHERE digest = ANY(%s)", [guesses])
            assert cursor.fetchone() == (0,)

    def test_has_140_random_bits(self) -> None:
        codes = "".join(make_token().code.replace("-", "") for _ in range(300))
        assert len(codes) == 300 * 28
        assert len(set(codes)) == 32


@pytest.mark.django_db
class TestTheEnd:
    def test_of_the_last_day_is_the_end_of_answers_before_any_sweep(self) -> None:
        _, codes = printed({"sales": 6})
        late = services.respond(token=codes["sales"][0], values=[3] * 5, at=CLOSED)
        assert late is Outcome.OVER

    def test_says_nothing_about_a_code(self, client: Client) -> None:
        survey, codes = printed({"sales": 6})
        services.withdraw(survey=survey, reason="Wrong people", by=None, at=AT)
        said = [
            client.post(RESPOND, form(code)) for code in (codes["sales"][0], make_token().code, "nonsense")
        ] + [client.get(RESPOND)]
        assert {response.status_code for response in said} == {410}
        assert len({response.content for response in said}) == 1

    def test_leaves_no_token_no_answer_and_no_key(self) -> None:
        _survey, codes = printed({"sales": 6})
        for code in codes["sales"]:
            answer(code)
        services.close_due(at=CLOSED)
        with connection.cursor() as cursor:
            for table in ("token", "answer", "box_key"):
                cursor.execute(f"SELECT count(*) FROM survey.{table}")  # noqa: S608
                assert cursor.fetchone() == (0,)
        assert SurveyRelease.objects.get().content["count"] == 6

    def test_waits_for_the_key_that_opens_the_answers(self, settings) -> None:
        survey, codes = printed({"sales": 6})
        for code in codes["sales"]:
            answer(code)
        settings.SECRET_KEY, was = "another", settings.SECRET_KEY
        assert services.close_due(at=CLOSED) == 0
        survey.refresh_from_db()
        assert survey.state == SurveyState.OPEN
        settings.SECRET_KEY_FALLBACKS = [was]
        assert services.close_due(at=CLOSED) == 1
        assert SurveyRelease.objects.get().content["count"] == 6

    def test_of_a_box_that_a_restore_left_empty_is_to_be_withdrawn(self) -> None:
        survey, codes = printed({"sales": 6})
        box.empty()
        assert answer(codes["sales"][0]) is Outcome.NOT_VALID
        assert services.close_due(at=CLOSED) == 0
        services.withdraw(survey=survey, reason="Restored", by=None, at=CLOSED)

    def test_comes_once_however_often_it_is_swept(self) -> None:
        printed({"sales": 6})
        assert [services.close_due(at=CLOSED) for _ in range(3)] == [1, 0, 0]


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("empty_box")
def test_twenty_at_once_with_one_code_are_one_answer_and_with_twenty_codes_twenty() -> None:
    _, codes = printed({"sales": 25})
    once, *others = codes["sales"]
    assert at_once([once] * 20).count(Outcome.TAKEN) == 1
    assert answers() == 1
    assert at_once(others[:20]).count(Outcome.TAKEN) == 20
    assert answers() == 21
    assert valid_tokens() == 4


def at_once(codes: list[str]) -> list[Outcome]:
    barrier, found = threading.Barrier(len(codes)), []

    def send(code: str) -> None:
        barrier.wait()
        try:
            found.append(answer(code))
        finally:
            connection.close()

    threads = [threading.Thread(target=send, args=[code]) for code in codes]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return found


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("empty_box")
def test_a_backup_that_reads_the_box_loses_no_answer_and_the_sweep_removes_what_it_left() -> None:
    _, codes = printed({"sales": 8})
    answer(codes["sales"][0])
    backup = connection.copy()
    with backup.cursor() as cursor:
        cursor.execute("BEGIN ISOLATION LEVEL REPEATABLE READ")
        cursor.execute("SELECT (SELECT count(*) FROM survey.answer), (SELECT count(*) FROM survey.token)")
        assert answer(codes["sales"][1]) is Outcome.TAKEN
        assert answer(codes["sales"][1]) is Outcome.NOT_VALID
        assert not services.stir()
        assert transactions_in_the_box() > 1
        cursor.execute("COMMIT")
    backup.close()
    assert services.stir()
    assert transactions_in_the_box() == 1
    assert not services.stir()
    assert answers() == 2


def transactions_in_the_box() -> int:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(DISTINCT x) FROM (SELECT xmin::text x FROM survey.answer "
            "UNION ALL SELECT xmin::text FROM survey.token) both_tables"
        )
        return int(cursor.fetchone()[0])


@pytest.mark.django_db
def test_pages_answer_with_thanks_and_a_replay_with_words(client: Client) -> None:
    _, codes = printed({"sales": 6})
    response = client.post(RESPOND, form(codes["sales"][0], (1, 2, 3, 4, 5)))
    assert response.status_code == 302
    assert response["Location"] == reverse("scorecard:responded")
    again = client.post(RESPOND, form(codes["sales"][0]))
    assert again.status_code == 422
    assert "it was used, or replaced" in again.content.decode()
    assert answers() == 1
