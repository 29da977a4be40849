"""Any order of edits, acts, changes of people and time: a second, simple model says after each what must be so."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from django.db import connection, transaction
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from hypothesis.stateful import run_state_machine_as_test as run

from alignment.artifacts.kinds import InvalidContent
from alignment.blockers import Blocked
from alignment.models import ArtifactVersion, ChainEntry, Role, Signature, User
from alignment.queries.artifacts import in_force, stale_grounds, waiting_for
from alignment.services.artifacts import (
    Authentication,
    Refused,
    challenge,
    decline,
    expire,
    renditions,
    revoke,
    save_draft,
    send,
    sign,
    withdraw,
)
from alignment.services.authority import OnlyRevOps
from alignment.services.delegations import grant
from alignment.verification.database import verify_database
from testing.artifacts import kind_of, user_with
from testing.canonical import digest_of

START = datetime(2026, 11, 23, 10, tzinfo=UTC)
ROLES = ("cro", "cmo", "finance", "rep")
SIGNERS = {"memo": ("cro", "cmo"), "ordered": ("cro", "cmo", "finance"), "resting": ("cro", "cmo")}
REFUSALS = (Refused, Blocked, OnlyRevOps, InvalidContent)


@dataclass
class Version:
    """What the model knows of one version."""

    row: ArtifactVersion
    kind: str
    text: str
    state: str = "draft"
    until: date | None = None
    grounds: list[int] = field(default_factory=list)
    signed: dict[str, int] = field(default_factory=dict)
    role: str = ""
    holder: int = 0
    delegate: int = 0
    since: date | None = None

    @property
    def roles(self) -> tuple[str, ...]:
        return (self.role,) if self.kind == "delegation" else SIGNERS[self.kind]

    @property
    def missing(self) -> tuple[str, ...]:
        return tuple(role for role in self.roles if role not in self.signed)


class Signing(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.savepoint = transaction.atomic()
        self.savepoint.__enter__()
        self.at = START
        self.versions: dict[int, Version] = {}

    @initialize()
    def begin(self) -> None:
        self.revops = user_with(Role.REVOPS)
        self.users = [user_with(role) for role in ROLES] + [user_with(Role.CRO, "Other Chief")]
        for kind, signers in SIGNERS.items():
            self.change_and_send(kind)
            for user, role in zip(self.users, signers[: 0 if kind == "resting" else 2], strict=False):
                self.click(self.in_state("sent")[-1], user, role)

    def teardown(self) -> None:
        """In the end the verifier, who makes everything anew from the rows, finds nothing to complain of."""
        findings = verify_database().findings
        transaction.set_rollback(True)
        self.savepoint.__exit__(None, None, None)
        assert findings == []

    # --- what the model says -------------------------------------------------------------------------
    def of(self, kind: str, state: str) -> Version | None:
        found = [each for each in self.versions.values() if (each.kind, each.state) == (kind, state)]
        assert len(found) <= 1 or kind == "delegation"
        return found[0] if found else None

    def in_state(self, state: str) -> list[Version]:
        return [each for each in self.versions.values() if each.state == state]

    def may_sign(self, user: User, role: str, version: Version) -> bool:
        today = self.at.date()
        people = {person.pk: person for person in self.users}
        if not user.is_active:
            return False
        if version.kind == "delegation":
            return user.pk == version.holder and user.role == role
        grants = [
            each
            for each in self.versions.values()
            if (each.kind, each.state, each.role, each.delegate) == ("delegation", "in_force", role, user.pk)
        ]
        return user.role == role or any(
            people[each.holder].is_active
            and people[each.holder].role == role
            and (each.since or today) <= today <= (each.until or today)
            for each in grants
        )

    def is_signable(self, user: User, role: str, version: Version) -> bool:
        return (
            version.state == "sent"
            and role in (version.missing[:1] if version.kind == "ordered" else version.missing)
            and user.pk not in version.signed.values()
            and self.may_sign(user, role, version)
            and (version.until is None or self.at.date() <= version.until)
            and all(self.versions[ground].state == "in_force" for ground in version.grounds)
        )

    def attempt(self, act: Callable[[], Any], *, allowed: bool) -> Any:
        """Do it, and it must be refused exactly where the model says so; None then."""
        done, refusal = None, None
        try:
            done = act()
        except REFUSALS as problem:
            refusal = problem
        assert allowed is (refusal is None), refusal or "it should have been refused"
        return done

    # --- rules ---------------------------------------------------------------------------------------
    @rule(
        kind=st.sampled_from(list(SIGNERS)),
        text=st.sampled_from(["One", "Two", "Cafe\u0301", ""]),
        days=st.sampled_from([None, None, 0, 3]),
        behind=st.sampled_from([False, False, True]),
    )
    def edit(self, kind: str, text: str, days: int | None, behind: bool) -> None:
        until = self.at.date() + timedelta(days=days) if days is not None else None
        ground = self.of("memo", "in_force") if kind == "resting" else None
        content = {"text": text, "signers": list(SIGNERS[kind]), "until_on": until and until.isoformat()}
        known = self.of(kind, "draft")
        revision = known.row.revision if known else 0
        row = self.attempt(
            lambda: save_draft(
                kind=kind,
                key="1",
                content=content,
                rests_on=[ground.row] if ground else [],
                expected=revision + 7 if behind else revision,
                by=self.revops,
                at=self.at,
            ),
            allowed=not behind,
        )
        if row is not None:
            grounds = [ground.row.pk] if ground else []
            self.versions[row.pk] = Version(row, kind, text, until=until, grounds=grounds)

    @rule(data=st.data(), by_revops=st.sampled_from([True, True, True, False]))
    @precondition(lambda self: self.in_state("draft"))
    def send(self, data: st.DataObject, by_revops: bool) -> None:
        draft = data.draw(st.sampled_from(self.in_state("draft")))
        by = self.revops if by_revops else self.users[0]
        held = {user.role for user in self.users if user.is_active}
        allowed = (
            by_revops
            and bool(draft.text)
            and set(draft.roles) <= held
            and (draft.until is None or self.at.date() <= draft.until)
            and all(self.versions[ground].state == "in_force" for ground in draft.grounds)
        )
        if self.attempt(lambda: send(version=draft.row, by=by, at=self.at), allowed=allowed):
            self.note_sent(draft)

    def note_sent(self, draft: Version) -> None:
        if before := self.of(draft.kind, "sent"):
            before.state = "withdrawn"
        draft.state = "sent"

    @rule(kind=st.sampled_from(list(SIGNERS)))
    def change_and_send(self, kind: str) -> None:
        """What is sent can mostly be signed: else few runs would get that far."""
        self.edit(kind, "Three", None, False)
        draft = self.of(kind, "draft")
        assert draft is not None
        if set(draft.roles) <= {user.role for user in self.users if user.is_active}:
            send(version=draft.row, by=self.revops, at=self.at)
            self.note_sent(draft)

    @rule(data=st.data(), as_delegate=st.booleans())
    @precondition(lambda self: self.signable())
    def sign_where_one_may(self, data: st.DataObject, as_delegate: bool) -> None:
        may = self.signable()
        by_grant = [each for each in may if each[1].role != each[2]]
        self.click(*data.draw(st.sampled_from((as_delegate and by_grant) or may)))

    def signable(self) -> list[tuple[Version, User, str]]:
        return [
            (version, user, role)
            for version in self.in_state("sent")
            for role in version.missing
            for user in self.users
            if self.is_signable(user, role, version)
        ]

    @rule(
        data=st.data(),
        wrong=st.sampled_from(["", "", "", "person", "digest", "nonce", "somebody's", "old"]),
    )
    @precondition(lambda self: self.in_state("sent"))
    def sign(self, data: st.DataObject, wrong: str) -> None:
        version = data.draw(st.sampled_from(self.in_state("sent")))
        role = data.draw(st.sampled_from([*version.roles, *(["rep"] if wrong == "person" else [])]))
        may = [user for user in self.users if wrong != "person" and self.may_sign(user, role, version)]
        self.click(version, data.draw(st.sampled_from(may or self.users)), role, wrong)

    def click(self, version: Version, user: User, role: str, wrong: str = "") -> None:
        version.row.refresh_from_db()
        giver = self.revops if wrong == "somebody's" else user
        nonce = challenge(version=version.row, by=giver, at=self.at)
        done = self.attempt(
            lambda: sign(
                version=version.row,
                role=role,
                displayed_digest=version.row.previous_digest if wrong == "digest" else version.row.digest,
                nonce="guessed" if wrong == "nonce" else nonce,
                authentication=Authentication(
                    self.at - timedelta(minutes=6 * (wrong == "old")), ("password",)
                ),
                ip=None,
                user_agent="",
                by=user,
                at=self.at,
            ),
            allowed=wrong in ("", "person") and self.is_signable(user, role, version),
        )
        if done is None:
            return
        version.signed[role] = user.pk
        if not version.missing:
            if version.kind != "delegation" and (before := self.of(version.kind, "in_force")):
                before.state = "superseded"
            version.state = "in_force"

    @rule(data=st.data(), reason=st.sampled_from(["", "No"]))
    @precondition(lambda self: self.in_state("sent"))
    def decline(self, data: st.DataObject, reason: str) -> None:
        version, user, role = self.drawn(data, self.in_state("sent"))
        allowed = (
            bool(reason)
            and version.state == "sent"
            and role in version.missing
            and self.may_sign(user, role, version)
        )
        act = lambda: decline(version=version.row, role=role, reason=reason, by=user, at=self.at)  # noqa: E731
        if self.attempt(act, allowed=allowed):
            version.state = "declined"

    @rule(data=st.data(), reason=st.sampled_from(["", "No"]))
    @precondition(lambda self: self.versions)
    def withdraw(self, data: st.DataObject, reason: str) -> None:
        version, user, _ = self.drawn(data)
        by = data.draw(st.sampled_from([self.revops, user]))
        act = lambda: withdraw(version=version.row, reason=reason, by=by, at=self.at)  # noqa: E731
        allowed = bool(reason) and version.state == "sent" and by is self.revops
        if self.attempt(act, allowed=allowed):
            version.state = "withdrawn"

    @rule(data=st.data())
    @precondition(lambda self: self.in_state("in_force"))
    def revoke(self, data: st.DataObject) -> None:
        version, user, role = self.drawn(data, self.in_state("in_force"))
        allowed = role in version.roles and (
            (user.is_active and version.signed.get(role) == user.pk) or self.may_sign(user, role, version)
        )
        act = lambda: revoke(version=version.row, role=role, reason="No", by=user, at=self.at)  # noqa: E731
        if self.attempt(act, allowed=allowed):
            version.state = "revoked"

    @rule(data=st.data())
    @precondition(lambda self: self.of("resting", "sent") and self.of("memo", "in_force"))
    def pull_the_ground_away(self, data: st.DataObject) -> None:
        """And try at once to sign what rests on it."""
        ground, resting = self.of("memo", "in_force"), self.of("resting", "sent")
        assert ground is not None and resting is not None
        may = [
            (user, role) for role in ground.roles for user in self.users if self.may_sign(user, role, ground)
        ]
        if not may:
            return
        user, role = data.draw(st.sampled_from(may))
        revoke(version=ground.row, role=role, reason="No", by=user, at=self.at)
        ground.state = "revoked"
        self.click(resting, user, role)

    @rule(
        data=st.data(),
        role=st.sampled_from(["cro", "cmo"]),
        days=st.integers(0, 4),
        wait=st.sampled_from([0, 0, 1]),
        fits=st.sampled_from([True, True, False]),
    )
    def delegate(self, data: st.DataObject, role: str, days: int, wait: int, fits: bool) -> None:
        """Somebody else of the people lets another one sign; where it `fits`, the holder signs it at once."""
        active = [user for user in self.users if user.is_active]
        holders = [user for user in active if user.role == role]
        if fits and not (holders and len(active) > 1):
            return
        holder = data.draw(st.sampled_from(holders if fits else self.users))
        others = [user for user in active if user is not holder]
        delegate = data.draw(st.sampled_from(others if fits else self.users))
        since = self.at.date() + timedelta(days=wait)
        until = since + timedelta(days=days)
        row = self.attempt(
            lambda: grant(
                role=role,
                holder=holder,
                delegate=delegate,
                from_on=since,
                until_on=until,
                reason="Leave",
                by=self.revops,
                at=self.at,
            ),
            allowed=holder in holders and delegate.is_active and holder is not delegate,
        )
        if row is not None:
            version = Version(row, "delegation", "", "sent", until)
            version.role, version.holder, version.delegate, version.since = (
                role,
                holder.pk,
                delegate.pk,
                since,
            )
            self.versions[row.pk] = version
            if fits:
                self.click(version, holder, role)

    @rule(data=st.data(), role=st.sampled_from(ROLES), is_active=st.sampled_from([True, True, True, False]))
    def change_people(self, data: st.DataObject, role: str, is_active: bool) -> None:
        user = data.draw(st.sampled_from(self.users))
        user.role, user.is_active = role, is_active
        user.save(update_fields=["role", "is_active"])

    @rule(hours=st.sampled_from([1, 20, 72]))
    def let_time_pass(self, hours: int) -> None:
        self.at += timedelta(hours=hours)
        due = [
            each
            for each in self.versions.values()
            if each.state == "in_force" and each.until and each.until < self.at.date()
        ]
        assert expire(at=self.at) == len(due)
        for version in due:
            version.state = "expired"

    def drawn(self, data: st.DataObject, versions: list[Version] | None = None) -> tuple[Version, User, str]:
        version = data.draw(st.sampled_from(versions or list(self.versions.values())))
        user = data.draw(st.sampled_from(self.users))
        return version, user, data.draw(st.sampled_from([*version.roles, "rep"]))

    # --- what must always be so ----------------------------------------------------------------------
    @invariant()
    def every_version_is_in_the_state_that_the_model_says(self) -> None:
        with connection.cursor() as cursor:
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE; SET CONSTRAINTS ALL DEFERRED")
        states = dict(ArtifactVersion.objects.values_list("pk", "state"))
        assert states == {pk: version.state for pk, version in self.versions.items()}

    @invariant()
    def a_signature_covers_the_content_that_was_sent(self) -> None:
        digests = dict(ArtifactVersion.objects.values_list("pk", "digest"))
        for signature in Signature.objects.select_related("version"):
            version, known = signature.version, self.versions[signature.version_id]
            envelope = json.loads(version.envelope)
            assert signature.digest == version.digest == digest_of(envelope)
            assert digest_of(envelope["content"]) == digest_of(version.content)
            if known.kind != "delegation":
                assert digest_of(envelope["content"]["text"]) == digest_of(known.text)
            grounds = [digests[ground] for ground in known.grounds]
            assert [each["digest"] for each in envelope["rests_on"]] == grounds

    @invariant()
    def signers_are_those_of_the_model_and_distinct(self) -> None:
        found: dict[int, dict[str, int]] = {pk: {} for pk in self.versions}
        for pk, role, signer in Signature.objects.values_list("version", "role", "signer"):
            assert signer not in found[pk].values()
            found[pk][role] = signer
        assert found == {pk: version.signed for pk, version in self.versions.items()}

    @invariant()
    def nothing_unsigned_is_in_force_and_one_at_most(self) -> None:
        for kind in SIGNERS:
            expected, found = self.of(kind, "in_force"), in_force(kind, "1")
            assert (found and found.pk) == (expected and expected.row.pk)
            if found is not None:
                under = found.signatures.filter(digest=found.digest).values_list("role", flat=True)
                assert set(under) == set(SIGNERS[kind])

    @invariant()
    def stale_grounds_are_those_that_went_out_of_force(self) -> None:
        for version in self.versions.values():
            if version.grounds:
                gone = [ground for ground in version.grounds if self.versions[ground].state != "in_force"]
                assert [each.ground_id for each in stale_grounds(version.row, at=self.at)] == gone

    @invariant()
    def what_waits_for_a_person_can_be_signed_by_them(self) -> None:
        for user in getattr(self, "users", ())[len(self.versions) % 5 :][:1]:
            found = {(waiting.version.pk, waiting.role) for waiting in waiting_for(user, at=self.at)}
            expected = {(each.row.pk, role) for each, person, role in self.signable() if person is user}
            assert found == expected

    @invariant()
    def every_end_and_beginning_is_in_the_chain(self) -> None:
        chained = set(
            ChainEntry.objects.exclude(kind__in=["key", "sent", "signed"]).values_list("version", "kind")
        )
        ended = {"in_force", "superseded", "expired", "revoked", "declined", "withdrawn"}
        for pk, version in self.versions.items():
            if version.state in ended:
                assert (pk, version.state) in chained


@pytest.fixture
def kinds(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(
        renditions, "make", lambda *args, **more: None
    )  # setting type is slow and tested elsewhere
    monkeypatch.setattr(renditions, "overflow", lambda *args, **more: None)
    with kind_of(), kind_of("ordered", in_order=True), kind_of("resting"):
        yield


@pytest.mark.django_db
@pytest.mark.usefixtures("kinds")
def test_no_order_of_acts_leads_astray(examples: Callable[[int, int], int]) -> None:
    run(
        Signing,
        settings=settings(
            max_examples=examples(6, 200),
            stateful_step_count=examples(25, 50),
            deadline=None,
            database=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
