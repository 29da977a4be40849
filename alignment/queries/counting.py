"""Which records of leads count, wherever MQLs and leads are counted: one rule, as a condition and as SQL.

A record that the CRM deleted does not count, unless it is one with a standing record: merged into one, or one was
merged into it. After a merge CRMs delete the loser, and its MQLs, touches and deals are the winner's.
"""

from __future__ import annotations

from django.db.models import Exists, OuterRef, Q

from alignment.models import Lead


def lead_counts(path: str = "") -> Q:
    """Condition for leads, or for rows whose foreign key `path` names a lead ("lead")."""
    own, prefix = path or "pk", f"{path}__" if path else ""
    return Q(
        Q(**{f"{prefix}is_deleted": False})
        | Q(**{f"{prefix}merged_into__is_deleted": False})
        | Q(Exists(Lead.objects.filter(merged_into=OuterRef(own), is_deleted=False)))
    )


def lead_counts_sql(alias: str) -> str:
    """The same for SQL in which `alias` names the table of leads; an identifier of ours, never of a user."""
    return (
        f"(NOT {alias}.is_deleted OR EXISTS (SELECT FROM alignment_lead standing WHERE NOT standing.is_deleted "
        f"AND (standing.id = {alias}.merged_into_id OR standing.merged_into_id = {alias}.id)))"
    )
