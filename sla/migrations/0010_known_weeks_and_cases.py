"""Weeks as they were first fully known, and cases to the CRO about tagging."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

from alignment.evidence import append_only


class Migration(migrations.Migration):

    dependencies = [
        ('sla', '0009_closed_untagged'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='AdoptionCase',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('first_week', models.DateField(help_text='The Monday of the first of the two weeks.', unique=True)),
                ('figures', models.JSONField()),
                ('opened_at', models.DateTimeField()),
                ('agreement', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='adoption_cases', to='sla.agreement')),
            ],
            options={
                'ordering': ['-first_week'],
            },
        ),
        migrations.CreateModel(
            name='KnownWeek',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('monday', models.DateField()),
                ('zone', models.CharField(help_text='The zone in which the week was cut.', max_length=60)),
                ('figures', models.JSONField()),
                ('tzdata', models.CharField(max_length=12)),
                ('known_at', models.DateTimeField()),
                ('agreement', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='known_weeks', to='sla.agreement')),
            ],
            options={
                'ordering': ['monday'],
                'constraints': [models.UniqueConstraint(fields=('monday', 'zone'), name='a_week_is_first_known_once'), models.CheckConstraint(condition=models.Q(('monday__week_day', 2)), name='a_known_week_begins_on_monday')],
            },
        ),
        migrations.CreateModel(
            name='AdoptionCaseClosing',
            fields=[
                ('case', models.OneToOneField(on_delete=django.db.models.deletion.PROTECT, primary_key=True, related_name='closing', serialize=False, to='sla.adoptioncase')),
                ('note', models.TextField(blank=True)),
                ('figures', models.JSONField(blank=True, default=list, help_text='The two weeks by which it closed by itself.')),
                ('closed_at', models.DateTimeField()),
                ('closed_by', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'constraints': [models.CheckConstraint(condition=models.Q(models.Q(('closed_by__isnull', True), ('note', '')), models.Q(('closed_by__isnull', False), models.Q(('note', ''), _negated=True)), _connector='OR'), name='who_closes_a_case_says_why')],
            },
        ),
        append_only("sla_knownweek", "sla_adoptioncase", "sla_adoptioncaseclosing"),
    ]
