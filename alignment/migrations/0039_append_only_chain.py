from django.db import migrations

from alignment.evidence import append_only


class Migration(migrations.Migration):
    dependencies = [("alignment", "0038_artifacts_and_programs")]

    operations = [append_only("alignment_serverkey", "alignment_chainentry", "alignment_chainhead")]
