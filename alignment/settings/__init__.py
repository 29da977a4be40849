"""The settings by subject; what differs between machines comes from environment variables (see README, Production)."""

from alignment.settings.api import *
from alignment.settings.application import *
from alignment.settings.background import *
from alignment.settings.environment import *
from alignment.settings.intake import *
from alignment.settings.login import *
from alignment.settings.monitoring import *
from alignment.settings.outgoing import *
from alignment.settings.security import *
from alignment.settings.signing import *
from alignment.settings.storage import *
