"""Leads found to be one person, or two after all: merged and parted again.

Nothing is copied from one lead to the other. A merge is a row; who a lead counts for follows from the live rows, and
state is folded from the facts by it. So undoing the row and folding again gives what was before.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from django.core.exceptions import PermissionDenied
from django.db import connection, transaction

from alignment.models import DuplicatePair, Erasure, Lead, LeadMerge, Role, Subject, User
from alignment.pipeline import refold
from alignment.recognised import hold_off_erasures
from alignment.retry import again_after_a_deadlock


class CannotMerge(Exception):
    """The two leads cannot be merged this way; the message says what to do instead."""


class AlreadyUndone(Exception):
    """The merge was undone before."""


class AlreadySettled(Exception):
    """The pair was dismissed before."""


class ReasonNeeded(Exception):
    """A merge, its undoing and a dismissal are kept with a reason."""


class NotForYou(PermissionDenied):
    """Only RevOps decides who is who."""


@again_after_a_deadlock
def merge_leads(*, survivor: Lead, merged: Lead, reason: str, by: User, at: datetime) -> LeadMerge:
    """Let `merged` count for `survivor`: facts about cycles, touches and opportunities of both become one history.

    Raises CannotMerge, ReasonNeeded or NotForYou. Locks both leads and what is merged with them, then what folding
    them takes.
    """
    reason = _said(reason, by, "Say how you know that they are one person.")
    if survivor.pk == merged.pk:
        raise CannotMerge("A lead cannot be merged into itself.")
    with transaction.atomic():
        # an erasure reaches all that are merged, so it must see this merge or come first
        hold_off_erasures()
        leads = _lock({survivor.pk, merged.pk})
        keeps, goes = leads[survivor.pk], leads[merged.pk]
        _require_no_chain(keeps, goes)
        _require_not_erased(keeps, goes)
        merge = LeadMerge.objects.create(
            survivor=keeps, merged=goes, reason=reason, merged_by=by, merged_at=at
        )
        Lead.objects.filter(pk=goes.pk).update(merged_into=keeps)
        _fold(leads.values(), at=at, reason="leads merged")
    return merge


@again_after_a_deadlock
def undo_merge(
    *, merge: LeadMerge, reason: str, is_no_duplicate: bool = False, by: User, at: datetime
) -> None:
    """Part two leads again: cycles, clocks and breaches go back to the record whose facts opened them. With
    `is_no_duplicate` their pair, if they are one, is dismissed for the same reason; else it is asked about again.

    Raises AlreadyUndone, ReasonNeeded or NotForYou.
    """
    reason = _said(reason, by, "Say why they are two people after all.")
    with transaction.atomic():
        leads = _lock({merge.survivor_id, merge.merged_id})
        fresh = LeadMerge.objects.select_for_update(of=("self",)).get(pk=merge.pk)
        if not fresh.is_live:
            raise AlreadyUndone("This merge was undone before.")
        fresh.undone_by, fresh.undone_at, fresh.undone_reason = by, at, reason
        fresh.save(update_fields=["undone_by", "undone_at", "undone_reason"])
        Lead.objects.filter(pk=fresh.merged_id).update(merged_into=None)
        _fold(leads.values(), at=at, reason="merge undone")
        if is_no_duplicate:
            lower, higher = sorted((merge.survivor_id, merge.merged_id))
            DuplicatePair.objects.filter(lead_a=lower, lead_b=higher, dismissed_at__isnull=True).update(
                dismissed_at=at, dismissed_by=by, dismissed_reason=reason
            )


def dismiss_pair(*, pair: DuplicatePair, reason: str, by: User, at: datetime) -> None:
    """Keep it said that two leads are two people. Raises AlreadySettled, ReasonNeeded or NotForYou."""
    reason = _said(reason, by, "Say why these are two people.")
    changed = DuplicatePair.objects.filter(pk=pair.pk, dismissed_at__isnull=True).update(
        dismissed_at=at, dismissed_by=by, dismissed_reason=reason
    )
    if not changed:
        raise AlreadySettled("Somebody settled this pair in the meantime.")


def restore_merges() -> int:
    """Set what follows from the live merges anew, as when rows were damaged; how many leads changed."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            """
            UPDATE alignment_lead l SET merged_into_id = m.survivor_id
            FROM (
                SELECT l.id, m.survivor_id FROM alignment_lead l
                LEFT JOIN alignment_leadmerge m ON m.merged_id = l.id AND m.undone_at IS NULL
                WHERE l.merged_into_id IS DISTINCT FROM m.survivor_id
                ORDER BY l.id FOR NO KEY UPDATE OF l
            ) m WHERE l.id = m.id
            """
        )
        return int(cursor.rowcount)


def _said(reason: str, by: User, wanted: str) -> str:
    if not by.has_role(Role.REVOPS):
        raise NotForYou("Only RevOps decides who is who.")
    if not reason.strip():
        raise ReasonNeeded(wanted)
    return reason.strip()[:200]


def _lock(pks: set[int]) -> dict[int, Lead]:
    """The leads and all merged with them, locked in the order of their ids."""
    roots = {root or pk for pk, root in Lead.objects.filter(pk__in=pks).values_list("pk", "merged_into")}
    members = set(Lead.objects.filter(merged_into__in=roots).values_list("pk", flat=True))
    rows = Lead.objects.select_for_update(of=("self",), no_key=True).filter(pk__in=pks | roots | members)
    return {lead.pk: lead for lead in rows.order_by("pk")}


def _require_no_chain(survivor: Lead, merged: Lead) -> None:
    """Merges make no chains: what is merged into what must be plain to see, and to undo."""
    if merged.merged_into_id == survivor.pk:
        raise CannotMerge(f"{merged.name} is merged into {survivor.name} already.")
    if survivor.merged_into_id or merged.merged_into_id:
        gone = survivor if survivor.merged_into_id else merged
        raise CannotMerge(
            f"{gone.name} is merged into another lead already. Merge with that lead, or undo that merge first."
        )
    if LeadMerge.objects.filter(survivor=merged, undone_at__isnull=True).exists():
        raise CannotMerge(
            f"Other leads are merged into {merged.name}. Keep that one and merge {survivor.name} into it, or undo "
            "those merges first."
        )


def _require_not_erased(survivor: Lead, merged: Lead) -> None:
    """A survivor shows the data of the others: merging would put back on an erased record what was taken from it."""
    erased = (
        Erasure.objects.filter(lead__in=[survivor, merged]).order_by("pk").values_list("pseudonym", flat=True)
    )
    if name := erased.first():
        raise CannotMerge(
            f"{name} cannot be merged: merging would give an erased record a name and an e-mail again. Keep the two "
            "apart, or erase the other record as well."
        )


def _fold(leads: Iterable[Lead], *, at: datetime, reason: str) -> None:
    refold({(lead.source_id, Subject.LEAD.value, lead.external_id) for lead in leads}, at=at, reason=reason)
