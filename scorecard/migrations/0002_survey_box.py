"""What was told at launch stays; and the box of tokens and answers, in a schema that the application's role owns.

Nothing in the box has a number, a time or an owner. `survey.token`: SHA-256 of each link not used yet, with the
group that its answer will count in. `survey.answer`: sealed answers. `survey.box_key`: the key that opens them,
itself closed with a key outside the database. The role owns them because it empties them by TRUNCATE, which leaves
no dead rows (see alignment.database_roles).
"""

from django.db import migrations
from django.db.migrations.operations import RunSQL

from alignment.evidence import append_only, differ, refuse_update, undeletable

TOLD = ("program_id", "channel", "minimum", "closes_on", "closes_at", "invited", "groups", "launched_at")


class Migration(migrations.Migration):
    dependencies = [("scorecard", "0001_survey"), ("alignment", "0038_artifacts_and_programs")]
    operations = [
        append_only("scorecard_surveyrelease"),
        undeletable("scorecard_survey"),
        refuse_update(
            "scorecard_survey",
            "told_at_launch",
            of=TOLD,
            when=f"OLD.state <> 'draft' AND ({differ(*TOLD)})",
            because="respondents were told these settings when they were invited",
        ),
        refuse_update(
            "scorecard_survey",
            "over_is_over",
            of=["state"],
            when="OLD.state IN ('closed', 'withdrawn') AND NEW.state <> OLD.state",
            because="a survey that has ended does not begin again",
        ),
        RunSQL(
            (
                "CREATE SCHEMA survey",
                """
                CREATE TABLE survey.token (
                    digest bytea PRIMARY KEY CHECK (octet_length(digest) = 32),
                    answers_as text NOT NULL
                )
                """,
                "CREATE TABLE survey.answer (sealed bytea NOT NULL CHECK (octet_length(sealed) = 34))",
                "CREATE TABLE survey.box_key (wrapped bytea NOT NULL)",
                # ANALYZE would keep samples of rows that are long gone
                "ALTER TABLE survey.token ALTER digest SET STATISTICS 0, ALTER answers_as SET STATISTICS 0, "
                "SET (autovacuum_enabled = off)",
                "ALTER TABLE survey.answer ALTER sealed SET STATISTICS 0, SET (autovacuum_enabled = off)",
            ),
            "DROP SCHEMA survey CASCADE",
        ),
    ]
