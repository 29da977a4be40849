"""Domains that many companies share, and relays of addresses, are suffixes now: keys under them are computed anew,
and whoever was matched by one is matched again."""

from django.db import migrations

from alignment.matching.sql import compute_again_under, install_again

# The domains under which suffixes came that the functions did not know before.
DOMAINS = (
    "onmicrosoft.com", "onmicrosoft.us", "onmicrosoft.de", "onmschina.cn", "sharepoint.com", "github.com",
    "gitlab.com", "appleid.com", "firefox.com", "amazon.com", "amazon.co.uk", "amazon.de", "amazon.fr", "amazon.it",
    "amazon.es", "booking.com", "airbnb.com", "ebay.com",
)  # fmt: skip


class Migration(migrations.Migration):
    dependencies = [("alignment", "0034_names_of_keys")]

    operations = [install_again(), compute_again_under(*DOMAINS)]
