"""Who sourced leads and opportunities by rulings, beside the first touch: asked wherever figures are split by it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class RuledSources:
    """The function (marketing, sales or other) that the newest ruling says: by the id of a lead that is merged into
    no other one, and by the id of an opportunity, which goes before its lead's. What nobody ruled on is left out."""

    leads: Mapping[int, str] = field(default_factory=dict)
    opportunities: Mapping[int, str] = field(default_factory=dict)

    @property
    def parameters(self) -> dict[str, list[int] | list[str]]:
        """For SQL: ids and functions, to be unnested beside each other."""
        return {
            "ruled_leads": list(self.leads),
            "leads_by_ruling": list(self.leads.values()),
            "ruled_opportunities": list(self.opportunities),
            "opportunities_by_ruling": list(self.opportunities.values()),
        }


Provider = Callable[[], RuledSources]
_provider: list[Provider] = []


def ruled_sources_provider(provider: Provider) -> Provider:
    """Register who knows the rulings."""
    _provider[:] = [provider]
    return provider


def ruled_sources() -> RuledSources:
    """As ruled by now. The raw figures stay as the first touch has them."""
    return _provider[0]() if _provider else RuledSources()
