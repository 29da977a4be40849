"""The ordered registry of import steps: what drain steps do to a batch, for a chunk of history in SQL.

Apps register theirs in `AppConfig.ready`; the core imports none of them.
"""

from __future__ import annotations

from collections.abc import Callable

from alignment.merging.chunk import Chunk
from alignment.ordered_steps import OrderedSteps

Step = Callable[[Chunk], None]

_steps: OrderedSteps[Chunk] = OrderedSteps()


def import_step(*, order: int, name: str) -> Callable[[Step], Step]:
    """Register what happens to a chunk after its leads, touches and opportunities are written: lower orders first.

    A step finds the leads of the chunk in the temporary table `import_lead` (see alignment.merging.keys) and must
    leave every row as the drain steps would. What it cannot do in SQL it adds to `chunk.refold`.
    """

    def register(step: Step) -> Step:
        return _steps.add(step, order=order, name=name)

    return register


def run_steps(chunk: Chunk) -> None:
    _steps.run(chunk)
