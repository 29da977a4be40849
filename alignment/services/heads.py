"""Signing the end of the chain, and mailing it to people who keep it: the witnesses."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Q

from alignment.artifacts.canonical import canonical
from alignment.artifacts.events import stamp
from alignment.models import (
    ChainEntry,
    ChainHead,
    Organisation,
    RefusalKind,
    Role,
    Signature,
    User,
    VersionState,
)
from alignment.notifications import notify
from alignment.services.chain import wait_for_the_chain
from alignment.services.server_key import key_in_use, private_key

WITNESSES = (Role.CRO, Role.CMO, Role.FINANCE)  # and whoever ever signed
DAILY = timedelta(days=1)
ENDED = (
    *RefusalKind.values,
    VersionState.SUPERSEDED,
    VersionState.EXPIRED,
)  # kinds of events that end a version


@transaction.atomic
def sign_head(*, at: datetime) -> ChainHead | None:
    """Sign the newest entry of the chain and mail that to the witnesses; None if its head is signed already.

    Called in the transaction of every last signature, after its last event. The statement names the head before it,
    so that no head can be taken out, and the witnesses, so that each knows of the others.
    """
    wait_for_the_chain()
    last = _newest_entry()
    before = ChainHead.objects.order_by("-entry").first()
    if last is None or (before and before.entry_id == last.sequence):
        return None
    key = key_in_use(at=at)
    entry = _newest_entry() or last  # a new key is an entry too
    witnesses = list(witnesses_now())
    statement = canonical(
        {
            "organisation": Organisation.get().name,
            "sequence": entry.sequence,
            "digest": entry.digest,
            "at": stamp(at),
            "key": key.name,
            "previous": before.entry_id if before else 0,
            "witnesses": [user.name for user in witnesses],
        }
    )
    head = ChainHead.objects.create(
        entry=entry,
        statement=statement.decode(),
        key=key,
        signature=private_key().sign(statement).hex(),
        signed_at=at,
        witnesses=json.loads(statement)["witnesses"],
    )
    _mail(head, witnesses, at=at)
    return head


def sign_daily_head(*, at: datetime) -> ChainHead | None:
    """Sign the head if the chain moved and its last head is a day old; earlier where a document came into force or
    ended since: was declined, withdrawn, revoked, superseded or expired.

    May be called as often as one likes.
    """
    if not ChainEntry.objects.exists():
        return None
    key_in_use(at=at)
    newest = ChainHead.objects.order_by("-entry").first()
    if newest and at - newest.signed_at < DAILY and not _is_overdue(newest):
        return None
    return sign_head(at=at)


def _is_overdue(newest: ChainHead) -> bool:
    """Whether a version ended since, or a last signature got no head, or its PDF was made later."""
    since = ChainEntry.objects.filter(sequence__gt=newest.entry_id)
    signed = Q(kind__in=["in_force", "rendered"], version__signed_at__isnull=False)
    return since.filter(Q(kind__in=ENDED) | signed).exists()


def witnesses_now() -> Iterable[User]:
    """Logins that are mailed every head: whoever ever signed, and who holds the offices that sign."""
    signed = Signature.objects.values("signer")
    people = User.objects.filter(is_active=True)
    return (people.filter(pk__in=signed) | people.filter(role__in=WITNESSES)).order_by("pk")


def witness_file(head: ChainHead) -> str:
    """What a witness keeps, as `--head` takes it: statement, signature, and the public key."""
    return json.dumps(
        {
            "statement": json.loads(head.statement),
            "signature": head.signature,
            "public": head.key.public,
        },
        ensure_ascii=False,
        indent=1,
    )


def _newest_entry() -> ChainEntry | None:
    return ChainEntry.objects.order_by("-sequence").first()


def _mail(head: ChainHead, witnesses: Iterable[User], *, at: datetime) -> None:
    told = json.loads(head.statement)
    notify(
        to=witnesses,
        key=f"head:{head.entry_id}",
        kind="head",
        subject=f"Please keep: record of what was signed at {told['organisation']}, entry {head.entry_id}",
        text=_TEXT.format(**told, signature=head.signature),
        url="/verify/",
        at=at,
        is_read=True,  # to be kept as a mail: nothing is to be done in the app
        attachments=[
            {
                "name": f"head-{head.entry_id}.json",
                "type": "application/json",
                "text": witness_file(head),
            }
        ],
    )


_TEXT = """\
You are a witness of what was signed. Keep this mail: nothing has to be done today.

Every signature, refusal and signed PDF is an entry in one chain, in which each entry seals all entries before it. \
This is its end at this moment, signed by the server:

Organisation  {organisation}
Entry         {sequence}
Digest        {digest}
Time (UTC)    {at}
Key           {key}
Signature     {signature}

If somebody ever doubts what was signed, give the attached file to whoever runs the server, or use it yourself:

  python manage.py verify_artifacts --head head-{sequence}.json     (on the server, all records)
  python verify.py bundle.zip --head head-{sequence}.json           (anywhere, one signed document)

A change, removal, insertion or reordering up to this entry no longer fits the digest above, even if somebody \
with full access to the database did it. What is added later is covered by the next mail.
"""
