"""The ordered registry of drain steps. Apps register theirs in `AppConfig.ready`; the core imports none of them."""

from __future__ import annotations

from collections.abc import Callable

from alignment.ordered_steps import OrderedSteps
from alignment.pipeline.batch import Batch

Step = Callable[[Batch], None]

_steps: OrderedSteps[Batch] = OrderedSteps()


def drain_step(*, order: int, name: str) -> Callable[[Step], Step]:
    """Register what happens to a batch of facts after they are folded into records: lower orders first."""

    def register(step: Step) -> Step:
        return _steps.add(step, order=order, name=name)

    return register


def run_steps(batch: Batch) -> None:
    _steps.run(batch)
