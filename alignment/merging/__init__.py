"""History import: from drafts of facts to the ledger and its records, some ten thousand rows a statement."""

from alignment.merging.apply import merge
from alignment.merging.chunk import Chunk
from alignment.merging.registry import import_step
from alignment.merging.staging import Staged, Stager

__all__ = ["Chunk", "Staged", "Stager", "import_step", "merge"]
