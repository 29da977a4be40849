from django.apps import AppConfig


class PlanningConfig(AppConfig):
    name = "planning"
    verbose_name = "Step 4: joint planning"
    default_auto_field = "django.db.models.BigAutoField"
