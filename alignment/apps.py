from django.apps import AppConfig


class AlignmentConfig(AppConfig):
    name = "alignment"
    verbose_name = "Core: people, leads, intake"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        # they register what expires, what is erased, conditions of gates, and kinds of artifacts
        from alignment import deploy_checks  # noqa: F401
        from alignment.definitions import kind  # noqa: F401
        from alignment.gates import prerequisites  # noqa: F401
        from alignment.services import (  # noqa: F401
            delegations,
            erasure,
            expiry,
            notification_expiry,
            outbox_expiry,
            program_kinds,
        )
