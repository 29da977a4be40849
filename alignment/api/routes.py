"""Addresses of the core's part of the API, below /api/v1/."""

from django.urls import path

from alignment.api import document, imports, intake, people, privacy, who_is_who, write_back
from alignment.api.base import resource

routes = [
    path("schema", document.Document.as_view(), name="schema"),
    *resource("people", people.People, "person"),
    *resource("teams", people.Teams, "team"),
    *resource("calendars", people.Calendars, "calendar"),
    *resource("sources", intake.Sources, "source", "<slug:key>"),
    path("sources/<slug:key>/health", intake.SourceHealth.as_view(), name="source-health"),
    path("sources/<slug:key>/events", intake.SendEvents.as_view(), name="send-events"),
    path("sources/<slug:key>/imports", imports.Start.as_view(), name="start-import"),
    *resource("imports", imports.Imports, "import"),
    path("imports/<int:pk>/rejects", imports.Rejects.as_view({"get": "list"}), name="import-rejects"),
    path("imports/<int:pk>/cancel", imports.Cancel.as_view(), name="cancel-import"),
    path("imports/<int:pk>/resume", imports.Resume.as_view(), name="resume-import"),
    *resource("deliveries", intake.Deliveries, "delivery"),
    path("deliveries/<int:pk>/body", intake.DeliveryBody.as_view(), name="delivery-body"),
    *resource("dead-events", intake.DeadEvents, "dead-event"),
    path("dead-events/<int:pk>/replay", intake.Replay.as_view(), name="replay-dead-event"),
    path("dead-events/<int:pk>/set-aside", intake.SetAside.as_view(), name="set-aside-dead-event"),
    *resource("destinations", write_back.Destinations, "destination"),
    path("destinations/<int:pk>/pause", write_back.Pause.as_view(), name="pause-destination"),
    path("destinations/<int:pk>/resume", write_back.Resume.as_view(), name="resume-destination"),
    *resource("outgoing-messages", write_back.Messages, "outgoing-message"),
    path("outgoing-messages/<int:pk>/body", write_back.MessageBody.as_view(), name="outgoing-message-body"),
    path("outgoing-messages/<int:pk>/retry", write_back.Retry.as_view(), name="retry-outgoing-message"),
    path(
        "outgoing-messages/<int:pk>/set-aside",
        write_back.SetAside.as_view(),
        name="set-aside-outgoing-message",
    ),
    *resource("duplicate-pairs", who_is_who.Pairs, "duplicate-pair"),
    path("duplicate-pairs/<int:pk>/dismiss", who_is_who.Dismiss.as_view(), name="dismiss-pair"),
    *resource("merges", who_is_who.Merges, "merge"),
    path("leads/<int:pk>/merges", who_is_who.Merge.as_view(), name="merge-leads"),
    path("merges/<int:pk>/undo", who_is_who.Undo.as_view(), name="undo-merge"),
    *resource("erasures", privacy.Erasures, "erasure"),
    path("leads/<int:pk>/erasure", privacy.Erase.as_view(), name="erase-person"),
    *resource("retention-runs", privacy.RetentionRuns, "retention-run"),
]
