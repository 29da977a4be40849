"""The queue in files, for one machine: kombu's, but a message is written whole or not at all.

kombu opens a message under its final name and then writes it, so a worker that looks at that moment reads half of it
and dies. Here it is written under another name and moved into place.
"""

from __future__ import annotations

import json
import os
import uuid
from time import monotonic
from typing import Any

from kombu.exceptions import ChannelError
from kombu.transport import TRANSPORT_ALIASES, filesystem

NAME = "alignment-files"


class Channel(filesystem.Channel):
    def _put(self, queue: str, message: Any, **_: Any) -> None:  # type: ignore[override]
        """Put a message onto a queue. The name sorts by time, as kombu's own do."""
        folder = self.data_folder_out
        name = f"{round(monotonic() * 1000)}_{uuid.uuid4()}.{queue}.msg"
        unfinished = os.path.join(folder, f".{uuid.uuid4()}.part")
        try:
            with open(unfinished, "wb") as file:
                file.write(json.dumps(message).encode())
            os.replace(unfinished, os.path.join(folder, name))
        except OSError as problem:
            raise ChannelError(f"Cannot add a message to {folder}") from problem


class Transport(filesystem.Transport):
    Channel = Channel


TRANSPORT_ALIASES[NAME] = f"{__name__}:Transport"
