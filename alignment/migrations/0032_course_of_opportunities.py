"""The course of an opportunity from its facts; `alignment.pipeline.course` says the same in Python."""

from django.db import migrations, models

TYPE = """
CREATE TYPE alignment_course_state AS (
    stages text[], entered timestamptz[], is_closed boolean, is_won boolean, closed_at timestamptz, first_at timestamptz
)
"""
SINCE = """
CREATE FUNCTION alignment_since(said jsonb, what text, VARIADIC known timestamptz[]) RETURNS timestamptz
LANGUAGE plpgsql STABLE PARALLEL SAFE AS $$
DECLARE
    day timestamptz := (said->>(what || '_day'))::timestamptz;
    each timestamptz;
BEGIN
    IF said->>(what || '_at') IS NOT NULL THEN RETURN (said->>(what || '_at'))::timestamptz; END IF;
    IF day IS NULL THEN RETURN NULL; END IF;
    FOREACH each IN ARRAY known LOOP
        IF each >= day AND each < day + interval '24 hours' THEN RETURN each; END IF;
    END LOOP;
    RETURN day;
END $$
"""
STEP = """
CREATE FUNCTION alignment_course_step(s alignment_course_state, said jsonb, at timestamptz)
RETURNS alignment_course_state LANGUAGE plpgsql STABLE PARALLEL SAFE AS $$
DECLARE
    n int := coalesce(cardinality(s.stages), 0);
    last timestamptz := CASE WHEN n > 0 THEN s.entered[n] END;
    stage text := nullif(said->>'stage', '');
    was_closed boolean := coalesce(s.is_closed OR s.is_won, false);
    was_won boolean := coalesce(s.is_won, false);
    entered timestamptz;
    closed timestamptz;
    since timestamptz;
    is_over boolean;
BEGIN
    entered := alignment_since(said, 'stage', last);
    closed := alignment_since(said, 'closed', entered, s.closed_at, last);
    s.first_at := least(at, entered, closed, s.first_at);
    s.is_closed := CASE WHEN said ? 'is_closed' THEN coalesce((said->>'is_closed')::boolean, false)
                   ELSE coalesce(s.is_closed, false) END;
    s.is_won := CASE WHEN said ? 'is_won' THEN coalesce((said->>'is_won')::boolean, false)
                ELSE coalesce(s.is_won, false) END;
    is_over := s.is_closed OR s.is_won;
    since := coalesce(entered, CASE WHEN is_over THEN closed END, at);
    IF stage IS NOT NULL AND (n = 0 OR s.stages[n] <> stage) THEN
        s.stages := array_append(coalesce(s.stages, '{}'), stage);
        s.entered := array_append(coalesce(s.entered, '{}'), greatest(since, last));
    ELSIF stage IS NOT NULL AND entered IS NOT NULL THEN
        s.entered[n] := CASE WHEN n > 1 THEN greatest(entered, s.entered[n - 1]) ELSE entered END;
        IF s.closed_at = last THEN s.closed_at := s.entered[n]; END IF;
    END IF;
    IF NOT is_over THEN s.closed_at := NULL;
    ELSIF is_over <> was_closed OR s.is_won <> was_won THEN s.closed_at := coalesce(closed, since);
    ELSIF closed IS NOT NULL THEN s.closed_at := closed;
    END IF;
    RETURN s;
END $$
"""
COURSE = """
CREATE AGGREGATE alignment_course(jsonb, timestamptz) (
    SFUNC = alignment_course_step, STYPE = alignment_course_state, PARALLEL = SAFE
)
"""


class Migration(migrations.Migration):
    dependencies = [("alignment", "0031_one_form_of_addresses")]
    operations = [
        migrations.RunSQL(TYPE, "DROP TYPE alignment_course_state"),
        migrations.RunSQL(SINCE, "DROP FUNCTION alignment_since(jsonb, text, timestamptz[])"),
        migrations.RunSQL(
            STEP, "DROP FUNCTION alignment_course_step(alignment_course_state, jsonb, timestamptz)"
        ),
        migrations.RunSQL(COURSE, "DROP AGGREGATE alignment_course(jsonb, timestamptz)"),
        migrations.AlterField(
            model_name="opportunity",
            name="closed_at",
            field=models.DateTimeField(
                blank=True, help_text="When it was closed the way it stands now: won, or lost.", null=True
            ),
        ),
    ]
