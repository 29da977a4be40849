#!/bin/sh
# Brings the database to this release, before its processes start. Harmless to repeat.
set -eu
cd "$(dirname "$0")/.."
DATABASE_URL=$DATABASE_OWNER_URL python manage.py migrate --no-input
DATABASE_URL=$DATABASE_OWNER_URL python manage.py grant_application_role
python manage.py set_up
python manage.py check --deploy --fail-level WARNING
