"""Amounts in currencies whose minor unit is no hundredth: they were kept as hundredths, as facts state them."""

from django.db import migrations, models

# The decimals of ISO 4217 as they are when this runs once; alignment.currencies has them for all else.
IN_MINOR_UNITS = """
UPDATE alignment_opportunity o SET amount_minor = CASE
    WHEN k.units < 100 AND o.amount_minor % (100 / k.units) <> 0 THEN NULL
    WHEN k.units < 100 THEN o.amount_minor / (100 / k.units)
    WHEN abs(o.amount_minor) <= 9223372036854775807 / (k.units / 100) THEN o.amount_minor * (k.units / 100)
END
FROM (
    SELECT unnest(string_to_array('BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF', ' ')), 1
    UNION ALL SELECT unnest(string_to_array('BHD IQD JOD KWD LYD OMR TND', ' ')), 1000
    UNION ALL SELECT unnest(string_to_array('CLF UYW', ' ')), 10000
) k (currency, units)
WHERE o.currency = k.currency AND o.amount_minor IS NOT NULL
"""


class Migration(migrations.Migration):

    dependencies = [
        ('alignment', '0027_long_ids_of_people'),
    ]

    operations = [
        migrations.AlterField(
            model_name='opportunity',
            name='amount_minor',
            field=models.BigIntegerField(blank=True, help_text='Whole minor units of the currency (ISO 4217): cents, yen, fils.', null=True),
        ),
        migrations.RunSQL(IN_MINOR_UNITS, migrations.RunSQL.noop),
    ]
