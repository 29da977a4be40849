from django.db import migrations

STANDS = """
CREATE FUNCTION require_standing_sla() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (
        SELECT FROM sla_agreement a JOIN alignment_artifactversion v ON v.id = a.version_id, alignment_organisation o
        WHERE a.id = NEW.agreement_id AND v.state = 'revoked'
          AND v.ended_at < (NEW."end"::timestamp AT TIME ZONE o.zone)
    ) THEN
        RAISE EXCEPTION 'no period is judged that was not over when its SLA was revoked'
            USING ERRCODE = 'restrict_violation', TABLE = TG_TABLE_NAME, SCHEMA = TG_TABLE_SCHEMA;
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER judged_by_a_standing_sla BEFORE INSERT ON sla_clauseperiod
    FOR EACH ROW EXECUTE FUNCTION require_standing_sla()
"""


class Migration(migrations.Migration):
    dependencies = [
        ("alignment", "0046_recycled_by_clause"),
        ("sla", "0016_find_held_promises"),
    ]

    operations = [
        migrations.RunSQL(
            STANDS,
            "DROP TRIGGER judged_by_a_standing_sla ON sla_clauseperiod; DROP FUNCTION require_standing_sla()",
        ),
    ]
