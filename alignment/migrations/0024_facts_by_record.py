from django.db import migrations, models


class Migration(migrations.Migration):
    """Look facts up by record: an index that begins with the source ties with that of (source, ref)."""

    dependencies = [("alignment", "0023_setup_scope")]

    operations = [
        migrations.AddIndex(
            model_name="fact",
            index=models.Index(fields=["external_id", "subject", "source"], name="fact_by_record"),
        ),
        migrations.RemoveIndex(model_name="fact", name="fact_by_subject"),
    ]
