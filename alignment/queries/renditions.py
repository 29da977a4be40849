"""What stands around the text of an artifact on paper: its imprint, and the lines of its signers."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

from alignment.artifacts import envelope
from alignment.artifacts.kinds import kind_named
from alignment.artifacts.pdf import Imprint, SignatureLine
from alignment.models import ArtifactVersion, Organisation, Role, Signature
from alignment.queries.signers import roles_of


def imprint_of(version: ArtifactVersion) -> Imprint:
    """For a draft marked as one; for what was sent with its digest, and in the words that were sent."""
    sealed = envelope.read(version.envelope)
    return Imprint(
        organisation=sealed.get("organisation") or Organisation.get().name,
        label=title_of(version),
        digest=version.digest,
        mark="DRAFT" if version.is_draft else "",
        statement=sealed.get("statement") or kind_named(version.artifact.kind).statement,
    )


def signature_lines(
    version: ArtifactVersion, signatures: Sequence[Signature] = ()
) -> tuple[SignatureLine, ...]:
    """A line per role in the order of signing; empty until that role has signed."""
    signed = {signature.role: signature for signature in signatures}
    zone = Organisation.get().tz
    return tuple(_line(role, signed.get(role), zone) for role in roles_of(version))


def title_of(version: ArtifactVersion) -> str:
    """As people call it: "Definition: MQL, version 2"."""
    name = kind_named(version.artifact.kind).name_of(version.content, version.artifact.key)
    return f"{name}, version {version.number}"


def _line(role: str, signature: Signature | None, zone: ZoneInfo) -> SignatureLine:
    label = str(Role(role).label) if role in Role.values else role
    if signature is None:
        return SignatureLine(label)
    return SignatureLine(
        role=label,
        name=signature.name,
        title=signature.title,
        time=_moment(signature.signed_at, zone),
        delegation=_by_delegation(signature),
    )


def _by_delegation(signature: Signature) -> str:
    if signature.delegation is None:
        return ""
    return f"by delegation of {signature.delegation.content['holder']['name']}"


def _moment(at: datetime, zone: ZoneInfo) -> str:
    local = at.astimezone(zone)
    return f"{local.day} {local:%b %Y, %H:%M} ({zone.key})"
