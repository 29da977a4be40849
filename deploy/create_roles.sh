#!/bin/sh
# Makes the two roles and the database in a new PostgreSQL; harmless to repeat. The image of PostgreSQL runs it once,
# when its data folder is empty. Elsewhere run it as an administrator, with psql on the PATH and the PG* variables set.
set -eu
psql -X -q -v ON_ERROR_STOP=1 --username "${POSTGRES_USER:-postgres}" --dbname postgres \
    -v owner="${OWNER_DB_ROLE:-alignment_owner}" -v owner_password="$OWNER_DB_PASSWORD" \
    -v app="${APP_DB_ROLE:-alignment_app}" -v app_password="$APP_DB_PASSWORD" \
    -v database="${DATABASE_NAME:-alignment}" <<'SQL'
SELECT format('CREATE ROLE %I', name) FROM unnest(ARRAY[:'owner', :'app']) AS name
 WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = name) \gexec
ALTER ROLE :"owner" LOGIN PASSWORD :'owner_password' NOSUPERUSER NOCREATEDB NOCREATEROLE;
ALTER ROLE :"app" LOGIN PASSWORD :'app_password' NOSUPERUSER NOCREATEDB NOCREATEROLE NOBYPASSRLS;
GRANT :"app" TO :"owner";
SELECT format('CREATE DATABASE %I OWNER %I TEMPLATE template0 ENCODING ''UTF8'' LOCALE ''C.UTF-8''', :'database', :'owner')
 WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = :'database') \gexec
REVOKE ALL ON DATABASE :"database" FROM PUBLIC;
GRANT CONNECT, TEMPORARY ON DATABASE :"database" TO :"app";
SQL
