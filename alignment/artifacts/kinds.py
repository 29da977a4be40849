"""Kinds of artifacts: what each declares of its schema, signers, order and pages. Filled in `AppConfig.ready`.

A draft may hold anything: whatever a kind's function stumbles over is met here, once, so that no draft takes a page
down with it.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date
from functools import wraps
from inspect import unwrap
from typing import TYPE_CHECKING, Any

from alignment.artifacts.document import Document, Paragraph

if TYPE_CHECKING:
    from alignment.blockers import Blocker
    from alignment.models import ArtifactVersion

Content = Mapping[str, Any]
log = logging.getLogger(__name__)
UNREADABLE = (
    "The content could not be read: it is not built as this kind of document is. Draft it anew on its page."
)
LAST_YEAR = 9000  # beyond it days have no next one, or no instant in UTC
# What code raises over values of another shape; what the database or the machine raises is no fault of a draft.
STUMBLES = (TypeError, AttributeError, LookupError, ValueError, ArithmeticError, RecursionError)


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
    render        content → Document (complete or not: a draft is shown with it too); must not read the database.
                  Where it stumbles the page says that the content cannot be read; see `examined`
    signers       content → roles that must sign, in order (values of Role); each signed by another person
    in_order      whether they sign one after the other; else in any order
    page_limit    most pages of the PDF; None: no limit
    statement     the sentence that a signer agrees to
    effect        content → sentences: what happens when the last one has signed
    readers       roles that may read it beside RevOps and its signers (values of Role)
    blockers      version, at= → why it cannot be sent yet, beside check and page limit
    shut_by       at= → which of these hold whatever the content says: named while it is incomplete, too
    expires_on    content → the last day on which it is in force, in the organisation's zone; None: no end
    on_change     called within the transaction in which a version comes into force, or ceases to be: (version, at=)
    edit_url      version → address at which RevOps edits the draft; "" where there is none
    allows_delegates  whether a delegate may sign it; else the holders of its roles do so in person
    title         content, key → the document as people call it, without its version; None: its label and key
    named         content → for a role, the id of the one User who signs for it and no delegate: a personal grant
    program       key → number of the program that it belongs to: once that is closed, nobody renews it; None: none
    loses         what follows for a version in force once a version that it rests on is replaced, as half a sentence
    revoking      what follows when one of its signers revokes a version in force, as the end of a sentence about it
    compared      content → what it compares itself with beside its own earlier versions, one sentence; "" for nothing
    first_number  the number of a document's first version: beyond 1 where it goes on from what was there unsigned
    restarts      whether RevOps may begin a draft with the content of a version that was declined or withdrawn
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
    shut_by: Callable[..., list[Blocker]] = _none
    expires_on: Callable[[Content], date | None] = lambda content: None
    on_change: tuple[Callable[..., None], ...] = field(default=())
    edit_url: Callable[[ArtifactVersion], str] = lambda version: ""
    allows_delegates: bool = True
    named: Callable[[Content], Mapping[str, int]] = lambda content: {}
    title: Callable[[Content, str], str] | None = None
    program: Callable[[str], int | None] = lambda key: None
    loses: str = "it rests on what is no longer in force until a new version of it is signed"
    revoking: str = (
        "ceases to be in force at once, and nothing takes its place until a new version is signed by all"
    )
    compared: Callable[[Content], str] = lambda content: ""
    restarts: bool = False
    first_number: Callable[[], int] = lambda: 1

    def name_of(self, content: Content, key: str) -> str:
        """As people call it, without its version: "Definition: MQL"; label and key where the kind says nothing."""
        try:
            said = self.title(content, key) if self.title is not None else ""
        except STUMBLES:
            said = ""
        return said or f"{self.label} {key}"

    def __post_init__(self) -> None:
        nothing: dict[str, Callable[[], Any]] = {
            "render": lambda: Document(self.label, blocks=(Paragraph(UNREADABLE, kind="warning"),)),
            "signers": tuple,
            "effect": tuple,
            "expires_on": lambda: None,
            "edit_url": str,
            "named": dict,
            "compared": str,
            "program": lambda: None,
            "blockers": _unreadable,
        }
        for name, instead in nothing.items():
            object.__setattr__(self, name, self._steady(name, getattr(self, name), instead))

    def _steady(
        self, name: str, function: Callable[..., Any], instead: Callable[[], Any]
    ) -> Callable[..., Any]:
        read = _whole if name == "render" else lambda found: found

        @wraps(function)
        def steady(*given: Any, **more: Any) -> Any:
            try:
                return read(function(*given, **more))
            except STUMBLES as problem:
                log.warning(
                    "content_not_read",
                    extra={"kind": self.name, "part": name, "problem": type(problem).__name__},
                )
                return instead()

        return steady

    def examined(self, content: Content) -> Document:
        """The document of a content of which every part can be read. Raises InvalidContent and nothing else."""
        try:
            self.check(content)
            document = self.rendered(content)
            for part in (self.signers, self.effect, self.named):
                unwrap(part)(content)
            last: date | None = unwrap(self.expires_on)(content)
        except InvalidContent:
            raise
        except STUMBLES as problem:
            log.warning("content_not_read", extra={"kind": self.name, "problem": type(problem).__name__})
            raise InvalidContent(UNREADABLE) from problem
        if last is not None and last.year > LAST_YEAR:
            raise InvalidContent("The last day is too far away: write one that people will see.")
        return document

    def rendered(self, content: Content) -> Document:
        """As `render`, for what is kept: raises where that puts something else in its place."""
        return _whole(unwrap(self.render)(content))


def _whole(document: Document) -> Document:
    if not all(isinstance(text, str) for text in document.texts()):
        raise TypeError("a text of the document is none")
    return document


def _unreadable() -> list[Blocker]:
    from alignment.blockers import Blocker  # which is made of kinds

    return [Blocker("content", UNREADABLE)]


def program_in(key: str) -> int | None:
    """The number of a program with which a key begins: "2" and "2-1" are both of program 2."""
    number = key.partition("-")[0]
    return int(number) if number.isascii() and number.isdigit() and len(number) < 9 else None


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
