"""What calibration replays: how long each promise took, when it was no longer owed, and saved scenarios."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


from alignment.evidence import append_only

CACHES = ("sla_elapsed", "sla_elapsedcoverage", "sla_opening", "sla_profile", "sla_stalecycle")
MARK = """
CREATE FUNCTION mark_stale_cycles() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO sla_stalecycle (cycle_id) SELECT id FROM written;
    RETURN NULL;
END
$$;
CREATE FUNCTION mark_cycles_of_new_clocks() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO sla_stalecycle (cycle_id) SELECT DISTINCT cycle_id FROM written;
    RETURN NULL;
END
$$;
CREATE FUNCTION mark_cycles_of_changed_clocks() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO sla_stalecycle (cycle_id)
    SELECT DISTINCT w.cycle_id FROM written w JOIN replaced r USING (id)
    WHERE (w.started_at, w.restated_start_at, w.met_at, w.not_owed_from, w.owner_id, w.team_id, w.segment,
           w.outcome = 'met')
        IS DISTINCT FROM
          (r.started_at, r.restated_start_at, r.met_at, r.not_owed_from, r.owner_id, r.team_id, r.segment,
           r.outcome = 'met');
    RETURN NULL;
END
$$;
CREATE FUNCTION mark_cycles_of_holds() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO sla_stalecycle (cycle_id)
    SELECT DISTINCT c.cycle_id FROM written w JOIN sla_clock c ON c.id = w.clock_id;
    RETURN NULL;
END
$$;
"""
TRIGGERS = (
    ("alignment_mqlcycle", "INSERT", "mark_stale_cycles", ""),
    ("alignment_mqlcycle", "UPDATE", "mark_stale_cycles", ""),
    ("sla_clock", "INSERT", "mark_cycles_of_new_clocks", ""),
    ("sla_clock", "UPDATE", "mark_cycles_of_changed_clocks", "OLD TABLE AS replaced "),
    ("sla_clockhold", "INSERT", "mark_cycles_of_holds", ""),
    ("sla_clockhold", "UPDATE", "mark_cycles_of_holds", ""),
)


def _triggers():
    create = [
        f"CREATE TRIGGER stale_after_{event.lower()} AFTER {event} ON {table} "
        f"REFERENCING {old}NEW TABLE AS written FOR EACH STATEMENT EXECUTE FUNCTION {function}()"
        for table, event, function, old in TRIGGERS
    ]
    drop = [f"DROP TRIGGER stale_after_{event.lower()} ON {table}" for table, event, _, _ in TRIGGERS]
    functions = sorted({function for _, _, function, _ in TRIGGERS})
    return migrations.RunSQL(
        ";\n".join([MARK.strip().rstrip(";"), *create]),
        ";\n".join([*drop, *(f"DROP FUNCTION {function}()" for function in functions)]),
    )


class Migration(migrations.Migration):

    dependencies = [
        ('sla', '0011_consequences'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='Opening',
            fields=[
                ('cycle_id', models.BigIntegerField(primary_key=True, serialize=False)),
                ('profile_id', models.BigIntegerField()),
                ('score', models.IntegerField(null=True)),
            ],
        ),
        migrations.CreateModel(
            name='StaleCycle',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('cycle_id', models.BigIntegerField()),
            ],
        ),
        migrations.AddField(
            model_name='clock',
            name='not_owed_from',
            field=models.DateTimeField(blank=True, help_text='As the facts have it now; empty where it was met before.', null=True),
        ),
        migrations.AddField(
            model_name='clock',
            name='restated_start_at',
            field=models.DateTimeField(blank=True, help_text='Its start as facts have it that came after its breach.', null=True),
        ),
        migrations.CreateModel(
            name='Elapsed',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('cycle_id', models.BigIntegerField(db_index=True)),
                ('kind', models.CharField(choices=[('assign', 'Assigned'), ('follow_up', 'First follow-up'), ('disposition', 'Disposition'), ('attempt', 'Next attempt')], max_length=12)),
                ('ordinal', models.PositiveSmallIntegerField(default=1)),
                ('calendar_id', models.BigIntegerField()),
                ('waits_seconds', models.PositiveIntegerField(default=0)),
                ('base_position', models.BigIntegerField()),
                ('need', models.BigIntegerField(null=True)),
                ('not_owed', models.BigIntegerField(null=True)),
                ('known_to', models.BigIntegerField(null=True)),
                ('profile_id', models.BigIntegerField()),
                ('score', models.IntegerField(null=True)),
                ('team_id', models.BigIntegerField(null=True)),
                ('owner_id', models.BigIntegerField(null=True)),
                ('segment', models.CharField(blank=True, max_length=60)),
                ('agreement_number', models.PositiveIntegerField(null=True)),
                ('is_held', models.BooleanField(default=False, help_text='A dispute held its clock: judged one by one, these figures leave the hold out.')),
            ],
            options={
                'indexes': [models.Index(fields=['calendar_id', 'kind', 'base_position'], name='elapsed_by_base')],
            },
        ),
        migrations.CreateModel(
            name='ElapsedCoverage',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('calendar_id', models.BigIntegerField()),
                ('waits_seconds', models.PositiveIntegerField(default=0)),
                ('calendar_version', models.PositiveIntegerField(help_text='Number of its newest version; 0: by the clock.')),
                ('tzdata', models.CharField(max_length=12)),
                ('used_at', models.DateTimeField()),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('calendar_id', 'waits_seconds'), name='one_coverage_per_calendar')],
            },
        ),
        migrations.CreateModel(
            name='Profile',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('intent', models.TextField(blank=True)),
                ('channel', models.TextField(blank=True)),
                ('segment', models.TextField(blank=True)),
                ('product', models.TextField(blank=True)),
                ('country', models.TextField(blank=True)),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('intent', 'channel', 'segment', 'product', 'country'), name='one_profile_per_combination')],
            },
        ),
        migrations.CreateModel(
            name='Scenario',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('name', models.CharField(max_length=80)),
                ('terms', models.JSONField()),
                ('first', models.DateField()),
                ('end', models.DateField()),
                ('which', models.CharField(max_length=8)),
                ('options', models.JSONField(default=dict)),
                ('found', models.JSONField()),
                ('today', models.JSONField()),
                ('said', models.JSONField()),
                ('as_of', models.DateTimeField(help_text='Everything received before is in the figures.')),
                ('saved_at', models.DateTimeField()),
                ('saved_by', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'ordering': ['-pk'],
                'constraints': [models.CheckConstraint(condition=models.Q(('first__lt', models.F('end'))), name='a_scenario_has_days'), models.CheckConstraint(condition=models.Q(('name', ''), _negated=True), name='a_scenario_has_a_name')],
            },
        ),
        # caches: no write-ahead log, a crash empties them and the next use fills them again
        migrations.RunSQL(
            [f"ALTER TABLE {table} SET UNLOGGED" for table in CACHES],
            [f"ALTER TABLE {table} SET LOGGED" for table in CACHES],
        ),
        migrations.RunSQL(
            "UPDATE sla_clock SET not_owed_from = least(settled_at, due_at) WHERE outcome = 'not_owed'",
            migrations.RunSQL.noop,
        ),
        _triggers(),
        append_only("sla_scenario"),
    ]
