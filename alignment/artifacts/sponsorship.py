"""The sponsorship of a program: CRO and CMO commit to one sourced-pipeline number for each of four quarters.

Content: {"program": number, "program_name": text, "currency": ISO 4217 code,
"quarters": [{"quarter": "2027-Q1", "amount": decimal string in major units}, ...four, one after the other]}.
"""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from itertools import pairwise
from typing import Any

from alignment.artifacts.document import Document, Facts, Paragraph, Table
from alignment.artifacts.kinds import Content, InvalidContent
from alignment.currencies import DoesNotFit, UnknownCurrency, code_of, digits_of, require_fit, stated
from alignment.models import Role
from alignment.quarters import Quarter

QUARTERS = 4
MOST_DIGITS = 30
SIGNERS = (Role.CRO.value, Role.CMO.value)
STATEMENT = "I sponsor this program, and commit my function to these numbers of sourced pipeline."


def check(content: Content) -> None:
    """Raises InvalidContent with one sentence for each thing that is missing or wrong."""
    problems: list[str] = []
    currency = str(content.get("currency") or "")
    try:
        currency = code_of(currency)
    except UnknownCurrency:
        problems.append("Currency: write its three letters, such as EUR.")
    rows = content.get("quarters") or []
    quarters = _quarters(rows)
    if quarters is None or len(rows) != QUARTERS:
        problems.append("Quarters: give four, one directly after the other.")
    for row in rows:
        if problem := _amount_problem(str(row.get("amount") or ""), currency):
            problems.append(f"{_in_words(row)}: {problem}")
    if problems:
        raise InvalidContent(*problems)


def _in_words(row: Content) -> str:
    try:
        return Quarter.read(str(row.get("quarter"))).name
    except ValueError:
        return "A quarter"


def _quarters(rows: list[Any]) -> list[Quarter] | None:
    """The quarters in their order; None unless each follows the one before."""
    try:
        found = [Quarter.read(str(row["quarter"])) for row in rows]
    except (KeyError, TypeError, ValueError):
        return None
    follows = all(after == before.next() for before, after in pairwise(found))
    return found if follows else None


def _amount_problem(text: str, currency: str) -> str:
    if not text:
        return "write the sourced pipeline of this quarter."
    try:
        amount = Decimal(text)
    except InvalidOperation:
        return f"“{text[:20]}” is no amount."
    if not amount.is_finite() or amount <= 0:
        return "the sourced pipeline is more than nothing."
    try:
        require_fit(stated(amount), currency)
    except DoesNotFit as problem:
        return f"{problem}."
    return ""


def render(content: Content) -> Document:
    """Complete or not: what is missing shows as a dash."""
    currency = str(content.get("currency") or "")
    rows = list(content.get("quarters") or [])
    shown = tuple((_name(row), _shown(str(row.get("amount") or ""), currency)) for row in rows)
    total = _total(rows)
    last = (("Total", _shown(str(total), currency) if total is not None else "–"),) if rows else ()
    return Document(
        title="Executive sponsorship",
        subtitle=str(content.get("program_name") or ""),
        blocks=(
            Paragraph(
                "The CRO and the CMO sponsor this program together, and agree on one number of sourced pipeline for "
                "each of the next four quarters. It is one number: sales and marketing do not keep one each.",
                kind="lead",
            ),
            Table(
                columns=("Quarter", f"Sourced pipeline{f', {currency}' if currency else ''}"),
                rows=(*shown, *last),
                numeric=frozenset({1}),
                caption="One number, shared by both functions",
            ),
            Facts((("Program", f"{content.get('program', '–')}"), ("Signed by", "CRO and CMO"))),
            Paragraph(
                "Sourced pipeline is the amount of the opportunities that are opened in the quarter, whoever's touch "
                "came first. RevOps decides disputes on who sourced what.",
                kind="small",
            ),
        ),
    )


def effect(content: Content) -> tuple[str, ...]:
    return ("The prerequisite of executive sponsorship is met for this program.",)


def _name(row: Any) -> str:
    try:
        return Quarter.read(str(row.get("quarter"))).name
    except ValueError:
        return "–"


def _shown(text: str, currency: str) -> str:
    try:
        amount = Decimal(text)
        if not amount.is_finite() or abs(amount.adjusted()) > MOST_DIGITS:  # 1e999999 would fill a book
            return "–"
        return f"{amount:,.{digits_of(currency)}f}"
    except (InvalidOperation, ValueError):
        return "–"


def _total(rows: list[Any]) -> Decimal | None:
    try:
        return sum((Decimal(str(row["amount"])) for row in rows), Decimal(0))
    except (InvalidOperation, KeyError):
        return None
