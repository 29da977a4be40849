"""Agreements and what their clocks found cannot be rewritten."""

from django.db import migrations

from alignment.evidence import append_only, differ, refuse_update, undeletable


class Migration(migrations.Migration):
    dependencies = [("sla", "0001_initial"), ("alignment", "0002_evidence")]

    operations = [
        append_only("sla_agreement", "sla_breach", "sla_clockcorrection", "sla_clockredating"),
        undeletable("sla_clock"),
        refuse_update(
            "sla_clock",
            "a_breach_stays",
            of=("breached_at", "due_at"),
            when=f"OLD.breached_at IS NOT NULL AND ({differ('breached_at', 'due_at')})",
            because="a stamped breach stays with its due time; append a correction",
        ),
    ]
