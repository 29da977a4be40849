"""What a login is called: printed beside its signatures from then on; those given before keep their name."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction

from alignment.models import User
from alignment.services.authority import require_revops
from alignment.services.history import save_with_history
from alignment.services.organisation import NothingChanged


@transaction.atomic
def rename_login(*, user: User, name: str, title: str, reason: str, by: User | None, at: datetime) -> User:
    """Correct the name or the title of a login; `reason` is kept in its history.

    Raises OnlyRevOps, NothingChanged, or ValidationError (no name, too long).
    """
    require_revops(by, "Logins")
    user = User.objects.select_for_update(of=("self",), no_key=True).get(pk=user.pk)
    name, title = name.strip(), title.strip()
    if (user.name, user.title) == (name, title):
        raise NothingChanged("Nothing is different from what is set already.")
    user.name, user.title = name, title
    user.clean_fields(exclude=["password"])
    save_with_history(user, reason=reason.strip() or "name or title corrected", by=by, at=at)
    return user
