"""Which of several texts name somebody erased: by the id of a record of theirs, or by their e-mail."""

from __future__ import annotations

from collections.abc import Collection, Hashable, Mapping
from typing import TypeVar

from django.db import connection

from alignment.erasure import digests
from alignment.intake.ids import forms_of
from alignment.models import Erasure, ErasureMark
from alignment.recognising import Said, emails_in, ids_in

N = TypeVar("N", bound=Hashable)


def recognised(said: Mapping[tuple[N, int], Collection[Said]]) -> dict[tuple[N, int], tuple[int, str]]:
    """Per (anything, source id) that says something about somebody erased: (erasure, external id of its lead)."""
    refs = {form for values in said.values() for _, text in values for form in forms_of(text.strip()[:190])}
    erased = Erasure.objects.filter(
        lead__source_id__in={source for _, source in said}, lead__external_id__in=refs
    ).order_by("pk")
    by_id = {
        (source, ref): pk
        for pk, source, ref in erased.values_list("pk", "lead__source_id", "lead__external_id")
    }
    emails = {key: emails_in(values) for key, values in said.items()}
    marks = _marked({email for found in emails.values() for email in found})
    about: dict[tuple[N, int], tuple[int, str]] = {}
    for key, values in said.items():
        named = sorted(ids_in(values, {ref for source, ref in by_id if source == key[1]}))
        marked = sorted(email for email in emails[key] if email in marks)
        if named:
            about[key] = (by_id[(key[1], named[0])], named[0])
        elif marked:
            about[key] = marks[marked[0]]
    return about


def _marked(emails: set[str]) -> dict[str, tuple[int, str]]:
    """(Erasure, external id of its lead) per e-mail of somebody erased."""
    by_digest = {found: email for email in emails for found in digests(ErasureMark.Kind.EMAIL, email)}
    if not by_digest:
        return {}
    rows = ErasureMark.objects.filter(kind=ErasureMark.Kind.EMAIL, digest__in=list(by_digest))
    return {
        by_digest[bytes(digest)]: (erasure, ref)
        for digest, erasure, ref in rows.values_list("digest", "erasure_id", "erasure__lead__external_id")
    }


def hold_off_erasures() -> None:
    """Until the transaction ends: what is looked up about erased persons stays so."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock_shared(hashtext('alignment.erasure'))")
