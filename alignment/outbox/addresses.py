"""Which addresses this server may send to: public ones over https, and the networks that the operator allows.

A name is resolved once. All its addresses must be fit, and the attempt then goes to one of exactly these, so that a
name server cannot show one address to the check and another to the connection.
"""

from __future__ import annotations

import re
import socket
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from urllib.parse import SplitResult, urlsplit

from django.conf import settings

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network
Resolver = Callable[[str, int], list[str]]

DENIED = [
    ip_network(text)
    for text in (
        "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12",
        "192.0.0.0/24", "192.0.2.0/24", "192.31.196.0/24", "192.52.193.0/24", "192.88.99.0/24", "192.168.0.0/16",
        "192.175.48.0/24", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/3",
        "168.63.129.16/32",  # a cloud's own service that looks public
        "2001::/23", "2001:db8::/32", "3fff::/20", "5f00::/16",
    )
]  # fmt: skip
PUBLIC_IPV6 = IPv6Network("2000::/3")
NAT64 = IPv6Network("64:ff9b::/96")
_ISATAP = {0x00005EFE, 0x02005EFE}
_HOST = re.compile(
    r"(?=.{1,253}\Z)(?:[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9])?\.)*[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
)
_NUMERIC = re.compile(r"(?:0x[0-9a-f]*|[0-9]+)")
_SPACES = re.compile(r"[\s\x00-\x1f\x7f\\]")


class Refused(ValueError):
    """Nothing is sent to this address; the message says why and names no more of it than its host."""


@dataclass(frozen=True)
class Target:
    """Where one attempt goes: the name for certificate and Host header, the addresses that may be connected to."""

    is_https: bool
    host: str
    port: int
    path: str
    addresses: tuple[str, ...]

    @property
    def authority(self) -> str:
        """The Host header."""
        name = f"[{self.host}]" if ":" in self.host else self.host
        return name if self.port == (443 if self.is_https else 80) else f"{name}:{self.port}"


def look_up(host: str, port: int) -> list[str]:
    """Every address that the system's resolver knows."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, proto=socket.IPPROTO_TCP)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


def check_form(address: str) -> SplitResult:
    """The parts of an address that can be right; nothing is looked up. Raises Refused."""
    if _SPACES.search(address):
        raise Refused("The address holds spaces, backslashes or control characters.")
    try:
        parts = urlsplit(address)
        port = parts.port
    except ValueError:
        raise Refused("This is no address; write one as https://crm.example.com/hooks/alignment.") from None
    if parts.scheme not in ("https", "http"):
        raise Refused("Write an address that begins with https://.")
    if parts.username is not None or parts.password is not None or "@" in parts.netloc:
        raise Refused(
            "The address must hold no user name or password: messages prove themselves by signature."
        )
    if parts.fragment or "#" in address:
        raise Refused("Leave out what follows the #; it is never sent.")
    if port == 0:
        raise Refused("Port 0 does not exist.")
    _check_host(parts.hostname or "")
    if not address.isascii():
        raise Refused("Write letters other than a-z in path and query percent-encoded, such as %C3%B6 for ö.")
    return parts


def check_entry(address: str) -> None:
    """What can be said of an address when it is entered, without asking a name service. Raises Refused."""
    parts = check_form(address)
    host = parts.hostname or ""
    try:
        ip_address(host)
    except ValueError:
        if parts.scheme == "http" and not allowed_networks():
            raise Refused(
                "Only https goes out, but for networks that the operator allows by OUTGOING_ALLOWED_NETWORKS."
            ) from None
    else:
        target(address, resolve=lambda host, port: [host])


def target(address: str, *, resolve: Resolver = look_up) -> Target:
    """Look the address up, once, and check everything it resolves to. Raises Refused."""
    parts = check_form(address)
    is_https, host = parts.scheme == "https", parts.hostname or ""
    port = parts.port or (443 if is_https else 80)
    try:
        found = [_address(text) for text in resolve(host, port)]
    except (OSError, UnicodeError):
        found = []
    if not found:
        raise Refused(f"The name {host} is unknown to this server's name service.")
    networks = allowed_networks()
    are_allowed = [any(_holds(network, each) for network in networks) for each in found]
    for each, is_allowed in zip(found, are_allowed, strict=True):
        if not is_allowed and not is_public(each):
            raise Refused(
                f"{host} is at {each}, an address that is not public. Where that is meant, the operator allows its "
                "network by OUTGOING_ALLOWED_NETWORKS."
            )
    if not all(are_allowed):
        if not is_https:
            raise Refused("Only https goes out to public addresses.")
        if port not in settings.OUTGOING_ALLOWED_PORTS:
            raise Refused(f"Port {port} is not among those allowed (OUTGOING_ALLOWED_PORTS).")
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return Target(is_https, host, port, path, tuple(str(each) for each in found))


def is_public(address: Address) -> bool:
    """Whether an address, and whatever other one is wrapped in it, belongs to the public internet."""
    return all(_is_plain_public(each) for each in (address, *_wrapped(address)))


def allowed_networks() -> list[Network]:
    return [ip_network(text, strict=False) for text in settings.OUTGOING_ALLOWED_NETWORKS]


def _is_plain_public(address: Address) -> bool:
    if any(_holds(network, address) for network in DENIED) or address.is_multicast:
        return False
    if isinstance(address, IPv6Address):
        # the prefix of NAT64 is public by what it wraps, which is judged by itself
        return address in NAT64 or (address in PUBLIC_IPV6 and address.is_global and not address.is_reserved)
    return address.is_global and not address.is_reserved


def _wrapped(address: Address) -> Iterator[Address]:
    """IPv4 addresses that an IPv6 address stands for: mapped, NAT64, 6to4, Teredo, ISATAP."""
    if not isinstance(address, IPv6Address):
        return
    if address.ipv4_mapped:
        yield address.ipv4_mapped
    if address in NAT64 or (int(address) >> 32) & 0xFFFFFFFF in _ISATAP:
        yield IPv4Address(int(address) & 0xFFFFFFFF)
    if address.sixtofour:
        yield address.sixtofour
    if address.teredo:
        yield from address.teredo


def _holds(network: Network, address: Address) -> bool:
    return address.version == network.version and address in network


def _address(text: str) -> Address:
    try:
        found = ip_address(text)
    except ValueError:
        raise Refused("The name service answered with something that is no address.") from None
    if isinstance(found, IPv6Address) and found.scope_id:
        raise Refused("Addresses of one network interface only are not sent to.")
    return found.ipv4_mapped or found if isinstance(found, IPv6Address) else found


def _check_host(host: str) -> None:
    if not host:
        raise Refused("The address names no host.")
    if ":" in host:
        _address(host)
        return
    if host.endswith("."):
        raise Refused("Write the host without the dot at its end.")
    if not host.isascii():
        raise Refused("Write the host in its ASCII form (xn--…).")
    if not _HOST.fullmatch(host):
        raise Refused(f"{host[:80]} is not the name of a host.")
    if _NUMERIC.fullmatch(host.rpartition(".")[2]) and not _is_dotted_quad(host):
        raise Refused("Write an IP address as four plain numbers.")


def _is_dotted_quad(host: str) -> bool:
    try:
        return str(IPv4Address(host)) == host
    except ValueError:
        return False
