"""Addresses of the core's part of the API, below /api/v1/."""

from django.urls import path

from alignment.api import document, intake, people
from alignment.api.base import resource

routes = [
    path("schema", document.Document.as_view(), name="schema"),
    *resource("people", people.People, "person"),
    *resource("teams", people.Teams, "team"),
    *resource("calendars", people.Calendars, "calendar"),
    *resource("sources", intake.Sources, "source", "<slug:key>"),
    path("sources/<slug:key>/health", intake.SourceHealth.as_view(), name="source-health"),
    path("sources/<slug:key>/events", intake.SendEvents.as_view(), name="send-events"),
    *resource("deliveries", intake.Deliveries, "delivery"),
    path("deliveries/<int:pk>/body", intake.DeliveryBody.as_view(), name="delivery-body"),
    *resource("dead-events", intake.DeadEvents, "dead-event"),
    path("dead-events/<int:pk>/replay", intake.Replay.as_view(), name="replay-dead-event"),
    path("dead-events/<int:pk>/set-aside", intake.SetAside.as_view(), name="set-aside-dead-event"),
]
