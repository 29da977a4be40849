from django.apps import AppConfig


class SlaConfig(AppConfig):
    name = "sla"
    verbose_name = "Step 2: revenue SLA"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from alignment.pipeline import drain_step
        from sla.services import cross

        drain_step(order=10, name="crossing")(cross)
