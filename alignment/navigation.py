"""The sections of the menu, in the order of the work, for one role. Knows addresses by name only."""

from __future__ import annotations

from dataclasses import dataclass

from django.urls import NoReverseMatch, reverse

from alignment.models.people import Role


@dataclass(frozen=True)
class Section:
    """An entry of the menu. `roles` empty: for everyone who is logged in."""

    label: str
    url_name: str
    icon: str
    roles: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Entry:
    """A section as one person sees it on one page."""

    label: str
    url: str
    icon: str
    is_current: bool


def _only(*roles: Role) -> frozenset[str]:
    return frozenset(role.value for role in roles)


_SEES_FIGURES = frozenset(Role.values) - _only(Role.BOARD_VIEWER)
_SEES_RECORDS = _SEES_FIGURES - _only(Role.FINANCE)
SECTIONS = (
    Section("Home", "/", "home"),
    Section("Program", "alignment:program", "flag", _SEES_FIGURES),
    Section(
        "Signatures", "alignment:artifacts", "signature", _only(Role.REVOPS, Role.CRO, Role.CMO, Role.FINANCE)
    ),
    Section("My queue", "handoff:queue", "inbox", _only(Role.REP, Role.SALES_MANAGER)),
    Section("MQLs", "handoff:cycles", "list-check", _SEES_RECORDS),
    Section("Leads", "handoff:leads", "list-details", _SEES_RECORDS),
    Section("Duplicates", "handoff:duplicates", "copy", _only(Role.REVOPS)),
    Section("Scorecard", "scorecard:scorecard", "clipboard-check", _SEES_FIGURES - _only(Role.REP)),
    Section("Adherence", "sla:adherence", "file-text", _SEES_FIGURES),
    Section("Compliance", "sla:compliance", "gauge", _SEES_FIGURES),
    Section("Consequences", "sla:consequences", "scale", _SEES_FIGURES),
    Section("Disputes", "sla:disputes", "message", _SEES_FIGURES),
    Section(
        "Is it working?",
        "dashboard:working",
        "chart-bar",
        _only(Role.REVOPS, Role.CRO, Role.CMO, Role.MARKETING, Role.FINANCE),
    ),
    Section("Agreement", "sla:agreement", "file-certificate", _SEES_FIGURES),
    Section("Definitions", "alignment:definitions", "writing", _SEES_FIGURES),
    Section("Calendars", "alignment:calendars", "calendar", _SEES_FIGURES),
    Section("Routing", "handoff:pools", "route", _only(Role.REVOPS, Role.SALES_MANAGER, Role.REP)),
    Section("People", "alignment:people", "users", _only(Role.REVOPS)),
    Section("Sources", "alignment:sources", "plug", _only(Role.REVOPS)),
    Section("API tokens", "alignment:api-tokens", "webhook", _only(Role.REVOPS)),
    Section("Settings", "alignment:settings", "settings", _only(Role.REVOPS)),
)


def _url(section: Section) -> str | None:
    """The section's address; None while no app answers to its name."""
    if section.url_name.startswith("/"):
        return section.url_name
    try:
        return reverse(section.url_name)
    except NoReverseMatch:
        return None


def sections_for(role: str, path: str = "") -> list[Entry]:
    """The menu of `role`, with the section that `path` lies in marked as current.

    The longest address that `path` starts with wins, so /mqls/12/ marks MQLs and not Home; Home is current
    on / only. Sections whose address does not resolve are left out.
    """
    found = [
        (section, url)
        for section in SECTIONS
        if (not section.roles or role in section.roles) and (url := _url(section)) is not None
    ]
    around = [
        url for _, url in found if path == url or (url != "/" and path.startswith(url.rstrip("/") + "/"))
    ]
    current = max(around, key=len, default=None)
    return [Entry(section.label, url, section.icon, url == current) for section, url in found]
