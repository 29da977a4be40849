"""The one way by which a person's values leave the ledger, and the guard that lets only it pass.

Append-only stays append-only: the guard of the ledger refuses every change but one that, inside erase_lead, sets
a person's own values to null or a pseudonym. Which those are is written twice on purpose, in the function that
does it and in the guard that checks it. The application's role cannot change a fact; it may call the function.
"""

from django.db import migrations

GUARD = """
CREATE FUNCTION refuse_fact_change() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    personal text[] := CASE OLD.subject
        WHEN 'lead' THEN ARRAY['email', 'first_name', 'last_name', 'phone', 'title', 'company']
        WHEN 'touch' THEN ARRAY['subject', 'outcome']
        WHEN 'opportunity' THEN ARRAY['name']
        ELSE ARRAY[]::text[] END;
BEGIN
    IF TG_OP = 'UPDATE' AND current_setting('alignment.erasing', true) = pg_current_xact_id()::text THEN
        IF to_jsonb(NEW) - 'fields' = to_jsonb(OLD) - 'fields'
           AND NEW.fields - personal = OLD.fields - personal
           AND NOT EXISTS (
               SELECT FROM jsonb_each(NEW.fields) becomes FULL JOIN jsonb_each(OLD.fields) was USING (key)
               WHERE was.value IS NULL OR becomes.value IS NULL OR (
                   becomes.value <> was.value AND becomes.value <> 'null'
                   AND NOT (key = 'last_name' AND becomes.value #>> '{}' ~ '^Erased person [0-9a-f]{8}$')))
        THEN
            RETURN NEW;
        END IF;
    END IF;
    RAISE EXCEPTION '% of % is refused: %', TG_OP, TG_TABLE_NAME, TG_ARGV[0]
        USING ERRCODE = 'restrict_violation', TABLE = TG_TABLE_NAME, SCHEMA = TG_TABLE_SCHEMA;
END
$$;
DROP TRIGGER append_only ON alignment_fact;
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON alignment_fact
    FOR EACH ROW EXECUTE FUNCTION refuse_fact_change('its rows are evidence and only ever added');
"""
OLD_GUARD = """
DROP TRIGGER append_only ON alignment_fact;
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON alignment_fact
    FOR EACH ROW EXECUTE FUNCTION refuse_change('its rows are evidence and only ever added');
DROP FUNCTION refuse_fact_change();
"""

ERASE = r"""
CREATE FUNCTION erase_lead(
    wanted bigint, also_bodies bigint[], asked text, why text, ticket text, login bigint, moment timestamptz,
    others jsonb
) RETURNS bigint LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    src bigint; ext text; alias text; made bigint;
    needles text[]; touched text[]; deals text[]; emptied bigint[];
    lead_facts int; touch_facts int; deal_facts int; dead int;
BEGIN
    -- no drain between its look at the erasures and its facts; every batch holds this lock shared
    PERFORM pg_advisory_xact_lock(hashtext('alignment.erasure'));
    SELECT source_id, external_id INTO src, ext FROM public.alignment_lead WHERE id = wanted FOR NO KEY UPDATE;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'there is no lead %', wanted USING ERRCODE = 'foreign_key_violation';
    END IF;
    SELECT coalesce(min(pseudonym), 'Erased person ' || left(replace(gen_random_uuid()::text, '-', ''), 8))
        INTO alias FROM public.alignment_erasure WHERE lead_id = wanted;

    SELECT coalesce(array_agg(DISTINCT words), '{}') INTO needles FROM (
        SELECT btrim(regexp_replace(lower(fields->>name), '[^[:alnum:]]+', ' ', 'g')) AS words
        FROM public.alignment_fact, unnest(ARRAY['email', 'phone', 'last_name']) AS name
        WHERE source_id = src AND subject = 'lead' AND external_id = ext AND fields->>name <> alias
    ) said WHERE length(words) > 1;
    SELECT coalesce(array_agg(DISTINCT ref), '{}') INTO touched FROM (
        SELECT external_id AS ref FROM public.alignment_touch WHERE lead_id = wanted
        UNION SELECT part_of FROM public.alignment_touch WHERE lead_id = wanted AND part_of <> ''
        UNION SELECT external_id FROM public.alignment_fact
            WHERE source_id = src AND subject = 'touch' AND (fields->>'lead' = ext OR fields->'leads' ? ext)
    ) known;
    SELECT coalesce(array_agg(DISTINCT ref), '{}') INTO deals FROM (
        SELECT external_id AS ref FROM public.alignment_opportunity WHERE lead_id = wanted
        UNION SELECT external_id FROM public.alignment_fact
            WHERE source_id = src AND subject = 'opportunity' AND fields->>'lead' = ext
        UNION SELECT fields->>'opportunity' FROM public.alignment_fact
            WHERE source_id = src AND subject = 'lead' AND external_id = ext AND fields->>'opportunity' <> ''
    ) linked;

    PERFORM set_config('alignment.erasing', pg_current_xact_id()::text, true);
    WITH gone AS (
        SELECT f.id, jsonb_object_agg(
            key, CASE key WHEN 'last_name' THEN to_jsonb(alias) ELSE 'null'::jsonb END) AS fields
        FROM public.alignment_fact f, jsonb_each(f.fields)
        WHERE source_id = src AND subject = 'lead' AND external_id = ext AND value NOT IN ('null', to_jsonb(alias))
          AND (key IN ('email', 'first_name', 'last_name', 'phone', 'title') OR (key = 'company' AND EXISTS (
              SELECT FROM unnest(needles) needle WHERE position(' ' || needle || ' ' IN
                  regexp_replace(' ' || lower(value #>> '{}') || ' ', '[^[:alnum:]]+', ' ', 'g')) > 0)))
        GROUP BY f.id
    )
    UPDATE public.alignment_fact f SET fields = f.fields || gone.fields FROM gone WHERE f.id = gone.id;
    GET DIAGNOSTICS lead_facts = ROW_COUNT;
    WITH gone AS (
        SELECT f.id, jsonb_object_agg(key, 'null'::jsonb) AS fields
        FROM public.alignment_fact f, jsonb_each(f.fields)
        WHERE source_id = src AND subject = 'touch' AND external_id = ANY(touched) AND value <> 'null'
          AND ((key = 'subject' AND value #>> '{}' <> 'Origin recorded by the CRM')
               OR (key = 'outcome' AND value #>> '{}' NOT IN (
                   'no_answer', 'left_message', 'sent', 'connected', 'Planned', 'Held', 'Not Held')))
        GROUP BY f.id
    )
    UPDATE public.alignment_fact f SET fields = f.fields || gone.fields FROM gone WHERE f.id = gone.id;
    GET DIAGNOSTICS touch_facts = ROW_COUNT;
    UPDATE public.alignment_fact f SET fields = fields || '{"name": null}'
    WHERE source_id = src AND subject = 'opportunity' AND external_id = ANY(deals) AND EXISTS (
        SELECT FROM unnest(needles) needle WHERE position(' ' || needle || ' ' IN
            regexp_replace(' ' || lower(fields->>'name') || ' ', '[^[:alnum:]]+', ' ', 'g')) > 0);
    GET DIAGNOSTICS deal_facts = ROW_COUNT;
    PERFORM set_config('alignment.erasing', '', true);

    WITH carriers AS (
        SELECT delivery_id AS id FROM public.alignment_fact
        WHERE source_id = src AND ((subject = 'lead' AND external_id = ext)
            OR (subject = 'touch' AND external_id = ANY(touched))
            OR (subject = 'opportunity' AND external_id = ANY(deals)))
        UNION SELECT unnest(also_bodies)
    ), emptying AS (
        UPDATE public.alignment_delivery
        SET body_bytes = octet_length(body), body_emptied_at = moment, body = NULL
        WHERE body IS NOT NULL AND state <> 'pending'
          AND (id IN (SELECT id FROM carriers) OR conflicts_with_id IN (SELECT id FROM carriers))
        RETURNING id
    )
    SELECT coalesce(array_agg(id), '{}') INTO emptied FROM emptying;
    UPDATE public.alignment_deadevent SET
        message = regexp_replace(message, '“[^”]*”?', '“…”', 'g'),
        set_aside_reason = CASE WHEN set_aside_at IS NULL AND replayed_at IS NULL
            THEN 'A person was erased and the raw body with it: it cannot be replayed.' ELSE set_aside_reason END,
        set_aside_at = coalesce(set_aside_at, CASE WHEN replayed_at IS NULL THEN moment END)
    WHERE delivery_id = ANY(emptied);
    GET DIAGNOSTICS dead = ROW_COUNT;

    INSERT INTO public.alignment_erasure
        (lead_id, pseudonym, asked_by, reason, reference, by_id, erased_at, counts)
    VALUES (wanted, alias, asked, why, ticket, login, moment, others || jsonb_build_object(
        'facts of the lead', lead_facts, 'facts of touches', touch_facts, 'facts of opportunities', deal_facts,
        'raw bodies', cardinality(emptied), 'messages of what could not be read', dead))
    RETURNING id INTO made;
    RETURN made;
END
$$;
REVOKE ALL ON FUNCTION erase_lead FROM PUBLIC;
"""


class Migration(migrations.Migration):
    dependencies = [("alignment", "0009_erasure")]

    operations = [
        migrations.RunSQL(GUARD, OLD_GUARD),
        migrations.RunSQL(ERASE, "DROP FUNCTION erase_lead"),
    ]
