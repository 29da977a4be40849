"""Who took the review date of the SLA for the own calendar."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

from alignment.evidence import append_only


class Migration(migrations.Migration):

    dependencies = [
        ('alignment', '0045_evidence_of_decisions'),
        ('sla', '0005_signed_agreements'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='ReviewTaken',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('taken_at', models.DateTimeField()),
                ('user', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('version', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='alignment.artifactversion')),
            ],
            options={
                'verbose_name_plural': 'reviews taken',
                'constraints': [models.UniqueConstraint(fields=('version', 'user'), name='review_taken_once')],
            },
        ),
        append_only("sla_reviewtaken"),
    ]
