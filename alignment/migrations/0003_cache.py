"""The table of the cache that all processes share."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("alignment", "0002_evidence")]

    operations = [
        migrations.RunSQL(
            [
                """
                CREATE TABLE alignment_cache (
                    cache_key varchar(255) NOT NULL PRIMARY KEY,
                    value text NOT NULL,
                    expires timestamp with time zone NOT NULL
                )
                """,
                "CREATE INDEX alignment_cache_expires ON alignment_cache (expires)",
            ],
            "DROP TABLE alignment_cache",
        )
    ]
