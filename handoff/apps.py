from django.apps import AppConfig


class HandoffConfig(AppConfig):
    name = "handoff"
    verbose_name = "Step 3: lead handoff"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from alignment.pipeline import drain_step
        from handoff.services.assign import assign
        from handoff.services.write_back import write_back

        drain_step(order=20, name="assign")(assign)
        drain_step(order=30, name="write-back")(write_back)
