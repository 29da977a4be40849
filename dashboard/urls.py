from django.urls import path

from dashboard.views import home, monitoring, working

app_name = "dashboard"
urlpatterns = [
    path("", home.home, name="home"),
    path("is-it-working/", working.page, name="working"),
    path("metrics", monitoring.monitoring, name="metrics"),
]
