"""Pages of the core: sources, calendars, people."""

from django.urls import URLPattern

app_name = "alignment"
urlpatterns: list[URLPattern] = []
