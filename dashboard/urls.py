from django.urls import path

from dashboard.views import home, monitoring

app_name = "dashboard"
urlpatterns = [
    path("", home.home, name="home"),
    path("metrics", monitoring.monitoring, name="metrics"),
]
