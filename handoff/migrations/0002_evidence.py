"""The ledger of assignments only grows."""

from django.db import migrations

from alignment.evidence import append_only


class Migration(migrations.Migration):
    dependencies = [("handoff", "0001_initial"), ("alignment", "0002_evidence")]

    operations = [append_only("handoff_assignment")]
