"""Steps that apps register and the core runs in order, without importing them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class OrderedSteps(Generic[T]):
    """What happens one after the other to a `T`. Filled in `AppConfig.ready`; a name is registered once."""

    def __init__(self) -> None:
        self._steps: list[tuple[int, str, Callable[[T], None]]] = []

    def add(self, step: Callable[[T], None], *, order: int, name: str) -> Callable[[T], None]:
        """Lower orders run first; of a name that is there already the first step stays."""
        if all(known != name for _, known, _ in self._steps):
            self._steps.append((order, name, step))
            self._steps.sort(key=lambda entry: entry[0])
        return step

    def run(self, about: T) -> None:
        for _, _, step in self._steps:
            step(about)
