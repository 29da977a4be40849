"""What the first rows of a file would change: each draft against all that the ledger says of its record."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from alignment.importing.drafts import Draft
from alignment.importing.rows import Reject, Row
from alignment.merging.staging import order_of, ref_of_draft
from alignment.models import Fact, Source, Subject
from alignment.queries.field_words import name_of, said
from alignment.queries.import_words import OBJECT_NAMES
from alignment.queries.people import people_called

Key = tuple[str, str]  # subject, external id
Statement = tuple[datetime, str, dict[str, Any]]  # when, order among those of one moment, fields
NEW, CHANGED, UNCHANGED = _STATES = "new", "changed", "unchanged"
_ABSENT = object()
_OF_PEOPLE = ("owner", "person")
_PLURAL = {str(subject.label): OBJECT_NAMES[subject.value] for subject in Subject}


@dataclass(frozen=True)
class Told:
    """A field that a draft states: in words, and what it would change.

    `state`: new, changed (then `before` in words), unchanged, or overruled: a later statement stands (`before`).
    `is_new_mql`: an MQL date that nothing said of the lead before.
    """

    name: str
    value: str
    state: str
    before: str = ""
    is_new_mql: bool = False


@dataclass(frozen=True)
class DraftInWords:
    """A draft of a fact. `is_dated`: by the row itself and not by the file's time. `is_known`: the ledger has this
    statement already, and importing it leaves it out."""

    subject: str
    external_id: str
    occurred_at: datetime
    is_dated: bool
    state: str
    told: list[Told]
    is_known: bool = False
    lacks_currency: bool = False


@dataclass(frozen=True)
class RowInWords:
    """A row that could be read has drafts, perhaps none; one that could not has a code and a message."""

    line: int
    drafts: list[DraftInWords]
    code: str = ""
    message: str = ""

    @property
    def changes(self) -> bool:
        """Whether importing the row would change anything."""
        return any(draft.state != UNCHANGED for draft in self.drafts)


@dataclass(frozen=True)
class RecordsOfKind:
    """How many records of one kind (“Leads”) the rows speak about: each once, however many rows name it."""

    kind: str
    new: int
    changed: int
    unchanged: int


@dataclass(frozen=True)
class Preview:
    """`records`: by kind, in the order of the rows; `mqls`: MQL dates that are not known yet; `rejected`: rows;
    `without_currency`: opportunities with an amount, of which nothing says in which currency."""

    rows: list[RowInWords]
    records: list[RecordsOfKind]
    mqls: int
    rejected: int
    without_currency: int

    @property
    def rejects(self) -> list[RowInWords]:
        return [row for row in self.rows if row.code]

    @property
    def changing(self) -> list[RowInWords]:
        return [row for row in self.rows if row.changes]

    @property
    def unchanging(self) -> list[RowInWords]:
        """Rows that can be read and say only what is known."""
        return [row for row in self.rows if not row.code and not row.changes]


@dataclass
class _Ledger:
    """What is known of the records that the rows speak about, with the rows read so far. `refs`: statements;
    `people`: who each id or address of an owner is."""

    as_of: datetime
    statements: dict[Key, list[Statement]] = field(default_factory=lambda: defaultdict(list))
    refs: set[str] = field(default_factory=set)
    people: dict[str, int] = field(default_factory=dict)

    def is_same(self, name: str, one: Any, other: Any) -> bool:
        """Whether two values of a field say the same: the id and the address of one person do."""
        if one == other:
            return True
        return name in _OF_PEOPLE and one in self.people and self.people[one] == self.people.get(other)


def preview(
    rows: Iterable[Row | Reject], source: Source, *, as_of: datetime, order: Sequence[str] = ()
) -> Preview:
    """The rows in words, with as many queries however many they are. Writes nothing. `order`: of the fields, those
    that are not in it come last."""
    read = list(rows)
    ledger = _ledger(source, [draft for row in read for draft in _drafts(row)], as_of)
    shown: list[RowInWords] = []
    for row in read:
        if isinstance(row, Reject):
            shown.append(RowInWords(row.line, [], row.code, row.message))
            continue
        shown.append(
            RowInWords(row.line, [_in_words(draft, ledger, row.line, order) for draft in row.drafts])
        )
    drafts = [draft for row in shown for draft in row.drafts]
    return Preview(
        shown,
        _records(drafts),
        sum(told.is_new_mql for draft in drafts for told in draft.told),
        sum(bool(row.code) for row in shown),
        len({draft.external_id for draft in drafts if draft.lacks_currency}),
    )


def _records(drafts: Iterable[DraftInWords]) -> list[RecordsOfKind]:
    """A record is new where nothing was known of it, else changed where any of its drafts changes it."""
    states: dict[str, dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
    for draft in drafts:
        states[draft.subject][draft.external_id].add(draft.state)
    found = []
    for subject, records in states.items():
        counted = Counter(next(state for state in _STATES if state in seen) for seen in records.values())
        found.append(RecordsOfKind(_PLURAL[subject], counted[NEW], counted[CHANGED], counted[UNCHANGED]))
    return found


def _drafts(row: Row | Reject) -> list[Draft]:
    return row.drafts if isinstance(row, Row) else []


def _ledger(source: Source, drafts: list[Draft], as_of: datetime) -> _Ledger:
    ledger = _Ledger(as_of)
    keys = {(draft.subject, draft.external_id) for draft in drafts}
    facts = Fact.objects.of_source(source.pk).filter(
        subject__in={subject for subject, _ in keys},
        external_id__in={external_id for _, external_id in keys},
    )
    called: set[str] = {
        str(draft.fields[name]) for draft in drafts for name in _OF_PEOPLE if draft.fields.get(name)
    }
    for fact in facts.only("ref", "subject", "external_id", "occurred_at", "order_key", "fields"):
        if (fact.subject, fact.external_id) in keys:
            ledger.refs.add(fact.ref)
            ledger.statements[fact.subject, fact.external_id].append(
                (fact.occurred_at, fact.order_key, fact.fields)
            )
            called |= {str(fact.fields[name]) for name in _OF_PEOPLE if fact.fields.get(name)}
    ledger.people = people_called(source, called)
    return ledger


def _in_words(draft: Draft, ledger: _Ledger, line: int, order: Sequence[str]) -> DraftInWords:
    """The draft, which from then on is known."""
    statements = ledger.statements[draft.subject, draft.external_id]
    at = draft.occurred_at or ledger.as_of
    before = _fold(statements)
    is_new = not statements
    ref = ref_of_draft(draft, ledger.as_of)
    if not (is_known := ref in ledger.refs):
        ledger.refs.add(ref)
        statements.append((at, f"{order_of(ledger.as_of)}:{line:010d}", draft.fields))
    after = _fold(statements)
    earlier = statements if is_known else statements[:-1]
    told = [_told(draft, name, before, after, earlier, ledger) for name in _in_order(draft.fields, order)]
    changes = any(each.state in (NEW, CHANGED) for each in told)
    return DraftInWords(
        str(Subject(draft.subject).label),
        draft.external_id,
        at,
        draft.occurred_at is not None,
        NEW if is_new else CHANGED if changes else UNCHANGED,
        told,
        is_known,
        draft.fields.get("amount") is not None and not _currency(after),
    )


def _in_order(fields: Iterable[str], order: Sequence[str]) -> list[str]:
    places = {name: place for place, name in enumerate(order)}
    return sorted(fields, key=lambda name: places.get(name, len(places)))


def _fold(statements: list[Statement]) -> dict[str, Any]:
    fields: dict[str, Any] = {}
    for _, _, stated in sorted(statements, key=lambda each: each[:2]):
        fields.update(stated)
    return fields


def _told(
    draft: Draft,
    name: str,
    before: dict[str, Any],
    after: dict[str, Any],
    statements: list[Statement],
    ledger: _Ledger,
) -> Told:
    value, was = draft.fields[name], before.get(name, _ABSENT)
    words = said(draft.subject, name, value, currency=_currency(after))
    label = name_of(name)
    if name == "mql_at" and draft.subject == Subject.LEAD and value:
        # each MQL date is a cycle of its own, and no later one replaces it
        is_known = any(stated.get("mql_at") == value for _, _, stated in statements)
        return Told(label, words, UNCHANGED if is_known else NEW, is_new_mql=not is_known)
    who = name.removesuffix("_name")
    if who != name and who in _OF_PEOPLE and ledger.is_same(who, before.get(who), draft.fields.get(who)):
        return Told(label, words, UNCHANGED)  # the same person by another name is no change of the record
    if not ledger.is_same(name, after.get(name), value):
        return Told(
            label, words, "overruled", said(draft.subject, name, after.get(name), currency=_currency(after))
        )
    if was is _ABSENT or (was is None and value is not None):
        return Told(label, words, UNCHANGED if value is None else NEW)
    if ledger.is_same(name, was, value):
        return Told(label, words, UNCHANGED)
    return Told(label, words, CHANGED, said(draft.subject, name, was, currency=_currency(before)))


def _currency(fields: dict[str, Any]) -> str:
    return str(fields.get("currency") or "")
