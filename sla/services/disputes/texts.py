"""Texts of disputes and rulings stay as evidence, so they name nobody who may ask to be erased."""

from __future__ import annotations

from datetime import datetime

from alignment.models import Lead
from alignment.queries.erasure import people_of, with_merged
from sla.services.disputes.refusals import Incomplete, NamesThePerson

LONGEST = 4000


def checked(texts: dict[str, str], lead: Lead | None, *, at: datetime) -> dict[str, str]:
    """The texts by field, stripped. Raises Incomplete for one that is empty or too long, NamesThePerson."""
    found = {field: text.strip() for field, text in texts.items()}
    for field, text in found.items():
        if not text:
            raise Incomplete("Say it in words: it stays as evidence.", field)
        if len(text) > LONGEST:
            raise Incomplete(f"At most {LONGEST} characters.", field)
    refuse_names(found, lead, at=at)
    return found


def refuse_names(texts: dict[str, str], lead: Lead | None, *, at: datetime) -> None:
    """Raises NamesThePerson where a text holds an e-mail, a phone or the last name of the lead."""
    if lead is None:
        return
    person = people_of(with_merged([lead]), at=at)[0]
    for field, text in texts.items():
        if person.is_named_in(text):
            raise NamesThePerson(
                "This stays as evidence and can be found by everybody: write it without the lead's name, e-mail and "
                "phone. The page shows which lead it is about.",
                field,
            )
