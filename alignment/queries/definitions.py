"""The shared definitions as they are in force: what they say, and which records meet them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Exists, OuterRef, Prefetch, Q, QuerySet

from alignment.definitions import conditions, evaluate
from alignment.definitions.evaluate import Moment
from alignment.definitions.fields import CYCLE, LEAD, Field
from alignment.definitions.kind import NAME
from alignment.definitions.predicate import KEYS, Definition, Part
from alignment.models import (
    ArtifactVersion,
    Erasure,
    Lead,
    MqlCycle,
    Opportunity,
    Organisation,
    Role,
    Signature,
)
from alignment.models.artifacts import ArtifactVersionQuerySet
from alignment.queries.counting import lead_counts

# What a subject's fields follow, so that evaluating in memory asks no more of the database.
_LEAD_RELATED = ("matched_account", "first_touch", "crm_owner")
_DEAL_RELATED = ("account", "owner")
RELATED = {
    LEAD: _LEAD_RELATED,
    CYCLE: (
        "owner",
        "lead",
        *(f"lead__{name}" for name in _LEAD_RELATED),
        "opportunity",
        *(f"opportunity__{name}" for name in _DEAL_RELATED),
    ),
    "opportunity": (*_DEAL_RELATED, "lead", *(f"lead__{name}" for name in _LEAD_RELATED)),
}


@dataclass(frozen=True)
class InForce:
    """A signed definition: its version, and what its rows ask."""

    version: ArtifactVersion
    definition: Definition


@dataclass(frozen=True)
class PartOfLead:
    """How a lead stands to one part of the MQL definition. `missing`: fields of it that are empty."""

    part: Part
    is_met: bool
    missing: tuple[Field, ...]


def definition_in_force(key: str) -> InForce | None:
    """The signed version of one of the five definitions; None while there is none."""
    return definitions_in_force([key]).get(key)


def definitions_in_force(keys: Iterable[str] = KEYS) -> dict[str, InForce]:
    """Signed versions by key, with their signatures; one query for all of them."""
    found = _versions(keys).in_force().signed_by(Role.CRO, Role.CMO, Role.FINANCE)
    return {version.artifact.key: InForce(version, Definition.of(version.content)) for version in found}


def current_versions() -> dict[str, dict[str, ArtifactVersion]]:
    """By key and state the newest version: in force, waiting for signatures, a draft, revoked, declined..."""
    found: dict[str, dict[str, ArtifactVersion]] = {key: {} for key in KEYS}
    for version in _versions(KEYS).order_by("number"):
        found[version.artifact.key][version.state] = version
    return found


def latest_version(key: str) -> ArtifactVersion | None:
    """The version with the highest number, in whatever state."""
    return _versions([key]).order_by("-number").first()


def version_numbered(key: str, number: int | None) -> ArtifactVersion | None:
    return _versions([key]).filter(number=number).first() if number is not None else None


def matches(key: str, *, at: datetime, prefix: str = "") -> Q | None:
    """Condition for records that meet the definition in force, to be used in queries over leads (lead, mql), MQL
    cycles (sql) or opportunities; `prefix` leads there from another model. None while nothing is signed."""
    found = definition_in_force(key)
    return conditions.meets(found.definition, moment(at), prefix) if found else None


def moment(at: datetime) -> Moment:
    """`at` on the organisation's calendar."""
    return Moment(at, Organisation.get().tz)


def standing_leads() -> QuerySet[Lead]:
    """Leads that count: neither deleted nor merged into another one, and not of an erased person, whose fields are
    empty by law."""
    return Lead.objects.filter(
        ~Exists(Erasure.objects.filter(lead=OuterRef("pk"))), is_deleted=False, merged_into=None
    )


def counted_mqls() -> QuerySet[MqlCycle]:
    """MQLs that count, live and imported: not voided, of a lead that counts, and not of an erased person."""
    return MqlCycle.objects.standing().filter(
        lead_counts("lead"), ~Exists(Erasure.objects.filter(lead=OuterRef("lead")))
    )


def records_of(subject: str) -> QuerySet[Any]:
    """Records of a subject with all that its fields follow, in no order."""
    related = RELATED[subject]
    if subject == LEAD:
        return standing_leads().select_related(*related)
    if subject == CYCLE:
        return counted_mqls().select_related(*related)
    return Opportunity.objects.filter(is_deleted=False).select_related(*related)


def parts_of_lead(lead: Lead, *, at: datetime) -> list[PartOfLead] | None:
    """How a lead stands to each part of the MQL definition in force; None while none is."""
    found = definition_in_force("mql")
    if found is None:
        return None
    now = moment(at)
    return [
        PartOfLead(
            part,
            evaluate.part_holds(part, lead, now),
            tuple(field for field in part.fields if evaluate.value_of(lead, field) is None),
        )
        for part in found.definition.parts
    ]


def _versions(keys: Iterable[str]) -> ArtifactVersionQuerySet:
    return (
        ArtifactVersion.objects.filter(artifact__kind=NAME, artifact__key__in=list(keys))
        .select_related("artifact")
        .prefetch_related(Prefetch("signatures", Signature.objects.order_by("pk")))
    )
