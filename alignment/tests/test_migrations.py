"""The migrations make exactly the tables that the models describe."""

from __future__ import annotations

import io

import pytest
from django.core.management import call_command


@pytest.mark.django_db
def test_no_change_of_a_model_lacks_its_migration() -> None:
    said = io.StringIO()
    try:
        call_command(
            "makemigrations", check_changes=True, dry_run=True, no_input=True, stdout=said, stderr=said
        )
    except SystemExit:
        pytest.fail(said.getvalue())
