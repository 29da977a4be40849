"""Two leaders sign from the links of their mails, one on a phone; a refusal is read; a delegate signs."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from datetime import timedelta

import pytest
from django.core import mail
from django.utils import timezone

from alignment.models import ArtifactVersion, Role, User, VersionState
from alignment.services.mail import deliver_mail
from alignment.tests.artifact_pages import pact, path_of
from testing.artifacts import draft, signed
from testing.browser import DESK, DESK_DARK, PHONE, PHONE_DARK, Look, Visitor, looks, needs_browser
from testing.site import Journey
from testing.world import PASSWORD, World, add_user

pytestmark = needs_browser
TITLE = "One definition of an MQL"
TEXT = "Marketing hands over leads that asked for a demo within 30 days."


@pytest.fixture
def people(journey: Journey, world: World) -> Iterator[dict[Role, User]]:
    with pact():
        yield {role: add_user(world, role) for role in (Role.REVOPS, Role.CRO, Role.CMO, Role.FINANCE)}


def link_in_mail(user: User, subject: str) -> str:
    """The link of the newest mail to this person about that subject."""
    deliver_mail(at=timezone.now())
    found = [each for each in mail.outbox if each.to == [user.email] and subject in each.subject]
    match = re.search(r"https?://\S+", str(found[-1].body))
    assert match is not None
    return match[0]


def come_by_link(journey: Journey, user: User, link: str, look: Look) -> Visitor:
    """Open a link of a mail: the login comes first, then the page that the link names."""
    visitor = journey.visitors.at(look)
    visitor.page.goto(link)
    visitor.arrive("Sign in")
    visitor.page.get_by_label("Email").fill(user.email)
    visitor.page.get_by_label("Password").fill(PASSWORD)
    visitor.press("Sign in")
    visitor.page.wait_for_url(link)
    return visitor


def confirm_and_sign(visitor: Visitor, title: str, role: str) -> None:
    visitor.arrive(title, "A signature asks once more who you are")
    assert not visitor.page.get_by_role("button", name=f"Sign as {role}").count()
    visitor.follow("Enter your password")
    visitor.arrive("Confirm that it is you")
    visitor.page.get_by_label("Password").fill(PASSWORD)
    visitor.press("Confirm")
    visitor.arrive(title, "That counts for five minutes")
    box = visitor.page.get_by_role("checkbox")
    assert not box.is_checked()
    visitor.press(f"Sign as {role}")
    visitor.arrive(title, "Tick that you have read the whole text")
    visitor.page.get_by_role("checkbox").check()
    visitor.press(f"Sign as {role}")
    visitor.page.get_by_text(f"Signed as {role}").wait_for()
    visitor.arrive(title, f"Signed as {role}")


def look_around(visitor: Visitor, name: str) -> None:
    """The present page in every look; where SCREENSHOTS names a folder, as pictures there."""
    for look in looks():
        visitor.wear(look)
        visitor.examine()
        if folder := os.environ.get("SCREENSHOTS"):
            visitor.page.screenshot(path=f"{folder}/{name}-{look.width}-{look.scheme}.png", full_page=True)


def test_both_leaders_sign_from_their_mails_and_it_comes_into_force(
    journey: Journey, people: dict[Role, User]
) -> None:
    now = timezone.now()
    ground = signed("memo", {"text": "What we measured"}, at=now)
    signed("pact", {"text": TEXT, "points": ["Both use one definition."]}, at=now)
    waiting = draft(
        "pact",
        {"text": TEXT.replace("30", "14"), "points": ["Both use one definition.", "Finance counts by it."]},
        rests_on=[ground],
        at=now,
    )
    for user in list(User.objects.filter(name__startswith="The ")):
        user.is_active = False
        user.save()

    revops = journey.visitors.at(DESK)
    revops.sign_in(people[Role.REVOPS].email, PASSWORD)
    revops.menu("Signatures")
    revops.arrive("Signatures", "0 of 2")
    look_around(revops, "list-revops")
    revops.wear(DESK)
    revops.page.get_by_role("region", name="Drafts", exact=True).get_by_role("link", name=TITLE).click()
    revops.arrive(TITLE, "Send for signature")
    look_around(revops, "draft")
    revops.wear(DESK)
    revops.press("Send for signature")
    revops.arrive(TITLE, "Sent for signature.")
    look_around(revops, "sent-revops")
    revops.wear(DESK)

    cro = come_by_link(
        journey, people[Role.CRO], link_in_mail(people[Role.CRO], "Your signature as CRO"), DESK_DARK
    )
    cro.arrive(TITLE)
    look_around(cro, "to-sign")
    cro.wear(DESK_DARK)
    confirm_and_sign(cro, TITLE, "CRO")
    look_around(cro, "signed-by-me")

    cmo = come_by_link(
        journey, people[Role.CMO], link_in_mail(people[Role.CMO], "Your signature as CMO"), PHONE
    )
    confirm_and_sign(cmo, TITLE, "CMO")
    assert cmo.page.get_by_text("Everybody has signed: it is in force now.").is_visible()
    look_around(cmo, "in-force")
    cmo.wear(PHONE)
    cmo.follow("All versions of this document")
    cmo.arrive(TITLE, "Superseded by a newer version")
    look_around(cmo, "versions")

    waiting.refresh_from_db()
    assert waiting.state == VersionState.IN_FORCE
    revops.page.reload()
    revops.arrive(TITLE, "Signed by all and in force")
    anybody = journey.visitors.at(DESK)
    anybody.open(f"/verify/?digest={waiting.digest}")
    anybody.arrive("Verify a signed document", "Genuine")
    look_around(anybody, "verify")
    anybody.wear(DESK)
    anybody.page.get_by_label("Or a file").set_input_files(
        files={"name": "x.pdf", "mimeType": "application/pdf", "buffer": b"%PDF-1.7 of another"}
    )
    anybody.press("Verify")
    anybody.arrive("Verify a signed document", "Not known here")
    if folder := os.environ.get("SCREENSHOTS"):
        revops.page.pdf(path=f"{folder}/print.pdf", format="A4")


def test_a_refusal_with_its_reason_reaches_revops(journey: Journey, people: dict[Role, User]) -> None:
    version = draft("pact", {"text": TEXT}, at=timezone.now())
    revops = journey.visitors.at(DESK)
    revops.sign_in(people[Role.REVOPS].email, PASSWORD)
    revops.open(path_of(version))
    revops.arrive(TITLE)
    revops.press("Send for signature")
    revops.arrive(TITLE, "Sent for signature.")

    cro = come_by_link(
        journey, people[Role.CRO], link_in_mail(people[Role.CRO], "Your signature"), PHONE_DARK
    )
    cro.arrive(TITLE)
    cro.page.get_by_text("Decline with a reason").tap()
    cro.press("Decline as CRO")
    cro.arrive(TITLE, "Write the reason")
    look_around(cro, "declining")
    cro.wear(PHONE_DARK)
    cro.page.get_by_label("Reason").fill("Fourteen days are too few.\nLet us talk.")
    cro.press("Decline as CRO")
    cro.arrive(TITLE, "Declined.")
    look_around(cro, "declined")

    link = link_in_mail(people[Role.REVOPS], "declined")
    revops.page.goto(link)
    revops.arrive(TITLE, "Fourteen days are too few.")
    assert ArtifactVersion.objects.get(pk=version.pk).state == VersionState.DECLINED


def test_a_delegate_signs_for_whoever_is_away(journey: Journey, people: dict[Role, User]) -> None:
    delegate = people[Role.FINANCE]
    cmo = journey.visitors.at(DESK)
    cmo.sign_in(people[Role.CMO].email, PASSWORD)
    cmo.menu("Signatures")
    cmo.arrive("Signatures", "Nothing waits for your signature.")
    look_around(cmo, "list-empty")
    cmo.wear(DESK)
    cmo.follow("Delegations")
    cmo.arrive("Delegations")
    look_around(cmo, "delegation-new")
    cmo.wear(DESK)
    cmo.page.get_by_label("Delegate").select_option(str(delegate.pk))
    cmo.page.get_by_label("From").fill(f"{timezone.now():%Y-%m-%d}")
    cmo.page.get_by_label("Until and including").fill(f"{timezone.now() + timedelta(days=10):%Y-%m-%d}")
    cmo.page.get_by_label("Reason").fill("On leave")
    cmo.press("Write it and go on to sign")
    cmo.arrive("Delegation of the CMO's signature", "read it and sign it")
    confirm_and_sign(cmo, "Delegation of the CMO's signature", "CMO")
    cmo.open("/artifacts/delegations/")
    cmo.arrive("Delegations", "May sign today")
    look_around(cmo, "delegations")

    version = draft("pact", {"text": TEXT}, at=timezone.now())
    revops = journey.visitors.at(DESK)
    revops.sign_in(people[Role.REVOPS].email, PASSWORD)
    revops.open(path_of(version))
    revops.arrive(TITLE)
    revops.press("Send for signature")
    revops.arrive(TITLE, "Sent for signature.")
    cro = come_by_link(journey, people[Role.CRO], link_in_mail(people[Role.CRO], "Your signature"), DESK)
    confirm_and_sign(cro, TITLE, "CRO")
    away = come_by_link(journey, delegate, link_in_mail(delegate, "Your signature as CMO"), PHONE)
    away.arrive(TITLE, f"by delegation of {people[Role.CMO].name}")
    confirm_and_sign(away, TITLE, "CMO")
    away.arrive(TITLE, "by delegation")
    look_around(away, "signed-by-delegate")
    version.refresh_from_db()
    assert version.state == VersionState.IN_FORCE
