"""People whom a source names by an address with capitals are found by the address without them as well."""

from typing import Any

from django.db import migrations

from alignment.intake.ids import one_form


def add_lowered_ids(apps: Any, schema_editor: Any) -> None:
    PersonIdentity = apps.get_model("alignment", "PersonIdentity")
    found = PersonIdentity.objects.filter(external_id__contains="@").order_by("pk")
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
        ('alignment', '0030_named_from_sources'),
    ]

    operations = [migrations.RunPython(add_lowered_ids, migrations.RunPython.noop)]
