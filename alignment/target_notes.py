"""What is to be said wherever the pipeline target is shown, such as that it is under renegotiation."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class TargetNote:
    """`text`: one or two sentences; `url`: the page that says why."""

    text: str
    url: str


Provider = Callable[[], TargetNote | None]
_provider: list[Provider] = []


def target_note_provider(provider: Provider) -> Provider:
    """Register who knows whether the signed target stands as it is (None: it does)."""
    _provider[:] = [provider]
    return provider


def target_note() -> TargetNote | None:
    """What to say beside the target today."""
    return _provider[0]() if _provider else None
