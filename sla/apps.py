from django.apps import AppConfig


class SLAConfig(AppConfig):
    name = "sla"
    verbose_name = "Step 2: revenue SLA"
    default_auto_field = "django.db.models.BigAutoField"
