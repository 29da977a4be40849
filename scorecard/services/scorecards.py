"""Measuring: all figures as of now, frozen into the draft of the next scorecard. What was sent is not touched."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from fractions import Fraction
from typing import Any
from zoneinfo import ZoneInfo

from django.db import transaction

from alignment.gates import notes_of
from alignment.models import ArtifactVersion, Organisation, Program, Step, User, VersionState
from alignment.queries.artifacts import draft_of, in_force
from alignment.queries.definitions import definitions_in_force
from alignment.services.artifacts import save_draft
from alignment.services.authority import require_revops
from scorecard import bands, content
from scorecard.bands import Bands
from scorecard.dimensions import CONVERSION, FRACTURE
from scorecard.gates import key_of
from scorecard.leverage import fractures
from scorecard.measures import Measures
from scorecard.models import Diagnosis
from scorecard.queries.basis import frozen
from scorecard.queries.measure import measure as measured
from scorecard.scoring import scores, two_decimals
from scorecard.sequencing import DECLARED, MEASURED, NOT_KNOWN, Given, Situation, sequence

QUALITY_LINE = 3  # on the survey's scale: a mean of sales under it calls the leads bad


class ProgramClosed(Exception):
    """A closed program is not measured any more."""


@transaction.atomic
def measure(
    *, program: Program, by: User | None, at: datetime, expected: int | None = None
) -> ArtifactVersion:
    """The draft of the next scorecard with all figures as of `at`; a draft that is there is replaced by it.

    It rests on the bands and the definitions in force; while no bands are signed it is scored by the proposed ones and
    cannot be sent. `expected`: the draft's revision as its author knew it. Raises OnlyRevOps, ProgramClosed,
    NoCalendar, NoOpenTime or ChangedMeanwhile.
    """
    require_revops(by, "Scorecards")
    if program.closed_at is not None:
        raise ProgramClosed(f"{program} is closed.")
    signed_bands = in_force(bands.KIND, bands.KEY)
    scale = Bands.from_json(signed_bands.content if signed_bands else proposed_bands())
    found, basis = measured(program, at=at)
    scored = scores(found, scale)
    situation = situation_of(basis.declared, found, {one.key: one.tenths for one in scored})
    grounds = [one.version for one in definitions_in_force().values()]
    grounds = [*([signed_bands] if signed_bands else []), *grounds]
    currency = Organisation.get().currency
    document = content.build(
        program={"number": program.number, "name": program.name},
        measures=found,
        scored=scored,
        fractures=fractures(scored, found, scale, currency=currency),
        steps=sequence(situation),
        compared=compared_now(program, found, grounds),
        waivers=notes_of(Step.PREREQUISITES, program, at=at),
        currency=currency,
    )
    return save_draft(
        kind=content.KIND,
        key=key_of(program),
        content=document | {"basis": frozen(basis)},
        rests_on=grounds,
        expected=expected,
        by=by,
        at=at,
    )


def scorecard_before(program: Program) -> ArtifactVersion | None:
    """The one that was signed last, of this program or of an earlier one; what was revoked is none."""
    signed = ArtifactVersion.objects.filter(artifact__kind=content.KIND, signed_at__isnull=False)
    found = (
        signed.exclude(state=VersionState.REVOKED).select_related("artifact").order_by("-signed_at", "-pk")
    )
    return next((version for version in found if int(version.artifact.key) <= program.number), None)


def proposed_bands() -> Mapping[str, Any]:
    """The draft of the bands where there is a usable one, else the defaults."""
    draft = draft_of(bands.KIND, bands.KEY)
    if draft is not None:
        try:
            bands.check(draft.content)
        except ValueError:
            pass
        else:
            found: Mapping[str, Any] = draft.content
            return found
    return bands.default_content()


def situation_of(diagnosis: Diagnosis, found: Measures, scored: Mapping[str, int | None]) -> Situation:
    """What the sequencing engine looks at, each fact marked measured or declared."""
    today = found.at.astimezone(ZoneInfo(found.window.zone)).date()
    deck = diagnosis.board_deck_on
    short = diagnosis.pipeline_short_percent
    return Situation(
        scores=scored,
        days_to_board_deck=(deck - today).days if deck else None,
        board_deck_on=deck,
        pipeline_short=Fraction(short) / 100 if short is not None else None,
        has_whole_sla=_existing_sla(diagnosis),
        is_conversion_healthy=_conversion(scored.get(CONVERSION)),
        is_quality_called_bad=_quality(diagnosis, found),
        has_same_numbers_other_meaning=_declared(
            "Same numbers, different meaning", diagnosis.has_same_numbers_other_meaning
        ),
        has_no_time_for_five=_declared("No time for all five", diagnosis.has_no_time_for_five),
    )


def _existing_sla(diagnosis: Diagnosis) -> Given:
    parts = {
        "a diagnosis": diagnosis.sla_has_diagnosis,
        "a consequence clause": diagnosis.sla_has_consequence,
        "the CRM configured": diagnosis.sla_is_in_crm,
    }
    has = [name for name, is_there in parts.items() if is_there]
    said = f"has {' and '.join(has)}" if has else "none"
    return Given("Existing SLA", len(has) == len(parts), said, DECLARED)


def _conversion(tenths: int | None) -> Given:
    if tenths is None:
        return Given("Conversion is healthy", None, "not measured", NOT_KNOWN)
    said = f"{'yes' if tenths >= FRACTURE else 'no'}, {tenths // 10}.{tenths % 10}"
    return Given("Conversion is healthy", tenths >= FRACTURE, said, MEASURED)


def _quality(diagnosis: Diagnosis, found: Measures) -> Given:
    """By what sales answered in the survey where that is published of sales alone, else as declared."""
    label, mean = "Sales calls lead quality bad", found.trust.sales_lead_quality
    if mean is None:
        return _declared(label, diagnosis.says_quality_is_bad)
    is_bad = mean < QUALITY_LINE
    said = f"{'yes' if is_bad else 'no'}, sales' mean in the survey is {two_decimals(mean)}"
    return Given(label, is_bad, said, MEASURED)


def _declared(label: str, holds: bool) -> Given:
    return Given(label, holds, "yes" if holds else "no", DECLARED)


def compared_now(
    program: Program, now: Measures, grounds: Sequence[ArtifactVersion]
) -> dict[str, Any] | None:
    """What a scorecard that rests on `grounds` says of the one signed before it; None where there is none."""
    before = scorecard_before(program)
    if before is None or before.signed_at is None:
        return None
    signed_on = before.signed_at.astimezone(ZoneInfo(now.window.zone)).date().isoformat()
    of = "" if before.artifact.key == key_of(program) else before.content["program"]["name"]
    return content.compared_with(
        before.content,
        version=before.number,
        program=of,
        signed_on=signed_on,
        now=now,
        other_grounds=_digests(before.rests_on.select_related("artifact")) ^ _digests(grounds),
    )


def _digests(grounds: Iterable[ArtifactVersion]) -> set[tuple[str, str, str]]:
    return {(ground.artifact.kind, ground.artifact.key, ground.digest) for ground in grounds}
