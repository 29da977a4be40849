from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("alignment", "0044_mails_of_logins"),
    ]

    operations = [
        migrations.AddField(
            model_name="gatedecision",
            name="evidence",
            field=models.JSONField(
                blank=True,
                default=list,
                help_text="What was found, met or not, as Evidence.to_json. Empty in decisions from before it was kept.",
            ),
        ),
    ]
