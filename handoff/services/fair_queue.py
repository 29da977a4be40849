"""Weighted round robin as a fair queue: the lowest turn gets the lead and moves on by STRIDE / weight.

With equal weights and everyone eligible, counts never differ by more than one. Somebody who was away comes back at
the pool's present turn: no flood of leads to catch up, none lost. (Stride scheduling; whole numbers throughout.)
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from handoff.models import STRIDE, Leave, Pool, PoolMember
from handoff.queries.eligibility import why_skipped


@dataclass
class Pick:
    member: PoolMember | None
    considered: list[dict[str, Any]]


def pick(
    pool: Pool, members: Sequence[PoolMember], leaves: Mapping[int, Sequence[Leave]], at: datetime
) -> Pick:
    """Choose the next member and move turns on (in memory: the caller holds the pool's lock and saves).

    Closed hours skip nobody: the turn goes on at night.
    """
    considered, eligible = [], []
    for member in members:
        skipped = why_skipped(member, leaves.get(member.person_id, ()), at)
        considered.append(
            {
                "person": member.person.name,
                "person_id": member.person_id,
                "weight": member.weight,
                "received": member.received,
                "turn": max(member.turn, pool.virtual_time),
                "skipped": skipped,
            }
        )
        if not skipped:
            eligible.append(member)
    if not eligible:
        return Pick(None, considered)
    chosen = min(eligible, key=lambda m: (max(m.turn, pool.virtual_time), -m.weight, m.pk))
    pool.virtual_time = max(chosen.turn, pool.virtual_time)
    chosen.turn = pool.virtual_time + STRIDE // chosen.weight
    chosen.received += 1
    return Pick(chosen, considered)
