"""Names and figures from which the demo's leads are made. All of them are invented."""

from __future__ import annotations

FIRST_NAMES = (
    "Amelie", "Ben", "Chiara", "Dmitri", "Elena", "Farid", "Greta", "Hugo", "Ines", "Jakub", "Katrin", "Liam",
    "Maya", "Noah", "Olivia", "Pavel", "Quentin", "Rosa", "Samir", "Tessa", "Umar", "Vera", "Wim", "Yara", "Zoe",
)  # fmt: skip
LAST_NAMES = (
    "Albrecht", "Berg", "Castillo", "Dubois", "Evans", "Fischer", "Garcia", "Huber", "Ivanova", "Jansen", "Keller",
    "Larsen", "Moreau", "Novak", "Ortiz", "Perez", "Quinn", "Ricci", "Santos", "Turner", "Ulrich", "Vermeer", "Wong",
)  # fmt: skip
COMPANY_HEADS = (
    "Alpine", "Baltic", "Cobalt", "Delta", "Ember", "Fjord", "Granite", "Harbour", "Iron Bridge", "Juniper",
    "Kestrel", "Lakeside", "Meridian", "North Star", "Orchard", "Pinewood", "Quarry", "Redwood", "Silverline",
    "Tidewater", "Upland", "Vantage", "Westgate", "Yellowstone",
)  # fmt: skip
COMPANY_TAILS = ("Logistics", "Foods", "Automotive", "Packaging", "Pharma", "Textiles", "Machinery", "Retail")
TITLES = (
    "Head of Operations", "Plant Manager", "VP Supply Chain", "Automation Engineer", "COO", "Warehouse Director",
    "Production Planner", "Head of Procurement",
)  # fmt: skip
PRODUCTS = ("Picker arm", "Pallet robot", "Fleet software")

# campaign id: name, channel, share of leads
CAMPAIGNS = {
    "CMP-PAID": ("Paid search: warehouse robots", "paid_search", 22),
    "CMP-ORG": ("Organic search", "organic_search", 14),
    "CMP-WEB": ("Webinar: picking without people", "webinar", 13),
    "CMP-FAIR": ("Trade fair: LogiTech Hannover", "event", 9),
    "CMP-GUIDE": ("Guide: robots in 90 days", "content", 14),
    "CMP-MAIL": ("Newsletter", "email", 8),
}
# channels without a campaign, with their share; some leads come without an origin
OTHER_CHANNELS = {"demo_request": 8, "partner": 5, "referral": 4, "outbound": 3, "": 3}

# segment: share of leads, smallest and largest deal in whole euros, countries
SEGMENTS = {
    "smb": (45, 4_000, 18_000, ("DE", "US", "ES", "IT", "NL", "AU", "SG")),
    "mid_market": (35, 20_000, 80_000, ("DE", "FR", "US", "GB", "PL", "CA")),
    "enterprise": (20, 90_000, 320_000, ("DE", "US", "GB", "FR")),
}
# intent: share of leads; the first two are high intent in the agreement
INTENTS = {"demo_request": 18, "pricing": 14, "webinar": 24, "content": 28, "newsletter": 16}

# Leads per hour of a working day in Berlin: a morning, a lunch break, and the Americas in the afternoon.
HOURS = (1, 1, 1, 1, 1, 1, 2, 4, 8, 11, 12, 10, 6, 8, 12, 13, 13, 11, 8, 6, 5, 4, 3, 2)

STAGES = ("Discovery", "Evaluation", "Proposal", "Negotiation")
WON, LOST = "Closed Won", "Closed Lost"
