"""Nobody with the database, its files, logs, mails or queue can tell who answered what: at most chance, by any way."""

from __future__ import annotations

import io
import logging
import math
import random
from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from itertools import product
from typing import Any

import pytest
from django.core import mail
from django.db import DatabaseError, connection
from django.test import Client

from alignment.models import Person, Program
from alignment.settings.monitoring import LOGGING
from scorecard.models import SurveyRelease
from scorecard.queries.survey import live
from scorecard.services import survey as services
from scorecard.survey import sealing
from scorecard.survey.tokens import digest_of
from scorecard.tests import surveys
from scorecard.tests.attack import FULL_RUNS, PEOPLE, Loot, file_of, pages_of, score
from scorecard.tests.surveys import AT, CLOSED, add_people, form, mailed
from scorecard.views.respond import LIMIT

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("empty_box", "private_mail"),
]
ADDRESS, BROWSER = "203.0.113.77", "Spotted/7.7"
EVERY_ANSWER = list(product((1, 2, 3, 4, 5), repeat=5))


@pytest.fixture
def open_pages(transactional_db: None) -> Iterator[None]:
    """The attacker's tool: pages as they are on the disk."""
    with connection.cursor() as cursor:
        try:
            cursor.execute("CREATE EXTENSION IF NOT EXISTS pageinspect")
        except DatabaseError as problem:
            pytest.skip(f"pageinspect cannot be loaded here: {type(problem).__name__}")
        yield
        cursor.execute("DROP EXTENSION pageinspect")


@pytest.fixture
def everything_logged() -> Iterator[io.StringIO]:
    """All that any logger says at any level, in the form of this product."""
    from alignment.logs import formatter

    said = io.StringIO()
    handler = logging.StreamHandler(said)
    handler.setFormatter(formatter())
    plain = logging.StreamHandler(said)
    levels = {name: logging.getLogger(name).level for name in ("", *LOGGING["loggers"])}
    for name in levels:
        logging.getLogger(name).setLevel(logging.DEBUG)
    for each in (handler, plain):
        logging.getLogger().addHandler(each)
    yield said
    for each in (handler, plain):
        logging.getLogger().removeHandler(each)
    for name, level in levels.items():
        logging.getLogger(name).setLevel(level)


class Run:
    """One survey of forty people, each with an answer that no other gives."""

    def __init__(self, people: list[Person], number: int) -> None:
        Program.objects.filter(closed_at=None).update(closed_at=AT)
        Program.objects.create(number=number, name=f"P{number}", starts_on=AT.date(), opened_at=AT)
        LIMIT.forget()
        self.people = people
        self.answers = random.sample(EVERY_ANSWER, PEOPLE)
        self.order = random.sample(range(PEOPLE), PEOPLE)
        self.survey, by_address = mailed_in(people)
        place = {person.email: n for n, person in enumerate(people)}
        self.mail_order = [place[message.to[0]] for message in mail.outbox]
        self.codes = {place[address]: code for address, code in by_address.items()}
        self.tokens_at_launch = pages_of("survey.token", 32)
        for n in self.order:
            response = Client(REMOTE_ADDR=ADDRESS, HTTP_USER_AGENT=BROWSER).post(
                "/survey/", form(self.codes[n], self.answers[n])
            )
            assert response.status_code == 302, response.content

    def loot(self) -> Loot:
        with connection.cursor() as cursor:
            cursor.execute("SELECT sealed FROM survey.answer")
            answers = [bytes(row[0]) for row in cursor.fetchall()]
        return Loot(
            mail_order=self.mail_order,
            answer_order=self.order,
            tokens_at_launch=self.tokens_at_launch,
            tokens=pages_of("survey.token", 32),
            answers=pages_of("survey.answer", 34),
            live_answers=answers,
            answer_file=file_of("survey.answer"),
        )

    def truth(self) -> tuple[dict[int, bytes], dict[int, bytes]]:
        """Whose each answer and token really is: by the key, which the attacker has not."""
        person = {values: n for n, values in enumerate(self.answers)}
        with connection.cursor() as cursor:
            cursor.execute("SELECT sealed, (SELECT wrapped FROM survey.box_key) FROM survey.answer")
            found = {
                person[sealing.unseal(bytes(sealed), sealing.unwrap(bytes(wrapped)))[1]]: bytes(sealed)
                for sealed, wrapped in cursor.fetchall()
            }
        return found, {n: digest_of(code) or b"" for n, code in self.codes.items()}


def mailed_in(people: list[Person]) -> tuple[Any, dict[str, str]]:
    original = surveys.open_program
    surveys.open_program = lambda: Program.objects.get(closed_at=None)
    try:
        return mailed(people)
    finally:
        surveys.open_program = original


def forty() -> list[Person]:
    surveys.open_program()
    return add_people(PEOPLE // 2, PEOPLE // 2)


@pytest.mark.usefixtures("open_pages")
def test_no_way_of_ranking_or_joining_rows_does_better_than_chance(examples) -> None:
    runs = examples(2, FULL_RUNS)
    people, right = forty(), Counter[str]()
    for number in range(2, runs + 2):
        run = Run(people, number)
        loot = run.loot()
        assert len(loot.live_answers) == PEOPLE
        right.update(score(loot, *run.truth()))
        assert services.close_due(at=CLOSED) == 1
        assert pages_of("survey.answer", 34) == pages_of("survey.token", 32) == []
        assert file_of("survey.answer") == file_of("survey.token") == file_of("survey.box_key") == b""
    chance = runs  # one of forty in each run
    bound = 50 if runs == FULL_RUNS else chance + 5 * math.sqrt(chance)
    assert {name: count for name, count in right.items() if count > bound} == {}
    assert len(right) == 8


@pytest.mark.usefixtures("open_pages")
def test_the_same_attacker_finds_nine_of_ten_in_a_naive_schema(examples) -> None:
    runs, right = examples(2, FULL_RUNS), Counter[str]()
    for _ in range(runs):
        right.update(naive_run())
    assert {name: count for name, count in right.items() if count <= 0.9 * PEOPLE * runs} == {}
    assert len(right) == 8


def naive_run() -> dict[str, int]:
    """A table of tokens in the order of mails, flagged when used; answers without a key, a time or a name."""
    mails, order = list(range(PEOPLE)), random.sample(range(PEOPLE), PEOPLE)
    tokens = {n: random.randbytes(32) for n in mails}
    answers = {n: random.randbytes(34) for n in mails}
    with connection.cursor() as cursor:
        cursor.execute("CREATE TABLE naive_token (digest bytea, used boolean DEFAULT false)")
        cursor.execute("CREATE TABLE naive_answer (body bytea)")
        try:
            for n in mails:
                cursor.execute("INSERT INTO naive_token (digest) VALUES (%s)", [tokens[n]])
            at_launch = pages_of("naive_token", 32)
            for n in order:
                cursor.execute("BEGIN")
                cursor.execute("UPDATE naive_token SET used = true WHERE digest = %s", [tokens[n]])
                cursor.execute("INSERT INTO naive_answer VALUES (%s)", [answers[n]])
                cursor.execute("COMMIT")
            cursor.execute("SELECT body FROM naive_answer")
            live = [bytes(row[0]) for row in cursor.fetchall()]
            loot = Loot(
                mails,
                order,
                at_launch,
                pages_of("naive_token", 32),
                pages_of("naive_answer", 34),
                live,
                file_of("naive_answer"),
            )
            # people are also invited in the order in which they answer, as a day's list often is
            invited = Loot(mails, sorted(order), at_launch, loot.tokens, loot.answers, live, loot.answer_file)
            found = score(loot, answers, tokens)
            ranked = {n: answers[person] for n, person in enumerate(order)}
            return found | {"order of invitations": score(invited, ranked, tokens)["order of invitations"]}
        finally:
            cursor.execute("DROP TABLE naive_token, naive_answer")


def test_a_copy_made_after_every_answer_shows_no_row_twice_and_none_that_can_be_read(settings) -> None:
    _, codes = mailed(forty())
    copies: list[set[bytes]] = []
    with connection.cursor() as cursor:
        for code in list(codes.values())[:12]:
            surveys.answer(code, (5, 4, 3, 2, 1))
            cursor.execute("SELECT sealed FROM survey.answer")
            copies.append({bytes(row[0]) for row in cursor.fetchall()})
        cursor.execute("SELECT wrapped FROM survey.box_key")
        wrapped = bytes(cursor.fetchone()[0])
    assert [len(copy) for copy in copies] == list(range(1, 13))
    assert len(set().union(*copies)) == sum(map(len, copies))
    assert {len(sealed) for sealed in set().union(*copies)} == {34}
    settings.SECRET_KEY = "what a copy of the database does not hold"
    with pytest.raises(sealing.Unreadable, match="SECRET_KEY"):
        sealing.unwrap(wrapped)


def test_no_log_no_mail_table_and_no_table_holds_a_code_an_address_or_a_browser(
    everything_logged: io.StringIO,
) -> None:
    people = forty()
    survey, codes = mailed(people)
    client = Client(REMOTE_ADDR=ADDRESS, HTTP_USER_AGENT=BROWSER, HTTP_X_REQUEST_ID="trace-me-77")
    used = dict(list(codes.items())[:10])
    for code in used.values():
        for path in ("/survey/", "/survey/thanks/"):
            client.get(path)
        client.post("/survey/", form("x" + code))
        client.post("/survey/", {"code": code})
        client.post("/survey/", form(code, (1, 2, 3, 4, 5)))
        client.post("/survey/", form(code))
    services.send_reminders(survey=survey, by=None, at=AT + timedelta(days=1))
    contents = everything_in_the_database()
    digests = [(digest_of(code) or b"").hex() for code in used.values()]
    secret = [*codes.values(), *(code.replace("-", "") for code in codes.values()), *digests]
    for trace in [*secret, ADDRESS, BROWSER, "trace-me-77"]:
        assert trace.lower() not in contents.lower()
        assert trace.lower() not in everything_logged.getvalue().lower()
    services.close_due(at=CLOSED)
    assert not any((digest_of(code) or b"").hex() in everything_in_the_database() for code in codes.values())
    assert SurveyRelease.objects.get().content["count"] == 10
    assert live() is None


def everything_in_the_database() -> str:
    """Every row of every table, as text."""
    found = []
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT quote_ident(schemaname) || '.' || quote_ident(tablename) FROM pg_tables "
            "WHERE schemaname IN ('public', 'survey')"
        )
        for (table,) in cursor.fetchall():
            cursor.execute(f"SELECT string_agg(t::text, ' ') FROM {table} t")  # noqa: S608
            found.append(cursor.fetchone()[0] or "")
    return " ".join(found)


def test_the_box_has_no_column_that_could_tell_a_time_a_number_or_a_person() -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT table_name, column_name, data_type, column_default FROM information_schema.columns "
            "WHERE table_schema = 'survey' ORDER BY 1, 2"
        )
        assert cursor.fetchall() == [
            ("answer", "sealed", "bytea", None),
            ("box_key", "wrapped", "bytea", None),
            ("token", "answers_as", "text", None),
            ("token", "digest", "bytea", None),
        ]
        cursor.execute(
            "SELECT count(*) FROM pg_class WHERE relnamespace = 'survey'::regnamespace AND relkind = 'S'"
        )
        assert cursor.fetchone() == (0,)
        cursor.execute("ANALYZE survey.token, survey.answer")
        cursor.execute("SELECT count(*) FROM pg_stats WHERE schemaname = 'survey'")
        assert cursor.fetchone() == (0,)


def test_a_task_carries_nothing_of_the_survey() -> None:
    import inspect

    from scorecard import tasks

    for task in (tasks.send_invitations, tasks.tend_survey):
        assert not inspect.signature(task.run).parameters
