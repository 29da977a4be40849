"""The database itself refuses a version in force that is not signed, and any change of what was sent or signed."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

from alignment.evidence import append_only, differ, refuse_update

# From sending on these stand. The state moves on by `moves` only.
FROZEN = """
    ROW(NEW.artifact_id, NEW.number, NEW.revision, NEW.content, NEW.paper, NEW.drafted_by_id, NEW.drafted_at,
        NEW.changed_at, NEW.sent_by_id, NEW.sent_at, NEW.envelope, NEW.digest, NEW.previous_digest, NEW.expires_at)
    IS DISTINCT FROM
    ROW(OLD.artifact_id, OLD.number, OLD.revision, OLD.content, OLD.paper, OLD.drafted_by_id, OLD.drafted_at,
        OLD.changed_at, OLD.sent_by_id, OLD.sent_at, OLD.envelope, OLD.digest, OLD.previous_digest, OLD.expires_at)
"""

GUARD_VERSION = f"""
CREATE FUNCTION guard_artifact_version() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    because text;
BEGIN
    IF TG_OP = 'DELETE' THEN
        IF OLD.state = 'draft' THEN
            RETURN OLD;
        END IF;
        because := 'what was sent stays for good';
    ELSIF TG_OP = 'INSERT' THEN
        IF NEW.state = 'draft' THEN
            RETURN NEW;
        END IF;
        because := 'a version begins as a draft';
    ELSIF OLD.state = 'draft' AND NEW.artifact_id IS DISTINCT FROM OLD.artifact_id THEN
        because := 'a draft stays with its artifact';
    ELSIF OLD.state = 'draft' AND NEW.state = 'draft' THEN
        RETURN NEW;
    ELSIF OLD.state <> 'draft' AND ({FROZEN}) THEN
        because := 'what was sent never changes';
    ELSIF OLD.state = NEW.state THEN
        IF ROW(NEW.signed_at, NEW.ended_at) IS DISTINCT FROM ROW(OLD.signed_at, OLD.ended_at) THEN
            because := 'its times were set with its state';
        END IF;
    ELSIF OLD.state || ' ' || NEW.state = 'draft sent' THEN
        because := problem_of_sending(NEW);
    ELSIF OLD.state || ' ' || NEW.state = 'sent in_force' THEN
        IF NOT is_signed_by_all(NEW.id, NEW.envelope, NEW.digest) THEN
            because := 'a role that must sign has not signed this digest';
        END IF;
    ELSIF OLD.state || ' ' || NEW.state IN ('sent declined', 'sent withdrawn', 'in_force revoked') THEN
        IF NOT EXISTS (SELECT FROM alignment_refusal WHERE version_id = NEW.id AND kind = NEW.state) THEN
            because := 'nobody gave a reason for it';
        END IF;
    ELSIF OLD.state || ' ' || NEW.state = 'in_force expired' THEN
        IF NEW.expires_at IS NULL OR NEW.expires_at > NEW.ended_at THEN
            because := 'its last day is not over';
        END IF;
    ELSIF OLD.state || ' ' || NEW.state <> 'in_force superseded' THEN
        because := 'a version does not go from ' || OLD.state || ' to ' || NEW.state;
    END IF;
    IF because IS NULL AND NEW.signed_at IS DISTINCT FROM OLD.signed_at AND NEW.state <> 'in_force' THEN
        because := 'only coming into force sets when it was signed';
    END IF;
    IF because IS NULL THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION '% of alignment_artifactversion is refused: %', TG_OP, because
        USING ERRCODE = 'restrict_violation', TABLE = TG_TABLE_NAME, SCHEMA = TG_TABLE_SCHEMA;
END
$$
"""

PROBLEM_OF_SENDING = """
CREATE FUNCTION problem_of_sending(sent alignment_artifactversion) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    signed jsonb := sent.envelope::jsonb;
    known alignment_artifact;
    before text;
BEGIN
    SELECT * INTO known FROM alignment_artifact WHERE id = sent.artifact_id;
    SELECT digest INTO before FROM alignment_artifactversion
        WHERE artifact_id = sent.artifact_id AND number < sent.number AND state <> 'draft'
        ORDER BY number DESC LIMIT 1;
    IF sent.digest <> encode(sha256(convert_to(sent.envelope, 'UTF8')), 'hex') THEN
        RETURN 'the digest is not that of the envelope';
    ELSIF signed -> 'content' <> sent.content THEN
        RETURN 'the envelope holds another content';
    ELSIF ROW(signed ->> 'kind', signed ->> 'key', (signed ->> 'version')::int, signed ->> 'paper', signed ->> 'previous')
        IS DISTINCT FROM ROW(known.kind::text, known.key::text, sent.number, sent.paper::text, coalesce(before, ''))
        OR sent.previous_digest <> coalesce(before, '') THEN
        RETURN 'the envelope names another version';
    ELSIF jsonb_array_length(signed -> 'signers') = 0
        OR (SELECT count(*) <> count(DISTINCT role) FROM jsonb_array_elements_text(signed -> 'signers') role) THEN
        RETURN 'each role signs once, and one at least';
    ELSIF (SELECT array_agg(ground ->> 'digest' ORDER BY ground ->> 'digest' COLLATE "C")
           FROM jsonb_array_elements(signed -> 'rests_on') ground)
        IS DISTINCT FROM
          (SELECT array_agg(ground.digest::text ORDER BY ground.digest::text COLLATE "C")
           FROM alignment_restson rests JOIN alignment_artifactversion ground ON ground.id = rests.ground_id
           WHERE rests.version_id = sent.id) THEN
        RETURN 'the envelope rests on other versions';
    ELSIF EXISTS (SELECT FROM alignment_artifactversion
                  WHERE artifact_id = sent.artifact_id AND number > sent.number AND state <> 'draft') THEN
        RETURN 'a later version was sent before';
    END IF;
    RETURN NULL;
END
$$
"""

IS_SIGNED_BY_ALL = """
CREATE FUNCTION is_signed_by_all(version bigint, envelope text, signed_digest text) RETURNS boolean LANGUAGE sql STABLE AS $$
    SELECT NOT EXISTS (
        SELECT FROM jsonb_array_elements_text(envelope::jsonb -> 'signers') wanted
        WHERE NOT EXISTS (
            SELECT FROM alignment_signature
            WHERE version_id = version AND role = wanted AND digest = signed_digest
        )
    )
$$
"""

# Superseding comes before its successor's coming into force, as only one may be: so it is looked at in the end.
GUARD_SUCCESSOR = """
CREATE FUNCTION guard_successor() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (
        SELECT FROM alignment_artifactversion
        WHERE artifact_id = NEW.artifact_id AND number > NEW.number AND signed_at = NEW.ended_at
    ) THEN
        RAISE EXCEPTION 'UPDATE of alignment_artifactversion is refused: nothing came into force in its place'
            USING ERRCODE = 'restrict_violation', TABLE = TG_TABLE_NAME, SCHEMA = TG_TABLE_SCHEMA;
    END IF;
    RETURN NULL;
END
$$
"""

# FOR SHARE: nobody ends the version while a signature is being added to it.
GUARD_SIGNATURE = """
CREATE FUNCTION guard_signature() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    version alignment_artifactversion;
    signed jsonb;
    because text;
BEGIN
    SELECT * INTO version FROM alignment_artifactversion WHERE id = NEW.version_id FOR SHARE;
    signed := nullif(version.envelope, '')::jsonb;
    IF version.state <> 'sent' THEN
        because := 'the version does not wait for signatures';
    ELSIF NEW.digest <> version.digest THEN
        because := 'it is under another digest';
    ELSIF NOT signed -> 'signers' ? NEW.role THEN
        because := 'the role does not sign this version';
    ELSIF NEW.statement <> signed ->> 'statement' THEN
        because := 'it agrees to another statement';
    ELSIF NEW.signed_at < version.sent_at THEN
        because := 'it is older than the sending';
    ELSIF (signed ->> 'in_order')::boolean AND EXISTS (
        SELECT FROM jsonb_array_elements_text(signed -> 'signers') WITH ORDINALITY wanted (role, place)
        WHERE place < (SELECT min(place) FROM jsonb_array_elements_text(signed -> 'signers')
                       WITH ORDINALITY mine (role, place) WHERE mine.role = NEW.role)
          AND NOT EXISTS (SELECT FROM alignment_signature s WHERE s.version_id = version.id AND s.role = wanted.role)
    ) THEN
        because := 'those before it have not signed';
    ELSIF NOT EXISTS (
        SELECT FROM alignment_user WHERE id = NEW.signer_id AND is_active AND role = NEW.own_role
    ) THEN
        because := 'the signer does not have that role, or is switched off';
    ELSIF NEW.delegation_id IS NOT NULL AND NOT EXISTS (
        SELECT FROM alignment_artifactversion v JOIN alignment_artifact a ON a.id = v.artifact_id
        WHERE v.id = NEW.delegation_id AND v.state = 'in_force' AND a.kind = 'delegation'
          AND v.content ->> 'role' = NEW.role AND (v.content #>> '{delegate,id}')::bigint = NEW.signer_id
    ) THEN
        because := 'there is no delegation in force for it';
    ELSE
        RETURN NEW;
    END IF;
    RAISE EXCEPTION 'INSERT of alignment_signature is refused: %', because
        USING ERRCODE = 'restrict_violation', TABLE = TG_TABLE_NAME, SCHEMA = TG_TABLE_SCHEMA;
END
$$
"""

GUARD_REFUSAL = """
CREATE FUNCTION guard_refusal() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    now_in text;
BEGIN
    SELECT state INTO now_in FROM alignment_artifactversion WHERE id = NEW.version_id FOR SHARE;
    IF now_in = (CASE WHEN NEW.kind = 'revoked' THEN 'in_force' ELSE 'sent' END) THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION 'INSERT of alignment_refusal is refused: the version cannot be % any more', NEW.kind
        USING ERRCODE = 'restrict_violation', TABLE = TG_TABLE_NAME, SCHEMA = TG_TABLE_SCHEMA;
END
$$
"""

GUARD_GROUNDS = """
CREATE FUNCTION guard_grounds() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    resting bigint[];
BEGIN
    IF TG_OP <> 'INSERT' THEN
        resting := array_append(resting, OLD.version_id);
    END IF;
    IF TG_OP <> 'DELETE' THEN
        resting := array_append(resting, NEW.version_id);
        IF EXISTS (SELECT FROM alignment_artifactversion WHERE id = NEW.ground_id AND state = 'draft') THEN
            RAISE EXCEPTION '% of alignment_restson is refused: nothing rests on a draft', TG_OP
                USING ERRCODE = 'restrict_violation', TABLE = TG_TABLE_NAME, SCHEMA = TG_TABLE_SCHEMA;
        END IF;
    END IF;
    IF EXISTS (SELECT FROM alignment_artifactversion WHERE id = ANY (resting) AND state <> 'draft' FOR SHARE) THEN
        RAISE EXCEPTION '% of alignment_restson is refused: what a sent version rests on never changes', TG_OP
            USING ERRCODE = 'restrict_violation', TABLE = TG_TABLE_NAME, SCHEMA = TG_TABLE_SCHEMA;
    END IF;
    RETURN coalesce(NEW, OLD);
END
$$
"""


def function(create, name):
    return migrations.RunSQL(create, f"DROP FUNCTION {name}")


def trigger(name, table, function_name, events):
    return migrations.RunSQL(
        f"CREATE TRIGGER {name} BEFORE {events} ON {table} FOR EACH ROW EXECUTE FUNCTION {function_name}()",
        f"DROP TRIGGER {name} ON {table}",
    )


class Migration(migrations.Migration):
    dependencies = [("alignment", "0040_drift_alarms")]

    operations = [
        migrations.AlterField(
            model_name="refusal",
            name="person",
            field=models.ForeignKey(
                blank=True,
                null=True,
                help_text="Empty: the product itself, while it was set up.",
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AlterField(
            model_name="refusal", name="name", field=models.CharField(blank=True, max_length=120)
        ),
        migrations.AddConstraint(
            model_name="rendition",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    sha256=models.Func(
                        models.Func(models.F("pdf"), function="sha256"),
                        models.Value("hex"),
                        function="encode",
                        output_field=models.CharField(),
                    )
                ),
                name="a_rendition_has_its_digest",
            ),
        ),
        append_only(
            "alignment_signature", "alignment_refusal", "alignment_rendition", "alignment_gatedecision"
        ),
        function(IS_SIGNED_BY_ALL, "is_signed_by_all(bigint, text, text)"),
        function(PROBLEM_OF_SENDING, "problem_of_sending(alignment_artifactversion)"),
        function(GUARD_VERSION, "guard_artifact_version()"),
        function(GUARD_SUCCESSOR, "guard_successor()"),
        function(GUARD_SIGNATURE, "guard_signature()"),
        function(GUARD_REFUSAL, "guard_refusal()"),
        function(GUARD_GROUNDS, "guard_grounds()"),
        trigger(
            "guard_artifact_version",
            "alignment_artifactversion",
            "guard_artifact_version",
            "INSERT OR UPDATE OR DELETE",
        ),
        migrations.RunSQL(
            """
            CREATE CONSTRAINT TRIGGER guard_successor AFTER UPDATE ON alignment_artifactversion
            DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
            WHEN (NEW.state = 'superseded' AND OLD.state <> 'superseded') EXECUTE FUNCTION guard_successor()
            """,
            "DROP TRIGGER guard_successor ON alignment_artifactversion",
        ),
        trigger("guard_signature", "alignment_signature", "guard_signature", "INSERT"),
        trigger("guard_refusal", "alignment_refusal", "guard_refusal", "INSERT"),
        trigger("guard_grounds", "alignment_restson", "guard_grounds", "INSERT OR UPDATE OR DELETE"),
        refuse_update(
            "alignment_artifact",
            "keeps_its_name",
            of=["kind", "key", "created_at"],
            when=differ("kind", "key", "created_at"),
            because="an artifact keeps its kind and key",
        ),
        refuse_update(
            "alignment_signingchallenge",
            "works_once",
            of=["nonce_sha256", "version_id", "user_id", "digest", "issued_at", "used_at"],
            when=differ("nonce_sha256", "version_id", "user_id", "digest", "issued_at")
            + " OR OLD.used_at IS NOT NULL",
            because="a one-time number stays as it was given, and is used once",
        ),
    ]
