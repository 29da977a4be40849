from django.apps import AppConfig


class AlignmentConfig(AppConfig):
    name = "alignment"
    verbose_name = "Core: people, leads, intake"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        # they register what expires and what is erased
        from alignment import deploy_checks  # noqa: F401
        from alignment.services import erasure, expiry, notification_expiry, outbox_expiry  # noqa: F401
