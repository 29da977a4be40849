"""What the environment says of this installation; the other settings ask for it."""

import os
import zoneinfo
from pathlib import Path

# One time-zone database everywhere: the pinned tzdata package. The system's files lag by months.
zoneinfo.reset_tzpath([])

BASE_DIR = Path(__file__).resolve().parents[2]
DATA_DIR = Path(os.environ.get("DATA_DIR", BASE_DIR / ".run" / "data"))


def is_on(name: str, default: str = "0") -> bool:
    """Whether a variable says yes: 1, true, yes or on."""
    return os.environ.get(name, default).lower() in {"1", "true", "yes", "on"}


DEBUG = is_on("DEBUG")
PRODUCTION = is_on("PRODUCTION")
SECRET_KEY = os.environ.get("SECRET_KEY", "")
if not SECRET_KEY:
    if PRODUCTION:
        raise RuntimeError("Set SECRET_KEY to a long random string: PRODUCTION=1 does not start without one.")
    SECRET_KEY = "only-for-development-" + "x" * 40
# Earlier keys: they sign and encrypt nothing new, but what they did is still believed and opened.
SECRET_KEY_FALLBACKS = [key for key in os.environ.get("SECRET_KEY_FALLBACKS", "").split(",") if key]
# Keys under which people were erased, and that are to be believed for nothing else any more.
ERASURE_KEYS = [key for key in os.environ.get("ERASURE_KEYS", "").split(",") if key]
BASE_URL = os.environ.get("BASE_URL", "http://127.0.0.1:8000").rstrip("/")
