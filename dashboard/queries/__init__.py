"""What a person should know at a glance: what needs them, how the agreement is kept, whether the machinery runs."""

from dashboard.queries.figures import SentBack, agreement_in_force, loops, mqls_delivered, sent_back
from dashboard.queries.first_run import Step, first_steps, is_empty
from dashboard.queries.need import Need
from dashboard.queries.needs import before_data, needs

__all__ = [
    "Need",
    "SentBack",
    "Step",
    "agreement_in_force",
    "before_data",
    "first_steps",
    "is_empty",
    "loops",
    "mqls_delivered",
    "needs",
    "sent_back",
]
