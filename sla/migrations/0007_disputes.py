"""Disputes with frozen evidence, rulings that the database takes from nobody concerned, and what they put beside the
raw values."""

import django.contrib.postgres.indexes
import django.contrib.postgres.search
import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

from alignment.evidence import append_only, differ, refuse_update, undeletable


RULE = """
CREATE FUNCTION end_by_ruling() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    disputed sla_dispute;
BEGIN
    UPDATE sla_dispute SET ended_at = NEW.ruled_at, ending = 'ruled'
        WHERE id = NEW.dispute_id AND ended_at IS NULL RETURNING * INTO disputed;
    IF disputed.id IS NULL THEN
        RAISE EXCEPTION 'the dispute was ruled on or withdrawn already'
            USING ERRCODE = 'restrict_violation', TABLE = TG_TABLE_NAME, SCHEMA = TG_TABLE_SCHEMA;
    ELSIF disputed.filed_by_id = NEW.ruled_by_id OR EXISTS (
        SELECT FROM alignment_person p
        LEFT JOIN sla_clock c ON c.id = disputed.clock_id
        WHERE p.user_id = NEW.ruled_by_id AND p.id IN (disputed.owner_id, c.owner_id)
    ) THEN
        RAISE EXCEPTION 'nobody rules on a dispute that they filed, or on what is their own'
            USING ERRCODE = 'restrict_violation', TABLE = TG_TABLE_NAME, SCHEMA = TG_TABLE_SCHEMA;
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER end_by_ruling BEFORE INSERT ON sla_ruling FOR EACH ROW EXECUTE FUNCTION end_by_ruling()
"""

OVERRIDE = """
CREATE FUNCTION require_ruling() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (
        SELECT FROM sla_ruling r JOIN sla_dispute d ON d.id = r.dispute_id
        WHERE r.dispute_id = NEW.ruling_id AND r.decision <> 'rejected'
          AND (d.clock_id, d.lead_id, d.opportunity_id, d.term)
              IS NOT DISTINCT FROM (NEW.clock_id, NEW.lead_id, NEW.opportunity_id, NEW.term)
    ) THEN
        RAISE EXCEPTION 'a ruling has an effect on what was disputed, and none where it rejects'
            USING ERRCODE = 'restrict_violation', TABLE = TG_TABLE_NAME, SCHEMA = TG_TABLE_SCHEMA;
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER require_ruling BEFORE INSERT ON sla_override FOR EACH ROW EXECUTE FUNCTION require_ruling()
"""

FILED = (
    "kind", "clock_id", "cycle_id", "lead_id", "opportunity_id", "term", "owner_id", "clock_due_at", "asked_function",
    "text", "asked", "evidence", "evidence_digest", "agreement_id", "filed_by_id", "filed_at", "rule_by",
)  # fmt: skip


class Migration(migrations.Migration):
    dependencies = [
        ("alignment", "0045_evidence_of_decisions"),
        ("sla", "0006_review_dates"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="Dispute",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("clock", "Clock or breach"),
                            ("attribution", "Attribution"),
                            ("definition", "Definition"),
                        ],
                        max_length=12,
                    ),
                ),
                (
                    "term",
                    models.CharField(
                        blank=True,
                        help_text="Key of the definition whose reading is in question.",
                        max_length=40,
                    ),
                ),
                ("clock_due_at", models.DateTimeField(blank=True, null=True)),
                (
                    "asked_function",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("marketing", "Marketing program"),
                            ("sales", "Outbound by sales"),
                            ("other", "Other (partner, product, referral)"),
                            ("unknown", "Not known"),
                        ],
                        max_length=10,
                    ),
                ),
                ("text", models.TextField(help_text="What is wrong.")),
                ("asked", models.TextField(help_text="What ruling is asked for.")),
                ("evidence", models.JSONField()),
                ("evidence_digest", models.CharField(max_length=64)),
                ("filed_at", models.DateTimeField()),
                ("rule_by", models.DateTimeField()),
                (
                    "overdue_at",
                    models.DateTimeField(
                        blank=True, help_text="When the sweep saw that nobody ruled in time.", null=True
                    ),
                ),
                ("ended_at", models.DateTimeField(blank=True, null=True)),
                (
                    "ending",
                    models.CharField(
                        blank=True, choices=[("ruled", "Ruled on"), ("withdrawn", "Withdrawn")], max_length=10
                    ),
                ),
            ],
        ),
        migrations.AddField(
            model_name="clock",
            name="held_since",
            field=models.DateTimeField(
                blank=True,
                help_text="It stands still: filed dispute, not ruled on. Nothing is stamped meanwhile.",
                null=True,
            ),
        ),
        migrations.AddConstraint(
            model_name="clock",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("held_since__isnull", True),
                    ("breached_at__isnull", True),
                    ("held_since__gte", models.F("breached_at")),
                    _connector="OR",
                ),
                name="no_breach_while_held",
            ),
        ),
        migrations.CreateModel(
            name="Ruling",
            fields=[
                (
                    "dispute",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT,
                        primary_key=True,
                        related_name="ruling",
                        serialize=False,
                        to="sla.dispute",
                    ),
                ),
                (
                    "decision",
                    models.CharField(
                        choices=[("upheld", "Upheld"), ("partly", "Partly upheld"), ("rejected", "Rejected")],
                        max_length=8,
                    ),
                ),
                ("about", models.CharField(max_length=120)),
                ("summary", models.CharField(max_length=200)),
                ("reason", models.TextField()),
                ("tags", models.CharField(blank=True, max_length=200)),
                ("ruled_at", models.DateTimeField()),
                (
                    "as_escalation",
                    models.BooleanField(
                        default=False, help_text="By the escalation owner, in the stead of arbitration."
                    ),
                ),
                (
                    "ruled_by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="rulings",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
        ),
        migrations.AddField(
            model_name="dispute",
            name="agreement",
            field=models.ForeignKey(
                blank=True,
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="disputes",
                to="sla.agreement",
            ),
        ),
        migrations.AddField(
            model_name="dispute",
            name="clock",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="disputes",
                to="sla.clock",
            ),
        ),
        migrations.AddField(
            model_name="dispute",
            name="cycle",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="disputes",
                to="alignment.mqlcycle",
            ),
        ),
        migrations.AddField(
            model_name="dispute",
            name="filed_by",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT,
                related_name="disputes",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AddField(
            model_name="dispute",
            name="lead",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="disputes",
                to="alignment.lead",
            ),
        ),
        migrations.AddField(
            model_name="dispute",
            name="opportunity",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="disputes",
                to="alignment.opportunity",
            ),
        ),
        migrations.AddField(
            model_name="dispute",
            name="owner",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="disputes",
                to="alignment.person",
            ),
        ),
        migrations.CreateModel(
            name="ClockHold",
            fields=[
                (
                    "dispute",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT,
                        primary_key=True,
                        related_name="hold",
                        serialize=False,
                        to="sla.dispute",
                    ),
                ),
                ("starts_at", models.DateTimeField()),
                ("ends_at", models.DateTimeField(blank=True, null=True)),
                ("stands", models.BooleanField(blank=True, null=True)),
                (
                    "clock",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="holds", to="sla.clock"
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="Override",
            fields=[
                (
                    "ruling",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT,
                        primary_key=True,
                        related_name="override",
                        serialize=False,
                        to="sla.ruling",
                    ),
                ),
                (
                    "effect",
                    models.CharField(
                        choices=[
                            ("set_aside", "The breach is set aside"),
                            ("stood_still", "The clock stood still"),
                            ("sourced", "Sourced by another function"),
                            ("meets", "Meets the definition of an MQL"),
                            ("meets_not", "Does not meet the definition of an MQL"),
                            ("reading", "How the definition is read"),
                        ],
                        max_length=12,
                    ),
                ),
                ("term", models.CharField(blank=True, max_length=40)),
                (
                    "function",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("marketing", "Marketing program"),
                            ("sales", "Outbound by sales"),
                            ("other", "Other (partner, product, referral)"),
                            ("unknown", "Not known"),
                        ],
                        max_length=10,
                    ),
                ),
                ("reading", models.TextField(blank=True)),
                ("stood_from", models.DateTimeField(blank=True, null=True)),
                ("stood_until", models.DateTimeField(blank=True, null=True)),
                ("made_at", models.DateTimeField()),
            ],
        ),
        migrations.AddIndex(
            model_name="dispute",
            index=models.Index(
                condition=models.Q(("ended_at__isnull", True)), fields=["rule_by"], name="dispute_to_rule_on"
            ),
        ),
        migrations.AddConstraint(
            model_name="dispute",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(
                        ("clock__isnull", False),
                        ("clock_due_at__isnull", False),
                        ("cycle__isnull", False),
                        ("kind", "clock"),
                        ("asked_function", ""),
                        ("lead__isnull", True),
                        ("opportunity__isnull", True),
                        ("term", ""),
                    ),
                    models.Q(
                        ("clock__isnull", True),
                        ("clock_due_at__isnull", True),
                        ("kind", "attribution"),
                        ("term", ""),
                        models.Q(("asked_function__in", ["", "unknown"]), _negated=True),
                        models.Q(
                            models.Q(("lead__isnull", False), ("opportunity__isnull", True)),
                            models.Q(("lead__isnull", True), ("opportunity__isnull", False)),
                            _connector="OR",
                        ),
                    ),
                    models.Q(
                        ("asked_function", ""),
                        ("clock__isnull", True),
                        ("clock_due_at__isnull", True),
                        ("kind", "definition"),
                        ("lead__isnull", True),
                        ("opportunity__isnull", True),
                        models.Q(
                            models.Q(("cycle__isnull", False), ("term", "")),
                            models.Q(("cycle__isnull", True), models.Q(("term", ""), _negated=True)),
                            _connector="OR",
                        ),
                    ),
                    _connector="OR",
                ),
                name="a_dispute_has_one_subject",
            ),
        ),
        migrations.AddConstraint(
            model_name="dispute",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("text", ""), _negated=True), models.Q(("asked", ""), _negated=True)
                ),
                name="a_dispute_says_what_is_wrong_and_asked",
            ),
        ),
        migrations.AddConstraint(
            model_name="dispute",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("ended_at__isnull", True), ("ending", "")),
                    models.Q(("ended_at__isnull", False), ("ending__in", ["ruled", "withdrawn"])),
                    _connector="OR",
                ),
                name="an_ended_dispute_says_how",
            ),
        ),
        migrations.AddConstraint(
            model_name="dispute",
            constraint=models.CheckConstraint(
                condition=models.Q(("rule_by__gt", models.F("filed_at"))), name="a_ruling_has_time"
            ),
        ),
        migrations.AddConstraint(
            model_name="dispute",
            constraint=models.UniqueConstraint(
                condition=models.Q(("ended_at__isnull", True), ("kind", "clock")),
                fields=("clock",),
                name="one_undecided_dispute_per_clock",
            ),
        ),
        migrations.AddConstraint(
            model_name="dispute",
            constraint=models.UniqueConstraint(
                condition=models.Q(("ended_at__isnull", True), ("kind", "attribution")),
                fields=("lead",),
                name="one_undecided_dispute_per_lead",
            ),
        ),
        migrations.AddConstraint(
            model_name="dispute",
            constraint=models.UniqueConstraint(
                condition=models.Q(("ended_at__isnull", True), ("kind", "attribution")),
                fields=("opportunity",),
                name="one_undecided_dispute_per_opportunity",
            ),
        ),
        migrations.AddConstraint(
            model_name="dispute",
            constraint=models.UniqueConstraint(
                condition=models.Q(("ended_at__isnull", True), ("kind", "definition")),
                fields=("cycle",),
                name="one_undecided_dispute_per_mql",
            ),
        ),
        migrations.AddConstraint(
            model_name="dispute",
            constraint=models.UniqueConstraint(
                condition=models.Q(
                    ("ended_at__isnull", True), ("kind", "definition"), models.Q(("term", ""), _negated=True)
                ),
                fields=("term",),
                name="one_undecided_dispute_per_term",
            ),
        ),
        migrations.AddConstraint(
            model_name="clockhold",
            constraint=models.UniqueConstraint(
                condition=models.Q(("ends_at__isnull", True)),
                fields=("clock",),
                name="one_open_hold_per_clock",
            ),
        ),
        migrations.AddConstraint(
            model_name="clockhold",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("ends_at__isnull", True), ("stands__isnull", True)),
                    models.Q(("ends_at__gte", models.F("starts_at")), ("stands__isnull", False)),
                    _connector="OR",
                ),
                name="an_ended_hold_says_whether_it_stands",
            ),
        ),
        migrations.AddField(
            model_name="override",
            name="clock",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="overrides",
                to="sla.clock",
            ),
        ),
        migrations.AddField(
            model_name="override",
            name="cycle",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="overrides",
                to="alignment.mqlcycle",
            ),
        ),
        migrations.AddField(
            model_name="override",
            name="lead",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="overrides",
                to="alignment.lead",
            ),
        ),
        migrations.AddField(
            model_name="override",
            name="opportunity",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="overrides",
                to="alignment.opportunity",
            ),
        ),
        migrations.AddIndex(
            model_name="ruling",
            index=django.contrib.postgres.indexes.GinIndex(
                django.contrib.postgres.search.SearchVector(
                    "about", "summary", "reason", "tags", config="english"
                ),
                name="ruling_by_words",
            ),
        ),
        migrations.AddConstraint(
            model_name="ruling",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("reason", ""), _negated=True), models.Q(("summary", ""), _negated=True)
                ),
                name="a_ruling_says_why",
            ),
        ),
        migrations.AddConstraint(
            model_name="ruling",
            constraint=models.CheckConstraint(
                condition=models.Q(("decision__in", ["upheld", "partly", "rejected"])),
                name="a_decision_is_one_of_the_set",
            ),
        ),
        migrations.AddConstraint(
            model_name="override",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(
                        ("clock__isnull", False), ("effect", "set_aside"), ("stood_until__isnull", True)
                    ),
                    models.Q(
                        ("clock__isnull", False),
                        ("effect", "stood_still"),
                        ("stood_from__isnull", False),
                        ("stood_until__gte", models.F("stood_from")),
                    ),
                    models.Q(
                        ("effect", "sourced"),
                        ("function__in", ["marketing", "sales", "other"]),
                        models.Q(("lead__isnull", False), ("opportunity__isnull", False), _connector="OR"),
                    ),
                    models.Q(("cycle__isnull", False), ("effect__in", ["meets", "meets_not"])),
                    models.Q(
                        ("effect", "reading"),
                        models.Q(("term", ""), _negated=True),
                        models.Q(("reading", ""), _negated=True),
                    ),
                    _connector="OR",
                ),
                name="an_effect_has_its_value",
            ),
        ),
        migrations.RunSQL(RULE, "DROP TRIGGER end_by_ruling ON sla_ruling; DROP FUNCTION end_by_ruling()"),
        migrations.RunSQL(
            OVERRIDE, "DROP TRIGGER require_ruling ON sla_override; DROP FUNCTION require_ruling()"
        ),
        append_only("sla_ruling", "sla_override"),
        undeletable("sla_dispute", "sla_clockhold"),
        refuse_update(
            "sla_dispute",
            "stays_as_filed",
            of=FILED,
            when=differ(*FILED),
            because="a dispute and its evidence stay as they were filed",
        ),
        refuse_update(
            "sla_dispute",
            "ends_once",
            of=("ended_at", "ending", "overdue_at"),
            when=f"OLD.ended_at IS NOT NULL OR (OLD.overdue_at IS NOT NULL AND ({differ('overdue_at')}))",
            because="it becomes overdue once and ends once",
        ),
        refuse_update(
            "sla_clockhold",
            "ends_once",
            of=("dispute_id", "clock_id", "starts_at", "ends_at", "stands"),
            when=f"OLD.ends_at IS NOT NULL OR {differ('dispute_id', 'clock_id', 'starts_at')}",
            because="a hold ends once, by the ruling or the withdrawal",
        ),
    ]
