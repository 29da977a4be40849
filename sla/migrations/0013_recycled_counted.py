"""Dispositions that the clause took away are counted by the roll-up."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("sla", "0012_calibration")]

    operations = [
        migrations.AddField("complianceday", "recycled", models.PositiveIntegerField(db_default=0)),
    ]
