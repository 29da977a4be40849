"""Run as the owner of the tables after `migrate`: what the application's own role may do."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from alignment import database_roles


class Command(BaseCommand):
    help = "Grants the application's database role its daily work; evidence it can only read and add to."

    def handle(self, *args: Any, **options: Any) -> None:
        role = settings.APP_DB_ROLE
        if role == database_roles.current_role():
            self.stdout.write(self._nothing_granted(role))
            return
        try:
            allowed = database_roles.grant(role)
        except (
            database_roles.RoleMissing,
            database_roles.RoleTooStrong,
            database_roles.NotAMember,
        ) as problem:
            raise CommandError(str(problem)) from problem
        guarded = sum("UPDATE" not in verbs for verbs in allowed.values())
        self.stdout.write(f"“{role}” may work on {len(allowed)} tables; {guarded} of them it cannot change.")

    def _nothing_granted(self, role: str) -> str:
        if not database_roles.allowed_operations():
            return (
                f"Nothing granted: “{role}” is the application's role; run this as the owner of the tables."
            )
        return (
            f"Nothing granted: the application connects as “{role}”, which owns the tables. Evidence is "
            "guarded by triggers only; in production let it connect as a role of its own (APP_DB_ROLE)."
        )
