"""Intake: what one delivery (bytes, levels, keys) and one import may hold, and how both are worked off."""

import os

from alignment.settings.environment import is_on

INTAKE_MAX_BYTES = 1024 * 1024
INTAKE_MAX_DEPTH = 32
INTAKE_MAX_KEYS = 20_000
DRAIN_BATCH = 1000
# more domains of mailboxes that anybody can open, separated by commas; the main providers are known
FREE_MAIL_DOMAINS = [name for name in os.environ.get("FREE_MAIL_DOMAINS", "").split(",") if name.strip()]
IMPORT_ROWS = int(os.environ.get("IMPORT_ROWS", "20000"))  # of a chunk: one transaction of an import
DRAIN_HINTS = is_on("DRAIN_HINTS", "1")  # a request that stored a delivery asks for a drain at once
IMPORT_MAX_BYTES = int(os.environ.get("IMPORT_MAX_MB", "1024")) * 1024 * 1024
