"""A merge of leads stays on record, may be undone once, and makes no chains."""

from django.db import migrations
from django.db.migrations.operations import RunSQL

from alignment.evidence import differ, refuse_update, undeletable

SAID = ("survivor_id", "merged_id", "reason", "merged_by_id", "merged_at")
UNDONE = ("undone_by_id", "undone_at", "undone_reason")

# The service locks the leads of both sides, so what this reads cannot change under it.
REFUSE_CHAINS = RunSQL(
    [
        """
        CREATE FUNCTION refuse_chain_of_merges() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            IF EXISTS (SELECT FROM alignment_leadmerge
                       WHERE undone_at IS NULL AND (merged_id = NEW.survivor_id OR survivor_id = NEW.merged_id)) THEN
                RAISE EXCEPTION 'merge of lead % into % is refused: merges make no chains', NEW.merged_id, NEW.survivor_id
                    USING ERRCODE = 'restrict_violation', TABLE = TG_TABLE_NAME, SCHEMA = TG_TABLE_SCHEMA;
            END IF;
            RETURN NEW;
        END
        $$
        """,
        """
        CREATE TRIGGER no_chains BEFORE INSERT ON alignment_leadmerge
        FOR EACH ROW WHEN (NEW.undone_at IS NULL) EXECUTE FUNCTION refuse_chain_of_merges()
        """,
    ],
    ["DROP TRIGGER no_chains ON alignment_leadmerge", "DROP FUNCTION refuse_chain_of_merges()"],
)


class Migration(migrations.Migration):
    dependencies = [("alignment", "0013_who_is_who")]

    operations = [
        undeletable("alignment_leadmerge"),
        refuse_update(
            "alignment_leadmerge",
            "stays_as_said",
            of=SAID,
            when=differ(*SAID),
            because="a merge stays as it was said; it can only be undone",
        ),
        refuse_update(
            "alignment_leadmerge",
            "is_undone_once",
            of=UNDONE,
            when=f"OLD.undone_at IS NOT NULL AND ({differ(*UNDONE)})",
            because="what was undone stays undone; merge again instead",
        ),
        REFUSE_CHAINS,
    ]
