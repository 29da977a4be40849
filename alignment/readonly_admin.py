"""The admin as a window: staff logins can look at every record, and nobody can change one.

Models register here, not with Django's own site, which other packages fill with forms that write.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from allauth.account.decorators import secure_admin_login
from django.contrib import admin
from django.db.models import Model
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import resolve_url


class ReadOnlyAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    """Lists and shows rows to staff; add, change, delete and actions are refused to superusers as well."""

    actions = None
    list_per_page = 50
    show_full_result_count = False

    def has_view_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return bool(request.user.is_active and request.user.is_staff)

    def has_module_permission(self, request: HttpRequest) -> bool:
        return self.has_view_permission(request)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False


class HistoryAdmin(ReadOnlyAdmin):
    """The change log of one model: who changed which row when, and why."""

    list_display = ["history_date", "history_user", "history_type", "history_change_reason", "row"]
    list_filter = ["history_type"]
    search_fields = ["=history_user__email", "history_change_reason"]
    list_select_related = ["history_user"]
    date_hierarchy = "history_date"

    @admin.display(description="id of the row")
    def row(self, entry: Any) -> str:
        return str(getattr(entry, entry.instance_type._meta.pk.attname))


class ReadOnlySite(admin.AdminSite):
    """The one admin site. Its login is the product's own page, so lock-out and second factor apply."""

    site_header = site_title = "Revenue alignment: records"
    index_title = "Look, don't touch: records change through the product's own pages"
    enable_nav_sidebar = True

    def __init__(self, name: str = "admin") -> None:
        super().__init__(name)
        self.left_out: dict[type[Model], str] = {}

    def leave_out(self, model: type[Model], reason: str) -> None:
        """Say why a model is not shown."""
        self.left_out[model] = reason

    def login(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        answer: HttpResponse = secure_admin_login(super().login)(request, extra_context)
        return answer

    def password_change(  # type: ignore[override]
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        return HttpResponseRedirect(resolve_url("account_change_password"))


site = ReadOnlySite()


def show(*models: type[Model]) -> Callable[[type[ReadOnlyAdmin]], type[ReadOnlyAdmin]]:
    """Class decorator: show these models, and the change log of each that keeps one."""

    def decorate(options: type[ReadOnlyAdmin]) -> type[ReadOnlyAdmin]:
        for model in models:
            site.register(model, options)
            history = getattr(model, "history", None)
            if history is not None:
                site.register(history.model, HistoryAdmin)
        return options

    return decorate
