"""Somebody with the whole database, every page of its files and every log tries to tell who answered what.

The attacker also knows in which order people were mailed and in which order they answered, as the log of a mail server
and a look over the shoulder would tell. A guess names a row for a person. It counts as right if the row is that
person's, even where the row itself could not be read: harder on the survey than it needs to be.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from django.db import connection

PEOPLE, FULL_RUNS = 40, 25


@dataclass(frozen=True)
class Row:
    """A row version as the pages of a table hold it, dead ones included. `xmax` 0: nobody deleted it."""

    block: int
    item: int
    xmin: int
    xmax: int
    content: bytes


@dataclass(frozen=True)
class Loot:
    """What the attacker has of one survey. Orders hold numbers of people."""

    mail_order: Sequence[int]
    answer_order: Sequence[int]
    tokens_at_launch: Sequence[Row]
    tokens: Sequence[Row]
    answers: Sequence[Row]
    live_answers: Sequence[bytes]
    answer_file: bytes


Guess = dict[int, bytes]
Strategy = Callable[[Loot], Guess]


def pages_of(table: str, width: int) -> list[Row]:
    """Every row version in the pages of a table whose first column is a bytea of `width` bytes."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"""
            SELECT block, lp, t_xmin::text::bigint, t_xmax::text::bigint, t_data
            FROM generate_series(0, pg_relation_size('{table}') / 8192 - 1) block,
                 LATERAL heap_page_items(get_raw_page('{table}', block::int))
            WHERE t_data IS NOT NULL ORDER BY block, lp
            """  # noqa: S608
        )
        return [
            Row(block, item, xmin, xmax, bytes(content)[1 : width + 1])
            for block, item, xmin, xmax, content in cursor.fetchall()
        ]


def file_of(table: str) -> bytes:
    with connection.cursor() as cursor:
        cursor.execute("CHECKPOINT")
        cursor.execute("SELECT pg_read_binary_file(pg_relation_filepath(%s))", [table])
        return bytes(cursor.fetchone()[0])


def paired(people: Sequence[int], contents: Sequence[bytes]) -> Guess:
    return dict(zip(people, contents, strict=False))


def distinct(rows: Sequence[Row]) -> list[bytes]:
    return list(dict.fromkeys(row.content for row in rows))


def by_transaction(loot: Loot) -> Guess:
    """The rank of answers by xmin is the order in which people answered."""
    rows = [row for row in loot.answers if row.xmax == 0]
    return paired(loot.answer_order, distinct(sorted(rows, key=lambda row: (row.xmin, row.block, row.item))))


def by_place(loot: Loot) -> Guess:
    """The rank by ctid is."""
    rows = [row for row in loot.answers if row.xmax == 0]
    return paired(loot.answer_order, distinct(sorted(rows, key=lambda row: (row.block, row.item))))


def by_dead_rows(loot: Loot) -> Guess:
    """The rank of all versions that pages still hold is, deleted ones first seen when they were made."""
    return paired(
        loot.answer_order, distinct(sorted(loot.answers, key=lambda row: (row.xmin, row.block, row.item)))
    )


def by_file(loot: Loot) -> Guess:
    """The place of the bytes in the file is: pages are filled from their end."""
    places = {
        content: (place // 8192, -(place % 8192))
        for content in loot.live_answers
        if (place := loot.answer_file.find(content)) >= 0
    }
    return paired(loot.answer_order, sorted(places, key=lambda content: places[content]))


def by_invitation(loot: Loot) -> Guess:
    """Answers lie in the order of the invited addresses."""
    return paired(sorted(loot.answer_order), list(loot.live_answers))


def by_token_and_answer(loot: Loot) -> Guess:
    """A used token was deleted or changed by the transaction that made the answer; tokens lie in the order of mails."""
    persons = {content: person for person, content in tokens_by_place(loot).items()}
    used = {row.xmax: row.content for row in loot.tokens if row.xmax} | {
        row.xmin: row.content for row in loot.tokens if not row.xmax
    }
    return {
        persons[used[row.xmin]]: row.content
        for row in loot.answers
        if row.xmin in used and used[row.xmin] in persons
    }


def tokens_by_place(loot: Loot) -> Guess:
    """Tokens lie in the order of mails."""
    rows = sorted(loot.tokens_at_launch, key=lambda row: (row.block, row.item))
    return paired(loot.mail_order, distinct(rows))


def tokens_by_transaction(loot: Loot) -> Guess:
    """Tokens were made in the order of mails."""
    rows = sorted(loot.tokens_at_launch, key=lambda row: (row.xmin, row.block, row.item))
    return paired(loot.mail_order, distinct(rows))


ON_ANSWERS: Mapping[str, Strategy] = {
    "xmin of answers": by_transaction,
    "ctid of answers": by_place,
    "dead rows": by_dead_rows,
    "bytes of the file": by_file,
    "order of invitations": by_invitation,
    "transaction of token and answer": by_token_and_answer,
}
ON_TOKENS: Mapping[str, Strategy] = {
    "ctid of tokens": tokens_by_place,
    "xmin of tokens": tokens_by_transaction,
}


def score(loot: Loot, answer_of: Mapping[int, bytes], token_of: Mapping[int, bytes]) -> dict[str, int]:
    """Right guesses per strategy."""
    found = {}
    for strategies, truth in ((ON_ANSWERS, answer_of), (ON_TOKENS, token_of)):
        for name, strategy in strategies.items():
            guess = strategy(loot)
            found[name] = sum(truth[person] == content for person, content in guess.items())
    return found
