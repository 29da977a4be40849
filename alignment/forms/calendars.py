"""Calendars: weekly windows and exceptions as people write them."""

from __future__ import annotations

import re
from typing import Any

from django import forms

from alignment.business_time import InvalidSchedule
from alignment.business_time.schedule import WEEKDAYS
from alignment.forms.zones import ZoneField
from alignment.queries.working_days import WEEKDAY_NAMES

_WINDOW = re.compile(r"([0-9]{1,2}):([0-9]{2})\s*(?:-|–|—|to)\s*([0-9]{1,2}):([0-9]{2})")
WINDOW_HELP = "Such as 09:00-12:00, 13:00-17:00. Past midnight: 22:00-06:00. Empty: closed."


class WindowsField(forms.CharField):
    """Open windows of one day, separated by commas; becomes [["09:00", "12:00"], …]."""

    def __init__(self, **options: Any) -> None:
        options.setdefault("required", False)
        super().__init__(max_length=200, **options)

    def clean(self, value: Any) -> Any:
        text = str(super().clean(value) or "").strip()
        if not text or text.lower() == "closed":
            return []
        return [_window(part) for part in re.split(r"[,;]", text) if part.strip()]


def _window(text: str) -> list[str]:
    match = _WINDOW.fullmatch(text.strip())
    if match is None:
        raise forms.ValidationError(f"“{text.strip()}” is not a window; write it like 09:00-17:00.")
    return [f"{int(match[1]):02}:{match[2]}", f"{int(match[3]):02}:{match[4]}"]


class CalendarForm(forms.Form):
    name = forms.CharField(max_length=80)
    zone = ZoneField(
        label="Time zone",
        help_text="IANA name; windows are on this zone's clocks, also when clocks change.",
    )
    country = forms.CharField(
        max_length=10,
        required=False,
        label="Public holidays of",
        help_text="Country code such as DE, or US-CA for a part. Entered from four years ago to two years ahead.",
    )

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        for number, (day, name) in enumerate(zip(WEEKDAYS, WEEKDAY_NAMES, strict=True)):
            self.fields[day] = WindowsField(
                label=name,
                initial="09:00-17:00" if number < 5 else "",
                help_text=WINDOW_HELP if number == 0 else "",
            )

    def schedule(self) -> dict[str, Any]:
        """The document that a valid form says."""
        return {
            "zone": self.cleaned_data["zone"],
            "weekly": {day: self.cleaned_data[day] for day in WEEKDAYS if self.cleaned_data[day]},
        }

    def refuse(self, problem: InvalidSchedule) -> None:
        """Put a schedule's fault beside the weekday that it names, else above the form."""
        said = str(problem)
        place = next((day for day in WEEKDAYS if f" in {day} " in said or f" of {day} " in said), None)
        self.add_error(place, said)


class ExceptionForm(forms.Form):
    """A date that differs. Closed is said on purpose, not by forgetting the hours."""

    day = forms.DateField(label="Date", widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"))
    state = forms.ChoiceField(
        label="On that date",
        choices=[("closed", "Closed all day"), ("open", "Open at other hours")],
        widget=forms.RadioSelect,
        initial="closed",
    )
    windows = WindowsField(label="Open hours", help_text="Such as 09:00-13:00; only for a date that is open.")
    reason = forms.CharField(max_length=200, help_text="Both leaders see it.")

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        if "windows" in cleaned and "state" in cleaned:
            if cleaned["state"] == "closed" and cleaned["windows"]:
                self.add_error("windows", "A closed date has no open hours: clear them, or choose open.")
            elif cleaned["state"] == "open" and not cleaned["windows"]:
                self.add_error("windows", "Say at what hours it is open.")
        return cleaned


class HolidaysForm(forms.Form):
    through_year = forms.IntegerField(min_value=2000, max_value=2190, label="Through the year")
