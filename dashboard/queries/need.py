"""One thing that waits for somebody."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Need:
    """One thing that waits for somebody: how many, what, where to look (an address by name, the value of its one
    argument, its query; or its `url`). `is_for_others`: good to know, but this login cannot act on it."""

    code: str
    count: int | None
    text: str
    url_name: str
    query: str = ""
    is_urgent: bool = False
    argument: str = ""
    is_for_others: bool = False
    url: str = ""
