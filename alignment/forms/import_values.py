"""Values that a file writes in other words: a control for each that was met, and tables as lines of text."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from django import forms

from alignment.importing.fields import OBJECTS, reader_of
from alignment.intake.mapping import CHANNEL_FUNCTIONS, Mapping
from alignment.models import Disposition, DisqualificationReason, TouchFunction

if TYPE_CHECKING:
    from alignment.forms.import_mapping import ImportMappingForm

MAX_SHOWN = 30  # values of a column
EMPTY = "-"
CHOSEN = {"disposition": Disposition, "reason": DisqualificationReason, "function": TouchFunction}
TABLED = (*CHOSEN, "channel")
_UTC = ZoneInfo("UTC")


@dataclass(frozen=True)
class ValueControl:
    """One value of the file: what it is called there, how often it was met, and the name of its control."""

    field: str
    theirs: str
    count: int
    name: str
    is_understood: bool

    def said(self, chosen: str) -> str | None:
        """Our value; empty for none; None: as it stands."""
        return None if not chosen else "" if chosen == EMPTY else chosen


@dataclass(frozen=True)
class ValueTable:
    """The values of one field; `more` of them were met than are shown."""

    field: str
    header: str
    more: int
    controls: list[ValueControl]


def value_controls(form: ImportMappingForm) -> list[ValueTable]:
    """Add a control to the form for every value met in the columns of fields that have their own words here."""
    source = form.draft.source
    below = Mapping.of(source.kind, source.mapping, source.zone)
    subject, tables = OBJECTS[form.kind].subject, []
    for name, place in form.columns().items():
        if name not in TABLED:
            continue
        met = form.met(place).most_common()
        table = ValueTable(name, form.shape.headers[place], max(0, len(met) - MAX_SHOWN), [])
        said = {
            theirs.strip().lower(): ours for theirs, ours in form.said.get("values", {}).get(name, {}).items()
        }
        for n, (theirs, count) in enumerate(met[:MAX_SHOWN]):
            control = f"value-{name}-{place}-{n}"
            key = theirs.lower()
            known = _is_known(subject, name, below.values.get(name, {}).get(key, theirs), below)
            table.controls.append(ValueControl(name, theirs, count, control, known))
            form.fields[control] = _control(name, theirs)
            if key in said:
                form.initial[control] = EMPTY if said[key] in (None, "") else str(said[key])
        if table.controls:
            tables.append(table)
    return tables


def _is_known(subject: str, name: str, value: str, below: Mapping) -> bool:
    if name == "channel":
        return value.strip().lower() in below.channel_functions
    try:
        if reader := reader_of(subject, name):
            reader(value, _UTC)
    except ValueError:
        return False
    return True


def _control(name: str, theirs: str) -> forms.Field:
    label = {"aria-label": f"{name}, “{theirs[:60]}”: our value"}
    if name in CHOSEN:
        choices = [("", "as it stands"), (EMPTY, "leave empty"), *CHOSEN[name].choices]
        widget = forms.Select(attrs={"class": "form-select", **label})
        return forms.ChoiceField(required=False, choices=choices, widget=widget)
    attrs = {"class": "form-control", "list": "channels", "placeholder": "as it stands", **label}
    return forms.CharField(required=False, max_length=60, widget=forms.TextInput(attrs=attrs))


def channels() -> list[str]:
    """Channels whose function is known, to choose from."""
    return sorted(CHANNEL_FUNCTIONS)


def line_of(theirs: str, ours: Any) -> str:
    said = "" if ours is None else ("true" if ours else "false") if isinstance(ours, bool) else str(ours)
    return f"{theirs} = {said}".rstrip()


def lines_of(text: str, *, is_nested: bool) -> dict[str, Any]:
    """ "Name = value" a line; nested "field: name = value". Raises ValueError naming the line."""
    found: dict[str, Any] = {}
    for line in filter(None, map(str.strip, text.splitlines())):
        name, sign, rest = line.partition(":") if is_nested else ("", ":", line)
        theirs, equals, ours = rest.rpartition("=")
        if not sign or not equals or not theirs.strip() or (is_nested and not name.strip()):
            wanted = "our field: their value = ours" if is_nested else "our field = value"
            raise ValueError(f"“{line[:60]}”: write {wanted}.")
        table = found.setdefault(name.strip(), {}) if is_nested else found
        table[theirs.strip()] = ours.strip() or None
    return found
