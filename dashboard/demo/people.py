"""Who works at the demo company, with which habits, and what the sources call them."""

from __future__ import annotations

from dataclasses import dataclass

from alignment.models import Role

PASSWORD = "aligned-and-signed"  # noqa: S105 (published: it opens the demo company only)
DOMAIN = "northwind.example"

EMEA, AMERICAS, DESK = "Inbound EMEA", "Inbound Americas", "Demo desk"


def email_of(name: str) -> str:
    return f"{name.lower().replace(' ', '.')}@{DOMAIN}"


@dataclass(frozen=True)
class Rep:
    """How a rep works: shares (0-1) of follow-ups, later attempts and dispositions that come in time."""

    name: str
    team: str
    follows_up: float
    keeps_cadence: float
    tags: float
    crm_id: str
    title: str = "Sales development representative"

    @property
    def email(self) -> str:
        return email_of(self.name)


REPS = (
    Rep("Lena Hoffmann", EMEA, 0.97, 0.93, 0.98, "6501a0c4b1f0e7d21"),
    Rep("Jonas Weber", EMEA, 0.86, 0.80, 0.90, "6501a0c4b1f0e7d22"),
    Rep("Anna Schmidt", EMEA, 0.92, 0.90, 0.95, "6501a0c4b1f0e7d23", "Enterprise account executive"),
    Rep("Piotr Nowak", EMEA, 0.72, 0.66, 0.86, "6501a0c4b1f0e7d24"),
    Rep("Carla Diaz", AMERICAS, 0.94, 0.88, 0.94, "6501a0c4b1f0e7d25", "Enterprise account executive"),
    Rep("Marcus Lee", AMERICAS, 0.79, 0.72, 0.90, "6501a0c4b1f0e7d26"),
    Rep("Tom Becker", DESK, 0.91, 0.85, 0.93, "6501a0c4b1f0e7d27", "Demo desk, early shift"),
    Rep("Aisha Khan", DESK, 0.96, 0.94, 0.97, "6501a0c4b1f0e7d28", "Demo desk, late shift"),
    Rep("Nico Rossi", DESK, 0.76, 0.70, 0.88, "6501a0c4b1f0e7d29", "Demo desk, nights and weekends"),
)
BY_EMAIL = {rep.email: rep for rep in REPS}
ON_LEAVE, PAUSED = REPS[1], REPS[5]

# (name, role, title, team they manage)
OTHERS = (
    ("Mira Sato", Role.REVOPS, "Head of Revenue Operations", ""),
    ("Daniel Brandt", Role.CRO, "Chief Revenue Officer", ""),
    ("Sofia Marino", Role.CMO, "Chief Marketing Officer", ""),
    ("Petra Vogel", Role.SALES_MANAGER, "Manager, Inbound EMEA", EMEA),
    ("Robert Hayes", Role.SALES_MANAGER, "Manager, Inbound Americas", AMERICAS),
    ("Ingrid Olsen", Role.SALES_MANAGER, "Manager, Demo desk", DESK),
    ("Theo Lindqvist", Role.MARKETING, "Demand generation", ""),
    ("Grace Okafor", Role.FINANCE, "Finance partner for revenue", ""),
    ("Henrik Falk", Role.BOARD_VIEWER, "Board member", ""),
)
MANAGER_OF = {team: name for name, role, _, team in OTHERS if team}

# pool: segment ("" takes all others), members with weights
POOLS = {
    "Mid-market": (
        "",
        {"Lena Hoffmann": 2, "Jonas Weber": 1, "Piotr Nowak": 2, "Marcus Lee": 2, "Carla Diaz": 1},
        EMEA,
    ),
    "Enterprise": ("enterprise", {"Anna Schmidt": 2, "Carla Diaz": 2, "Jonas Weber": 1}, EMEA),
    "Demo desk": ("smb", {"Tom Becker": 2, "Aisha Khan": 2, "Nico Rossi": 1}, DESK),
}


def logins() -> list[tuple[str, str, str, str]]:
    """(role, name, title, e-mail) of every demo login, leaders first."""
    others = [(str(role.label), name, title, email_of(name)) for name, role, title, _ in OTHERS]
    return others + [(str(Role.REP.label), rep.name, f"{rep.title}, {rep.team}", rep.email) for rep in REPS]
