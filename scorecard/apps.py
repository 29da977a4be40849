from django.apps import AppConfig


class ScorecardConfig(AppConfig):
    name = "scorecard"
    verbose_name = "Step 1: diagnosis scorecard"
    default_auto_field = "django.db.models.BigAutoField"
