"""Pools, leave and the ledger of assignments, to look at."""

from __future__ import annotations

from alignment.readonly_admin import ReadOnlyAdmin, show
from handoff.models import Assignment, Leave, Pool, PoolMember


@show(Pool)
class PoolAdmin(ReadOnlyAdmin):
    list_display = ["name", "segment", "fallback", "virtual_time"]
    list_select_related = ["fallback"]


@show(PoolMember)
class PoolMemberAdmin(ReadOnlyAdmin):
    list_display = ["pool", "person", "weight", "is_paused", "received", "turn"]
    list_filter = ["pool", "is_paused"]
    list_select_related = ["pool", "person"]


@show(Leave)
class LeaveAdmin(ReadOnlyAdmin):
    list_display = ["person", "starts_at", "ends_at", "note"]
    list_select_related = ["person"]
    search_fields = ["person__name"]


@show(Assignment)
class AssignmentAdmin(ReadOnlyAdmin):
    list_display = ["id", "cycle", "person", "origin", "pool", "assigned_at", "by"]
    list_filter = ["origin", "pool"]
    list_select_related = ["cycle", "person", "pool", "by"]
    search_fields = ["=cycle__lead__external_id", "person__name"]
