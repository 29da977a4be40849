"""Kinds of artifacts: what each declares of its schema, signers, order and pages. Filled in `AppConfig.ready`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING, Any

from alignment.artifacts.document import Document

if TYPE_CHECKING:
    from alignment.blockers import Blocker
    from alignment.models import ArtifactVersion

Content = Mapping[str, Any]


class UnknownKind(LookupError):
    """No app declares artifacts of this kind."""


class InvalidContent(ValueError):
    """The content does not follow the kind's schema; `problems` say where and what to write, one sentence each."""

    def __init__(self, *problems: str) -> None:
        super().__init__(" ".join(problems))
        self.problems = problems


def _none(*_: object, **__: object) -> list[Blocker]:
    return []


@dataclass(frozen=True)
class Kind:
    """One kind of artifact.

    name          in addresses and in the signed envelope; never changes once anything was signed under it
    schema        number of the content's schema, part of what is signed; raised when `check` changes its mind
    check         raises InvalidContent unless the content is complete and well formed; asked when it is sent
    render        content → Document (complete or not: a draft is shown with it too); must not read the database
    signers       content → roles that must sign, in order (values of Role); each signed by another person
    in_order      whether they sign one after the other; else in any order
    page_limit    most pages of the PDF; None: no limit
    statement     the sentence that a signer agrees to
    effect        content → sentences: what happens when the last one has signed
    readers       roles that may read it beside RevOps and its signers (values of Role)
    blockers      version, at= → why it cannot be sent yet, beside check and page limit
    expires_on    content → the last day on which it is in force, in the organisation's zone; None: no end
    on_change     called within the transaction in which a version comes into force, or ceases to be: (version, at=)
    edit_url      version → address at which RevOps edits the draft; "" where there is none
    allows_delegates  whether a delegate may sign it; else the holders of its roles do so in person
    named         content → for a role, the id of the one User who signs for it and no delegate: a personal grant
    """

    name: str
    label: str
    check: Callable[[Content], None]
    render: Callable[[Content], Document]
    signers: Callable[[Content], tuple[str, ...]]
    statement: str
    effect: Callable[[Content], tuple[str, ...]]
    schema: int = 1
    in_order: bool = False
    page_limit: int | None = None
    readers: frozenset[str] = frozenset()
    blockers: Callable[..., list[Blocker]] = _none
    expires_on: Callable[[Content], date | None] = lambda content: None
    on_change: tuple[Callable[..., None], ...] = field(default=())
    edit_url: Callable[[ArtifactVersion], str] = lambda version: ""
    allows_delegates: bool = True
    named: Callable[[Content], Mapping[str, int]] = lambda content: {}


_KINDS: dict[str, Kind] = {}


def register(kind: Kind) -> Kind:
    """Declare a kind; of a name that is there already the first one stays."""
    return _KINDS.setdefault(kind.name, kind)


def kind_named(name: str) -> Kind:
    """Raises UnknownKind."""
    try:
        return _KINDS[name]
    except KeyError:
        raise UnknownKind(f"There is no kind of artifact called “{name[:40]}”.") from None


def kinds() -> tuple[Kind, ...]:
    return tuple(_KINDS.values())
