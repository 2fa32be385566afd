"""The URLs and addresses that the server may connect to.

A registered URL could lead into the network of the server (server-side request forgery; see OpenID
Connect Core section 6.2 and RFC 7591 section 5). So the URL must be plain, and every address of its
host must belong to the public internet or be allowed by the operator.
"""

import ipaddress
import logging
import re
from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import urlsplit

log = logging.getLogger(__name__)

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

# RFC 3986 characters only: urlsplit silently drops a TAB or a newline.
_URL = re.compile(r"[!-~]{1,2048}")
_FORBIDDEN = re.compile(r"[\"<>\\^`{|}]")
_LABEL = r"(?!-)[a-z0-9_-]{1,63}(?<!-)"
# The last label is never a number: 2130706433, 0177.1 and 0x7f.1 are addresses in disguise.
_NAME = re.compile(rf"(?:{_LABEL}\.)*(?![0-9]+\Z|0x[0-9a-f]*\Z){_LABEL}")
_IPV4 = re.compile(r"(?:(?:0|[1-9][0-9]{0,2})\.){3}(?:0|[1-9][0-9]{0,2})")

_GLOBAL_UNICAST = ipaddress.IPv6Network("2000::/3")
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")  # RFC 6052: the last 32 bits are an IPv4 address
# Networks that is_global accepts, wholly or in some Python versions.
_NOT_PUBLIC = tuple(
    ipaddress.ip_network(network)
    for network in (
        "168.63.129.16/32",  # Azure's metadata service: public by number, internal in fact
        "192.0.0.0/24",  # IETF protocol assignments, RFC 6890
        "192.88.99.0/24",  # 6to4 relays, RFC 7526
        "2001::/23",  # IETF protocol assignments; Teredo (RFC 4380) holds IPv4 addresses
        "2001:db8::/32",  # documentation
        "2002::/16",  # 6to4 (RFC 3056) holds IPv4 addresses
        "3fff::/20",  # documentation, RFC 9637
    )
)


class RejectedURL(ValueError):
    """The server does not connect to this URL. Its text is a plain sentence."""


@dataclass(frozen=True, slots=True)
class Target:
    """A URL taken apart: ``host`` is lower case, an IPv6 address without its brackets."""

    scheme: str
    host: str
    port: int
    request_target: str

    @property
    def authority(self) -> str:
        """The value of the Host field (RFC 9110 section 7.2)."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        default = {"http": 80, "https": 443}[self.scheme]
        return host if self.port == default else f"{host}:{self.port}"


@dataclass(frozen=True, slots=True)
class Reachable:
    """The addresses that the server may connect to besides the public internet; by default none.

    :param networks: addresses that any host may have.
    :param names: hosts that may have any address. A name that begins with a dot stands for every
        name that ends with it.
    :param loopback: whether hosts on this machine are allowed, also by http: for development.
    """

    networks: tuple[Network, ...] = ()
    names: tuple[str, ...] = ()
    loopback: bool = False

    def __str__(self) -> str:
        return " ".join([*map(str, self.networks), *self.names])

    def has(self, host: str, address: Address) -> bool:
        """Return whether an address of a host is allowed."""
        if self.loopback and address.is_loopback:
            return True
        if any(host == name or (name[0] == "." and host.endswith(name)) for name in self.names):
            return True
        return any(
            address in network for network in self.networks if network.version == address.version
        )


def reachable(raw: str) -> Reachable:
    """Return networks, addresses and host names: ``10.0.0.0/8 fd00::1 .corp.example``.

    :raises ValueError: for a word that is none of these.
    """
    networks, names = [], []
    for word in raw.lower().split():
        if _NAME.fullmatch(word.removeprefix(".")):
            names.append(word)
            continue
        try:
            networks.append(ipaddress.ip_network(word))
        except ValueError:
            raise ValueError(
                "networks, addresses and host names such as 10.0.0.0/8 fd00::1 .corp.example"
            ) from None
    return Reachable(tuple(networks), tuple(names))


def hosts(raw: str) -> tuple[str, ...]:
    """Return host names and addresses of hosts: ``client.example .corp.example 10.0.0.5``.

    :raises ValueError: for a word that is none of these, such as a URL.
    """
    found = tuple(dict.fromkeys(raw.lower().split()))
    if not all(_NAME.fullmatch(it.removeprefix(".")) or _IPV4.fullmatch(it) for it in found):
        raise ValueError("host names such as client.example .corp.example, without https://")
    return found


def parse_url(url: str, *, allow_http: bool = False) -> Target:
    """Parse an absolute https URL, or an http URL if ``allow_http``.

    Allowed ports are 443 and those from 1024 up: the other system ports (RFC 6335) belong to
    mail, file and name services. A development server (``allow_http``) may listen on any port.

    :raises RejectedURL: if the URL is not plain ASCII, has another scheme, user information, a
        forbidden port, or a host that is neither a name nor an address in its usual notation.
    """
    if not _URL.fullmatch(url) or _FORBIDDEN.search(url):
        raise RejectedURL("The URL has characters that no URL may have, or is too long.")
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        raise RejectedURL("The URL cannot be read.") from None
    if parts.scheme != "https" and not (allow_http and parts.scheme == "http"):
        raise RejectedURL("The URL must begin with https://.")
    if "@" in parts.netloc:
        raise RejectedURL("The URL must not hold a user name or a password.")
    _check_host(host, bracketed="[" in parts.netloc)
    if port is None:
        port = 443 if parts.scheme == "https" else 80
    elif port == 0 or (port < 1024 and port != 443 and not allow_http):
        raise RejectedURL("The URL's port belongs to another service than the web.")
    target = parts.path or "/"
    return Target(parts.scheme, host, port, f"{target}?{parts.query}" if parts.query else target)


def is_this_machine(host: str) -> bool:
    """Return whether a connection to a host stays on this machine: ``localhost``, or an address.

    Any other name may lead elsewhere, since the resolver of the system decides, ``x.localhost``
    included.
    """
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def is_loopback(host: str) -> bool:
    """Return whether a host is the machine of the user who follows a link to it.

    Browsers take every name below ``localhost`` for their own machine (RFC 6761 section 6.3). Where
    this server would send a secret, :func:`is_this_machine` decides.
    """
    return host.endswith(".localhost") or is_this_machine(host)


def host_of(url: str) -> str:
    """Return host and port of a URL in their one notation, for counting; empty: there is no host.

    The case of the host and the default port make no difference.
    """
    try:
        return parse_url(url, allow_http=True).authority
    except RejectedURL:
        return ""


def _check_host(host: str, *, bracketed: bool) -> None:
    if bracketed or _IPV4.fullmatch(host):
        try:
            ipaddress.IPv6Address(host) if bracketed else ipaddress.IPv4Address(host)
        except ValueError:
            raise RejectedURL("The URL's host is not a valid address.") from None
        if "%" not in host:
            return
    elif len(host) <= 253 and _NAME.fullmatch(host):
        return
    raise RejectedURL("The URL's host is neither a name nor an address in its usual notation.")


def is_public(address: Address) -> bool:
    """Return whether an address belongs to the public internet.

    No IPv6 form of an IPv4 address does (mapped, compatible, 6to4, Teredo), except that of NAT64,
    the only form that is still routed: it is as public as the IPv4 address inside.
    """
    if any(address in network for network in _NOT_PUBLIC if network.version == address.version):
        return False
    if isinstance(address, ipaddress.IPv4Address):
        return address.is_global and not address.is_multicast and not address.is_reserved
    if address in _NAT64:
        return is_public(ipaddress.IPv4Address(int(address) & 0xFFFFFFFF))
    return address in _GLOBAL_UNICAST


def check_addresses(addresses: Iterable[Address], target: Target, allowed: Reachable) -> None:
    """Reject a host if any of its addresses is neither public nor allowed.

    http is accepted only if all addresses are on this machine and those are allowed. A line in the
    log names the setting that would allow an address.

    :raises RejectedURL: the text names no address, so that it does not describe the network inside.
    """
    found = list(addresses)
    if found and allowed.loopback and all(address.is_loopback for address in found):
        return
    if target.scheme != "https":
        raise RejectedURL("The URL must begin with https:// unless its host is this machine.")
    rejected = [it for it in found if not (is_public(it) or allowed.has(target.host, it))]
    if rejected or not found:
        log.warning(
            "Nothing was sent to %s: its address %s is not public. oauth.outbound_allow can allow "
            "it.",
            target.authority,
            " ".join(map(str, rejected)) or "(none)",
        )
        raise RejectedURL("The URL's host is not on the public internet.")
