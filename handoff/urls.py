from django.urls import path

from handoff.views import acts, cycles, duplicates, lead_list, leads, queue, routing, routing_acts

app_name = "handoff"
urlpatterns = [
    path("queue/", queue.queue, name="queue"),
    path("mqls/", cycles.cycles, name="cycles"),
    path("mqls/<int:pk>/attempts/", acts.log_attempt, name="log-attempt"),
    path("mqls/<int:pk>/disposition/", acts.dispose, name="dispose"),
    path("mqls/<int:pk>/owner/", acts.assign, name="assign"),
    path("leads/", lead_list.leads, name="leads"),
    path("leads/<int:pk>/", leads.lead, name="lead"),
    path("duplicates/", duplicates.duplicates, name="duplicates"),
    path("duplicates/<int:pk>/merge/", duplicates.merge, name="merge-leads"),
    path("duplicates/<int:pk>/dismissal/", duplicates.dismiss, name="dismiss-pair"),
    path("merges/<int:pk>/undo/", duplicates.undo, name="undo-merge"),
    path("routing/", routing.pools, name="pools"),
    path("routing/pools/", routing_acts.create_pool, name="create-pool"),
    path("routing/pools/<int:pk>/members/", routing_acts.add_member, name="add-member"),
    path("routing/pools/<int:pk>/fallback/", routing_acts.set_fallback, name="set-fallback"),
    path("routing/members/<int:pk>/weight/", routing_acts.set_weight, name="set-weight"),
    path("routing/members/<int:pk>/pause/", routing_acts.pause_member, name="pause-member"),
    path("routing/members/<int:pk>/resume/", routing_acts.resume_member, name="resume-member"),
    path("routing/members/<int:pk>/remove/", routing_acts.remove_member, name="remove-member"),
    path("routing/leave/", routing_acts.add_leave, name="add-leave"),
    path("routing/leave/<int:pk>/end/", routing_acts.end_leave, name="end-leave"),
]
