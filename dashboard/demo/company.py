"""Setting up the demo company through the services that people use: calendars, agreement, teams, pools, sources."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.contrib.auth.hashers import make_password

from alignment.business_time import Schedule
from alignment.models import (
    Account,
    Calendar,
    Campaign,
    Delivery,
    Endpoint,
    Function,
    Lead,
    Organisation,
    Person,
    Role,
    Scheme,
    Source,
    Team,
    User,
)
from alignment.services.calendars import create_calendar
from alignment.services.history import save_with_history
from alignment.services.people import create_user, link_identity
from alignment.services.sources import add_endpoint, create_source
from alignment.services.teams import create_team
from dashboard.demo import people
from dashboard.services.first_defaults import default_terms
from handoff.models import Pool
from handoff.services.pools import add_member, create_pool, set_fallback
from sla.services.agreements import put_in_force

NAME, ZONE, CURRENCY = "Northwind Robotics", "Europe/Berlin", "EUR"
CRM, ESPOCRM, FORMS = "demo-crm", "demo-espocrm", "demo-forms"
IN_FORCE_FOR = timedelta(weeks=20)
WORKDAYS = ("mon", "tue", "wed", "thu", "fri")
CALENDARS = {
    people.EMEA: ("Berlin office", "Europe/Berlin", "DE-BE", [["09:00", "12:00"], ["13:00", "18:00"]]),
    people.AMERICAS: ("New York office", "America/New_York", "US", [["09:00", "17:00"]]),
}
ESPOCRM_EVENTS = ("Lead.create", "Lead.update", "Call.create", "Opportunity.create", "Opportunity.update")
MAPPINGS: dict[str, dict[str, Any]] = {
    CRM: {
        "closed_statuses": ["Closed"],
        "won_stages": ["Closed Won"],
        "lost_stages": ["Closed Lost"],
    },
    ESPOCRM: {
        "fields": {
            "lead": {
                "score": "cMqlScore",
                "segment": "cSegment",
                "intent": "cIntent",
                "disposition": "cDisposition",
                "reason": "cReason",
            }
        }
    },
}


class OtherDataPresent(Exception):
    """The demo company needs a database of its own."""


@dataclass
class Company:
    """What the history needs of the company; reps, users and ids in EspoCRM by e-mail."""

    organisation: Organisation
    crm: Endpoint
    forms: Endpoint
    espocrm: dict[str, Endpoint] = field(default_factory=dict)
    teams: dict[str, Team] = field(default_factory=dict)
    persons: dict[str, Person] = field(default_factory=dict)
    users: dict[str, User] = field(default_factory=dict)

    def manager_of(self, rep: people.Rep) -> User:
        return self.users[people.email_of(people.MANAGER_OF[rep.team])]


def is_present() -> bool:
    """Whether this database holds the demo company."""
    return Source.objects.filter(key=CRM).exists()


def found() -> Company:
    """The demo company of this database, to go on from where its telling was interrupted."""
    endpoints = {
        source: Endpoint.objects.filter(source__key=source).order_by("pk") for source in (CRM, FORMS, ESPOCRM)
    }
    return Company(
        Organisation.get(),
        endpoints[CRM][0],
        endpoints[FORMS][0],
        {endpoint.event: endpoint for endpoint in endpoints[ESPOCRM]},
        {team.name: team for team in Team.objects.all()},
        {person.email: person for person in Person.objects.filter(function=Function.SALES).order_by("pk")},
        {user.email: user for user in User.objects.filter(email__endswith=f"@{people.DOMAIN}")},
    )


def require_empty() -> None:
    """Nothing but what the set-up adds by itself. Raises OtherDataPresent, which names what was found."""
    found = [
        str(model._meta.verbose_name_plural)
        for model in (Source, Team, Person, Lead, Account, Campaign, Delivery)
        if model._default_manager.exists()
    ]
    if User.objects.exclude(role=Role.REVOPS).exists():
        found.append("logins")
    if found:
        raise OtherDataPresent(
            f"This database has data of its own ({', '.join(found)}). The demo company goes into an empty one: "
            "start with another data folder (run.py --data DIR) or another DATABASE_URL."
        )


def set_up(*, at: datetime) -> Company:
    """The company as it has stood since `at`. Raises OtherDataPresent."""
    require_empty()
    organisation = _organisation(at)
    calendars = _calendars(at)
    teams = {
        name: create_team(name=name, calendar=calendars[name], reason="demo company", by=None, at=at)
        for name in (people.EMEA, people.AMERICAS, people.DESK)
    }
    put_in_force(
        terms=default_terms(calendars[people.EMEA])
        | {
            "calendars": {
                "default": calendars[people.EMEA].pk,
                "teams": {str(team.pk): calendars[name].pk for name, team in teams.items()},
            }
        },
        in_force_from=at,
        note="Agreed by sales and marketing at the kick-off",
        by=None,
        at=at,
    )
    crm, forms, espocrm = _sources(at)
    company = Company(organisation, crm, forms, espocrm, teams)
    _people(company, at)
    _pools(company, at)
    return company


def _organisation(at: datetime) -> Organisation:
    organisation = Organisation.get()
    organisation.name, organisation.zone, organisation.currency = NAME, ZONE, CURRENCY
    save_with_history(organisation, reason="demo company", by=None, at=at)
    return organisation


def _calendars(at: datetime) -> dict[str, Calendar]:
    """The calendar of each team."""
    found = {}
    for team, (name, zone, country, windows) in CALENDARS.items():
        schedule = {"zone": zone, "weekly": dict.fromkeys(WORKDAYS, windows)}
        found[team] = create_calendar(name=name, schedule=schedule, country=country, by=None, at=at)
    always = Schedule("UTC", dict.fromkeys(range(7), ((0, 1440),)))
    found[people.DESK] = create_calendar(name="Always on", schedule=always.to_json(), by=None, at=at)
    return found


def _sources(at: datetime) -> tuple[Endpoint, Endpoint, dict[str, Endpoint]]:
    """Endpoints of the demo CRM, of the web forms, and of EspoCRM by event."""

    def source(key: str, name: str, kind: str, assigns: str = Source.Assigns.PRODUCT) -> Source:
        mapping = MAPPINGS.get(key, {})
        return create_source(
            key=key, name=name, kind=kind, zone="UTC", assigns=assigns, mapping=mapping, by=None, at=at
        )

    crm = source(CRM, "Demo CRM", "standard")
    forms = source(FORMS, "Web forms by Zapier", "generic")
    espocrm = source(ESPOCRM, "EspoCRM of the partner team", "espocrm", Source.Assigns.CRM)
    return (
        add_endpoint(source=crm, scheme=Scheme.STANDARD_WEBHOOKS, by=None, at=at).endpoint,
        add_endpoint(
            source=forms, scheme=Scheme.SHARED_SECRET, header="X-Zapier-Secret", by=None, at=at
        ).endpoint,
        {
            event: add_endpoint(source=espocrm, scheme=Scheme.ESPOCRM, event=event, by=None, at=at).endpoint
            for event in ESPOCRM_EVENTS
        },
    )


def _people(company: Company, at: datetime) -> None:
    """A login for every role; reps and managers are people who can own leads."""
    members = [(name, role, title, team) for name, role, title, team in people.OTHERS]
    members += [(rep.name, Role.REP, rep.title, rep.team) for rep in people.REPS]
    for name, role, title, team in members:
        email = people.email_of(name)
        company.users[email] = create_user(
            email=email,
            name=name,
            role=role,
            title=title,
            team=company.teams.get(team),
            reason="demo company",
            by=None,
            at=at,
        )
    # One hash for all: a password hash takes a third of a second, by design.
    User.objects.filter(email__in=company.users).update(password=make_password(people.PASSWORD))
    company.persons = {
        person.email: person for person in Person.objects.filter(function=Function.SALES).order_by("pk")
    }
    espocrm = company.espocrm["Lead.create"].source
    for rep in people.REPS:
        link_identity(
            source=espocrm, external_id=rep.crm_id, person=company.persons[rep.email], by=None, at=at
        )


def _pools(company: Company, at: datetime) -> None:
    for name, (segment, members, team) in people.POOLS.items():
        fallback = company.persons[people.email_of(people.MANAGER_OF[team])]
        pool = Pool.objects.filter(segment=segment).first()
        if pool is None:
            pool = create_pool(name=name, segment=segment, fallback=fallback, by=None, at=at)
        else:
            pool = set_fallback(pool=pool, person=fallback, by=None, at=at)
        for member, weight in members.items():
            add_member(
                pool=pool, person=company.persons[people.email_of(member)], weight=weight, by=None, at=at
            )
