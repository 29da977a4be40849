"""Pages of step 1, and the public page on which invited people answer the trust survey."""

from django.urls import URLPattern

app_name = "scorecard"
urlpatterns: list[URLPattern] = []
