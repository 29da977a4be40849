"""The MQLs a month that marketing owes: a row for each segment, and one for all the others."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from django import forms

from sla.clauses import MOST_SEGMENTS

MOST_ROWS = 30
LARGEST = 1_000_000


class VolumeForm(forms.Form):
    """A segment by its name. Without a figure it is left out: its MQLs count under all other segments."""

    use_required_attribute = False

    segment = forms.CharField(label="Segment", max_length=60, required=False)
    mqls = forms.IntegerField(label="MQLs a month", min_value=1, max_value=LARGEST, required=False)

    def clean(self) -> dict[str, Any]:
        given: dict[str, Any] = super().clean() or self.cleaned_data
        if given.get("mqls") and not given.get("segment") and "segment" not in self.errors:
            self.add_error("segment", "Say which segment owes this; all others have the last row.")
        return given


class OtherVolumeForm(forms.Form):
    """All segments that no row above names with a figure."""

    use_required_attribute = False

    mqls = forms.IntegerField(label="MQLs a month", min_value=1, max_value=LARGEST, required=False)
    mqls.needed_when = "one figure at least before sending"  # type: ignore[attr-defined]


class Volumes:
    """All rows: those drafted, the offered segments, and an empty one."""

    def __init__(
        self,
        data: Mapping[str, Any] | None,
        *,
        volumes: Iterable[Mapping[str, Any]],
        offered: Iterable[str],
    ) -> None:
        """`volumes`: as sla.clauses writes them. `offered`: names of segments that had MQLs."""
        listed = list(volumes)
        rows: list[Mapping[str, Any]] = [line for line in listed if line["segment"]]
        known = {line["segment"].lower() for line in rows}
        rows += [{"segment": name} for name in offered if name and name.lower() not in known]
        rows = [*rows[: MOST_ROWS - 1], {}]
        count = len(rows) if data is None else _count(data)
        starting = [*rows, *[{}] * count][:count]
        self.rows = [
            VolumeForm(data, prefix=f"volume-{n}", initial=dict(row)) for n, row in enumerate(starting)
        ]
        others = next((line["mqls"] for line in listed if not line["segment"]), None)
        self.others = OtherVolumeForm(data, prefix="volume-others", initial={"mqls": others})

    def is_valid(self) -> bool:
        """Also marks segments that are named twice, and more lines than an SLA may have."""
        readable = [
            form.is_valid() for form in (*self.rows, self.others)
        ]  # asks all: every error is said at once
        if not all(readable):
            return False
        seen: set[str] = set()
        is_fine = len(self.document()) <= MOST_SEGMENTS
        if not is_fine:
            self.others.add_error(
                "mqls", f"At most {MOST_SEGMENTS} lines: let small segments count under all others."
            )
        for form in self._filled():
            name = form.cleaned_data["segment"].lower()
            if name in seen:
                form.add_error("segment", "This segment has a row already; name each once.")
                is_fine = False
            seen.add(name)
        return is_fine

    def document(self) -> list[dict[str, Any]]:
        """The lines that valid rows say, as sla.clauses writes them."""
        found = [
            {"segment": form.cleaned_data["segment"], "mqls": form.cleaned_data["mqls"]}
            for form in self._filled()
        ]
        if self.others.cleaned_data.get("mqls"):
            found.append({"segment": "", "mqls": self.others.cleaned_data["mqls"]})
        return found

    def _filled(self) -> list[VolumeForm]:
        return [form for form in self.rows if form.cleaned_data.get("mqls")]

    @property
    def is_empty(self) -> bool:
        """Whether nothing was typed or prefilled in any row."""
        return not any(form["mqls"].value() for form in (*self.rows, self.others))


def _count(data: Mapping[str, Any]) -> int:
    text = str(data.get("volumes", ""))
    return min(int(text), MOST_ROWS) if text.isascii() and text.isdigit() and len(text) < 4 else 0
