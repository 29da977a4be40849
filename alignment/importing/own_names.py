"""Columns that no system's export is known to have, found by what we call their fields ourselves.

An export is mostly one of a CRM, with columns of the company's own beside those that every such export has.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace

from alignment.importing.fields import ID, OBJECTS, reader_of
from alignment.importing.guesses import has_time
from alignment.importing.headers import REJECT_COLUMNS, plain
from alignment.importing.presets import Suggestion
from alignment.intake.fields import instant

_NO_LETTER = re.compile(r"[^a-z0-9]+")
_ALSO: Mapping[str, tuple[str, ...]] = {
    ID: ("id",),
    "lifecycle": ("lifecyclestage",),
    "lead": ("leadid",),
    "account": ("accountid",),
    "opportunity": ("opportunityid", "dealid"),
    "campaign": ("campaignid",),
    "currency": ("currencycode", "currencyisocode"),
    "owner": ("owneremail", "leadowneremail", "opportunityowneremail", "contactowneremail", "dealowneremail"),
    "person": ("personemail",),
    "mql_at": ("mqldate",),
    "closed_at": ("closedon", "dateclosed"),
}


def with_own_names(found: Suggestion, headers: Sequence[str], sample: Sequence[Sequence[str]]) -> Suggestion:
    """The suggestion with columns for what it leaves open. What it has stays but for two: the address of an owner
    is better than the name, and a column of times better than one of days alone."""
    columns = dict(found.columns)
    kind = OBJECTS[found.preset.object]
    names = {key: name for name in kind.names for key in _keys(name)}
    taken = {*columns.values(), *found.stage_columns}
    places = {header: place for place, header in enumerate(headers)}

    def has_times(header: str) -> bool:
        return any(has_time(row[places[header]]) for row in sample)

    def is_better(name: str, header: str) -> bool:
        now = columns[name]
        if name in ("owner", "person"):
            return columns.get(f"{name}_name") == now and "email" in _key(header)
        is_time = name == "closed_at" or reader_of(kind.subject, name) is instant
        return is_time and has_times(header) and not has_times(now)

    for header in headers:
        name = names.get(_key(header))
        if not name or header in taken or plain(header) in REJECT_COLUMNS or name in found.preset.constants:
            continue
        if name not in columns or is_better(name, header):
            columns[name] = header
    return replace(found, columns=columns)


def _keys(name: str) -> set[str]:
    return {_key(name), _key(name.removeprefix("is_")), *_ALSO.get(name, ())}


def _key(header: str) -> str:
    return _NO_LETTER.sub("", plain(header))
