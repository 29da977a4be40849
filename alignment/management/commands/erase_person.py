"""Erase a person on request: what the page /erasure/ does."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from alignment.models import AskedBy, Lead
from alignment.queries.erasure import duplicates, with_merged
from alignment.queries.erasure_preview import bodies_to_empty
from alignment.services.erasure import ReasonNamesThePerson, erase_person
from alignment.services.inbox import ReasonMissing


class Command(BaseCommand):
    help = (
        "Takes what names a person out of one record of a CRM and its touches. Ids, times, cycles, clocks and "
        "breaches stay, so no figure changes. It cannot be undone."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("source", help="Key of the source.")
        parser.add_argument("external_id", help="Id of the record in that source.")
        parser.add_argument("--asked-by", choices=AskedBy.values, default=AskedBy.PERSON.value)
        parser.add_argument("--reason", required=True, help="Stays as evidence; without personal data.")
        parser.add_argument("--reference", default="", help="Of the request, such as a ticket.")
        parser.add_argument(
            "--with-duplicates", action="store_true", help="Also other records with the same e-mail."
        )
        parser.add_argument(
            "--yes", action="store_true", help="Do it; without this only say what would be erased."
        )

    def handle(self, *args: Any, **options: Any) -> None:
        lead = Lead.objects.filter(
            source__key=options["source"], external_id=options["external_id"]
        ).select_related("source").first()  # fmt: skip
        if lead is None:
            raise CommandError("There is no such record. Give the key of the source and the exact id in it.")
        others = duplicates(lead)
        leads = with_merged([lead, *(others if options["with_duplicates"] else [])])
        for other in others:
            if other not in leads:
                self.stdout.write(f"Has the same e-mail, and stays: {other.source.key} {other.external_id}")
        if not options["yes"]:
            named = ", ".join(f"{one.source.key} {one.external_id}" for one in leads)
            bodies = bodies_to_empty(leads)
            said = f"{bodies.total} raw bodies would be emptied, {bodies.others} of them about others"
            said += (
                f" ({bodies.by_name_alone} name the person by the last name alone)" if bodies.others else ""
            )
            self.stdout.write(f"Would be erased: {named}. {said}. Say --yes to do it; it cannot be undone.")
            return
        given = {name: options[name] for name in ("asked_by", "reason", "reference")}
        try:
            made = erase_person(leads=leads, **given, by=None, at=timezone.now())
        except (ReasonMissing, ReasonNamesThePerson) as refusal:
            raise CommandError(str(refusal)) from refusal
        for erasure in made:
            counts = ", ".join(f"{count} {name}" for name, count in sorted(erasure.counts.items()))
            self.stdout.write(f"{erasure.pseudonym}: {counts}")
