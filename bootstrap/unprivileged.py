"""Whom PostgreSQL runs as: it refuses to be started by root."""

import os
import pwd
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from bootstrap.console import SetUpFailed

NOBODY = 65534
AS_ANOTHER_USER = ("unshare", "--user", "--map-user=1000", "--map-group=1000", "--")


@dataclass(frozen=True)
class Account:
    """A way to run a program: as we are, as root that sees itself as user 1000, or as one root drops to."""

    prefix: tuple[str, ...] = ()
    uid: int | None = None
    gid: int | None = None

    def run(
        self, argv: Sequence[str], *, env: Mapping[str, str], text_input: str | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Run to the end in the root folder, output and errors together; the caller reads the exit status.

        The programs get a session of their own, so that Ctrl-C reaches the database last.
        """
        return subprocess.run(
            [*self.prefix, *argv],
            env=dict(env),
            cwd="/",
            input=text_input if text_input is not None else "",
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            start_new_session=True,
            user=self.uid,
            group=self.gid,
            extra_groups=None if self.uid is None else [],
        )

    def reaches(self, folder: Path) -> bool:
        """Whether this account can enter the folder; always so unless root drops to another user."""
        if self.uid is None:
            return True
        return self.run(["/bin/sh", "-c", 'cd -- "$1"', "sh", str(folder)], env={}).returncode == 0

    def take(self, folder: Path) -> None:
        """Hand a folder and what is in it to this account."""
        if self.uid is not None and self.gid is not None:
            for path in [folder, *folder.rglob("*")]:
                os.chown(path, self.uid, self.gid, follow_symlinks=False)


def choose_account(owner: int | None, *, env: Mapping[str, str]) -> Account:
    """The account for a cluster that belongs to user number ``owner``, or for a new one (None).

    Raises SetUpFailed when it belongs to somebody else and we are not root.
    """
    if os.geteuid() != 0:
        if owner not in (None, os.geteuid()):
            raise SetUpFailed(
                f"The database in this data folder belongs to user number {owner}.\n"
                "Start as that user, or name a folder of your own:  python3 run.py --data ~/alignment"
            )
        return Account()
    if owner in (None, 0) and _can_appear_as_another_user(env):
        return Account(prefix=AS_ANOTHER_USER)
    uid = owner or NOBODY
    try:
        return Account(uid=uid, gid=pwd.getpwuid(uid).pw_gid)
    except KeyError:
        return Account(uid=uid, gid=uid)


def _can_appear_as_another_user(env: Mapping[str, str]) -> bool:
    """Containers often forbid user namespaces; there is no way to know but to try."""
    if shutil.which(AS_ANOTHER_USER[0], path=env.get("PATH")) is None:
        return False
    return Account(prefix=AS_ANOTHER_USER).run(["true"], env=env).returncode == 0
