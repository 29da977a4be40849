"""Taking in a function's list of opportunities: whole, with a problem for each bad row; older lists are kept."""

from __future__ import annotations

import hashlib
import json
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction
from django.db.models.functions import Lower

from alignment.models import Function, Opportunity, Program, User
from alignment.services.authority import require_revops
from scorecard.claim_lists import ClaimedRow, Problem, UnreadableList, read_list
from scorecard.models import Claim, ClaimList

__all__ = ["Imported", "NothingUsable", "UnreadableList", "import_claims"]
_CHUNK = 1000


class NothingUsable(ValueError):
    """No row names an opportunity that is known; the list that counted before still counts. `problems` say why."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__(
            f"None of the {len(problems)} rows could be used, so nothing was imported. First problem, line "
            f"{problems[0].line}: {problems[0].message}"
        )
        self.problems = tuple(problems)


@dataclass(frozen=True)
class Imported:
    """`is_new` false: the list says what the one before it said, which therefore stays."""

    list: ClaimList
    is_new: bool


@transaction.atomic
def import_claims(
    *, program: Program, function: Function, text: str, name: str, by: User | None, at: datetime
) -> Imported:
    """Replace a function's list by what the text says; `name` of the file, or how it came.

    Raises OnlyRevOps, UnreadableList or NothingUsable.
    """
    require_revops(by, "Lists of claims")
    Program.objects.select_for_update(of=("self",)).get(pk=program.pk)
    rows, problems = read_list(text, function=function.value)
    claims, unmatched = _matched(rows)
    problems = sorted([*problems, *unmatched], key=lambda problem: problem.line)
    if problems and not claims:
        raise NothingUsable(problems)
    told = [[problem.line, problem.message] for problem in problems]
    digest = _digest(claims, told)
    last = ClaimList.objects.filter(program=program, function=function).order_by("-number").first()
    if last is not None and last.sha256 == digest:
        return Imported(last, is_new=False)
    made = ClaimList.objects.create(
        program=program,
        function=function,
        number=last.number + 1 if last else 1,
        name=name[:120],
        sha256=digest,
        rows=len(claims) + len(problems),
        problems=told,
        imported_by=by,
        imported_at=at,
    )
    Claim.objects.bulk_create(
        [
            Claim(list=made, line=row.line, opportunity_id=opportunity, source=row.source)
            for opportunity, row in claims.items()
        ],
        batch_size=_CHUNK,
    )
    return Imported(made, is_new=True)


def _matched(rows: Sequence[ClaimedRow]) -> tuple[dict[int, ClaimedRow], list[Problem]]:
    """By the key of its opportunity each row that names exactly one; the others as problems."""
    by_id = _known(Opportunity.objects.all(), "external_id", {row.id for row in rows if row.id})
    names = {row.name.lower() for row in rows if not row.id}
    by_name = _known(Opportunity.objects.annotate(lowered=Lower("name")), "lowered", names)
    claims: dict[int, ClaimedRow] = {}
    problems: list[Problem] = []
    for row in rows:
        found = by_id.get(row.id, []) if row.id else by_name.get(row.name.lower(), [])
        if row.crm:
            found = [entry for entry in found if entry[1] == row.crm]
        if len(found) != 1:
            problems.append(Problem(row.line, _unmatched(row, len(found))))
        elif (earlier := claims.get(found[0][0])) is not None:
            problems.append(Problem(row.line, f"Line {earlier.line} names the same opportunity already."))
        else:
            claims[found[0][0]] = row
    return claims, problems


def _known(found: Iterable[Opportunity], column: str, wanted: set[str]) -> dict[str, list[tuple[int, str]]]:
    """By id or name: (key, key of the source) of each opportunity that is not deleted."""
    known: dict[str, list[tuple[int, str]]] = defaultdict(list)
    values = sorted(wanted)
    for start in range(0, len(values), _CHUNK):
        part = found.filter(**{f"{column}__in": values[start : start + _CHUNK]}, is_deleted=False)  # type: ignore[attr-defined]
        for pk, value, source in part.values_list("pk", column, "source__key"):
            known[value].append((pk, source))
    return known


def _unmatched(row: ClaimedRow, count: int) -> str:
    """Names of opportunities are not repeated: they may name a person, and problems are kept for good."""
    if count:
        what = "this id in more than one CRM: add the column “crm”" if row.id else "this name: give the id"
        return f"{count} opportunities have {what}."
    if row.crm:
        return "The CRM that the row names has no such opportunity."
    return f"No opportunity has {f'the id “{row.id[:60]}”' if row.id else 'the name in this row'}."


def _digest(claims: dict[int, ClaimedRow], problems: list[list[object]]) -> str:
    said = [sorted((opportunity, row.source) for opportunity, row in claims.items()), problems]
    return hashlib.sha256(json.dumps(said).encode()).hexdigest()
