"""Leads and what belongs to them, MQL cycles with what is done on them, and routing."""

from django.urls import path

from alignment.api.base import resource
from handoff.api import acts, cycles, pools, records, routing

routes = [
    *resource("leads", records.Leads, "lead"),
    path("leads/<int:pk>/timeline", cycles.Timeline.as_view(), name="lead-timeline"),
    *resource("accounts", records.Accounts, "account"),
    *resource("campaigns", records.Campaigns, "campaign"),
    *resource("touches", records.Touches, "touch"),
    *resource("opportunities", records.Opportunities, "opportunity"),
    *resource("mql-cycles", cycles.Cycles, "mql-cycle"),
    path("mql-cycles/<int:pk>/attempts", acts.LogAttempt.as_view(), name="log-attempt"),
    path("mql-cycles/<int:pk>/disposition", acts.Dispose.as_view(), name="dispose"),
    path("mql-cycles/<int:pk>/owner", acts.Assign.as_view(), name="assign"),
    *resource("assignments", cycles.Assignments, "assignment"),
    *resource("pools", routing.Pools, "pool"),
    path("pools/new", pools.CreatePool.as_view(), name="create-pool"),
    path("pools/<int:pk>/fallback", pools.SetFallback.as_view(), name="set-fallback"),
    path("pools/<int:pk>/members", pools.AddMember.as_view(), name="add-member"),
    path("pool-members/<int:pk>/weight", pools.SetWeight.as_view(), name="set-weight"),
    path("pool-members/<int:pk>/remove", pools.RemoveMember.as_view(), name="remove-member"),
    path("pool-members/<int:pk>/pause", routing.Pause.as_view(), name="pause-member"),
    path("pool-members/<int:pk>/resume", routing.Resume.as_view(), name="resume-member"),
    *resource("leaves", routing.Leaves, "leave"),
    path("people/<int:pk>/leaves", routing.AddLeave.as_view(), name="add-leave"),
    path("leaves/<int:pk>/end", routing.EndLeave.as_view(), name="end-leave"),
]
