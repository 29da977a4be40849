import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("alignment", "0041_guard_artifacts"),
    ]

    operations = [
        migrations.AddField(
            model_name="historicalprogram",
            name="plan_taken_at",
            field=models.DateTimeField(
                blank=True,
                help_text="When the plan with these dates was last mailed or downloaded for the calendars. Null: not yet.",
                null=True,
            ),
        ),
        migrations.AddField(
            model_name="historicalprogram",
            name="plan_taken_by",
            field=models.ForeignKey(
                blank=True,
                db_constraint=False,
                null=True,
                on_delete=django.db.models.deletion.DO_NOTHING,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AddField(
            model_name="program",
            name="plan_taken_at",
            field=models.DateTimeField(
                blank=True,
                help_text="When the plan with these dates was last mailed or downloaded for the calendars. Null: not yet.",
                null=True,
            ),
        ),
        migrations.AddField(
            model_name="program",
            name="plan_taken_by",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AddIndex(
            model_name="fact",
            index=models.Index(
                condition=models.Q(("subject__in", ["opportunity", "campaign"])),
                fields=["subject", "-id"],
                name="fact_of_deals_and_campaigns",
            ),
        ),
    ]
