"""Filters for documents on pages: `{% load documents %}`."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import NamedTuple

from django import template
from django.http import HttpRequest
from django.urls import Resolver404, resolve
from django.utils import timezone

from alignment import target_notes
from alignment.artifacts.document import (
    Block,
    Bullets,
    Facts,
    Heading,
    Paragraph,
    Scores,
    Table,
    shown_score,
)
from alignment.asked import asked, posted
from alignment.models import User, VersionState
from alignment.queries.artifact_access import readable_by
from alignment.queries.renditions import title_of
from alignment.queries.signers import local_day

register = template.Library()


class Confirmed(NamedTuple):
    """The document for which somebody confirms who they are. `is_revoked`: to revoke it, not to sign it."""

    title: str
    is_revoked: bool


@register.simple_tag(takes_context=True)
def to_be_confirmed(context: template.Context) -> Confirmed | None:
    """`{% to_be_confirmed as document %}`: for whose signature or revocation somebody confirms who they are."""
    request, user = context.get("request"), context.get("user")
    if not isinstance(request, HttpRequest) or not isinstance(user, User):
        return None
    try:
        found = resolve(posted(request, "next") or asked(request, "next"))
    except Resolver404:
        return None
    if found.url_name != "artifact-identity":
        return None
    kind, key, number = (found.kwargs[name] for name in ("kind", "key", "number"))
    known = readable_by(user, at=timezone.now())
    version = known.filter(artifact__kind=kind, artifact__key=key, number=number).first()
    return Confirmed(title_of(version), version.state == VersionState.IN_FORCE) if version else None


@register.filter
def last_day(expires_at: datetime | None) -> str:
    """`{{ version.expires_at|last_day }}`: the last day on which it is in force, as the organisation counts days."""
    if expires_at is None:
        return ""
    day = local_day(expires_at - timedelta(seconds=1))
    return f"{day.day} {day:%b %Y}"


@register.filter
def block_name(block: Block) -> str:
    """`{% with name=block|block_name %}`: which part of the template shows it."""
    match block:
        case Heading():
            return "heading"
        case Paragraph():
            return "paragraph"
        case Bullets():
            return "bullets"
        case Facts():
            return "facts"
        case Table():
            return "table"
        case Scores():
            return "scores"


@register.filter
def tenths(value: int | None) -> str:
    """`{{ score.tenths|tenths }}`: 27 as "2.7", a dash for what could not be measured."""
    return shown_score(value)


@register.filter
def bar_width(value: int | None) -> str:
    """`{{ score.tenths|bar_width }}`: of a bar that is 100 wide at 5.0, as SVG writes it."""
    return "0" if value is None else str(value * 2)


@register.filter
def first_16(digest: str) -> str:
    """`{{ version.digest|first_16 }}`: how a digest is shown, in groups of four."""
    return " ".join(digest[at : at + 4] for at in range(0, 16, 4))


@register.simple_tag
def target_note() -> target_notes.TargetNote | None:
    """`{% target_note as note %}`: what is to be said beside the pipeline target, None where it stands as signed."""
    return target_notes.target_note()
