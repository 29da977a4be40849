"""Which agreement judges an instant: all versions at hand in one query, their terms read once per process."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Case, F, Max, Q, When

from alignment.models import MqlCycle, VersionState
from sla.clauses import Clauses
from sla.models import Agreement
from sla.terms import Terms
from sla.wording import Revoked


class UnknownAgreement(LookupError):
    """No version of the agreement has this number."""


@dataclass(frozen=True)
class InForce:
    """One version of the agreement with its terms read (shared between callers: do not change them).

    `clauses`: what else was signed; None for an unsigned version, which promises nothing beyond its clocks.
    `revoked_at`: since when its signatures count no more; its terms go on judging clocks all the same."""

    agreement: Agreement
    terms: Terms
    clauses: Clauses | None = None
    revoked_at: datetime | None = None


@dataclass(frozen=True)
class SignedSpan:
    """Time in which some signed SLA stood without a break: from the beginning of its `first` version on, until one
    was revoked (`revoked`). Nothing signed stands behind what comes after, until another version begins."""

    first: InForce
    revoked: InForce | None = None

    @property
    def starts_at(self) -> datetime:
        return self.first.agreement.in_force_from

    @property
    def ends_at(self) -> datetime | None:
        return self.revoked.revoked_at if self.revoked else None

    def reaches(self, instant: datetime) -> bool:
        """Whether a period that ends at an instant ended within it."""
        return self.ends_at is None or instant <= self.ends_at


class AgreementBook:
    """All versions. The one with the highest number among those begun is in force: a version entered later
    replaces those that were still to begin on or after its own start."""

    def __init__(self, versions: Iterable[InForce]) -> None:
        """`versions` in any order."""
        self._by_number = {version.agreement.number: version for version in versions}
        self._line: list[InForce] = []
        for _, version in sorted(self._by_number.items()):
            while self._line and self._line[-1].agreement.in_force_from >= version.agreement.in_force_from:
                self._line.pop()
            self._line.append(version)
        self._since = [version.agreement.in_force_from for version in self._line]
        self.spans = list(self._signed_spans())

    def at(self, instant: datetime) -> InForce | None:
        """The version that judges what starts at an instant; None before the first one began."""
        index = bisect_right(self._since, instant)
        return self._line[index - 1] if index else None

    def first_signed(self) -> InForce | None:
        """The first version that was signed; every one after it is signed too. None before there is one."""
        return next((version for version in self._line if version.clauses is not None), None)

    def span_at(self, instant: datetime) -> SignedSpan | None:
        """The signed time in which an instant lies; None before the first one and after a revocation."""
        span = self.last_span(instant)
        return span if span and (span.ends_at is None or instant < span.ends_at) else None

    def last_span(self, instant: datetime) -> SignedSpan | None:
        """The signed time that began last, at or before an instant, revoked or not; None before the first one."""
        begun = [span for span in self.spans if span.starts_at <= instant]
        return begun[-1] if begun else None

    def span_of(self, agreement: Agreement) -> SignedSpan:
        """The signed time that a signed version is of."""
        return [span for span in self.spans if span.first.agreement.number <= agreement.number][-1]

    def revoked_at(self, instant: datetime) -> InForce | None:
        """The version whose signatures were revoked with nothing signed in its place at an instant; None where the
        SLA is signed then, or never was."""
        span = self.last_span(instant)
        return span.revoked if span and self.span_at(instant) is None else None

    def _signed_spans(self) -> Iterator[SignedSpan]:
        """Cut where a version was revoked, one that never came in force included."""
        revoked = [version for version in self.every() if version.revoked_at is not None]
        line = [version for version in self._line if version.clauses is not None]
        while line:
            first = line[0].agreement.number
            cut = next((version for version in revoked if version.agreement.number >= first), None)
            yield SignedSpan(line[0], cut)
            line = [version for version in line if cut and version.agreement.number > cut.agreement.number]

    def by_number(self, number: int) -> InForce:
        """A version by its number, whether it ever was in force or not. Raises UnknownAgreement."""
        try:
            return self._by_number[number]
        except KeyError:
            raise UnknownAgreement(f"There is no version {number} of the SLA.") from None

    def version_of(self, cycle: MqlCycle) -> InForce | None:
        """The version that a cycle runs on; None for imported history, which runs on none of ours."""
        return None if cycle.agreement_number is None else self.by_number(cycle.agreement_number)

    def terms_of(self, cycle: MqlCycle) -> Terms | None:
        """The terms that a cycle runs on; None for imported history."""
        version = self.version_of(cycle)
        return version.terms if version else None

    def agreement_of(self, cycle: MqlCycle) -> Agreement | None:
        """The version that a cycle runs on, by the same rule."""
        return None if cycle.agreement_number is None else self.by_number(cycle.agreement_number).agreement

    def every(self) -> list[InForce]:
        """All versions in order of their number, whether they ever were in force or not."""
        return [version for _, version in sorted(self._by_number.items())]


def revoked_at(instant: datetime, book: AgreementBook | None = None) -> Revoked | None:
    """What to say where the SLA was revoked, with nothing signed in its place at an instant; None where it stands, or
    never was signed."""
    found = (book or load_book()).revoked_at(instant)
    return Revoked(found.revoked_at) if found is not None and found.revoked_at is not None else None


def next_number() -> int:
    """What the first signed SLA is numbered: it goes on from the unsigned versions before it."""
    return (Agreement.objects.aggregate(last=Max("number"))["last"] or 0) + 1


_read: dict[int, tuple[Any, Terms, Clauses | None]] = {}  # by id: the document and what it says


def load_book() -> AgreementBook:
    """Every version of the agreement, in one query however many there are."""
    is_revoked = Q(version__state=VersionState.REVOKED)
    rows = Agreement.objects.annotate(revoked_at=Case(When(is_revoked, then=F("version__ended_at"))))
    return AgreementBook(InForce(row, *_parsed(row), row.revoked_at) for row in rows)


def default_calendar_at(instant: datetime) -> int | None:
    """The id of the calendar that the agreement in force then names for every team without one of its own."""
    found = load_book().at(instant)
    return found.terms.default_calendar if found else None


def _parsed(agreement: Agreement) -> tuple[Terms, Clauses | None]:
    document = (agreement.terms, agreement.clauses)
    known = _read.get(agreement.pk)
    if known is None or known[0] != document:
        known = _read[agreement.pk] = (document, agreement.parsed(), agreement.parsed_clauses())
    return known[1], known[2]
