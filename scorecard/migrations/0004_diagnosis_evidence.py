"""Answers handed in and claims imported are evidence; rounds and nominations stay."""

from django.db import migrations

from alignment.evidence import append_only, undeletable


class Migration(migrations.Migration):
    dependencies = [("scorecard", "0003_diagnosis")]
    operations = [
        append_only("scorecard_answersheet", "scorecard_claimlist", "scorecard_claim"),
        undeletable("scorecard_questionround", "scorecard_nomination"),
    ]
