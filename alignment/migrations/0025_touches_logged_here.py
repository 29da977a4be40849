"""Touches that only people here told of, and the leads that they had sourced."""

from django.db import migrations, models

MARK = """
UPDATE alignment_touch t SET is_logged_here = true
WHERE t.external_id LIKE 'app:%'
  AND EXISTS (
    SELECT FROM alignment_fact f WHERE f.external_id = t.external_id AND f.subject = 'touch'
      AND f.source_id + 0 = t.source_id AND f.by_id IS NOT NULL)
  AND NOT EXISTS (
    SELECT FROM alignment_fact f WHERE f.external_id = t.external_id AND f.subject = 'touch'
      AND f.source_id + 0 = t.source_id AND f.by_id IS NULL)
"""
SOURCE_AGAIN = """
UPDATE alignment_lead l SET first_touch_id = s.touch_id, sourced_function = coalesce(s.function, 'unknown')
FROM (
    SELECT k.id, first.touch_id, first.function FROM alignment_lead k
    JOIN alignment_touch here ON here.id = k.first_touch_id AND here.is_logged_here
    LEFT JOIN LATERAL (
        SELECT t.id AS touch_id, t.function FROM alignment_touch t
        WHERE t.lead_id IN (SELECT k.id UNION SELECT m.id FROM alignment_lead m WHERE m.merged_into_id = k.id)
          AND NOT t.is_deleted AND NOT t.is_logged_here AND t.touched_at IS NOT NULL
        ORDER BY t.touched_at, t.external_id, t.source_id LIMIT 1
    ) first ON true
) s WHERE l.id = s.id
"""


class Migration(migrations.Migration):

    dependencies = [
        ('alignment', '0024_facts_by_record'),
    ]

    operations = [
        migrations.AddField(
            model_name='touch',
            name='is_logged_here',
            field=models.BooleanField(default=False, help_text='Only people here told of it: no source recorded it, so it sources no lead.'),
        ),
        migrations.RunSQL(MARK, migrations.RunSQL.noop),
        migrations.RunSQL(SOURCE_AGAIN, migrations.RunSQL.noop),
    ]
