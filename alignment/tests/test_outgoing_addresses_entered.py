"""An address that nothing can be sent to is refused when it is entered, as far as that can be known then."""

from __future__ import annotations

from typing import Any

import pytest

from alignment.outbox.addresses import Refused, check_entry


@pytest.mark.parametrize(
    "address",
    [
        "http://crm.example.com/hook",
        "http://10.0.0.5/x",
        "https://10.0.0.5/x",
        "https://[::1]/x",
        "https://127.0.0.1/",
    ],
)
def test_addresses_that_are_not_public_are_refused_at_once(address: str, settings: Any) -> None:
    settings.OUTGOING_ALLOWED_NETWORKS = []
    with pytest.raises(Refused):
        check_entry(address)


@pytest.mark.parametrize("address", ["https://crm.example.com/hook", "https://1.1.1.1/hook"])
def test_public_addresses_are_taken(address: str, settings: Any) -> None:
    settings.OUTGOING_ALLOWED_NETWORKS = []
    check_entry(address)


def test_what_the_operator_allows_is_taken_and_nothing_beside_it(settings: Any) -> None:
    settings.OUTGOING_ALLOWED_NETWORKS = ["127.0.0.0/8"]
    check_entry("http://127.0.0.1:9000/hook")
    check_entry("http://crm.internal/hook")
    with pytest.raises(Refused):
        check_entry("http://10.0.0.5/x")
