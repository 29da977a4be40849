"""What people type about disputes: filters, what is wrong, the ruling, the search for precedents."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from django import forms

from alignment.models import Lead, MqlCycle, Opportunity, Organisation
from sla.disputed import FUNCTIONS, Subject, mql_of
from sla.models import ClockHold, ConsequenceCycle, Decision, Dispute, DisputeKind
from sla.queries.dispute_list import STATES
from sla.services.disputes import Decided
from sla.services.disputes.texts import LONGEST

AREA = {"rows": 4}


class DisputesForm(forms.Form):
    """Which disputes the list shows; what cannot be read is left out."""

    state = forms.ChoiceField(choices=list(STATES.items()), required=False)
    kind = forms.ChoiceField(
        label="About", choices=[("", "Everything"), *DisputeKind.choices], required=False
    )

    def chosen(self, name: str, default: str) -> str:
        self.is_valid()
        return str(self.cleaned_data.get(name) or default)


class PrecedentsForm(forms.Form):
    """Words looked for in what was ruled on, summary, reason and tags."""

    q = forms.CharField(label="Words", max_length=120, required=False)
    decision = forms.ChoiceField(
        label="Decision", choices=[("", "Any decision"), *Decision.choices], required=False
    )
    kind = forms.ChoiceField(
        label="About", choices=[("", "Everything"), *DisputeKind.choices], required=False
    )


class FileForm(forms.Form):
    """What is wrong, and what ruling is asked; for an attribution the function that it should count for."""

    function = forms.ChoiceField(
        label="It should count for",
        choices=[("", "Choose a function"), *FUNCTIONS.items()],
        error_messages={"required": "Choose which function it should be counted for."},
    )
    text = forms.CharField(
        label="What is wrong",
        max_length=LONGEST,
        widget=forms.Textarea(AREA),
        error_messages={"required": "Say what is wrong: it stays with the dispute."},
        help_text="It stays for good: leave out the lead's name, e-mail and phone. The evidence is attached by itself.",
    )
    asked = forms.CharField(
        label="What ruling you ask for",
        max_length=LONGEST,
        widget=forms.Textarea({"rows": 2}),
        error_messages={"required": "Say what should be ruled."},
    )

    def __init__(self, *args: Any, subject: Subject, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if not isinstance(subject, Lead | Opportunity):
            del self.fields["function"]


class RulingForm(forms.Form):
    """The decision on one dispute, with the one thing more that its kind needs when it is upheld in whole or part."""

    decision = forms.ChoiceField(
        label="Decision",
        choices=Decision.choices,
        widget=forms.RadioSelect,
        error_messages={"required": "Decide: upheld, partly upheld or rejected."},
    )
    function = forms.ChoiceField(
        label="Partly upheld: it counts for",
        choices=[("", "Choose a function"), *FUNCTIONS.items()],
        required=False,
        help_text="Only where it is neither as it stands nor as asked.",
    )
    meets = forms.NullBooleanField(
        label="Does the MQL meet the definition?",
        required=False,
        widget=forms.Select(choices=[("", "Choose"), ("true", "It does"), ("false", "It does not")]),
    )
    reading = forms.CharField(
        label="How the definition is read from now on",
        required=False,
        max_length=LONGEST,
        widget=forms.Textarea(AREA),
    )
    until = forms.DateTimeField(
        label="Partly upheld: the clock stood still until",
        required=False,
        widget=forms.DateTimeInput({"type": "datetime-local"}, "%Y-%m-%dT%H:%M"),
        help_text="Upheld: until your ruling. Partly: until an earlier moment, after the filing.",
    )
    mqls = forms.TypedMultipleChoiceField(
        label="Partly upheld: taken back for these MQLs",
        coerce=int,
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text="Upheld: for all of them.",
    )
    summary = forms.CharField(
        label="The ruling in one sentence",
        max_length=200,
        error_messages={"required": "Write the ruling in one sentence: the list of precedents shows it."},
        help_text="What the list of precedents shows, such as “An outage of the CRM stops the follow-up clock”.",
    )
    reason = forms.CharField(
        label="Reason",
        max_length=LONGEST,
        widget=forms.Textarea(AREA),
        error_messages={"required": "A ruling needs its reason in words."},
        help_text="For both sides, and for whoever looks for a precedent. It names no lead.",
    )
    tags = forms.CharField(
        label="Tags",
        max_length=200,
        required=False,
        help_text="With commas between them: crm outage, holiday.",
    )

    def __init__(
        self, *args: Any, dispute: Dispute, hold: ClockHold | None, names_leads: bool, **kwargs: Any
    ) -> None:
        """`names_leads`: of a consequence the leads are named, beside the day of each MQL."""
        super().__init__(*args, **kwargs)
        needed = {
            "function": dispute.kind == DisputeKind.ATTRIBUTION,
            "meets": dispute.kind == DisputeKind.DEFINITION and not dispute.term,
            "reading": bool(dispute.term),
            "until": hold is not None,
            "mqls": dispute.consequence_id is not None,
        }
        for name, is_needed in needed.items():
            if not is_needed:
                del self.fields[name]
        for name in {"meets", "reading"} & self.fields.keys():
            self.fields[name].needed_when = "needed unless rejected"  # type: ignore[attr-defined]
        if "mqls" in self.fields:
            entries = ConsequenceCycle.objects.standing().filter(consequence=dispute.consequence_id)
            tz = Organisation.get().tz
            self.fields["mqls"].choices = [  # type: ignore[attr-defined]
                (entry.cycle_id, _choice(entry.cycle, tz, names_leads))
                for entry in entries.select_related("cycle__lead").order_by("pk")
            ]

    @property
    def decided(self) -> Decided:
        given = self.cleaned_data
        until: datetime | None = given.get("until")
        return Decided(
            decision=given["decision"],
            summary=given["summary"],
            reason=given["reason"],
            tags=given["tags"],
            function=given.get("function", ""),
            meets=given.get("meets"),
            reading=given.get("reading", ""),
            until=until,
            mqls=tuple(given.get("mqls", ())),
        )


def _choice(cycle: MqlCycle, tz: ZoneInfo, names_leads: bool) -> str:
    said = mql_of(cycle, tz)
    return f"{cycle.lead.name}, {said}" if names_leads else f"{said[:1].upper()}{said[1:]}, number {cycle.pk}"
