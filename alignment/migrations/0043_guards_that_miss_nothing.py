"""The guards of signed versions refuse what they cannot tell: a part that is missing never passes for one that fits."""

from importlib import import_module

from django.db import migrations

guards = import_module("alignment.migrations.0041_guard_artifacts")

# Read as json, not as jsonb: of a name that stands twice both are seen.
PROBLEM_OF_ENVELOPE = """
CREATE FUNCTION problem_of_envelope(sent alignment_artifactversion) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    signed jsonb;
    day date;
    wanted CONSTANT jsonb := '{
        "schema": "number", "organisation": "string", "kind": "string", "key": "string", "label": "string",
        "version": "number", "previous": "string", "rests_on": "array", "paper": "string", "signers": "array",
        "in_order": "boolean", "statement": "string", "page_limit": "number", "content_schema": "number",
        "content": "object", "expires_on": "string"
    }';
BEGIN
    signed := sent.envelope::jsonb;
    IF jsonb_typeof(signed) IS DISTINCT FROM 'object' THEN
        RETURN 'the envelope is no object';
    ELSIF (SELECT array_agg(part ORDER BY part) FROM json_object_keys(sent.envelope::json) part)
        IS DISTINCT FROM (SELECT array_agg(part ORDER BY part) FROM jsonb_object_keys(wanted) part) THEN
        RETURN 'the envelope lacks a part, or holds one twice or that is not known';
    ELSIF EXISTS (
        SELECT FROM jsonb_each_text(wanted) part (name, type)
        WHERE (jsonb_typeof(signed -> name) = type
               OR name IN ('page_limit', 'expires_on') AND jsonb_typeof(signed -> name) = 'null') IS NOT TRUE
    ) THEN
        RETURN 'a part of the envelope is of another type';
    ELSIF '' IN (signed ->> 'label', signed ->> 'statement') THEN
        RETURN 'the envelope says neither what it is nor what signers agree to';
    ELSIF jsonb_array_length(signed -> 'signers') = 0
        OR EXISTS (SELECT FROM jsonb_array_elements(signed -> 'signers') role
                   WHERE (jsonb_typeof(role) = 'string' AND role <> '""') IS NOT TRUE)
        OR (SELECT count(*) <> count(DISTINCT role) FROM jsonb_array_elements(signed -> 'signers') role) THEN
        RETURN 'each role signs once, and one at least';
    ELSIF jsonb_typeof(signed -> 'expires_on') = 'null' THEN
        IF sent.expires_at IS NOT NULL THEN
            RETURN 'the envelope names no last day';
        END IF;
        RETURN NULL;
    ELSIF (signed ->> 'expires_on' ~ '^\\d{4}-\\d{2}-\\d{2}$') IS NOT TRUE THEN
        RETURN 'the last day of the envelope is no day';
    END IF;
    day := (signed ->> 'expires_on')::date;
    -- the end of that day in some zone of the world: zones are read by the application, and may change
    IF (sent.expires_at BETWEEN ((day + 1)::timestamp AT TIME ZONE 'UTC') - interval '15 hours'
                            AND ((day + 1)::timestamp AT TIME ZONE 'UTC') + interval '15 hours') IS NOT TRUE THEN
        RETURN 'it ends at another time than its last day does';
    END IF;
    RETURN NULL;
END
$$
"""

PROBLEM_OF_SENDING = """
CREATE OR REPLACE FUNCTION problem_of_sending(sent alignment_artifactversion) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    because text := problem_of_envelope(sent);
    signed jsonb;
    known alignment_artifact;
    before text;
BEGIN
    IF because IS NOT NULL THEN
        RETURN because;
    END IF;
    signed := sent.envelope::jsonb;
    SELECT * INTO known FROM alignment_artifact WHERE id = sent.artifact_id;
    SELECT digest INTO before FROM alignment_artifactversion
        WHERE artifact_id = sent.artifact_id AND number < sent.number AND state <> 'draft'
        ORDER BY number DESC LIMIT 1;
    IF sent.digest IS DISTINCT FROM encode(sha256(convert_to(sent.envelope, 'UTF8')), 'hex') THEN
        RETURN 'the digest is not that of the envelope';
    ELSIF signed -> 'content' IS DISTINCT FROM sent.content THEN
        RETURN 'the envelope holds another content';
    ELSIF ROW(signed ->> 'kind', signed ->> 'key', signed ->> 'version', signed ->> 'paper', signed ->> 'previous',
              sent.previous_digest::text)
        IS DISTINCT FROM ROW(known.kind::text, known.key::text, sent.number::text, sent.paper::text,
                             coalesce(before, ''), coalesce(before, '')) THEN
        RETURN 'the envelope names another version';
    ELSIF (SELECT jsonb_agg(ground ORDER BY ground ->> 'digest' COLLATE "C")
           FROM jsonb_array_elements(signed -> 'rests_on') ground)
        IS DISTINCT FROM
          (SELECT jsonb_agg(jsonb_build_object('kind', named.kind, 'key', named.key, 'version', ground.number,
                                               'digest', ground.digest) ORDER BY ground.digest::text COLLATE "C")
           FROM alignment_restson rests
           JOIN alignment_artifactversion ground ON ground.id = rests.ground_id
           JOIN alignment_artifact named ON named.id = ground.artifact_id
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
CREATE OR REPLACE FUNCTION is_signed_by_all(version bigint, envelope text, signed_digest text)
RETURNS boolean LANGUAGE sql STABLE AS $$
    SELECT CASE
        WHEN jsonb_typeof(envelope::jsonb -> 'signers') = 'array'
        THEN count(wanted) > 0 AND bool_and(EXISTS (
            SELECT FROM alignment_signature s
            WHERE s.version_id = version AND s.role = wanted AND s.digest = signed_digest
        ))
        ELSE false
    END
    FROM jsonb_array_elements_text(
        CASE jsonb_typeof(envelope::jsonb -> 'signers') WHEN 'array' THEN envelope::jsonb -> 'signers' ELSE '[]' END
    ) wanted
$$
"""


def instead(text: str, *pairs: tuple[str, str]) -> str:
    """A function of 0041 with some of its conditions put in other words."""
    text = text.replace("CREATE FUNCTION", "CREATE OR REPLACE FUNCTION")
    for old, new in pairs:
        if text.count(old) != 1:
            raise ValueError(f"{old!r} is not there once")
        text = text.replace(old, new)
    return text


GUARD_VERSION = instead(
    guards.GUARD_VERSION,
    (
        """IF NOT is_signed_by_all(NEW.id, NEW.envelope, NEW.digest) THEN
            because := 'a role that must sign has not signed this digest';
        END IF;""",
        """IF is_signed_by_all(NEW.id, NEW.envelope, NEW.digest) IS NOT TRUE THEN
            because := 'a role that must sign has not signed this digest';
        ELSIF NOT EXISTS (SELECT FROM alignment_signature s
                          WHERE s.version_id = NEW.id AND s.signed_at = NEW.signed_at) THEN
            because := 'nobody signed at that time';
        ELSIF NEW.expires_at <= NEW.signed_at THEN
            because := 'its last day is over';
        END IF;""",
    ),
    (
        "IF NEW.expires_at IS NULL OR NEW.expires_at > NEW.ended_at THEN",
        "IF (NEW.expires_at <= NEW.ended_at) IS NOT TRUE THEN",
    ),
    (
        "ELSIF OLD.state || ' ' || NEW.state <> 'in_force superseded' THEN",
        "ELSIF (OLD.state || ' ' || NEW.state = 'in_force superseded') IS NOT TRUE THEN",
    ),
)

GUARD_SIGNATURE = instead(
    guards.GUARD_SIGNATURE,
    ("IF version.state <> 'sent' THEN", "IF version.state IS DISTINCT FROM 'sent' THEN"),
    ("NEW.digest <> version.digest", "NEW.digest IS DISTINCT FROM version.digest"),
    ("NOT signed -> 'signers' ? NEW.role", "(signed -> 'signers' ? NEW.role) IS NOT TRUE"),
    ("NEW.statement <> signed ->> 'statement'", "NEW.statement IS DISTINCT FROM signed ->> 'statement'"),
    ("NEW.signed_at < version.sent_at", "(NEW.signed_at >= version.sent_at) IS NOT TRUE"),
    ("(signed ->> 'in_order')::boolean AND", "(signed ->> 'in_order')::boolean IS NOT FALSE AND"),
    (
        "WHERE v.id = NEW.delegation_id AND v.state = 'in_force' AND a.kind = 'delegation'",
        "WHERE v.id = NEW.delegation_id AND v.state = 'in_force' AND a.kind = 'delegation'"
        " AND v.expires_at > NEW.signed_at",
    ),
)

GUARD_REFUSAL = instead(
    guards.GUARD_REFUSAL,
    (
        "IF now_in = (CASE WHEN NEW.kind = 'revoked' THEN 'in_force' ELSE 'sent' END) THEN",
        "IF now_in || ' ' || NEW.kind IN ('in_force revoked', 'sent declined', 'sent withdrawn') THEN",
    ),
)


def replace(new: str, old: str) -> migrations.RunSQL:
    return migrations.RunSQL(new, old.replace("CREATE FUNCTION", "CREATE OR REPLACE FUNCTION"))


class Migration(migrations.Migration):
    dependencies = [("alignment", "0042_programs_and_decisions")]

    operations = [
        guards.function(PROBLEM_OF_ENVELOPE, "problem_of_envelope(alignment_artifactversion)"),
        replace(PROBLEM_OF_SENDING, guards.PROBLEM_OF_SENDING),
        replace(IS_SIGNED_BY_ALL, guards.IS_SIGNED_BY_ALL),
        replace(GUARD_VERSION, guards.GUARD_VERSION),
        replace(GUARD_SIGNATURE, guards.GUARD_SIGNATURE),
        replace(GUARD_REFUSAL, guards.GUARD_REFUSAL),
    ]
