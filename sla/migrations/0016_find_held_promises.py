"""Held promises are few and are looked for with every answer."""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('sla', '0015_same_first_day'),
    ]

    operations = [
        migrations.AddIndex(
            model_name='elapsed',
            index=models.Index(condition=models.Q(('is_held', True)), fields=['cycle_id'], name='elapsed_held'),
        ),
    ]
