"""People whom a source names by an id of Salesforce with 15 characters are found by the 18 of the same id as well."""

from typing import Any

from django.db import migrations

from alignment.intake.ids import one_form


def add_long_ids(apps: Any, schema_editor: Any) -> None:
    PersonIdentity = apps.get_model("alignment", "PersonIdentity")
    found = PersonIdentity.objects.filter(external_id__regex="^[0-9A-Za-z]{15}$").order_by("pk")
    PersonIdentity.objects.bulk_create(
        (
            PersonIdentity(source_id=row.source_id, external_id=one_form(row.external_id), person_id=row.person_id)
            for row in found
            if one_form(row.external_id) != row.external_id
        ),
        ignore_conflicts=True,
    )


class Migration(migrations.Migration):

    dependencies = [
        ('alignment', '0026_imports_by_headers'),
    ]

    operations = [migrations.RunPython(add_long_ids, migrations.RunPython.noop)]
