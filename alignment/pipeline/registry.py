"""The ordered registry of drain steps. Apps register theirs in `AppConfig.ready`; the core imports none of them."""

from __future__ import annotations

from collections.abc import Callable

from alignment.pipeline.batch import Batch

Step = Callable[[Batch], None]

_steps: list[tuple[int, str, Step]] = []


def drain_step(*, order: int, name: str) -> Callable[[Step], Step]:
    """Register what happens to a batch of facts after they are folded into records: lower orders first."""

    def register(step: Step) -> Step:
        if all(known != name for _, known, _ in _steps):
            _steps.append((order, name, step))
            _steps.sort(key=lambda entry: entry[0])
        return step

    return register


def run_steps(batch: Batch) -> None:
    for _, _, step in _steps:
        step(batch)
