"""Where the server connects to: plain https URLs of hosts on the public internet, nothing else."""

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oidcserver.http.addresses import (
    Address,
    Reachable,
    RejectedURL,
    Target,
    check_addresses,
    host_of,
    is_loopback,
    is_public,
    is_this_machine,
    parse_url,
    reachable,
)


@pytest.mark.parametrize(
    ("host", "loopback", "this_machine"),
    [
        ("localhost", True, True),
        ("127.0.0.1", True, True),
        ("127.9.9.9", True, True),
        ("::1", True, True),
        # The resolver of the system decides where a connection to this name leads.
        ("mail.localhost", True, False),
        ("localhost.example.com", False, False),
        ("xlocalhost", False, False),
        ("127.0.0.1.example.com", False, False),
        ("10.0.0.1", False, False),
        ("", False, False),
    ],
)
def test_this_machine(host: str, loopback: bool, this_machine: bool) -> None:
    assert (is_loopback(host), is_this_machine(host)) == (loopback, this_machine)


INWARD_NETWORKS = [
    "0.0.0.0/8",
    "10.0.0.0/8",
    "100.64.0.0/10",
    "127.0.0.0/8",
    "168.63.129.16/32",
    "169.254.0.0/16",
    "172.16.0.0/12",
    "192.0.0.0/24",
    "192.0.2.0/24",
    "192.168.0.0/16",
    "198.18.0.0/15",
    "198.51.100.0/24",
    "203.0.113.0/24",
    "224.0.0.0/4",
    "240.0.0.0/4",
    "::/128",
    "::1/128",
    "::/96",
    "::ffff:0:0/96",
    "64:ff9b:1::/48",
    "100::/64",
    "2001::/32",
    "2001:db8::/32",
    "2002::/16",
    "fc00::/7",
    "fe80::/10",
    "ff00::/8",
]

private_ipv4 = st.sampled_from(INWARD_NETWORKS[:15]).flatmap(
    lambda network: st.ip_addresses(network=network)
)
inward = st.sampled_from(INWARD_NETWORKS).flatmap(lambda network: st.ip_addresses(network=network))
public = st.sampled_from(["8.8.8.8", "93.184.215.14", "2606:4700::1111"]).map(ipaddress.ip_address)


@given(inward)
def test_no_address_of_a_special_network_is_public(address: Address) -> None:
    assert not is_public(address)


@given(private_ipv4)
def test_an_inward_address_behind_nat64_is_not_public(address: ipaddress.IPv4Address) -> None:
    assert not is_public(ipaddress.IPv6Address(f"64:ff9b::{address}"))


@given(st.ip_addresses(v=4))
def test_an_ipv4_address_in_ipv6_clothes_is_at_most_as_public_as_itself(
    address: ipaddress.IPv4Address,
) -> None:
    number = int(address)
    for disguised in (
        0xFFFF << 32 | number,  # mapped
        number,  # compatible
        0x2002 << 112 | number << 80,  # 6to4
        0x20010000 << 96 | number << 64 | ~number & 0xFFFFFFFF,  # Teredo
    ):
        assert not is_public(ipaddress.IPv6Address(disguised))
    assert is_public(ipaddress.IPv6Address(f"64:ff9b::{address}")) == is_public(address)


@pytest.mark.parametrize(
    "address", ["1.1.1.1", "8.8.8.8", "172.32.0.1", "2606:4700::1111", "64:ff9b::808:808"]
)
def test_addresses_of_the_public_internet_are_public(address: str) -> None:
    assert is_public(ipaddress.ip_address(address))


NOWHERE_ELSE = Reachable()
MACHINE = Reachable(loopback=True)
HTTPS = Target("https", "client.example", 443, "/")
HTTP = Target("http", "client.example", 80, "/")


@given(inward, st.lists(public, max_size=3), st.data())
def test_one_inward_address_among_public_ones_rejects_the_host(
    address: Address, others: list[Address], data: st.DataObject
) -> None:
    addresses = data.draw(st.permutations([*others, address]))
    with pytest.raises(RejectedURL):
        check_addresses(addresses, HTTPS, NOWHERE_ELSE)


def test_a_host_without_addresses_is_rejected() -> None:
    with pytest.raises(RejectedURL):
        check_addresses([], HTTPS, MACHINE)


@given(st.lists(public, min_size=1))
def test_a_host_with_public_addresses_only_is_accepted(addresses: list[Address]) -> None:
    check_addresses(addresses, HTTPS, NOWHERE_ELSE)


def test_development_reaches_loopback_by_http_and_https_and_nothing_else_inward() -> None:
    loopback = [ipaddress.ip_address("127.0.0.1"), ipaddress.ip_address("::1")]
    check_addresses(loopback, HTTP, MACHINE)
    check_addresses(loopback, HTTPS, MACHINE)
    for other in ("10.0.0.1", "169.254.169.254", "8.8.8.8"):
        with pytest.raises(RejectedURL):
            check_addresses([*loopback, ipaddress.ip_address(other)], HTTP, MACHINE)
        with pytest.raises(RejectedURL):
            check_addresses([ipaddress.ip_address(other)], HTTP, MACHINE)
    with pytest.raises(RejectedURL):
        check_addresses([ipaddress.ip_address("10.0.0.1")], HTTPS, MACHINE)


def test_the_rejection_names_no_address() -> None:
    with pytest.raises(RejectedURL) as rejection:
        check_addresses([ipaddress.ip_address("10.1.2.3")], HTTPS, NOWHERE_ELSE)
    assert "10.1.2.3" not in str(rejection.value)


ALLOWED = reachable("10.0.0.0/8 192.168.1.5 fd00::/8 app.internal .Corp.example")


@pytest.mark.parametrize(
    ("host", "address"),
    [
        ("client.example", "10.1.2.3"),
        ("client.example", "192.168.1.5"),
        ("client.example", "fd12::1"),
        ("app.internal", "172.16.0.1"),
        ("shop.corp.example", "127.0.0.1"),
        ("client.example", "8.8.8.8"),
    ],
)
def test_what_the_operator_allows_is_reached_by_https(host: str, address: str) -> None:
    found = [ipaddress.ip_address(address), ipaddress.ip_address("10.0.0.1")]
    check_addresses(found, Target("https", host, 443, "/"), ALLOWED)
    with pytest.raises(RejectedURL, match="https"):
        check_addresses(found, Target("http", host, 80, "/"), ALLOWED)


@pytest.mark.parametrize(
    ("host", "address"),
    [
        ("client.example", "192.168.1.6"),
        ("client.example", "172.16.0.1"),
        ("client.example", "169.254.169.254"),
        ("client.example", "::ffff:10.0.0.1"),
        ("corp.example", "127.0.0.1"),
        ("evilcorp.example", "127.0.0.1"),
        ("app.internal.example", "127.0.0.1"),
    ],
)
def test_and_nothing_beside_it_which_the_log_explains(
    host: str, address: str, caplog: pytest.LogCaptureFixture
) -> None:
    found = ipaddress.ip_address(address)
    with pytest.raises(RejectedURL) as rejected:
        check_addresses([found], Target("https", host, 443, "/"), ALLOWED)
    assert f"Nothing was sent to {host}: its address {found} is not public." in caplog.text
    assert "oauth.outbound_allow" in caplog.text
    assert str(found) not in str(rejected.value), "a client does not learn it"


def test_the_operator_is_shown_what_was_read() -> None:
    assert str(ALLOWED) == "10.0.0.0/8 192.168.1.5/32 fd00::/8 app.internal .corp.example"


@pytest.mark.parametrize(
    "word", ["10.0.0.1/8", "10.0.0.0/33", "*.corp.example", "a/b", "https://x/"]
)
def test_a_list_of_anything_else_is_rejected(word: str) -> None:
    with pytest.raises(ValueError, match="networks, addresses and host names"):
        reachable(f"10.0.0.0/8 {word}")


@pytest.mark.parametrize(
    ("url", "target"),
    [
        ("https://client.example", Target("https", "client.example", 443, "/")),
        ("https://CLIENT.example/a?b=c#d", Target("https", "client.example", 443, "/a?b=c")),
        ("https://client.example:8443/", Target("https", "client.example", 8443, "/")),
        ("https://192.0.2.1/x", Target("https", "192.0.2.1", 443, "/x")),
        ("https://[2001:DB8::1]:1024", Target("https", "2001:db8::1", 1024, "/")),
        ("https://xn--bcher-kva.example/", Target("https", "xn--bcher-kva.example", 443, "/")),
    ],
)
def test_a_plain_https_url_is_taken_apart(url: str, target: Target) -> None:
    assert parse_url(url) == target


@pytest.mark.parametrize(
    ("url", "authority"),
    [
        ("https://client.example:443/", "client.example"),
        ("https://client.example:8443/", "client.example:8443"),
        ("https://[2001:db8::1]/", "[2001:db8::1]"),
        ("http://localhost:80/", "localhost"),
        ("http://localhost:443/", "localhost:443"),
    ],
)
def test_the_authority_names_a_port_only_if_it_is_not_the_schemes_own(
    url: str, authority: str
) -> None:
    assert parse_url(url, allow_http=True).authority == authority


@pytest.mark.parametrize(
    "url",
    [
        "",
        "client.example",
        "//client.example/",
        "http://client.example/",
        "ftp://client.example/",
        "file:///etc/passwd",
        "gopher://client.example/",
        "https:///path",
        "https://",
        "https://user@client.example/",
        "https://user:password@client.example/",
        "https://client.example@127.0.0.1/",
        "https://@client.example/",
        "https://client.example\\@127.0.0.1/",
        "https://client.example\t/",
        "https://client.example/\r\nHost: other",
        "https://client.example/ x",
        "https://client.example/\x00",
        "https://bücher.example/",
        "https://\uff11\uff12\uff17.0.0.1/",
        "https://client..example/",
        "https://client.example./",
        "https://-client.example/",
        "https://[::1",
        "https://[client.example]/",
        "https://[fe80::1%25eth0]/",
        "https://[v1.fe80]/",
        "https://1.2.3.256/",
        "https://1.2.3.4.5/",
        "https://client.example:0/",
        "https://client.example:25/",
        "https://client.example:80/",
        "https://client.example:65536/",
        "https://client.example:x/",
        "https://" + "a." * 127 + "example/",
        "https://client.example/" + "a" * 2048,
    ],
)
def test_any_other_url_is_rejected(url: str) -> None:
    with pytest.raises(RejectedURL):
        parse_url(url)


@given(st.integers(min_value=0, max_value=2**32 - 1))
def test_an_address_written_as_a_number_is_rejected(number: int) -> None:
    last = number & 0xFFFFFF
    for host in (
        f"{number}",
        f"0x{number:x}",
        f"0{number:o}",
        f"{number >> 24}.{last}",
        f"0x{number >> 24:x}.0x{last:x}",
        f"0{number >> 24:o}.0.0.{number & 0xFF}",
        f"{number >> 24}.0.{number & 0xFFFF}",
        f"127.0.0.0{number & 7}",
        "127.0.0.0x",
    ):
        for allow_http in (False, True):
            with pytest.raises(RejectedURL):
                parse_url(f"https://{host}/", allow_http=allow_http)


@given(
    st.text()
    | st.text(alphabet="https:/@[]\\?#%.0123456789abcdefx-_ \t\r\n").map("https://".__add__)
)
def test_whatever_is_accepted_is_safe_to_put_into_a_request(url: str) -> None:
    try:
        target = parse_url(url, allow_http=True)
    except RejectedURL:
        return
    line = f"{target.authority}{target.request_target}"
    assert line.isascii()
    assert line.isprintable()
    assert " " not in line
    assert "@" not in target.host
    assert target.request_target.startswith("/")
    assert 0 < target.port < 65536


@pytest.mark.parametrize(
    "url",
    ["https://many.example/1", "https://MANY.example:443/2", "https://many.example:0443",
     "http://many.example:80/", "https://many.example:/"],
)  # fmt: skip
def test_a_host_is_counted_as_one_however_it_is_written(url: str) -> None:
    assert host_of(url) == "many.example"


def test_other_hosts_and_ports_count_for_themselves() -> None:
    assert host_of("https://many.example:8443/") == "many.example:8443"
    assert host_of("https://[2001:DB8::1]/") == "[2001:db8::1]"
    assert host_of("") == host_of("https://user@many.example/") == ""
