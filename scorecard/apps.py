from django.apps import AppConfig


class ScorecardConfig(AppConfig):
    name = "scorecard"
    verbose_name = "Step 1: diagnosis scorecard"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        # they register kinds of artifacts, the gate of the scorecard and who reads the track
        from scorecard import gates, kinds  # noqa: F401
