"""Texts of disputes and rulings stay as evidence and are open to everybody as precedents, so they name no lead."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime

from django.db.models import Q

from alignment.erasure import SHORTEST_NAME, words
from alignment.matching.keys import email_key
from alignment.models import Lead, MqlCycle
from alignment.placeholders import is_name_of_nobody, is_phone_of_nobody
from alignment.queries.erasure import people_of, with_merged
from sla.disputed import Subject, lead_of
from sla.models import Consequence
from sla.services.disputes.refusals import Incomplete, NamesThePerson

LONGEST = 4000
_ADDRESS = re.compile(r"([^\s@<>()\[\],;:\"“”„«»]+)@([^\s@<>()\[\],;:\"“”„«»]+)")
_HOST = re.compile(r"[^/'’…*_]+")  # where an apostrophe, a path or emphasis follows


def checked(
    texts: dict[str, str], subject: Subject, cycle: MqlCycle | None, *, at: datetime
) -> dict[str, str]:
    """The texts by field, stripped. Raises Incomplete for one that is empty or too long, NamesThePerson."""
    found = {field: text.strip() for field, text in texts.items()}
    for field, text in found.items():
        if not text:
            raise Incomplete("Say it in words: it stays as evidence.", field)
        if len(text) > LONGEST:
            raise Incomplete(f"At most {LONGEST} characters.", field)
    refuse_names(found, subject, cycle, at=at)
    return found


def refuse_names(texts: dict[str, str], subject: Subject, cycle: MqlCycle | None, *, at: datetime) -> None:
    """Raises NamesThePerson where a text holds an e-mail, a phone or the last name of the lead; about a whole
    consequence, of any lead in it; and whatever it is about, the e-mail of any lead."""
    lead = lead_of(subject, cycle)
    person = people_of(with_merged([lead]), at=at)[0] if lead else None
    others = set(_named_in(subject)) if isinstance(subject, Consequence) else set()
    for field, text in texts.items():
        if (person and person.is_named_in(text)) or _has_address(text):
            raise NamesThePerson(
                "This stays as evidence and can be found by everybody: write it without the lead's name, e-mail and "
                "phone. The page shows which lead it is about.",
                field,
            )
        said = f" {words(text)} "
        if name := next((name for name in sorted(others) if f" {words(name)} " in said), ""):
            raise NamesThePerson(
                f"This stays as evidence and can be found by everybody, and “{name}” stands for a lead of this "
                "consequence: write it without names, e-mails and phones. The list shows which leads are in it.",
                field,
            )


def _named_in(consequence: Consequence) -> Iterator[str]:
    """By what the leads of a consequence are known. A name of two letters is left out: among so many leads it is
    too often a word of its own."""
    own = MqlCycle.objects.filter(consequence_entry__consequence=consequence).values("lead")
    leads = Lead.objects.filter(Q(pk__in=own) | Q(merged_into__in=own))
    for email, phone, last_name in leads.values_list("email", "phone", "last_name"):
        names = [email, "" if is_phone_of_nobody(phone) else phone]
        names += [] if is_name_of_nobody(last_name) else [last_name]
        yield from (name for name in names if len(words(name)) >= SHORTEST_NAME)


def _has_address(text: str) -> bool:
    """Whether the e-mail of a lead stands in it."""
    keys = {
        email_key(f"{name}@{at.rstrip('.!?')}")
        for local, host in _ADDRESS.findall(text)
        for name in (local, local.lstrip("'‘’*_`"))
        for at in _HOST.findall(host)[:1]
    } - {""}
    return bool(keys) and Lead.objects.filter(email_key__in=keys).exists()
