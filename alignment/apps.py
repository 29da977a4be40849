from django.apps import AppConfig


class AlignmentConfig(AppConfig):
    name = "alignment"
    verbose_name = "Core: people, leads, intake"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from alignment.services import erasure, expiry  # noqa: F401 - register what expires and what is erased
