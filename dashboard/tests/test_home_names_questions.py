"""Whoever is named to answer the blind questions finds that on the home page, as long as it waits."""

from __future__ import annotations

from datetime import timedelta

from django.test import Client
from django.urls import reverse

from alignment.models import Function, Role
from alignment.services.programs import close_program
from dashboard.queries.needs import questions
from scorecard.services.answers import open_round, submit_answers
from scorecard.tests.company import found_company, revops, sheet
from testing.artifacts import user_with
from testing.world import NOW


def test_the_home_page_names_it_until_it_is_handed_in(db: None) -> None:
    company = found_company()
    cro, finance = user_with(Role.CRO), user_with(Role.FINANCE)
    people = {Function.SALES: cro, Function.MARKETING: user_with(Role.CMO), Function.FINANCE: finance}
    round_ = open_round(program=company.program, people=people, by=revops(), at=NOW)
    client, line = Client(), "The blind questions wait for your answers for sales"
    client.force_login(cro)
    assert line in client.get(reverse("dashboard:home")).content.decode()
    submit_answers(nomination=round_.nominations.get(person=cro), answers=sheet(), by=cro, at=NOW)
    assert line not in client.get(reverse("dashboard:home")).content.decode()
    company.lead()
    client.force_login(finance)
    assert "your answers for finance" in client.get(reverse("dashboard:home")).content.decode()
    close_program(program=company.program, reason="Stopped", by=revops(), at=NOW + timedelta(minutes=1))
    assert questions(finance) == []
