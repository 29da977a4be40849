"""A version as its page shows it: who signs, what changed, what it rests on, what follows, what stands around it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from alignment.artifacts import envelope
from alignment.artifacts.difference import Change, differences
from alignment.artifacts.document import Document
from alignment.artifacts.glyphs import unprintable
from alignment.artifacts.kinds import Kind, UnknownKind, kind_named
from alignment.artifacts.pdf import pages_of
from alignment.models import ArtifactVersion, Paper, Refusal, Rendition, Role, User, VersionState
from alignment.queries.artifact_ripples import Carried, carried_by, of_closed_programs
from alignment.queries.artifacts import SignerState, signer_roles, stale_grounds, turn_since
from alignment.queries.renditions import imprint_of, signature_lines
from alignment.queries.renditions import title_of as titled
from alignment.queries.signers import is_in_order, roles_of

WAITING = frozenset({VersionState.DRAFT, VersionState.SENT})


@dataclass(frozen=True)
class Ground:
    """What a version rests on. `is_gone`: no longer (or not yet) in force, so that it needs a look."""

    version: ArtifactVersion
    title: str
    is_gone: bool

    @property
    def said(self) -> str:
        """Its state in words, also where it ended and no sweep has marked it yet."""
        if self.is_gone and self.version.state == VersionState.IN_FORCE:
            return "its last day is over"
        return str(self.version.get_state_display()).lower()


@dataclass(frozen=True)
class Signer:
    """A role that must sign, as the page lists it. `people`: who may, holders first, delegates with whose they are."""

    state: SignerState
    label: str
    people: tuple[str, ...]
    is_mine: bool

    @property
    def role(self) -> str:
        return self.state.role


@dataclass(frozen=True)
class Compared:
    """With the version that was signed last before: `terms` are changes around the text, such as another signer."""

    before: ArtifactVersion
    changes: list[Change]
    terms: tuple[str, ...]


@dataclass(frozen=True)
class Sheet:
    """Everything that the page of one version shows beside the acts.

    `pages`: of its PDF; `unprintable`: characters that are named by their code there, as no font has them; `carried`:
    what rests on the version that this one would replace; `withdraws`: the one that waits and that sending this draft
    takes back; `compares`: with what else its text compares itself, one sentence; `is_over`: of a closed program.
    """

    version: ArtifactVersion
    kind: Kind
    title: str
    label: str
    document: Document
    statement: str
    effect: tuple[str, ...]
    signers: list[Signer]
    is_in_order: bool
    since: datetime | None
    grounds: list[Ground]
    compared: Compared | None
    newer: ArtifactVersion | None
    refusal: Refusal | None
    pages: int
    unprintable: str
    carried: list[Carried]
    withdraws: ArtifactVersion | None
    compares: str
    is_over: bool

    @property
    def paper(self) -> str:
        return str(Paper(self.version.paper).label)

    @property
    def missing(self) -> list[Signer]:
        return [signer for signer in self.signers if signer.state.signature is None]

    @property
    def lost_grounds(self) -> list[Ground]:
        """What it rests on that is gone, where that still matters."""
        if self.is_over:
            return []
        if self.version.state in WAITING or self.version.state == VersionState.IN_FORCE:
            return [ground for ground in self.grounds if ground.is_gone]
        return []

    def role_of(self, user: User) -> Signer | None:
        """For which role this login may sign or decline now: the own one before one by delegation."""
        if self.version.state != VersionState.SENT or self.signed_by(user):
            return None
        mine = [signer for signer in self.missing if signer.is_mine]
        return min(
            mine, key=lambda signer: (not signer.state.is_turn, signer.role != user.role), default=None
        )

    def signed_by(self, user: User) -> Signer | None:
        """The role for which this login signed."""
        return next(
            (
                signer
                for signer in self.signers
                if signer.state.signature and signer.state.signature.signer_id == user.pk
            ),
            None,
        )


def title_of(version: ArtifactVersion) -> str:
    """As people call it, or else the title of its text; kind and key where no app knows the kind any more."""
    try:
        kind = kind_named(version.artifact.kind)
    except UnknownKind:
        return str(version)
    if kind.title is not None:
        return kind.name_of(version.content, version.artifact.key)
    return kind.render(version.content).title or str(version)


def label_of(version: ArtifactVersion, sealed: str = "") -> str:
    """Which sort of document it is, in words (`sealed`: those that were signed); with its key where the title does not
    tell it from others."""
    try:
        kind = kind_named(version.artifact.kind)
    except UnknownKind:
        return str(version.artifact)
    label = sealed or kind.label
    return label if kind.title is not None else f"{label} {version.artifact.key}"


def sheet_of(version: ArtifactVersion, user: User, *, at: datetime) -> Sheet:
    """What `user` reads of a version. Raises UnknownKind."""
    kind = kind_named(version.artifact.kind)
    sealed = envelope.read(version.envelope)
    document = kind.render(version.content)
    signers = [_signer(state, user) for state in signer_roles(version, at=at)]
    rendition = Rendition.objects.filter(version=version).order_by("-is_signed").only("pages").first()
    signatures = [signer.state.signature for signer in signers if signer.state.signature]
    return Sheet(
        version=version,
        kind=kind,
        title=title_of(version),
        label=label_of(version, sealed.get("label") or ""),
        document=document,
        statement=sealed.get("statement") or kind.statement,
        effect=kind.effect(version.content),
        signers=signers,
        is_in_order=is_in_order(version) and len(signers) > 1,
        since=turn_since(version, signatures) if version.state == VersionState.SENT else None,
        grounds=_grounds(version, at=at),
        compared=_compared(version, kind, document),
        newer=_newer(version),
        refusal=Refusal.objects.select_related("person").filter(version=version).first(),
        pages=rendition.pages if rendition else _pages(version, document),
        unprintable=" ".join(sorted(unprintable(document.texts()))),
        carried=carried_by(version),
        withdraws=_withdraws(version),
        compares=kind.compared(version.content),
        is_over=bool(of_closed_programs([version])),
    )


def _signer(state: SignerState, user: User) -> Signer:
    delegates = [f"{grant.delegate.name} (for {grant.holder.name})" for grant in state.grants]
    may = {*state.holders, *(grant.delegate for grant in state.grants)}
    return Signer(
        state=state,
        label=str(Role(state.role).label) if state.role in Role.values else state.role,
        people=(*(holder.name for holder in state.holders), *delegates),
        is_mine=user in may,
    )


def _grounds(version: ArtifactVersion, *, at: datetime) -> list[Ground]:
    """What it rests on; and what of that rests on something that is gone, named itself."""
    rows = version.foundations.select_related("ground__artifact").order_by(
        "ground__artifact__kind", "ground__artifact__key"
    )
    direct = list(rows)
    stale = {row.ground_id: row.ground for row in stale_grounds(version, at=at)}
    shown = {row.ground_id: row.ground for row in direct} | stale
    return [Ground(ground, title_of(ground), pk in stale) for pk, ground in shown.items()]


def _compared(version: ArtifactVersion, kind: Kind, document: Document) -> Compared | None:
    before = (
        ArtifactVersion.objects.filter(artifact=version.artifact_id, number__lt=version.number)
        .filter(signed_at__isnull=False)
        .select_related("artifact")
        .order_by("-number")
        .first()
    )
    if before is None:
        return None
    return Compared(before, differences(kind.render(before.content), document), _terms(before, version, kind))


def _terms(before: ArtifactVersion, version: ArtifactVersion, kind: Kind) -> tuple[str, ...]:
    """What is signed with the text and differs, one sentence each."""
    old, new = envelope.read(before.envelope), envelope.read(version.envelope)
    found = []
    roles = [_in_words(old["signers"]), _in_words(roles_of(version))]
    if roles[0] != roles[1]:
        found.append(f"Signed by {roles[1]}; before by {roles[0]}.")
    statements = [old["statement"], new.get("statement", kind.statement)]
    if statements[0] != statements[1]:
        found.append(f"Signers agree to another sentence: “{statements[1]}” in place of “{statements[0]}”.")
    if before.paper != version.paper:
        found.append(f"Set on {Paper(version.paper).label} in place of {Paper(before.paper).label}.")
    grounds = [
        {titled(row.ground) for row in each.foundations.select_related("ground__artifact")}
        for each in (before, version)
    ]
    found += [f"No longer rests on {ground}." for ground in sorted(grounds[0] - grounds[1])]
    found += [f"Now rests on {ground}." for ground in sorted(grounds[1] - grounds[0])]
    return tuple(found)


def _in_words(roles: Sequence[str]) -> str:
    labels = [str(Role(role).label) if role in Role.values else role for role in roles]
    return f"{', '.join(labels[:-1])} and {labels[-1]}" if len(labels) > 1 else "".join(labels)


def _withdraws(version: ArtifactVersion) -> ArtifactVersion | None:
    if not version.is_draft:
        return None
    return version.artifact.versions.filter(state=VersionState.SENT).first()


def _newer(version: ArtifactVersion) -> ArtifactVersion | None:
    """The newest sent version after this one."""
    later = ArtifactVersion.objects.filter(artifact=version.artifact_id, number__gt=version.number)
    return later.exclude(state=VersionState.DRAFT).select_related("artifact").order_by("-number").first()


def _pages(version: ArtifactVersion, document: Document) -> int:
    return pages_of(document, version.paper, signatures=signature_lines(version), imprint=imprint_of(version))
