"""What is closed untagged is counted by the roll-up; every day is counted anew."""

from django.db import migrations, models

RECOUNT = """
INSERT INTO alignment_dirtyday (metric, day)
SELECT DISTINCT 'compliance', day FROM sla_complianceday WHERE kind = 'disposition' AND met > 0
"""


class Migration(migrations.Migration):
    dependencies = [("sla", "0008_adherence_reports")]

    operations = [
        migrations.AddField("complianceday", "untagged", models.PositiveIntegerField(db_default=0)),
        migrations.AddConstraint(
            "complianceday",
            models.CheckConstraint(
                condition=models.Q(untagged__lte=models.F("met")), name="untagged_is_part_of_met"
            ),
        ),
        migrations.RunSQL(RECOUNT, migrations.RunSQL.noop),
    ]
