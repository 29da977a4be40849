"""The five definitions as their pages show them: where each stands, who signed, and the one thing to do next."""

from __future__ import annotations

from dataclasses import dataclass

from alignment.definitions.kind import KIND
from alignment.definitions.predicate import KEYS
from alignment.models import ArtifactVersion, Role, Signature, User, VersionState
from alignment.queries.definitions import current_versions

_READ, _WRITE, _SEND, _SIGN, _REMIND, _NOTHING = "read", "write", "send", "sign", "wait", ""
ACTIONS = {
    _READ: "Read",
    _WRITE: "Write it",
    _SEND: "Complete and send",
    _SIGN: "Read and sign",
    _REMIND: "See who has to sign",
    _NOTHING: "",
}


@dataclass(frozen=True)
class Standing:
    """One definition. `act` says what this viewer does next: read, write, send, sign or wait; "" where there is
    nothing yet to read and somebody else writes it. `ended`: the newest that is over, of whatever kind its end was."""

    key: str
    label: str
    in_force: ArtifactVersion | None
    sent: ArtifactVersion | None
    draft: ArtifactVersion | None
    ended: ArtifactVersion | None
    act: str

    @property
    def state(self) -> tuple[str, str]:
        """(kind of badge, words)."""
        if self.in_force is not None:
            return "in_force", f"In force, version {self.in_force.number}"
        if self.sent is not None:
            return "waiting", f"Version {self.sent.number} waits for signatures"
        if self.draft is not None:
            return "neutral", "Draft"
        if self.ended is not None:
            return "warning", f"{self.ended.get_state_display()}, version {self.ended.number}"
        return "warning", "Not written yet"

    @property
    def signatures(self) -> list[Signature]:
        """Of the version in force."""
        return list(self.in_force.signatures.all()) if self.in_force is not None else []

    @property
    def waits_for(self) -> list[str]:
        """Roles that have not signed the version that was sent."""
        return [Role(role).label for role in _unsigned(self.sent)] if self.sent is not None else []

    @property
    def prose(self) -> str:
        """The first sentence or paragraph of what it means."""
        shown = self.in_force or self.sent
        return str(shown.content.get("prose", "")).partition("\n")[0] if shown is not None else ""

    @property
    def action(self) -> str:
        return ACTIONS[self.act]

    @property
    def is_on_sign_off_page(self) -> bool:
        return self.act in (_SIGN, _REMIND)


def standings(user: User) -> list[Standing]:
    """All five, in their order; as many queries whatever there is."""
    found = current_versions()
    return [_standing(key, found[key], user) for key in KEYS]


def standing(key: str, user: User) -> Standing:
    return _standing(key, current_versions()[key], user)


def _standing(key: str, versions: dict[str, ArtifactVersion], user: User) -> Standing:
    sent, draft = versions.get(VersionState.SENT), versions.get(VersionState.DRAFT)
    in_force = versions.get(VersionState.IN_FORCE)
    over = [version for version in versions.values() if version.ended_at is not None]
    ended = max(over, key=lambda version: version.number, default=None)
    if sent is not None and user.role in _unsigned(sent):
        act = _SIGN
    elif not user.has_role(Role.REVOPS):
        act = _READ if in_force is not None or sent is not None else _NOTHING
    elif draft is not None:
        act = _SEND
    elif sent is not None:
        act = _REMIND
    else:
        act = _READ if in_force is not None else _WRITE
    return Standing(key, KEYS[key][0], in_force, sent, draft, ended, act)


def _unsigned(version: ArtifactVersion) -> list[str]:
    signed = {signature.role for signature in version.signatures.all()}
    return [role for role in KIND.signers(version.content) if role not in signed]
