"""Taking in a function's list of opportunities: whole, with a problem for each bad row; older lists are kept."""

from __future__ import annotations

import hashlib
import json
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import connection, transaction

from alignment.intake.ids import one_form
from alignment.models import Function, Opportunity, Program, User
from alignment.services.authority import require_revops
from scorecard.claim_lists import ClaimedRow, Problem, ReadList, UnreadableList, read_list
from scorecard.models import Claim, ClaimList

__all__ = ["Imported", "NothingUsable", "UnreadableList", "import_claims"]
_CHUNK = 1000


class NothingUsable(ValueError):
    """No row names an opportunity that is known; the list that counted before still counts. `problems` say why."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        rows = "The only row could not" if len(problems) == 1 else f"None of the {len(problems):,} rows could"
        super().__init__(
            f"{rows} be used, so nothing was imported. First problem, line {problems[0].line}: {problems[0].message}"
        )
        self.problems = tuple(problems)


@dataclass(frozen=True)
class Imported:
    """`is_new` false: the list says what the one before it said, which therefore stays. `ignored`: columns of the text
    that were not read, by their names there."""

    list: ClaimList
    is_new: bool
    ignored: tuple[str, ...] = ()


@transaction.atomic
def import_claims(
    *,
    program: Program,
    function: Function,
    text: str,
    name: str,
    claims_all: bool = False,
    claims_none: bool = False,
    by: User | None,
    at: datetime,
) -> Imported:
    """Replace a function's list by what the text says; `name` of the file, or how it came. `claims_all`: see read_list.
    `claims_none`: whoever imports says that the function claims none at all; the text is empty then.

    Raises OnlyRevOps, UnreadableList or NothingUsable.
    """
    require_revops(by, "Lists of claims")
    Program.objects.select_for_update(of=("self",)).get(pk=program.pk)
    if claims_none and not text.strip():
        read = ReadList([], [])
    else:
        read = read_list(text, function=function.value, claims_all=claims_all)
    claims, unmatched = _matched(read.rows)
    problems = sorted([*read.problems, *unmatched], key=lambda problem: problem.line)
    if problems and not claims:
        raise NothingUsable(problems)
    told = [[problem.line, problem.message] for problem in problems]
    digest = _digest(claims, told)
    last = ClaimList.objects.filter(program=program, function=function).order_by("-number").first()
    if last is not None and last.sha256 == digest:
        return Imported(last, is_new=False, ignored=read.ignored)
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
    return Imported(made, is_new=True, ignored=read.ignored)


def _matched(rows: Sequence[ClaimedRow]) -> tuple[dict[int, ClaimedRow], list[Problem]]:
    """By the key of its opportunity each row that names exactly one; the others as problems."""
    by_id = _by_id({one_form(row.id) for row in rows if row.id} | {row.id for row in rows if row.id})
    by_name = _by_name({row.name for row in rows if not row.id})
    naming: dict[int, list[ClaimedRow]] = defaultdict(list)
    problems: list[Problem] = []
    for row in rows:
        if row.id:
            found = by_id.get(row.id) or by_id.get(one_form(row.id), [])
        else:
            found = by_name.get(row.name, [])
        if row.crm:
            found = [entry for entry in found if entry[1] == row.crm]
        if len(found) != 1:
            problems.append(Problem(row.line, _unmatched(row, len(found))))
        else:
            naming[found[0][0]].append(row)
    claims: dict[int, ClaimedRow] = {}
    for opportunity, same in naming.items():
        if len({row.source for row in same}) > 1:
            problems += [Problem(row.line, _contradiction(row, same)) for row in same]
            continue
        claims[opportunity] = same[0]
        said = f"Line {same[0].line} names the same opportunity already."
        problems += [Problem(row.line, said) for row in same[1:]]
    return claims, problems


def _contradiction(row: ClaimedRow, same: Sequence[ClaimedRow]) -> str:
    other = next(each for each in same if each.source != row.source)
    return (
        f"Line {other.line} names the same opportunity with another source ({other.source}, here {row.source}): "
        "neither counts. Keep one of them."
    )


def _by_id(wanted: set[str]) -> dict[str, list[tuple[int, str]]]:
    """By id: (key, key of the source) of each opportunity that is not deleted."""
    known: dict[str, list[tuple[int, str]]] = defaultdict(list)
    values = sorted(wanted)
    for start in range(0, len(values), _CHUNK):
        part = Opportunity.objects.filter(external_id__in=values[start : start + _CHUNK], is_deleted=False)
        for pk, value, source in part.values_list("pk", "external_id", "source__key"):
            known[value].append((pk, source))
    return known


# Both sides are brought into one form by the database, so that a copy of a name always finds it.
_BLANKS = r"[\s\u001c-\u001f\u0085\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]+"
_SPACED = f"btrim(regexp_replace(public.match_lower({{}}), '{_BLANKS}', ' ', 'g'))"


def _by_name(wanted: set[str]) -> dict[str, list[tuple[int, str]]]:
    """As `_by_id`, by name: whatever the case and however many blanks."""
    known: dict[str, list[tuple[int, str]]] = defaultdict(list)
    if not wanted:
        return known
    with connection.cursor() as cursor:
        cursor.execute(
            f"""
            SELECT w.name, o.id, s.key FROM unnest(%s::text[]) AS w(name)
            JOIN alignment_opportunity o ON {_SPACED.format("o.name")} = {_SPACED.format("w.name")}
            JOIN alignment_source s ON s.id = o.source_id WHERE NOT o.is_deleted ORDER BY o.id
            """,  # noqa: S608 - constants of this module
            [sorted(wanted)],
        )
        for name, pk, source in cursor.fetchall():
            known[name].append((pk, source))
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
