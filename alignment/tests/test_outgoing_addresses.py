"""Which addresses write-back may send to: nothing that is not public, however it is written or resolved."""

from __future__ import annotations

import socket
from typing import Any

import pytest

from alignment.outbox.addresses import Refused, is_public, look_up, target
from alignment.outbox.send import post
from testing.receiver import receiving

PUBLIC = ["93.184.215.14"]
LITERAL = [
    "https://127.0.0.1/", "https://127.0.0.1:443/", "https://127.8.9.1/", "https://127.1/", "https://127.0.1/",
    "https://2130706433/", "https://0x7f000001/", "https://0x7f.0.0.1/", "https://0177.0.0.1/",
    "https://017700000001/", "https://0/", "https://0.0.0.0/", "https://0.1.2.3/", "https://10.0.0.1/",
    "https://172.16.0.1/", "https://172.31.255.254/", "https://192.168.1.1/", "https://169.254.169.254/latest/",
    "https://100.64.0.1/", "https://100.100.100.200/", "https://192.0.0.192/", "https://192.0.2.1/",
    "https://192.88.99.1/", "https://198.18.0.1/", "https://198.51.100.1/", "https://203.0.113.1/",
    "https://224.0.0.1/", "https://240.0.0.1/", "https://255.255.255.255/", "https://168.63.129.16/",
    "https://[::1]/", "https://[::]/", "https://[::ffff:127.0.0.1]/", "https://[::ffff:7f00:1]/",
    "https://[::ffff:169.254.169.254]/", "https://[::127.0.0.1]/", "https://[64:ff9b::7f00:1]/",
    "https://[64:ff9b::10.0.0.1]/", "https://[64:ff9b:1::7f00:1]/", "https://[2002:7f00:1::]/",
    "https://[2002:a9fe:a9fe::]/", "https://[2001:0:7f00:1::]/", "https://[2001:db8::1]/",
    "https://[fe80::1]/", "https://[fe80::1%25eth0]/", "https://[fc00::1]/", "https://[fd00:ec2::254]/",
    "https://[fec0::1]/", "https://[ff02::1]/", "https://[100::1]/", "https://[3fff::1]/",
    "https://[2606:4700::5efe:7f00:1]/",
]  # fmt: skip
FORM = [
    "http://crm.example.com/", "ftp://crm.example.com/", "file:///etc/passwd", "gopher://crm.example.com/",
    "//crm.example.com/", "crm.example.com", "https://", "https:///path", "https://user:pass@crm.example.com/",
    "https://crm.example.com@127.0.0.1/", "https://@crm.example.com/", "https://crm.example.com./",
    "https://localhost./", "https://crm.example.com:22/", "https://crm.example.com:0/",
    "https://crm.example.com:99999/", "https://crm.example.com:x/", "https://crm.example.com/#part",
    "https://crm.example.com\\@127.0.0.1/", "https://crm.example.com/a b", "https://crm.example.com/\r\nHost: x",
    "https://crm.exämple.com/", "https://①②⑦.⓪.⓪.①/", "https://1.2.3.4.5/", "https://a..b/", "https://[::1/",
    "https://crm.example.com/höoks", "https://crm.example.com/?team=größe",
]  # fmt: skip
NAMES = {
    "localhost": ["127.0.0.1"],
    "inside.example.com": ["10.1.2.3"],
    "metadata.example.com": ["169.254.169.254"],
    "mapped.example.com": ["::ffff:10.0.0.1"],
    "both.example.com": [*PUBLIC, "127.0.0.1"],
    "six.example.com": [*PUBLIC, "::1"],
    "scoped.example.com": ["fe80::1%eth0"],
    "rubbish.example.com": ["not an address"],
    "nowhere.example.com": [],
}


def resolve(host: str, port: int) -> list[str]:
    """Names of the tests; literals as the system's own resolver reads them."""
    if host == "crm.example.com":
        return PUBLIC
    if host in NAMES:
        return NAMES[host]
    return look_up(host, port)


@pytest.mark.parametrize("address", [*LITERAL, *FORM, *(f"https://{name}/" for name in NAMES)])
def test_a_bad_target_is_refused(address: str) -> None:
    with pytest.raises(Refused) as refusal:
        target(address, resolve=resolve)
    assert "pass" not in str(refusal.value).replace("password", "")


@pytest.mark.parametrize("address", [*LITERAL, *FORM, *(f"https://{name}/" for name in NAMES)])
def test_an_attempt_at_a_bad_target_is_answered_and_never_raises(address: str) -> None:
    answer = post(address, "{}", {}, resolve=resolve)
    assert not answer.is_delivered and answer.problem not in ("", "It could not be sent.")


def test_an_attempt_that_fails_for_an_unknown_cause_is_answered_too(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*_: object) -> None:
        raise ValueError("https://crm.example.com/token")

    monkeypatch.setattr("alignment.outbox.send._exchange", fail)
    answer = post("https://crm.example.com/token", "{}", {}, resolve=resolve)
    assert (answer.status, answer.problem) == (None, "It could not be sent.")
    assert "ValueError" in str(caplog.records[0].__dict__) and "token" not in caplog.text


def test_there_are_more_than_sixty_bad_targets() -> None:
    assert len({*LITERAL, *FORM, *NAMES}) >= 60


@pytest.mark.parametrize(
    ("address", "found"),
    [
        ("https://crm.example.com/hooks?team=1", "93.184.215.14"),
        ("https://CRM.example.com:443/", "93.184.215.14"),
        ("https://93.184.215.14/", "93.184.215.14"),
        ("https://[2606:4700::1111]/hooks", "2606:4700::1111"),
        ("https://[64:ff9b::5db8:d70e]/", "64:ff9b::5db8:d70e"),
    ],
)
def test_a_public_target_is_accepted(address: str, found: str) -> None:
    assert target(address, resolve=resolve).addresses == (found,)


def test_what_the_operator_allows_may_be_internal_plain_and_on_any_port(settings: Any) -> None:
    settings.OUTGOING_ALLOWED_NETWORKS = ["10.1.0.0/16", "fd00::/8"]
    found = target("http://inside.example.com:8080/hooks", resolve=resolve)
    assert (found.is_https, found.port, found.authority) == (False, 8080, "inside.example.com:8080")
    assert target("https://[fd12::1]:8443/").addresses == ("fd12::1",)
    with pytest.raises(Refused):
        target("https://10.2.0.1/")
    with pytest.raises(Refused):  # one of its addresses is elsewhere, and plain http goes to none such
        target("http://x.example.com/", resolve=lambda host, port: ["10.1.0.1", *PUBLIC])


def test_another_port_is_for_the_operator_to_allow(settings: Any) -> None:
    settings.OUTGOING_ALLOWED_PORTS = [443, 8443]
    assert target("https://crm.example.com:8443/", resolve=resolve).port == 8443


def test_a_name_that_changes_its_address_is_asked_once_and_the_answer_kept(
    settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers = [PUBLIC, ["127.0.0.1"], ["127.0.0.1"]]
    connected: list[Any] = []

    def connect(address: Any, **options: Any) -> socket.socket:
        connected.append(address)
        raise ConnectionRefusedError

    monkeypatch.setattr(socket, "create_connection", connect)
    with receiving() as receiver:
        settings.OUTGOING_ALLOWED_PORTS = [receiver.port]
        found = post(
            f"https://rebind.example.com:{receiver.port}/",
            "{}",
            {},
            resolve=lambda host, port: answers.pop(0),
        )
        assert not found.is_delivered and connected == [(PUBLIC[0], receiver.port)]
        assert len(answers) == 2 and not receiver.received


@pytest.mark.parametrize("text", ["8.8.8.8", "1.1.1.1", "2606:4700:4700::1111", "2a00:1450:4001::1"])
def test_well_known_public_addresses_are_public(text: str) -> None:
    from ipaddress import ip_address

    assert is_public(ip_address(text))
