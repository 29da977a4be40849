"""Imports as pages list them."""

from __future__ import annotations

import json
from datetime import datetime

from django.db.models import Count, QuerySet

from alignment.models import Erasure, Import, ImportState, Source
from alignment.models.imports import LIVE_STATES
from alignment.queries.import_words import OBJECT_NAMES
from alignment.wording import local_time

_REMEMBERED = 50


def imports_of(source: Source) -> QuerySet[Import]:
    """Every import of a source, drafts and trials too, with who asked for it."""
    return Import.objects.filter(source=source).select_related("requested_by")


def draft_behind(trial: Import) -> Import | None:
    """The draft that a trial was a trial of, while it is kept and says the same."""
    drafts = Import.objects.filter(
        source_id=trial.source_id,
        state=ImportState.DRAFT,
        sha256=trial.sha256,
        mapping=trial.mapping,
        as_of=trial.as_of,
    )
    return drafts.order_by("-pk").first()


def last_with_headers(source: Source, headers: str, kind: str | None = None) -> Import | None:
    """The last import, begun and neither cancelled nor failed, of a file of the source with these headers (their
    digest), of rows of this `kind`; no trial, and one of corrected rejects only where there is no other."""
    if not headers:
        return None
    found = Import.objects.applied().filter(source=source, headers=headers)
    found = found.filter(state__in=(ImportState.DONE, *LIVE_STATES))
    found = (found.filter(subject=kind) if kind else found).order_by("-requested_at", "-pk")
    return found.filter(rejects_of__isnull=True).first() or found.first()


def rejected_from(source: Source, headers: str, number: int | None) -> Import | None:
    """The import, or trial, of the source with these headers that a file of rejects names."""
    if number is None:
        return None
    found = Import.objects.filter(source=source, pk=number, headers=headers)
    return found.exclude(state=ImportState.DRAFT).first()


def taken_over_from(draft: Import) -> Import | None:
    """The import of a file with the same headers whose mapping the draft has: the last one, but for the same
    file again the first that holds as of the same time; for corrected rejects the one that rejected them."""
    if (origin := draft.rejects_of) and origin.mapping == draft.mapping:
        return origin
    alike = Import.objects.applied().filter(
        source=draft.source_id, headers=draft.headers, subject=draft.subject, mapping=draft.mapping
    )
    found = alike.filter(state__in=(ImportState.DONE, *LIVE_STATES)).exclude(headers="")
    of_its_time = found.filter(as_of=draft.as_of).order_by("pk").first()
    ordered = found.order_by("-requested_at", "-pk")
    return of_its_time or ordered.filter(rejects_of__isnull=True).first() or ordered.first()


def earlier_mappings(draft: Import) -> list[tuple[str, str]]:
    """(id, name) of the last imports of the source with different mappings, the newest first."""
    found = Import.objects.filter(source_id=draft.source_id).exclude(state=ImportState.DRAFT)
    names: dict[str, tuple[str, str]] = {}
    for each in found.order_by("-pk").only("subject", "mapping", "file_name", "requested_at")[:_REMEMBERED]:
        name = f"{OBJECT_NAMES.get(each.subject, each.subject)}: {each.file_name}, {local_time(each.requested_at)}"
        names.setdefault(json.dumps(each.mapping, sort_keys=True), (str(each.pk), name))
    return list(names.values())


def file_erased_at(found: Import) -> datetime | None:
    """When an erasure removed the file of an import; None where it is kept, or went for another reason."""
    if found.has_file:
        return None
    erasures = Erasure.objects.filter(lead__source=found.source_id).order_by("erased_at")
    times = erasures.values_list("erased_at", flat=True)
    since: datetime | None = times.filter(erased_at__gte=found.requested_at).first()
    return since or (times.last() if found.names_erased else None)


def reject_codes(found: Import) -> list[tuple[str, int]]:
    """Why rows were rejected: (code, how many of the kept ones), most frequent first."""
    counted = found.rejects.values_list("code").annotate(number=Count("pk"))
    return sorted(counted, key=lambda each: (-each[1], each[0]))
