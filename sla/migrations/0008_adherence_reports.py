"""Adherence reports as they were sent, frozen."""

import django.db.models.deletion
from django.db import migrations, models

from alignment.evidence import append_only


class Migration(migrations.Migration):

    dependencies = [
        ('sla', '0007_disputes'),
    ]

    operations = [
        migrations.CreateModel(
            name='AdherenceReport',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('monday', models.DateField(help_text="Of the full week reported, in the organisation's zone.", unique=True)),
                ('as_known_at', models.DateTimeField()),
                ('complete_until', models.DateTimeField(help_text='Everything received before is counted.')),
                ('sla_digest', models.CharField(help_text='Of the signed SLA in force when it was made.', max_length=64)),
                ('definition_version', models.PositiveIntegerField(help_text='Of the signed definition of an MQL that the SLA cites.')),
                ('figures', models.JSONField()),
                ('told', models.PositiveIntegerField(help_text='How many people it was sent to.')),
                ('agreement', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='adherence_reports', to='sla.agreement')),
            ],
            options={
                'ordering': ['-monday'],
                'constraints': [models.CheckConstraint(condition=models.Q(('complete_until__lte', models.F('as_known_at'))), name='a_report_knows_no_future'), models.CheckConstraint(condition=models.Q(('monday__iso_week_day', 1)), name='a_reported_week_is_a_week')],
            },
        ),
        append_only("sla_adherencereport"),
    ]
