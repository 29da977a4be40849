"""An amendment may name the first day of a version that has not begun yet: it replaces that one."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("sla", "0014_disputed_consequences")]

    operations = [
        migrations.AlterField(model_name="agreement", name="in_force_from", field=models.DateTimeField()),
    ]
