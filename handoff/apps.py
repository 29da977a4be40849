from django.apps import AppConfig


class HandoffConfig(AppConfig):
    name = "handoff"
    verbose_name = "Step 3: lead handoff"
    default_auto_field = "django.db.models.BigAutoField"
