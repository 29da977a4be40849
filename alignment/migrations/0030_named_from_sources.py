"""Whom sources named and nobody touched here: the next statement with a name may give a better one."""

from django.db import migrations, models

MARK = """
UPDATE alignment_person p SET named_from = '3'
WHERE user_id IS NULL AND team_id IS NULL AND function = 'unknown' AND merged_into_id IS NULL
  AND EXISTS (SELECT FROM alignment_personidentity i WHERE i.person_id = p.id)
  AND NOT EXISTS (SELECT FROM alignment_historicalperson h WHERE h.id = p.id)
"""


class Migration(migrations.Migration):

    dependencies = [
        ('alignment', '0029_find_leads'),
    ]

    operations = [
        migrations.AddField(
            model_name='historicalperson',
            name='named_from',
            field=models.CharField(blank=True, editable=False, help_text='How good a name sources gave, and of when: they may give a better one. Empty: named here.', max_length=40),
        ),
        migrations.AddField(
            model_name='person',
            name='named_from',
            field=models.CharField(blank=True, editable=False, help_text='How good a name sources gave, and of when: they may give a better one. Empty: named here.', max_length=40),
        ),
        migrations.RunSQL(MARK, migrations.RunSQL.noop),
    ]
