"""What the clauses of the SLA did can be disputed, too."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

from alignment.evidence import differ, refuse_update


class Migration(migrations.Migration):

    dependencies = [
        ('alignment', '0046_recycled_by_clause'),
        ("sla", "0013_recycled_counted"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.RemoveConstraint(
            model_name='dispute',
            name='a_dispute_has_one_subject',
        ),
        migrations.RemoveConstraint(
            model_name='override',
            name='an_effect_has_its_value',
        ),
        migrations.AddField(
            model_name='dispute',
            name='consequence',
            field=models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='disputes', to='sla.consequence'),
        ),
        migrations.AddField(
            model_name='dispute',
            name='renegotiation',
            field=models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='disputes', to='sla.renegotiationcase'),
        ),
        migrations.AlterField(
            model_name='dispute',
            name='kind',
            field=models.CharField(choices=[('clock', 'Clock or breach'), ('attribution', 'Attribution'), ('definition', 'Definition'), ('consequence', 'Consequence')], max_length=12),
        ),
        migrations.AlterField(
            model_name='override',
            name='effect',
            field=models.CharField(choices=[('set_aside', 'The breach is set aside'), ('stood_still', 'The clock stood still'), ('sourced', 'Sourced by another function'), ('meets', 'Meets the definition of an MQL'), ('meets_not', 'Does not meet the definition of an MQL'), ('reading', 'How the definition is read'), ('undone', 'What the clause did is taken back')], max_length=12),
        ),
        migrations.AddConstraint(
            model_name='dispute',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('consequence__isnull', True), ('renegotiation__isnull', True), models.Q(models.Q(('clock__isnull', False), ('clock_due_at__isnull', False), ('cycle__isnull', False), ('kind', 'clock'), ('asked_function', ''), ('lead__isnull', True), ('opportunity__isnull', True), ('term', '')), models.Q(('clock__isnull', True), ('clock_due_at__isnull', True), ('kind', 'attribution'), ('term', ''), models.Q(('asked_function__in', ['', 'unknown']), _negated=True), models.Q(models.Q(('lead__isnull', False), ('opportunity__isnull', True)), models.Q(('lead__isnull', True), ('opportunity__isnull', False)), _connector='OR')), models.Q(('asked_function', ''), ('clock__isnull', True), ('clock_due_at__isnull', True), ('kind', 'definition'), ('lead__isnull', True), ('opportunity__isnull', True), models.Q(models.Q(('cycle__isnull', False), ('term', '')), models.Q(('cycle__isnull', True), models.Q(('term', ''), _negated=True)), _connector='OR')), _connector='OR')), models.Q(('asked_function', ''), ('clock__isnull', True), ('clock_due_at__isnull', True), ('kind', 'consequence'), ('term', ''), ('cycle__isnull', True), ('lead__isnull', True), ('opportunity__isnull', True), models.Q(models.Q(('consequence__isnull', False), ('renegotiation__isnull', True)), models.Q(('consequence__isnull', True), ('renegotiation__isnull', False)), _connector='OR')), _connector='OR'), name='a_dispute_has_one_subject'),
        ),
        migrations.AddConstraint(
            model_name='dispute',
            constraint=models.UniqueConstraint(condition=models.Q(('ended_at__isnull', True), ('kind', 'consequence')), fields=('consequence',), name='one_undecided_dispute_per_consequence'),
        ),
        migrations.AddConstraint(
            model_name='dispute',
            constraint=models.UniqueConstraint(condition=models.Q(('ended_at__isnull', True), ('kind', 'consequence')), fields=('renegotiation',), name='one_undecided_dispute_per_renegotiation'),
        ),
        migrations.AddConstraint(
            model_name='override',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('clock__isnull', False), ('effect', 'set_aside'), ('stood_until__isnull', True)), models.Q(('clock__isnull', False), ('effect', 'stood_still'), ('stood_from__isnull', False), ('stood_until__gte', models.F('stood_from'))), models.Q(('effect', 'sourced'), ('function__in', ['marketing', 'sales', 'other']), models.Q(('lead__isnull', False), ('opportunity__isnull', False), _connector='OR')), models.Q(('cycle__isnull', False), ('effect__in', ['meets', 'meets_not'])), models.Q(('effect', 'reading'), models.Q(('term', ''), _negated=True), models.Q(('reading', ''), _negated=True)), ('effect', 'undone'), _connector='OR'), name='an_effect_has_its_value'),
        ),
        refuse_update(
            "sla_dispute",
            "keeps_its_clause",
            of=("consequence_id", "renegotiation_id"),
            when=differ("consequence_id", "renegotiation_id"),
            because="a dispute and its evidence stay as they were filed",
        ),
    ]
