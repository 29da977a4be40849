"""Uploading an export, and saying what its columns mean."""

from __future__ import annotations

from typing import Any

from django import forms

from alignment.importing.fields import OBJECTS
from alignment.importing.mapping import InvalidMapping, read_document
from alignment.queries.import_words import EXPORTS

MAX_MAPPING = 200_000  # characters
OBJECT_CHOICES = [(found.key, f"{found.name}: a row is {found.row}") for found in EXPORTS]


class UploadForm(forms.Form):
    file = forms.FileField(
        allow_empty_file=True,
        max_length=400,
        label="Export",
        help_text="CSV (comma, semicolon, tab or bar) or JSON lines. Of a spreadsheet save the sheet as CSV first.",
        widget=forms.ClearableFileInput(attrs={"accept": ".csv,.tsv,.txt,.jsonl,.ndjson,.json,text/*"}),
        error_messages={"required": "Choose the file to import."},
    )
    object = forms.ChoiceField(
        required=False,
        label="What its rows are",
        choices=[("", "Recognise it by the headers"), *OBJECT_CHOICES],
        help_text="Headers of Salesforce, HubSpot and EspoCRM are known.",
    )


class ObjectForm(forms.Form):
    object = forms.ChoiceField(
        label="What its rows are",
        choices=OBJECT_CHOICES,
        error_messages={"required": "Say what a row of the file is."},
    )


class LoadMappingForm(forms.Form):
    """A mapping from a file, from pasted text, or from an earlier import: one of the three."""

    earlier = forms.ChoiceField(required=False, label="Of an earlier import")
    file = forms.FileField(required=False, label="From a file", help_text="JSON, as downloaded here.")
    text = forms.CharField(
        required=False,
        max_length=MAX_MAPPING,
        label="Or paste it",
        widget=forms.Textarea(attrs={"rows": 4, "spellcheck": "false", "class": "code"}),
    )

    def __init__(self, *args: Any, earlier: list[tuple[str, str]], **options: Any) -> None:
        super().__init__(*args, **options)
        if earlier:
            self.fields["earlier"].choices = [("", "none"), *earlier]  # type: ignore[attr-defined]
        else:
            del self.fields["earlier"]

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        if self.errors or cleaned.get("earlier"):
            return cleaned
        body = (cleaned.get("text") or "").encode("utf-8", "surrogatepass")
        if file := cleaned.get("file"):
            if file.size > MAX_MAPPING:
                raise forms.ValidationError(
                    "This is too large for a mapping: choose the JSON file of a mapping."
                )
            body = file.read()
        if not body.strip():
            raise forms.ValidationError("Choose a mapping, a file, or paste one.")
        try:
            document = read_document(body)
        except InvalidMapping as problem:
            raise forms.ValidationError(str(problem)) from problem
        if document.get("object") not in list(OBJECTS):  # a list: it may be anything, and a dict wants a hash
            raise forms.ValidationError(
                f"This is no mapping of an import: it has an object, one of {', '.join(OBJECTS)}."
            )
        cleaned["document"] = document
        return cleaned
