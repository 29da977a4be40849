"""All routes of the product, its libraries' included, as the tables of expected answers name them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from django.urls import URLResolver, get_resolver

_PARAMETER = re.compile(r"\(\?P<(\w+)>(?:[^()]|\([^()]*\))*\)|<(?:\w+:)?(\w+)>")


@dataclass(frozen=True)
class Route:
    """`name` with its namespaces, or the pattern of the address where a route has no name."""

    name: str
    pattern: str

    @property
    def is_admin(self) -> bool:
        return self.pattern.startswith("admin/")

    def address(self, values: Mapping[str, str]) -> str:
        """An address that fits, with a value for each parameter; KeyError for one that `values` lacks."""
        filled = _PARAMETER.sub(lambda found: values[found[1] or found[2]], self.pattern)
        return "/" + filled.replace("^", "").replace("$", "")


def every_route() -> Iterator[Route]:
    yield from _walk(get_resolver().url_patterns)


def _walk(patterns: list[Any], namespace: str = "", prefix: str = "") -> Iterator[Route]:
    for pattern in patterns:
        path = f"{prefix}{pattern.pattern}"
        if isinstance(pattern, URLResolver):
            inner = f"{namespace}{pattern.namespace}:" if pattern.namespace else namespace
            yield from _walk(pattern.url_patterns, inner, path)
        else:
            yield Route(f"{namespace}{pattern.name}" if pattern.name else path, path)
