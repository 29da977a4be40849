"""From the inbox to leads, cycles, owners and clocks, a batch at a time (see `drain` and `apply`)."""

from alignment.pipeline.batch import Batch
from alignment.pipeline.drain import drain, replay
from alignment.pipeline.records import apply_events, refold, refold_leads
from alignment.pipeline.registry import drain_step

__all__ = ["Batch", "apply_events", "drain", "drain_step", "refold", "refold_leads", "replay"]
