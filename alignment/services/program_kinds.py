"""The kinds of artifacts that belong to a program: its sponsorship and its waivers. And drafting them."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import date, datetime
from decimal import Decimal

from django.core.exceptions import ValidationError
from django.db import transaction

from alignment.artifacts import kinds, sponsorship, waivers
from alignment.artifacts.kinds import Content, Kind, program_in
from alignment.blockers import Blocker
from alignment.gates import waivable_blockers
from alignment.gates.prerequisites import SPONSORSHIP, address
from alignment.gates.waivers import KIND as WAIVER
from alignment.gates.waivers import NEVER_WAIVED, entry_of
from alignment.models import Artifact, ArtifactVersion, Organisation, Program, Role, Step, User
from alignment.quarters import Quarter
from alignment.services.artifacts import save_draft
from alignment.services.authority import require_revops
from alignment.services.programs import ProgramIsClosed


class NothingToWaive(ValueError):
    """None of what was to be excused stands in the way now."""


def next_quarters(at: datetime) -> list[Quarter]:
    """The four quarters after the present one, in the organisation's zone."""
    found = [Quarter.of(at, Organisation.get().zone).next()]
    while len(found) < sponsorship.QUARTERS:
        found.append(found[-1].next())
    return found


def draft_sponsorship(
    *,
    program: Program,
    currency: str,
    amounts: Sequence[Decimal | None],
    expected: int | None = None,
    by: User | None,
    at: datetime,
) -> ArtifactVersion:
    """Write the draft of a program's sponsorship: one amount, in major units, for each of the next four quarters.

    Raises OnlyRevOps, ProgramIsClosed, ChangedMeanwhile or InvalidContent.
    """
    _require_open(program)
    content = {
        "program": program.number,
        "program_name": program.name,
        "currency": currency.strip().upper(),
        "quarters": [
            {"quarter": quarter.key, "amount": "" if amount is None else f"{amount:f}"}
            for quarter, amount in zip(next_quarters(at), amounts, strict=True)
        ],
    }
    return save_draft(
        kind=SPONSORSHIP, key=str(program.number), content=content, expected=expected, by=by, at=at
    )


@transaction.atomic
def draft_waiver(
    *,
    program: Program,
    step: Step,
    codes: Collection[str],
    reason: str,
    expires_on: date,
    by: User | None,
    at: datetime,
) -> ArtifactVersion:
    """Draft a waiver of some of the blockers that stand before a gate now, in the words in which they stand.

    Raises OnlyRevOps, ProgramIsClosed, NothingToWaive (also where nobody measures the step), or ValidationError
    (no reason or a long one, longer than 90 days).
    """
    require_revops(by, "Waivers")
    Program.objects.select_for_update(of=("self",), no_key=True).get(pk=program.pk)
    _require_open(program)
    if set(codes) & NEVER_WAIVED:
        raise NothingToWaive(
            "What nobody measures cannot be excused: nobody would know what they let pass. Leave it out."
        )
    standing = [b for b in waivable_blockers(step, program, at=at) if b.code in codes]
    if not standing:
        raise NothingToWaive("What was to be excused does not stand in the way now. Choose what does.")
    today = at.astimezone(Organisation.get().tz).date()
    if not reason.strip():
        raise ValidationError(
            {"reason": "Say why the program should pass all the same: both leaders sign it."}
        )
    if len(reason.strip()) > waivers.LONGEST_REASON:
        raise ValidationError({"reason": f"Say it in at most {waivers.LONGEST_REASON} characters."})
    if not 0 <= (expires_on - today).days <= waivers.LONGEST:
        raise ValidationError(
            {
                "expires_on": f"A waiver holds for at most {waivers.LONGEST} days from today, and not for the past."
            }
        )
    number = Artifact.objects.filter(kind=WAIVER, key__startswith=f"{program.number}-").count() + 1
    content = {
        "program": program.number,
        "program_name": program.name,
        "step": step.value,
        "blockers": [entry_of(blocker) for blocker in standing],
        "reason": reason.strip(),
        "from_on": today.isoformat(),
        "expires_on": expires_on.isoformat(),
    }
    return save_draft(kind=WAIVER, key=f"{program.number}-{number}", content=content, by=by, at=at)


def _require_open(program: Program) -> None:
    if program.closed_at is not None:
        raise ProgramIsClosed(f"{program} is closed: it stays as it was.")


def _program_of(version: ArtifactVersion) -> Program | None:
    return Program.objects.filter(number=version.content.get("program")).first()


def _blockers_of_sponsorship(version: ArtifactVersion, *, at: datetime) -> list[Blocker]:
    program = _program_of(version)
    if program is None or program.closed_at is not None or version.artifact.key != str(program.number):
        return [Blocker("program", "It belongs to no program that is open.")]
    wanted = [quarter.key for quarter in next_quarters(at)]
    if [row.get("quarter") for row in version.content["quarters"]] != wanted:
        text = "The next four quarters are others by now: save the draft again, and look at the numbers."
        return [Blocker("quarters", text, url=address("alignment:sponsorship"))]
    return []


def _blockers_of_waiver(version: ArtifactVersion, *, at: datetime) -> list[Blocker]:
    """The words that are signed must be those that stand: nobody lets a leader excuse something else."""
    program = _program_of(version)
    if (
        program is None
        or program.closed_at is not None
        or not version.artifact.key.startswith(f"{program.number}-")
    ):
        return [Blocker("program", "It belongs to no program that is open.")]
    today = at.astimezone(Organisation.get().tz).date()
    last = waivers.expires_on(version.content)
    if last is None or (last - today).days > waivers.LONGEST:
        said = f"A waiver holds for at most {waivers.LONGEST} days from the day it is sent."
        return [Blocker("expiry", said)]
    step = Step(version.content["step"])
    standing = [entry_of(blocker) for blocker in waivable_blockers(step, program, at=at)]
    if any(named not in standing for named in version.content["blockers"]):
        text = "What it excuses is no longer what stands in the way, word by word: draft it anew."
        return [Blocker("outdated", text, url=address("alignment:waiver-new", step=step.value))]
    return []


def _program_named(content: Content, number: str) -> str:
    return str(content.get("program_name") or f"program {number}")


_READERS = frozenset({Role.SALES_MANAGER.value, Role.MARKETING.value, Role.FINANCE.value})

kinds.register(
    Kind(
        name=SPONSORSHIP,
        label="Sponsorship",
        check=sponsorship.check,
        render=sponsorship.render,
        signers=lambda content: sponsorship.SIGNERS,
        statement=sponsorship.STATEMENT,
        effect=sponsorship.effect,
        page_limit=1,
        readers=_READERS,
        blockers=_blockers_of_sponsorship,
        edit_url=lambda version: address("alignment:sponsorship"),
        title=lambda content, key: f"Sponsorship of {_program_named(content, key)}",
        program=program_in,
        restarts=True,
    )
)
kinds.register(
    Kind(
        name=WAIVER,
        allows_delegates=False,
        label="Waiver",
        check=waivers.check,
        render=waivers.render,
        signers=lambda content: waivers.SIGNERS,
        statement=waivers.STATEMENT,
        effect=waivers.effect,
        page_limit=1,
        readers=_READERS,
        blockers=_blockers_of_waiver,
        expires_on=waivers.expires_on,
        title=lambda content, key: f"Waiver {key} of {_program_named(content, key.partition('-')[0])}",
        program=program_in,
    )
)
