"""Erasing looks for every name of a person in each of their records, and reaches what is linked to them later.

erase_lead takes the names that other records of the person bear. withhold_linked empties what the ledger held of a
touch or an opportunity before it was linked to somebody erased; it too writes its own row of evidence.
"""

from importlib import import_module

from django.db import migrations

ERASE_BEFORE: str = import_module("alignment.migrations.0010_erase_lead").ERASE
ERASE_CHANGES = (
    ("also_bodies bigint[], asked text,", "also_bodies bigint[], also_names text[], asked text,"),
    (
        """        WHERE source_id = src AND subject = 'lead' AND external_id = ext AND fields->>name <> alias
    ) said WHERE""",
        """        WHERE source_id = src AND subject = 'lead' AND external_id = ext AND fields->>name <> alias
        UNION ALL
        SELECT btrim(regexp_replace(lower(name), '[^[:alnum:]]+', ' ', 'g')) FROM unnest(also_names) AS name
    ) said WHERE""",
    ),
)


def erase_now() -> str:
    found = ERASE_BEFORE
    for was, becomes in ERASE_CHANGES:
        if found.count(was) != 1:
            raise ValueError(f"erase_lead has changed: {was}")
        found = found.replace(was, becomes)
    return found


WITHHOLD = r"""
CREATE FUNCTION withhold_linked(gone jsonb, moment timestamptz) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
-- gone: [{"fact": id, "erasure": id, "names": [names of fields that become null]}]
DECLARE
    emptied bigint[];
BEGIN
    IF EXISTS (
        SELECT FROM jsonb_to_recordset(gone) g(fact bigint, erasure bigint)
        LEFT JOIN public.alignment_fact f ON f.id = g.fact AND f.subject IN ('touch', 'opportunity')
        LEFT JOIN public.alignment_erasure e ON e.id = g.erasure
        LEFT JOIN public.alignment_lead l ON l.id = e.lead_id AND l.source_id = f.source_id
        WHERE l.id IS NULL
    ) THEN
        RAISE EXCEPTION 'only touches and opportunities of the source of an erased lead'
            USING ERRCODE = 'restrict_violation';
    END IF;
    INSERT INTO public.alignment_erasurearrival
        (erasure_id, kind, source_id, external_id, delivery_id, facts, dropped, arrived_at)
    SELECT g.erasure, 'withheld', f.source_id, f.external_id, f.delivery_id, count(*),
           sum(jsonb_array_length(g.names)), moment
    FROM jsonb_to_recordset(gone) g(fact bigint, erasure bigint, names jsonb)
    JOIN public.alignment_fact f ON f.id = g.fact
    GROUP BY 1, 3, 4, 5 ORDER BY min(f.id);

    PERFORM set_config('alignment.erasing', pg_current_xact_id()::text, true);
    UPDATE public.alignment_fact f SET fields = f.fields || n.fields
    FROM (
        SELECT g.fact, jsonb_object_agg(name, 'null'::jsonb) AS fields
        FROM jsonb_to_recordset(gone) g(fact bigint, names jsonb), jsonb_array_elements_text(g.names) AS name
        GROUP BY g.fact
    ) n WHERE f.id = n.fact;
    PERFORM set_config('alignment.erasing', '', true);

    WITH carriers AS (
        SELECT f.delivery_id AS id FROM jsonb_to_recordset(gone) g(fact bigint)
        JOIN public.alignment_fact f ON f.id = g.fact WHERE f.delivery_id IS NOT NULL
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
END
$$;
REVOKE ALL ON FUNCTION withhold_linked FROM PUBLIC;
"""


class Migration(migrations.Migration):
    dependencies = [("alignment", "0020_touches_of_history")]

    operations = [
        migrations.RunSQL(
            "DROP FUNCTION erase_lead;" + erase_now(), "DROP FUNCTION erase_lead;" + ERASE_BEFORE
        ),
        migrations.RunSQL(WITHHOLD, "DROP FUNCTION withhold_linked"),
    ]
