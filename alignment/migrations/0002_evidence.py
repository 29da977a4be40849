"""The ledger of facts, the versions of calendars and the inbox keep what they were given."""

from django.db import migrations

from alignment.evidence import CREATE_REFUSAL, append_only, differ, refuse_update, undeletable

AS_RECEIVED = ("source_id", "endpoint_id", "external_id", "body_sha256", "received_at")


class Migration(migrations.Migration):
    dependencies = [("alignment", "0001_initial")]

    operations = [
        CREATE_REFUSAL,
        append_only("alignment_fact", "alignment_calendarversion"),
        undeletable("alignment_delivery", "alignment_mqlcycle"),
        refuse_update(
            "alignment_delivery",
            "stays_as_received",
            of=(*AS_RECEIVED, "body"),
            when=f"{differ(*AS_RECEIVED)} OR (NEW.body IS NOT NULL AND {differ('body')})",
            because="a delivery stays as it was received; only its body may be emptied",
        ),
    ]
