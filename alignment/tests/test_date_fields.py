"""Browsers read a date field's value as year-month-day and nothing else: another form empties it without a word."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path

from django import forms
from django.conf import settings


def _forms() -> set[type[forms.BaseForm]]:
    for app in ("alignment", "scorecard", "sla", "handoff", "dashboard"):
        for path in (Path(settings.BASE_DIR) / app).glob("forms/*.py"):
            import_module(f"{app}.forms.{path.stem}".removesuffix(".__init__"))
    import_module("handoff.forms")
    found, todo = set(), [forms.BaseForm]
    while todo:
        for child in todo.pop().__subclasses__():
            if child not in found:
                found.add(child)
                todo.append(child)
    return found


def test_every_date_field_shows_its_value_as_browsers_read_it() -> None:
    wrong, seen = [], 0
    for form in _forms():
        for name, field in getattr(form, "base_fields", {}).items():
            if field.widget.attrs.get("type") == "date" or getattr(field.widget, "input_type", "") == "date":
                seen += 1
                if getattr(field.widget, "format", None) != "%Y-%m-%d":
                    wrong.append(f"{form.__module__}.{form.__name__}.{name}")
    assert wrong == []
    assert seen >= 5
