"""Let the application count the tables that an import fills: only their owner may ANALYZE them."""

from django.db import migrations

COUNT = """
CREATE FUNCTION count_tables(wanted text[]) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    name text;
BEGIN
    FOR name IN
        SELECT relname FROM pg_class
        WHERE relname = ANY(wanted) AND relkind = 'r' AND relnamespace = 'public'::regnamespace
          AND relname LIKE 'alignment\\_%'
        ORDER BY relname
    LOOP
        EXECUTE format('ANALYZE public.%I', name);
    END LOOP;
END
$$;
REVOKE ALL ON FUNCTION count_tables FROM PUBLIC;
"""


class Migration(migrations.Migration):
    dependencies = [("alignment", "0018_api_scopes")]

    operations = [migrations.RunSQL(COUNT, "DROP FUNCTION count_tables")]
