"""Importing a file in a test."""

from __future__ import annotations

import io
from datetime import timedelta
from typing import Any

from alignment.models import Import
from alignment.services.import_run import run_import
from alignment.services.imports import start_import
from testing.world import NOW, World


def bring_in(world: World, content: str, mapping: dict[str, Any], *, days: int = 0) -> Import:
    """Import it into the world's CRM to its end, `days` after NOW."""
    at = NOW + timedelta(days=days)
    made = start_import(
        file=io.BytesIO(content.encode()),
        file_name="f.csv",
        source=world.crm,
        mapping=mapping,
        by=None,
        at=at,
    )
    return run_import(made, now=lambda: at)
