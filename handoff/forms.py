"""What people type on the handoff pages: parsed and checked here, written by the services."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, datetime, time, timedelta
from typing import Any
from uuid import uuid4

from django import forms
from django.core.validators import MaxValueValidator, MinValueValidator
from django.utils import timezone

from alignment.models import Disposition, DisqualificationReason, MqlCycle, Opportunity, Person, Source
from alignment.models.cycles import CLOSING, NEEDS_REASON
from alignment.wording import in_words
from handoff.models import Pool
from handoff.queries.cycles import STATES, Filters
from handoff.queries.lead_list import STATES as LEAD_STATES
from handoff.queries.lead_list import LeadFilters
from handoff.services.acts import CHANNELS, OUTCOMES

ATTEMPTS = {
    "call": ("no_answer", "left_message", "connected"),
    "email": ("sent", "connected"),
    "linkedin": ("sent", "connected"),
    "sms": ("sent", "connected"),
    "meeting": ("connected", "no_answer"),
}
NO_SEGMENT = "(none)"


def _attempt_choices() -> list[tuple[str, list[tuple[str, str]]]]:
    return [
        (CHANNELS[channel], [(f"{channel}.{outcome}", f"{CHANNELS[channel]}: {OUTCOMES[outcome].lower()}")
                             for outcome in outcomes])
        for channel, outcomes in ATTEMPTS.items()
    ]  # fmt: skip


class PersonField(forms.TypedChoiceField):
    """A person out of a list that is at hand, so that many forms on a page cost no query each."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(empty_value=None, **kwargs)

    def offer(self, people: Iterable[Person], *, empty: str) -> None:
        known = {str(person.pk): person for person in people}
        self.choices = [("", empty), *((key, person.name) for key, person in known.items())]
        self.coerce = known.__getitem__


class ActForm(forms.Form):
    """An act has a uuid, made when the page is shown, so that sending it twice has one effect."""

    act = forms.UUIDField(widget=forms.HiddenInput, initial=uuid4)


class AttemptForm(ActForm):
    """One outbound attempt: channel and outcome in one choice."""

    attempt = forms.ChoiceField(label="What happened", choices=_attempt_choices)
    note = forms.CharField(label="Note", max_length=200, required=False)

    @property
    def channel(self) -> str:
        return str(self.cleaned_data["attempt"]).partition(".")[0]

    @property
    def outcome(self) -> str:
        return str(self.cleaned_data["attempt"]).partition(".")[2]


class DispositionForm(ActForm):
    """The fixed set, a reason where one is owed, an opportunity of the lead with a conversion."""

    disposition = forms.ChoiceField(label="Disposition")
    reason = forms.ChoiceField(
        label="Reason",
        choices=[("", "Choose a reason"), *DisqualificationReason.choices],
        help_text="Owed when you disqualify or recycle; it goes back to marketing.",
        error_messages={"required": "Choose a reason: it goes back to marketing with the lead."},
    )
    opportunity = forms.ChoiceField(
        label="Opportunity",
        help_text="Owed when you convert; create it in the CRM first.",
        error_messages={"required": "Converted means linked to an opportunity of this lead."},
    )

    def __init__(
        self, *args: Any, cycle: MqlCycle, opportunities: Iterable[Opportunity], **kwargs: Any
    ) -> None:
        kwargs.setdefault("auto_id", f"cycle-{cycle.pk}-%s")
        super().__init__(*args, **kwargs)
        self._opportunities = {str(row.pk): row for row in opportunities}
        if cycle.lacks_tagging:
            choices = [choice for choice in Disposition.choices if choice[0] in CLOSING]
        else:
            choices = [choice for choice in Disposition.choices if choice[0] != cycle.disposition]
        self.fields["disposition"].choices = [("", "Choose what you decided"), *choices]  # type: ignore[attr-defined]
        known = [
            (key, f"{row} ({row.stage})" if row.stage else str(row))
            for key, row in self._opportunities.items()
        ]
        first = "Choose an opportunity" if known else "No opportunity of this lead has reached us yet"
        self.fields["opportunity"].choices = [("", first), *known]  # type: ignore[attr-defined]
        if self.is_bound:
            chosen = self["disposition"].value()
            self.fields["reason"].required = chosen in NEEDS_REASON
            self.fields["opportunity"].required = chosen == Disposition.CONVERTED

    @property
    def chosen_opportunity(self) -> Opportunity | None:
        return self._opportunities.get(self.cleaned_data["opportunity"])


class AssignForm(forms.Form):
    """A new owner, out of those whom the viewer may choose."""

    person = PersonField(label="New owner")
    note = forms.CharField(label="Why", max_length=200, required=False)

    def __init__(self, *args: Any, people: Iterable[Person], **kwargs: Any) -> None:
        kwargs.setdefault("auto_id", "assign-%s")
        super().__init__(*args, **kwargs)
        self.fields["person"].offer(people, empty="Choose a person")  # type: ignore[attr-defined]


class FilterForm(forms.Form):
    """Filters of the list of MQLs. Wrong values are shown as such, and that filter is left out."""

    state = forms.ChoiceField(label="State", choices=list(STATES.items()), required=False)
    q = forms.CharField(label="Name, company or e-mail", max_length=100, required=False)
    segment = forms.ChoiceField(label="Segment", required=False)
    owner = forms.ChoiceField(label="Owner", required=False)
    sort = forms.ChoiceField(
        label="Order",
        choices=[("-crossed", "Newest first"), ("crossed", "Oldest first")],
        required=False,
    )

    def __init__(self, *args: Any, segments: Sequence[str], owners: Iterable[Person], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        named = [(name, in_words(name)) if name else (NO_SEGMENT, "No segment") for name in segments]
        self.fields["segment"].choices = [("", "All segments"), *named]  # type: ignore[attr-defined]
        people = [(str(person.pk), person.name) for person in owners]
        self.fields["owner"].choices = [("", "Everyone"), *people]  # type: ignore[attr-defined]

    def filters(self) -> Filters:
        """What was asked for, as far as it could be read."""
        self.is_valid()
        found = self.cleaned_data
        segment = found.get("segment") or None
        return Filters(
            state=found.get("state") or "open",
            text=found.get("q") or "",
            segment="" if segment == NO_SEGMENT else segment,
            owner=int(found["owner"]) if found.get("owner") else None,
            is_oldest_first=found.get("sort") == "crossed",
        )


class DayField(forms.DateField):
    """A day of the calendar in which times of this product can lie."""

    def __init__(self, label: str) -> None:
        limits = [MinValueValidator(date(1900, 1, 1)), MaxValueValidator(date(9000, 1, 1))]
        widget = forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")
        super().__init__(label=label, required=False, validators=limits, widget=widget)


class LeadFilterForm(forms.Form):
    """Filters of the list of leads. Wrong values are shown as such, and that filter is left out."""

    state = forms.ChoiceField(label="State", choices=list(LEAD_STATES.items()), required=False)
    q = forms.CharField(label="Name, company, e-mail or id", max_length=254, required=False)
    source = forms.ChoiceField(label="Source", required=False)
    owner = forms.ChoiceField(label="Owner", required=False)
    since = DayField(label="Created from")
    until = DayField(label="Created to")

    def __init__(
        self, *args: Any, sources: Iterable[Source], owners: Iterable[Person], **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        named = [(str(source.pk), source.name) for source in sources]
        self.fields["source"].choices = [("", "All sources"), *named]  # type: ignore[attr-defined]
        people = [(str(person.pk), person.name) for person in owners]
        self.fields["owner"].choices = [("", "Everyone"), *people]  # type: ignore[attr-defined]

    def clean(self) -> None:
        since, until = self.cleaned_data.get("since"), self.cleaned_data.get("until")
        if since and until and until < since:
            self.add_error("until", "This day is before the other one.")

    def filters(self) -> LeadFilters:
        """What was asked for, as far as it could be read; days are those of the current zone."""
        self.is_valid()
        found = self.cleaned_data
        until = found.get("until")
        return LeadFilters(
            state=found.get("state") or "all",
            text=found.get("q") or "",
            source=int(found["source"]) if found.get("source") else None,
            owner=int(found["owner"]) if found.get("owner") else None,
            since=_midnight(found.get("since")),
            until=_midnight(until + timedelta(days=1) if until else None),
        )


def _midnight(day: date | None) -> datetime | None:
    return timezone.make_aware(datetime.combine(day, time())) if day else None


class PoolForm(forms.Form):
    name = forms.CharField(label="Name of the pool", max_length=80)
    segment = forms.CharField(
        label="Segment", max_length=60, required=False, help_text="Leave it empty for the default pool."
    )
    fallback = PersonField(
        label="Fallback person",
        required=False,
        help_text="Gets the lead when nobody in the pool is eligible.",
    )

    def __init__(self, *args: Any, people: Iterable[Person], **kwargs: Any) -> None:
        kwargs.setdefault("auto_id", "pool-%s")
        super().__init__(*args, **kwargs)
        self.fields["fallback"].offer(people, empty="Nobody")  # type: ignore[attr-defined]


class WeightForm(forms.Form):
    weight = forms.IntegerField(label="Weight", min_value=1, max_value=16, initial=1)


class MemberForm(WeightForm):
    """Somebody who joins a pool."""

    person = PersonField(label="Person")
    field_order = ("person", "weight")

    def __init__(self, *args: Any, pool: Pool, people: Iterable[Person], **kwargs: Any) -> None:
        kwargs.setdefault("auto_id", f"pool-{pool.pk}-member-%s")
        super().__init__(*args, **kwargs)
        self.fields["person"].offer(people, empty="Choose a person")  # type: ignore[attr-defined]


class FallbackForm(forms.Form):
    person = PersonField(label="Fallback person", required=False)

    def __init__(self, *args: Any, pool: Pool, people: Iterable[Person], **kwargs: Any) -> None:
        kwargs.setdefault("auto_id", f"pool-{pool.pk}-fallback-%s")
        super().__init__(*args, **kwargs)
        self.fields["person"].offer(people, empty="Nobody")  # type: ignore[attr-defined]


class LeaveForm(forms.Form):
    """Time away, in the zone in which the page shows its times."""

    person = PersonField(label="Who")
    starts_at = forms.DateTimeField(
        label="From", widget=forms.DateTimeInput({"type": "datetime-local"}, "%Y-%m-%dT%H:%M")
    )
    ends_at = forms.DateTimeField(
        label="Until", widget=forms.DateTimeInput({"type": "datetime-local"}, "%Y-%m-%dT%H:%M")
    )
    note = forms.CharField(label="Note", max_length=100, required=False)

    def __init__(self, *args: Any, people: Iterable[Person], **kwargs: Any) -> None:
        kwargs.setdefault("auto_id", "leave-%s")
        super().__init__(*args, **kwargs)
        self.fields["person"].offer(people, empty="Choose a person")  # type: ignore[attr-defined]
