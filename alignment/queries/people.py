"""People as a list: who works here, in which team, with which login, and under which names a CRM knows them."""

from __future__ import annotations

from dataclasses import dataclass

from allauth.mfa.models import Authenticator
from django.db.models import Exists, OuterRef, Prefetch, Q, QuerySet

from alignment.models import Function, Lead, MqlCycle, Person, PersonIdentity, Source, Team, User


@dataclass(frozen=True)
class PersonRow:
    """`is_found`: a CRM named this person and nobody has set them up."""

    person: Person
    identities: list[PersonIdentity]
    is_found: bool


FILTERS = {
    "active": "Active",
    "found": "Found by a CRM, not set up",
    "inactive": "Not active",
    "all": "Everybody",
}


def found_by_crm() -> Q:
    """A CRM named them: neither login, team nor function."""
    return Q(user__isnull=True, team__isnull=True, function=Function.UNKNOWN)


def people(which: str = "active", search: str = "") -> QuerySet[Person]:
    """People of one of FILTERS whose name or e-mail holds a text."""
    found = Person.objects.select_related("team", "user")
    if which == "active":
        found = found.filter(is_active=True)
    elif which == "found":
        found = found.filter(found_by_crm(), is_active=True)
    elif which == "inactive":
        found = found.filter(is_active=False)
    if search:
        found = found.filter(Q(name__icontains=search) | Q(email__icontains=search))
    identities = PersonIdentity.objects.select_related("source").order_by(
        "source__name", "source_id", "external_id"
    )
    return found.prefetch_related(Prefetch("identities", identities, to_attr="named"))


def person_row(person: Person) -> PersonRow:
    """A person loaded by `people`."""
    identities: list[PersonIdentity] = person.named  # type: ignore[attr-defined]
    is_found = person.user_id is None and person.team_id is None and person.function == Function.UNKNOWN
    return PersonRow(person, identities, is_found)


def names_in(source: int, refs: set[str]) -> dict[str, str]:
    """Id in a source: name of the person, of those among `refs` who are known."""
    rows = PersonIdentity.objects.filter(source_id=source, external_id__in=refs)
    return dict(rows.values_list("external_id", "person__name"))


def people_called(source: Source, refs: set[str]) -> dict[str, int]:
    """Id, name or address as a source gives it: who that is, by primary key; an address that the source has not
    named yet is of the active person who has it."""
    mails = {ref.lower(): ref for ref in refs if "@" in ref}
    active = Person.objects.filter(email__in=mails, is_active=True).values_list("email", "pk")
    found = {mails[email]: person for email, person in active}
    known = PersonIdentity.objects.filter(source=source, external_id__in=refs)
    found.update(known.values_list("external_id", "person_id"))
    return found


def logins_without_person() -> QuerySet[User]:
    """Logins of those who own no leads: leaders, finance, board; `has_second_factor` on each."""
    factors = Authenticator.objects.filter(user=OuterRef("pk"))
    found = User.objects.filter(person__isnull=True).annotate(has_second_factor=Exists(factors))
    return found.order_by("name", "pk")


def has_second_factor(login: User) -> bool:
    return bool(Authenticator.objects.filter(user=login).exists())


def teams() -> QuerySet[Team]:
    """Teams with calendar, managers and people at hand."""
    return Team.objects.select_related("calendar").prefetch_related("managers", "people")


def mergeable_into(stub: Person) -> QuerySet[Person]:
    """Who a found person may turn out to be: somebody active, set up here."""
    return Person.objects.filter(is_active=True).exclude(found_by_crm()).exclude(pk=stub.pk).order_by("name")


def owns_anything(person: Person) -> bool:
    """Whether leads or MQLs stand under this name."""
    return bool(
        Person.objects.filter(pk=person.pk)
        .filter(
            Exists(Lead.objects.filter(crm_owner=OuterRef("pk")))
            | Exists(MqlCycle.objects.filter(owner=OuterRef("pk")))
        )
        .exists()
    )
