"""Template tags for forms, tables and lists of every page. No `load` needed; see also ui."""

from __future__ import annotations

from typing import Any

from django import template
from django.forms import (
    BaseForm,
    BoundField,
    CheckboxInput,
    CheckboxSelectMultiple,
    FileInput,
    RadioSelect,
    Select,
)
from django.http import QueryDict
from django.utils.html import format_html
from django.utils.safestring import SafeString

from alignment.asked import asked

register = template.Library()
Context = template.Context


# --- forms --------------------------------------------------------------------------------------------


def _control_class(widget: Any) -> str:
    if isinstance(widget, (CheckboxSelectMultiple, RadioSelect)):
        return "form-options"
    if isinstance(widget, CheckboxInput):
        return "form-check-input"
    if isinstance(widget, Select):
        return "form-select"
    return "form-control"


@register.inclusion_tag("ui/_field.html")
def form_field(field: BoundField) -> dict[str, Any]:
    """`{% form_field form.email %}`: label, control, help and errors, tied together for screen readers."""
    widget = field.field.widget
    classes = [_control_class(widget)]
    if widget.attrs.get("class"):
        classes.append(widget.attrs["class"])
    group = isinstance(widget, (CheckboxSelectMultiple, RadioSelect))
    if field.errors and not group:
        classes.append("is-invalid")
    return {
        "field": field,
        "control": field.as_widget(attrs={"class": " ".join(classes)}),
        "is_check": isinstance(widget, CheckboxInput),
        "is_group": group,
        "is_file": isinstance(widget, FileInput),
        "described_by": " ".join(
            f"{field.auto_id}_{part}"
            for part, present in (("helptext", field.help_text), ("error", field.errors))
            if present
        ),
    }


@register.inclusion_tag("ui/_form_fields.html")
def form_fields(form: BaseForm) -> dict[str, Any]:
    """`{% form_fields form %}`: errors of the whole form, then every field; stands inside <form>."""
    return {"form": form}


# --- lists --------------------------------------------------------------------------------------------


@register.simple_tag(takes_context=True)
def query(context: Context, **changes: Any) -> str:
    """`<a href="{% query status="open" after=None %}">`: this page's query, changed; None drops a value."""
    request = context.get("request")
    params = request.GET.copy() if request is not None else QueryDict(mutable=True)
    for name, value in changes.items():
        if value is None or value == "":
            params.pop(name, None)
        else:
            params[name] = str(value)
    return "?" + params.urlencode()


@register.inclusion_tag("ui/_next_page.html", takes_context=True)
def next_page(context: Context, cursor: Any, param: str = "after") -> dict[str, Any]:
    """`{% next_page cursor %}`: a link to the rows after `cursor` (None: the end) and one to the start."""
    request = context.get("request")
    return {
        "next_query": query(context, **{param: cursor}) if cursor else "",
        "first_query": query(context, **{param: None})
        if request is not None and asked(request, param)
        else "",
    }


@register.simple_block_tag
def table_region(content: str, label: str) -> SafeString:
    """`{% table_region "MQL cycles" %}<table …>{% endtable_region %}`: scrolls sideways, also by keyboard."""
    return format_html(
        '<div class="table-responsive" role="region" aria-label="{}" tabindex="0">{}</div>', label, content
    )
