"""Signed artifacts for tests: people of each role, kinds that exist for a test only, and signing by everybody."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime, timedelta
from typing import Any
from unittest.mock import patch

from alignment.artifacts import kinds
from alignment.artifacts.document import Document, Paragraph
from alignment.artifacts.kinds import Content, InvalidContent, Kind
from alignment.models import ArtifactVersion, Role, Signature, User, VersionState
from alignment.queries.artifacts import signer_roles
from alignment.services.artifacts import Authentication, challenge, save_draft, send, sign

PASSWORD = "correct horse battery"


def user_with(role: str, name: str | None = None, **fields: Any) -> User:
    """The active login of a role (the first one, or the one of that name), made where there is none."""
    name = name or f"The {Role(role).label}"
    known = User.objects.filter(role=role, is_active=True, name=name).order_by("pk").first()
    email = f"{name}.{role}".lower().replace(" ", ".") + "@example.com"
    if known is None and User.objects.filter(email=email).exists():  # of a login that has left
        email = f"{User.objects.count()}.{email}"
    return known or User.objects.create_user(email, PASSWORD, name=name, role=role, **fields)


def sign_as(
    user: User,
    version: ArtifactVersion,
    role: str | None = None,
    *,
    at: datetime,
    nonce: str | None = None,
    digest: str | None = None,
    authenticated_at: datetime | None = None,
    methods: tuple[str, ...] = ("password",),
) -> Signature:
    """One person signs for a role, the own one by default, as the page would let them."""
    version.refresh_from_db()
    return sign(
        version=version,
        role=role or user.role,
        displayed_digest=version.digest if digest is None else digest,
        nonce=challenge(version=version, by=user, at=at) if nonce is None else nonce,
        authentication=Authentication(authenticated_at or at - timedelta(minutes=1), methods),
        ip="192.0.2.7",
        user_agent="Test",
        by=user,
        at=at,
    )


def sign_all(version: ArtifactVersion, *, at: datetime) -> ArtifactVersion:
    """Every role that has not signed does, by its first holder (made where there is none); then it is in force."""
    version.refresh_from_db()
    for state in signer_roles(version):
        if state.signature is None:
            sign_as(state.holders[0] if state.holders else user_with(state.role), version, state.role, at=at)
    version.refresh_from_db()
    if version.state != VersionState.IN_FORCE:
        raise AssertionError(f"{version} is signed by all and is {version.state}")
    return version


def draft(
    kind: str, content: dict[str, Any], *, key: str = "1", at: datetime, **more: Any
) -> ArtifactVersion:
    return save_draft(kind=kind, key=key, content=content, by=user_with(Role.REVOPS), at=at, **more)


def sent(kind: str, content: dict[str, Any], *, key: str = "1", at: datetime, **more: Any) -> ArtifactVersion:
    """A version sent to its signers, for whom logins are made where there are none."""
    version = draft(kind, content, key=key, at=at, **more)
    for role in kinds.kind_named(kind).signers(content):
        user_with(role)
    return send(version=version, by=user_with(Role.REVOPS), at=at)


def signed(
    kind: str, content: dict[str, Any], *, key: str = "1", at: datetime, **more: Any
) -> ArtifactVersion:
    """A version in force."""
    return sign_all(sent(kind, content, key=key, at=at, **more), at=at)


@contextmanager
def kind_of(name: str = "memo", **changes: Any) -> Iterator[Kind]:
    """A kind for the time of a test: content {"text": …}, signed by CRO and CMO in any order.

    Content may name other signers ("signers") and a last day ("until_on").
    """
    given: dict[str, Any] = {
        "name": name,
        "label": name.capitalize(),
        "check": _check,
        "render": lambda content: Document(
            name.capitalize(), blocks=(Paragraph(str(content.get("text", ""))),)
        ),
        "signers": lambda content: tuple(content.get("signers", (Role.CRO, Role.CMO))),
        "statement": "I agree with this memo.",
        "effect": lambda content: ("It is in force.",),
        "expires_on": _last_day,
    }
    kind = Kind(**given | changes)
    with patch.dict(kinds._KINDS, {name: kind}):
        yield kind


def _check(content: Content) -> None:
    if not content.get("text"):
        raise InvalidContent("text: write something.")


def _last_day(content: Content) -> date | None:
    return date.fromisoformat(content["until_on"]) if content.get("until_on") else None


def signature_row(version: ArtifactVersion, signer: User, *, at: datetime) -> dict[str, Any]:
    """The columns of a signature of the memo that the database would take, for tests that write it themselves."""
    return {
        "version": version,
        "role": signer.role,
        "digest": version.digest,
        "signer": signer,
        "name": signer.name,
        "email": signer.email,
        "own_role": signer.role,
        "statement": "I agree with this memo.",
        "signed_at": at,
        "authenticated_at": at - timedelta(minutes=1),
        "methods": ["password"],
    }
