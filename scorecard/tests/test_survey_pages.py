"""The page of respondents tells what it promises and keeps nothing; RevOps runs the survey; leaders read results."""

from __future__ import annotations

import re
from datetime import timedelta
from http.cookies import SimpleCookie
from typing import Any

import pytest
from django.core import mail
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from alignment import nameless
from alignment.middleware import NamelessMiddleware
from alignment.models import Program, Role, User
from scorecard.models import Survey, SurveyRelease, SurveyState
from scorecard.queries.survey import published
from scorecard.services import survey as services
from scorecard.tests.surveys import (
    AT,
    CLOSED,
    add_people,
    answer,
    form,
    mailboxes,
    open_program,
    printed,
    valid_tokens,
)
from scorecard.views.respond import LIMIT

pytestmark = pytest.mark.django_db
RESPOND, PAGE = "/survey/", "/scorecard/survey/"
CODE = re.compile(r"#((?:[0-9A-Z]{4}-){6}[0-9A-Z]{4})")


@pytest.fixture(autouse=True)
def on_the_day(time_machine: Any) -> None:
    time_machine.move_to(AT, tick=False)


def signed_in(role: Role, name: str = "") -> Client:
    user = User.objects.create_user(f"{name or role}@example.com", "x", name=name or role, role=role)
    client = Client()
    client.force_login(user)
    return client


@pytest.fixture
def revops(db: None) -> Client:
    open_program()
    return signed_in(Role.REVOPS)


def settings_of(**changes: Any) -> dict[str, Any]:
    return {
        "channel": "printed",
        "closes_on": "2026-12-04",
        "minimum": "5",
        "links_sales": "6",
        "links_marketing": "6",
    } | changes


def text_of(response: Any) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", response.content.decode()).split())


class TestTheRespondentsPage:
    def test_tells_how_it_is_anonymous_what_remains_the_smallest_group_and_the_last_day(
        self, client: Client
    ) -> None:
        printed({"sales": 9}, minimum=7)
        said = text_of(client.get(RESPOND))
        for told in (
            "until 4 December 2026, end of the day (UTC)",
            "No group smaller than 7",
            "Nobody keeps whose link is whose",
            "What remains:",
            "Whoever runs the server could watch",
            "Whoever hands out the links could use one",
        ):
            assert told in said

    def test_sets_no_cookie_is_kept_by_nobody_and_sends_no_referrer(self, client: Client) -> None:
        _, codes = printed({"sales": 6})
        seen = [
            client.get(RESPOND),
            client.post(RESPOND, {}),
            client.post(RESPOND, form("nonsense")),
            client.post(RESPOND, form(codes["sales"][0])),
            client.get("/survey/thanks/"),
        ]
        survey = Survey.objects.get()
        services.withdraw(survey=survey, reason="x", by=None, at=AT)
        seen.append(client.get(RESPOND))
        assert [response.status_code for response in seen] == [200, 422, 422, 302, 200, 410]
        for response in seen:
            assert response["Cache-Control"] == "no-store"
            assert response["Referrer-Policy"] == "no-referrer"
            assert response["X-Robots-Tag"] == "noindex"
            assert "script-src 'self'" in response["Content-Security-Policy"]
            assert "X-Request-ID" not in response
            assert response.cookies == SimpleCookie()
        assert not client.cookies

    def test_looks_at_no_session_even_where_a_login_sends_one(self) -> None:
        _, codes = printed({"sales": 6})
        client = signed_in(Role.CRO)
        with CaptureQueriesContext(connection) as queries:
            client.post(RESPOND, form(codes["sales"][0]))
        assert not any("django_session" in query["sql"] for query in queries)
        assert not any("alignment_user" in query["sql"] for query in queries)

    def test_needs_no_csrf_cookie_as_the_code_is_what_counts(self) -> None:
        _, codes = printed({"sales": 6})
        assert Client(enforce_csrf_checks=True).post(RESPOND, form(codes["sales"][0])).status_code == 302

    def test_has_a_field_for_the_code_without_javascript_and_no_script_in_the_page(
        self, client: Client
    ) -> None:
        printed({"sales": 6})
        page = client.get(RESPOND).content.decode()
        assert re.search(r'<input[^>]*name="code"', page)
        assert not re.search(r"<script(?![^>]*src=)", page)
        assert "csrfmiddlewaretoken" not in page

    def test_keeps_what_was_chosen_when_an_answer_is_missing(self, client: Client) -> None:
        _, codes = printed({"sales": 6})
        given = form(codes["sales"][0], (1, 2, 3, 4, 5))
        del given["joint_number"]
        response = client.post(RESPOND, given)
        assert response.status_code == 422
        assert "Choose a number from 1 to 5." in text_of(response)
        assert len(re.findall(r'<input[^>]*type="radio"[^>]*checked', response.content.decode())) == 4
        assert valid_tokens() == 6

    @pytest.mark.parametrize("value", ["0", "6", "3.5", "", "٣", "x" * 9999])
    def test_takes_whole_numbers_from_1_to_5_alone(self, client: Client, value: str) -> None:
        _, codes = printed({"sales": 6})
        response = client.post(RESPOND, form(codes["sales"][0]) | {"attribution": value})
        assert response.status_code == 422
        assert valid_tokens() == 6

    def test_is_not_open_while_invitations_go_out(self, client: Client, private_mail: None) -> None:
        open_program()
        survey = services.save_draft(
            program=Program.objects.get(),
            channel="mail",
            minimum=5,
            closes_on=CLOSED.date(),
            people=[f"p{person.pk}" for person in add_people(6, 0)],
            by=None,
            at=AT,
        )
        services.launch(survey=survey, by=None, at=AT)
        response = client.get(RESPOND)
        assert response.status_code == 503
        assert "Open your link again in a few minutes" in text_of(response)

    def test_answers_in_words_when_the_key_has_changed(self, client: Client, settings: Any) -> None:
        _, codes = printed({"sales": 6})
        settings.SECRET_KEY = "another"
        assert client.post(RESPOND, form(codes["sales"][0])).status_code == 503
        settings.SECRET_KEY_FALLBACKS = ["unrelated"]
        assert valid_tokens() == 6

    def test_stops_one_address_that_tries_and_tries_without_keeping_it(self, client: Client) -> None:
        printed({"sales": 6})
        assert {client.post(RESPOND, form("x")).status_code for _ in range(LIMIT.most)} == {422}
        assert client.post(RESPOND, form("x")).status_code == 429
        assert Client(REMOTE_ADDR="198.51.100.9").post(RESPOND, form("x")).status_code == 422
        assert all(b"127.0.0.1" not in key for key in LIMIT._acts)

    def test_knows_an_address_by_another_key_the_next_day(self, time_machine: Any) -> None:
        before = nameless.key_of("203.0.113.1")
        assert nameless.key_of("203.0.113.1") == before
        time_machine.move_to(AT + timedelta(days=1))
        assert nameless.key_of("203.0.113.1") != before


def test_nothing_behind_the_door_sees_who_asks(rf: Any) -> None:
    seen: dict[str, Any] = {}

    def behind(request: Any) -> None:
        seen.update(request.META, cookies=dict(request.COOKIES), agent=request.headers.get("User-Agent"))

    request = rf.post(
        "/survey/?from=mail",
        {"code": "x"},
        REMOTE_ADDR="203.0.113.77",
        HTTP_USER_AGENT="Spotted",
        HTTP_COOKIE="sessionid=abc",
        HTTP_X_FORWARDED_FOR="203.0.113.77",
        HTTP_X_REQUEST_ID="trace",
        HTTP_ACCEPT_LANGUAGE="pl",
        HTTP_REFERER="https://mail.example.com/",
    )
    NamelessMiddleware(behind)(request)  # type: ignore[arg-type]
    assert seen["cookies"] == {}
    assert seen["agent"] is None
    assert not {"203.0.113.77", "Spotted", "sessionid=abc", "trace", "pl"} & {str(v) for v in seen.values()}
    other = rf.get("/scorecard/survey/", REMOTE_ADDR="203.0.113.77")
    NamelessMiddleware(behind)(other)  # type: ignore[arg-type]
    assert seen["REMOTE_ADDR"] == "203.0.113.77"


class TestRevOps:
    def test_sets_up_reads_what_will_be_told_and_prints_links_once(self, revops: Client) -> None:
        add_people(3, 2)
        assert "Set the survey up" in text_of(revops.get(PAGE))
        assert revops.post(reverse("scorecard:survey-save"), settings_of()).status_code == 302
        told = text_of(revops.get(PAGE))
        assert "Ready to launch" in told
        assert "No group smaller than 5" in told
        shown = revops.post(reverse("scorecard:survey-launch"))
        codes = CODE.findall(shown.content.decode())
        assert len(set(codes)) == 12
        assert "no-store" in shown["Cache-Control"]
        assert text_of(shown).count("Sales: 6") == 1
        assert not CODE.findall(revops.get(PAGE).content.decode())
        assert answer(codes[0]).value == "taken"

    def test_prints_anew_while_nobody_has_answered_and_the_old_links_end(self, revops: Client) -> None:
        _, codes = printed({"sales": 6})
        again = revops.post(reverse("scorecard:survey-print-again"))
        fresh = CODE.findall(again.content.decode())
        assert len(fresh) == 6
        assert answer(codes["sales"][0]).value == "not valid"
        assert valid_tokens() == 6
        answer(fresh[0])
        refused = revops.post(reverse("scorecard:survey-print-again"))
        assert refused.status_code == 409
        assert "Somebody has answered already" in text_of(refused)

    def test_is_told_why_mail_is_refused_and_offered_links(self, revops: Client, settings: Any) -> None:
        settings.EMAIL_BACKEND = "django.core.mail.backends.console.EmailBackend"
        people = add_people(6, 0)
        said = text_of(revops.get(PAGE))
        assert "choose printed links" in said
        chosen = settings_of(channel="mail", people=[f"p{person.pk}" for person in people])
        revops.post(reverse("scorecard:survey-save"), chosen)
        response = revops.post(reverse("scorecard:survey-launch"))
        assert response.status_code == 409
        assert "a link could be traced to an address" in text_of(response)

    def test_chooses_people_by_function(self, revops: Client, private_mail: None) -> None:
        people = add_people(6, 5, 2)
        mail.outbox.clear()
        chosen = [f"p{person.pk}" for person in people if person.function != "finance"]
        revops.post(reverse("scorecard:survey-save"), settings_of(channel="mail", people=chosen))
        assert Survey.objects.get().invited == {"sales": 6, "marketing": 5}
        revops.post(reverse("scorecard:survey-launch"))
        services.invite(at=AT)
        assert set(mailboxes()) == {person.email for person in people if person.function != "finance"}
        assert Survey.objects.get().groups == ["sales", "marketing"]

    @pytest.mark.parametrize(
        ("changes", "words"),
        [
            ({"minimum": "4"}, "A group has 5 people at least"),
            ({"minimum": ""}, "required"),
            ({"closes_on": "2026-11-23"}, "from tomorrow on"),
            ({"closes_on": "2027-06-01"}, "within 60 days"),
            ({"closes_on": "soon"}, "valid date"),
            ({"channel": "pigeon"}, "valid choice"),
            ({"links_sales": "-1"}, "greater than or equal to 0"),
        ],
    )
    def test_is_told_what_is_wrong(self, revops: Client, changes: dict[str, str], words: str) -> None:
        response = revops.post(reverse("scorecard:survey-save"), settings_of(**changes))
        assert response.status_code == 422
        assert words in text_of(response)
        assert not Survey.objects.exists()

    def test_sees_no_number_of_answers_while_it_runs(self, revops: Client) -> None:
        _, codes = printed({"sales": 9, "marketing": 9})
        pages = []
        for n, code in enumerate(codes["sales"]):
            pages.append(re.sub(r"\b[A-Za-z0-9]{64}\b", "", revops.get(PAGE).content.decode()))
            answer(code)
            assert ("Fewer than needed" in pages[n]) == (n < 5)
        assert len(set(pages[1:5])) == len(set(pages[5:])) == 1

    def test_closes_early_only_with_answers_enough(self, revops: Client) -> None:
        _, codes = printed({"sales": 9})
        for code in codes["sales"][:4]:
            answer(code)
        refused = revops.post(reverse("scorecard:survey-close"))
        assert refused.status_code == 409
        assert "Fewer than 5 people have answered" in text_of(refused)
        answer(codes["sales"][4])
        assert revops.post(reverse("scorecard:survey-close")).status_code == 302
        assert SurveyRelease.objects.get().content["count"] == 5

    def test_withdraws_with_a_reason_and_may_begin_again(self, revops: Client) -> None:
        printed({"sales": 6})
        assert revops.post(reverse("scorecard:survey-withdraw"), {"reason": " "}).status_code == 409
        assert (
            revops.post(reverse("scorecard:survey-withdraw"), {"reason": "Wrong people"}).status_code == 302
        )
        assert Survey.objects.get().state == SurveyState.WITHDRAWN
        assert revops.post(reverse("scorecard:survey-save"), settings_of()).status_code == 302

    @pytest.mark.parametrize("act", ["launch", "remind", "retry", "close", "print-again", "withdraw", "save"])
    def test_gets_words_for_every_act_at_the_wrong_time(self, revops: Client, act: str) -> None:
        assert revops.post(reverse(f"scorecard:survey-{act}"), {"reason": "x"}).status_code in {409, 422}
        Program.objects.update(closed_at=AT)
        response = revops.post(reverse(f"scorecard:survey-{act}"), {"reason": "x"})
        assert response.status_code == 409

    def test_cannot_change_what_was_told(self, revops: Client) -> None:
        printed({"sales": 6})
        response = revops.post(reverse("scorecard:survey-save"), settings_of(minimum="9"))
        assert response.status_code == 409
        assert "told to everybody" in text_of(response)


class TestResults:
    @pytest.fixture
    def closed(self) -> Program:
        _, codes = printed({"sales": 7, "marketing": 6, "finance": 2})
        for n, code in enumerate(codes["sales"] + codes["marketing"] + codes["finance"]):
            answer(code, [(n + place) % 5 + 1 for place in range(5)])
        services.close_due(at=CLOSED)
        return Program.objects.get()

    @pytest.mark.parametrize("role", [Role.REVOPS, Role.CRO, Role.CMO, Role.SALES_MANAGER, Role.FINANCE])
    def test_are_the_same_for_all_who_may_read_them(self, closed: Program, role: Role) -> None:
        response = signed_in(role).get(PAGE)
        assert response.status_code == 200
        assert "Trust score" in text_of(response)
        found = published(closed)
        assert found is not None
        assert (found.count, found.invited) == (15, 15)
        assert found.overall is not None and 10 <= found.overall <= 50
        assert [each.function for each in found.functions] == ["sales"]

    @pytest.mark.parametrize("role", [Role.REVOPS, Role.CRO, Role.CMO, Role.SALES_MANAGER])
    def test_are_shown_to_nobody_before_the_close(self, role: Role) -> None:
        _, codes = printed({"sales": 8})
        for code in codes["sales"]:
            answer(code, (1, 2, 3, 4, 5))
        said = text_of(signed_in(role).get(PAGE))
        assert "Trust score" not in said
        assert published(Program.objects.get()) is None

    def test_of_too_few_are_none_and_another_survey_may_follow(self, revops: Client) -> None:
        _, codes = printed({"sales": 8})
        for code in codes["sales"][:4]:
            answer(code)
        services.close_due(at=CLOSED)
        assert published(Program.objects.get()) is None
        assert "fewer than 5 answers" in text_of(revops.get(PAGE))
        assert "Too few answers" in text_of(signed_in(Role.CRO).get(PAGE))
        assert revops.post(reverse("scorecard:survey-save"), settings_of()).status_code == 302

    def test_all_alike_show_a_range_on_the_page(self) -> None:
        _, codes = printed({"sales": 8})
        for code in codes["sales"]:
            answer(code, (5, 1, 3, 5, 2))
        services.close_due(at=CLOSED)
        said = text_of(signed_in(Role.CMO).get(PAGE))
        assert said.count("between 4 and 5") == 2
        assert said.count("between 1 and 2") == 2
        assert "between 2 and 4" in said
        assert " 5.0" not in said

    def test_come_once_a_program(self, closed: Program, revops: Client) -> None:
        response = revops.post(reverse("scorecard:survey-save"), settings_of())
        assert response.status_code == 409
        assert "one release" in text_of(response)

    def test_page_costs_the_same_however_many_are_invited(
        self, revops: Client, django_assert_max_num_queries: Any
    ) -> None:
        add_people(60, 60)
        with django_assert_max_num_queries(20):
            revops.get(PAGE)
        assert timezone.now() == AT


def test_a_survey_whose_program_was_closed_can_still_be_ended(revops: Client) -> None:
    survey, _ = printed({"sales": 6, "marketing": 6})
    Program.objects.update(closed_at=AT)
    for _ in ("no program is open", "another one is"):
        page = revops.get(PAGE).content.decode()
        assert "First program, which is closed" in page
        assert reverse("scorecard:survey-withdraw") in page
        Program.objects.get_or_create(
            number=2, defaults={"name": "Second program", "starts_on": AT.date(), "opened_at": AT}
        )
    assert (
        "Withdrawn"
        in revops.post(
            reverse("scorecard:survey-withdraw"), {"reason": "Its program was closed"}, follow=True
        ).content.decode()
    )
    survey.refresh_from_db()
    assert survey.state == SurveyState.WITHDRAWN
    assert "which is closed" not in revops.get(PAGE).content.decode()
