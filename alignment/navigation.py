"""The sections of the menu, in the order of the work, for one role. Knows addresses by name only."""

from __future__ import annotations

from dataclasses import dataclass

from django.urls import NoReverseMatch, reverse

from alignment.models.people import Role


@dataclass(frozen=True)
class Section:
    """An entry of the menu. `roles` empty: for everyone who is logged in. `pages`: those that belong to it, shown as
    tabs on each of them, the section's own among them."""

    label: str
    url_name: str
    icon: str = ""
    roles: frozenset[str] = frozenset()
    pages: tuple[Section, ...] = ()


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
    Section(
        "SLA",
        "sla:agreement",
        "file-certificate",
        _SEES_FIGURES,
        (
            Section("Terms", "sla:agreement", roles=_SEES_FIGURES),
            Section("Calibration", "sla:calibration", roles=_SEES_FIGURES - _only(Role.REP)),
            Section("Review", "sla:review", roles=_SEES_FIGURES),
        ),
    ),
    Section(
        "Compliance",
        "sla:compliance",
        "gauge",
        _SEES_FIGURES,
        (
            Section("By week", "sla:compliance", roles=_SEES_FIGURES),
            Section("Adherence report", "sla:adherence", roles=_SEES_FIGURES),
            Section("Consequences", "sla:consequences", roles=_SEES_FIGURES),
            Section("Disputes", "sla:disputes", roles=_SEES_FIGURES),
            Section("Precedents", "sla:precedents", roles=_SEES_FIGURES),
        ),
    ),
    Section(
        "Is it working?",
        "dashboard:working",
        "chart-bar",
        _only(Role.REVOPS, Role.CRO, Role.CMO, Role.MARKETING, Role.FINANCE),
    ),
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
    found = [(section, url) for section, url in _shown(SECTIONS, role)]
    addresses = {
        section: [url, *(of_page for _, of_page in _shown(section.pages, role))] for section, url in found
    }
    current = _longest([url for urls in addresses.values() for url in urls], path)
    return [Entry(section.label, url, section.icon, current in addresses[section]) for section, url in found]


def tabs_for(role: str, path: str) -> list[Entry]:
    """The pages of the section that `path` lies in, with the one that it lies in marked; none where a section has one
    page alone, or on pages of no section."""
    for section, _ in _shown(SECTIONS, role):
        pages = _shown(section.pages, role)
        current = _longest([url for _, url in pages], path)
        if current is not None and current == _longest(_all_addresses(role), path):
            return [Entry(page.label, url, "", url == current) for page, url in pages]
    return []


def _all_addresses(role: str) -> list[str]:
    return [
        url
        for section, own in _shown(SECTIONS, role)
        for url in (own, *(of_page for _, of_page in _shown(section.pages, role)))
    ]


def _shown(sections: tuple[Section, ...], role: str) -> list[tuple[Section, str]]:
    return [
        (section, url)
        for section in sections
        if (not section.roles or role in section.roles) and (url := _url(section)) is not None
    ]


def _longest(addresses: list[str], path: str) -> str | None:
    """The longest of these addresses in which a path lies."""
    around = [
        url for url in addresses if path == url or (url != "/" and path.startswith(url.rstrip("/") + "/"))
    ]
    return max(around, key=len, default=None)
