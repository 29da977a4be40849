from django.apps import AppConfig


class DashboardConfig(AppConfig):
    name = "dashboard"
    verbose_name = "Step 5: shared dashboard"
    default_auto_field = "django.db.models.BigAutoField"
