"""The box: digests of links not used yet, and sealed answers. All SQL on the database schema `survey` is here.

Whenever something goes in or out, both tables are written anew: emptied by TRUNCATE into fresh files and filled in
random order by one statement each, every answer sealed afresh. So at no time do rows differ by transaction (xmin) or
tell an order by their place (ctid), and no dead rows remain. Where that is not possible because a backup is reading
the tables, the row goes in alone, still sealed, and `stir` does the rest soon after.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from random import SystemRandom
from typing import Any

from django.db import OperationalError, connection, transaction

from scorecard.survey import sealing

_random = SystemRandom()
_LOCK = "LOCK TABLE survey.token, survey.answer, survey.box_key IN ACCESS EXCLUSIVE MODE"
_LOCK_NOT_AVAILABLE = "55P03"


class BoxBusy(Exception):
    """A backup is reading the box, which cannot be emptied meanwhile."""


@dataclass(frozen=True)
class Ballot:
    """One answer as it is counted. `group`: a function that may be shown alone, or empty for the rest."""

    group: str
    values: tuple[int, ...]


@transaction.atomic
def prepare() -> None:
    """Empty the box and give it a new key. Raises BoxBusy."""
    empty()
    _run("INSERT INTO survey.box_key (wrapped) VALUES (%s)", [sealing.new_key()])


@transaction.atomic
def empty() -> None:
    """Forget tokens, answers and their key. Raises BoxBusy."""
    _lock_or_raise(seconds=5)
    _run("TRUNCATE survey.token, survey.answer, survey.box_key")


@transaction.atomic
def add_tokens(digests: Mapping[bytes, str]) -> None:
    """Make further links valid: {digest: group}."""
    added = list(digests.items())
    if _lock(seconds=1):
        _write_tokens([*_tokens(), *added])
    else:
        _insert_tokens(added)


@transaction.atomic
def replace_tokens(digests: Mapping[bytes, str]) -> None:
    """Make these links valid and no others. Raises BoxBusy."""
    _lock_or_raise(seconds=5)
    _write_tokens(list(digests.items()))


def hold() -> None:
    """Keep everybody else out of the box until the transaction ends. Raises BoxBusy."""
    _lock_or_raise(seconds=5)


def is_valid(digest: bytes) -> bool:
    return bool(_rows("SELECT FROM survey.token WHERE digest = %s", [digest]))


@transaction.atomic
def put(digest: bytes, values: Sequence[int], groups: Sequence[str]) -> bool:
    """Exchange a token for an answer; False where the token is not valid, or was used meanwhile.

    `groups`: the survey's groups in order. Nothing here says whose token it was: the row only knows its group.
    """
    is_alone = _lock(seconds=1)
    taken = _rows("DELETE FROM survey.token WHERE digest = %s RETURNING answers_as", [digest])
    if not taken:
        return False
    key = _key()
    sealed = sealing.seal(_number(taken[0][0], groups), values, key)
    if is_alone:
        _write_tokens(_tokens())
        _write_answers([*_sealed_afresh(key), sealed])
    else:
        _run("INSERT INTO survey.answer (sealed) VALUES (%s)", [sealed])
    return True


def stir() -> bool:
    """Write the box anew if something went in alone. False where nothing had to be done, or a backup is reading."""
    # asked before the transaction: to read first and lock then is how two of these would wait for each other
    found = _rows(
        """
        SELECT (SELECT count(DISTINCT xmin::text) FROM survey.answer) > 1
            OR (SELECT count(DISTINCT xmin::text) FROM survey.token) > 1
            OR (SELECT min(xmin::text) FROM survey.answer) <> (SELECT min(xmin::text) FROM survey.token)
        """
    )
    return bool(found[0][0]) and _stir()


@transaction.atomic
def _stir() -> bool:
    if not _lock(seconds=1):
        return False
    _write_tokens(_tokens())
    _write_answers(_sealed_afresh(_key()))
    return True


def is_untouched() -> bool:
    """Whether nobody has answered yet."""
    return not _rows("SELECT FROM survey.answer LIMIT 1")


def has_at_least(count: int) -> bool:
    return len(_rows("SELECT FROM survey.answer LIMIT %s", [count])) == count


def ballots(groups: Sequence[str]) -> list[Ballot]:
    """Every answer, opened, in random order; in memory only. Locks the box for the transaction. Raises BoxBusy."""
    _lock_or_raise(seconds=5)
    key = _key()
    names = ("", *groups)
    opened = [sealing.unseal(sealed, key) for sealed in _answers()]
    _random.shuffle(opened)
    return [Ballot(names[number], values) for number, values in opened]


def _number(group: str, groups: Sequence[str]) -> int:
    return groups.index(group) + 1 if group in groups else 0


def _key() -> bytes:
    found = _rows("SELECT wrapped FROM survey.box_key")
    if not found:
        raise sealing.Unreadable(
            "The box is empty, as after a restore of half a survey. Withdraw the survey."
        )
    return sealing.unwrap(bytes(found[0][0]))


def _tokens() -> list[tuple[bytes, str]]:
    return [(bytes(digest), group) for digest, group in _rows("SELECT digest, answers_as FROM survey.token")]


def _answers() -> list[bytes]:
    return [bytes(row[0]) for row in _rows("SELECT sealed FROM survey.answer")]


def _sealed_afresh(key: bytes) -> list[bytes]:
    opened = [sealing.unseal(sealed, key) for sealed in _answers()]
    return [sealing.seal(group, values, key) for group, values in opened]


def _write_tokens(tokens: list[tuple[bytes, str]]) -> None:
    _run("TRUNCATE survey.token")
    _insert_tokens(tokens)


def _insert_tokens(tokens: list[tuple[bytes, str]]) -> None:
    _random.shuffle(tokens)
    _run(
        "INSERT INTO survey.token (digest, answers_as) SELECT * FROM unnest(%s::bytea[], %s::text[])",
        [[digest for digest, _ in tokens], [group for _, group in tokens]],
    )


def _write_answers(sealed: list[bytes]) -> None:
    _random.shuffle(sealed)
    _run("TRUNCATE survey.answer")
    _run("INSERT INTO survey.answer (sealed) SELECT * FROM unnest(%s::bytea[])", [sealed])


def _lock_or_raise(*, seconds: int) -> None:
    if not _lock(seconds=seconds):
        raise BoxBusy("A backup of the database is running. Try again when it is done.")


def _lock(*, seconds: int) -> bool:
    """Have the box alone until the transaction ends; False if a backup holds it for longer than `seconds`."""
    try:
        with transaction.atomic():
            _run("SELECT set_config('lock_timeout', %s, true)", [f"{seconds}s"])
            _run(_LOCK)
            _run("SELECT set_config('lock_timeout', '0', true)")
    except OperationalError as problem:
        if getattr(problem.__cause__, "pgcode", None) != _LOCK_NOT_AVAILABLE:
            raise
        return False
    return True


def _run(statement: str, values: Iterable[Any] = ()) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement, list(values))


def _rows(statement: str, values: Iterable[Any] = ()) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(statement, list(values))
        found: list[tuple[Any, ...]] = cursor.fetchall()
        return found
