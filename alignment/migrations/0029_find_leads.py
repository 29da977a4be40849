"""Leads are found by words of their name and company and by the start of their e-mail, and listed by creation."""

import django.contrib.postgres.indexes
import django.contrib.postgres.search
import django.db.models.functions.comparison
from django.db import migrations, models

from alignment.matching.sql import install_again


class Migration(migrations.Migration):

    dependencies = [
        ('alignment', '0028_minor_units'),
    ]

    operations = [
        install_again(),
        migrations.RemoveIndex(
            model_name='lead',
            name='lead_by_email',
        ),
        migrations.AddIndex(
            model_name='lead',
            index=models.Index(condition=models.Q(('email_key', ''), _negated=True), fields=['email_key', 'id'], name='lead_by_email', opclasses=['text_pattern_ops', 'int8_ops']),
        ),
        migrations.AddIndex(
            model_name='lead',
            index=django.contrib.postgres.indexes.GinIndex(models.Func('first_name', 'last_name', 'company', function='public.match_words', output_field=django.contrib.postgres.search.SearchVectorField()), name='lead_by_words'),
        ),
        migrations.AddIndex(
            model_name='lead',
            index=models.Index(django.db.models.functions.comparison.Coalesce('crm_created_at', 'first_seen_at'), models.F('id'), name='lead_by_creation'),
        ),
        migrations.AddIndex(
            model_name='lead',
            index=models.Index(condition=models.Q(('crm_owner__isnull', False)), fields=['crm_owner'], name='lead_by_crm_owner'),
        ),
    ]
