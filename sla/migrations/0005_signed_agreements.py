"""An agreement is signed where it has the signed version of its SLA; the database takes no other."""

import django.db.models.deletion
from django.db import migrations, models

import sla.models

REQUIRE_SIGNATURES = """
CREATE FUNCTION require_signed_agreement() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    signed alignment_artifactversion;
BEGIN
    IF NEW.version_id IS NULL THEN
        IF EXISTS (SELECT FROM sla_agreement WHERE version_id IS NOT NULL) THEN
            RAISE EXCEPTION 'a signed SLA is there: the next version comes by signature only'
                USING ERRCODE = 'restrict_violation', TABLE = TG_TABLE_NAME, SCHEMA = TG_TABLE_SCHEMA;
        END IF;
        RETURN NEW;
    END IF;
    SELECT v.* INTO signed FROM alignment_artifactversion v JOIN alignment_artifact a ON a.id = v.artifact_id
        WHERE v.id = NEW.version_id AND a.kind = 'sla' AND v.state = 'in_force';
    IF signed.id IS NULL THEN
        RAISE EXCEPTION 'the terms of an agreement are those of an SLA that is signed and in force'
            USING ERRCODE = 'restrict_violation', TABLE = TG_TABLE_NAME, SCHEMA = TG_TABLE_SCHEMA;
    ELSIF NEW.terms IS DISTINCT FROM signed.content -> 'terms'
        OR NEW.clauses IS DISTINCT FROM signed.content -> 'clauses' THEN
        RAISE EXCEPTION 'the terms are not those that were signed'
            USING ERRCODE = 'restrict_violation', TABLE = TG_TABLE_NAME, SCHEMA = TG_TABLE_SCHEMA;
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER signed_terms_only BEFORE INSERT ON sla_agreement
    FOR EACH ROW EXECUTE FUNCTION require_signed_agreement()
"""

SAME_WEEK = """
CREATE FUNCTION keep_the_week() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (
        SELECT FROM alignment_calendarversion own
        WHERE own.calendar_id = NEW.calendar_id AND own.number < NEW.number
          AND (own.schedule -> 'zone', own.schedule -> 'weekly', own.country)
              IS DISTINCT FROM (NEW.schedule -> 'zone', NEW.schedule -> 'weekly', NEW.country)
    ) THEN
        RAISE EXCEPTION 'weekly windows, zone and holiday source of a calendar stay: a changed week is a new calendar'
            USING ERRCODE = 'restrict_violation', TABLE = TG_TABLE_NAME, SCHEMA = TG_TABLE_SCHEMA;
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER same_week BEFORE INSERT ON alignment_calendarversion
    FOR EACH ROW EXECUTE FUNCTION keep_the_week()
"""


class Migration(migrations.Migration):
    dependencies = [
        ("alignment", "0045_evidence_of_decisions"),
        ("sla", "0004_no_index_without_reader"),
    ]

    operations = [
        migrations.AddField(
            model_name="agreement",
            name="clauses",
            field=models.JSONField(
                blank=True,
                help_text="What else was signed: volumes, consequences, owners, review; as sla.clauses reads it.",
                null=True,
                validators=[sla.models.validate_clauses],
            ),
        ),
        migrations.AddField(
            model_name="agreement",
            name="version",
            field=models.OneToOneField(
                blank=True,
                help_text="The signed SLA that these terms are of; empty for what was entered before the first signature.",
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="agreement",
                to="alignment.artifactversion",
            ),
        ),
        migrations.AddConstraint(
            model_name="agreement",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("clauses__isnull", True), ("is_signed", False), ("version__isnull", True)
                )
                | models.Q(("clauses__isnull", False), ("is_signed", True), ("version__isnull", False)),
                name="signed_is_what_has_a_signed_version",
            ),
        ),
        migrations.RunSQL(
            REQUIRE_SIGNATURES,
            "DROP TRIGGER signed_terms_only ON sla_agreement; DROP FUNCTION require_signed_agreement()",
        ),
        migrations.RunSQL(
            SAME_WEEK,
            "DROP TRIGGER same_week ON alignment_calendarversion; DROP FUNCTION keep_the_week()",
        ),
    ]
