"""What the chain says of each act: builders of payloads for `alignment.services.chain.append`.

    append(*sent_event(version), version=version, at=at)

Every builder gives (kind of event, payload). A payload names the artifact and holds either the facts themselves or
the digest of a record of them: whoever has the row can make the record again and compare, whoever has only the chain
learns no names. So every change of a row that counts as evidence is found.

The order of the acts around the last signature, in one transaction: signed, in_force, (of the version before)
superseded, rendered, and then `alignment.services.heads.sign_head`, so that the head covers all of it.
"""

from __future__ import annotations

from datetime import UTC, datetime
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any

from alignment.artifacts.canonical import canonical, digest, normalised

if TYPE_CHECKING:
    from alignment.models import ArtifactVersion, Refusal, Rendition, ServerKey, Signature

Event = tuple[str, dict[str, Any]]


def stamp(at: datetime) -> str:
    """A moment as events, records and heads write it: UTC with microseconds."""
    if at.tzinfo is None:
        raise ValueError("a moment without a zone cannot be signed")
    return at.astimezone(UTC).isoformat(timespec="microseconds")


def name_of(version: ArtifactVersion) -> dict[str, Any]:
    """How events and records name a version."""
    artifact = version.artifact
    return {"kind": artifact.kind, "key": artifact.key, "version": version.number}


def sent_event(version: ArtifactVersion) -> Event:
    """A version was sent; call it when what it rests on is written, and its state, digest and times are set."""
    grounds = version.foundations.values_list("ground__digest", flat=True)
    return "sent", {
        "artifact": name_of(version),
        "digest": version.digest,
        "previous": version.previous_digest,
        "rests_on": sorted(grounds),
        "paper": version.paper,
        "revision": version.revision,
        "drafted_by": version.drafted_by_id,
        "drafted_at": stamp(version.drafted_at),
        "changed_at": stamp(version.changed_at),
        "sent_by": version.sent_by_id,
        "sent_at": _stamp(version.sent_at),
        "expires_at": _stamp(version.expires_at),
    }


def signature_record(signature: Signature) -> dict[str, Any]:
    """All that a signature says: a line of signatures.jsonl in a bundle; its digest is in the chain."""
    grant = signature.delegation
    record: dict[str, Any] = normalised(
        {
            "artifact": name_of(signature.version),
            "digest": signature.digest,
            "role": signature.role,
            "signer": signature.signer_id,
            "name": signature.name,
            "title": signature.title,
            "email": signature.email,
            "own_role": signature.own_role,
            "delegation": {**name_of(grant), "digest": grant.digest} if grant else None,
            "statement": signature.statement,
            "signed_at": stamp(signature.signed_at),
            "authenticated_at": stamp(signature.authenticated_at),
            "methods": list(signature.methods),
            "ip": str(ip_address(signature.ip))
            if signature.ip
            else None,  # the database writes it in its own way
            "user_agent": signature.user_agent,
        }
    )
    return record


def signature_event(signature: Signature) -> Event:
    """A role signed."""
    return "signed", {
        "artifact": name_of(signature.version),
        "digest": signature.digest,
        "role": signature.role,
        "record": record_digest(signature_record(signature)),
    }


def in_force_event(version: ArtifactVersion) -> Event:
    """The last required role has signed; the times of the version are set."""
    return "in_force", {
        "artifact": name_of(version),
        "digest": version.digest,
        "signed_at": _stamp(version.signed_at),
    }


def refusal_record(refusal: Refusal) -> dict[str, Any]:
    """All that a refusal says."""
    record: dict[str, Any] = normalised(
        {
            "artifact": name_of(refusal.version),
            "digest": refusal.version.digest,
            "kind": refusal.kind,
            "role": refusal.role,
            "person": refusal.person_id,
            "name": refusal.name,
            "reason": refusal.reason,
            "refused_at": stamp(refusal.refused_at),
        }
    )
    return record


def refusal_event(refusal: Refusal) -> Event:
    """A version was declined, withdrawn or revoked: the event's kind is the refusal's; this ends the version too."""
    return refusal.kind, {
        "artifact": name_of(refusal.version),
        "digest": refusal.version.digest,
        "ended_at": _stamp(refusal.version.ended_at),
        "record": record_digest(refusal_record(refusal)),
    }


def ended_event(version: ArtifactVersion) -> Event:
    """A version was superseded or expired: nobody gave a reason, so there is no refusal. The kind is its new state."""
    return version.state, {
        "artifact": name_of(version),
        "digest": version.digest,
        "ended_at": _stamp(version.ended_at),
    }


def rendered_event(rendition: Rendition) -> Event:
    """A PDF was made of a version."""
    return "rendered", {
        "artifact": name_of(rendition.version),
        "digest": rendition.version.digest,
        "signed": rendition.is_signed,
        "sha256": rendition.sha256,
        "pages": rendition.pages,
        "made_by": rendition.made_by,
        "made_at": stamp(rendition.made_at),
    }


def key_event(key: ServerKey) -> Event:
    """The server signs heads with this key from here on."""
    return "key", {"name": key.name, "public": key.public, "since": stamp(key.since)}


def record_digest(record: dict[str, Any]) -> str:
    return digest(canonical(record))


def _stamp(at: datetime | None) -> str | None:
    return stamp(at) if at else None
