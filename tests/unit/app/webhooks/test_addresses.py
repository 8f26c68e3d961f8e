"""Addresses that a webhook may be sent to, and those that mean somebody inside."""

import ipaddress

import pytest

from app.webhooks.addresses import is_public

# The registries' own prefixes; each is tried at its first, second and last address.
SPECIAL = [
    *("0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16"),
    *("172.16.0.0/12", "192.0.0.0/24", "192.0.2.0/24", "192.31.196.0/24"),
    *("192.52.193.0/24", "192.88.99.0/24", "192.168.0.0/16", "192.175.48.0/24"),
    *("198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4"),
    *("240.0.0.0/4", "255.255.255.255/32"),
    *("::/128", "::1/128", "::/96", "::ffff:0:0/96", "::ffff:0:0:0/96"),
    *("64:ff9b::/96", "64:ff9b:1::/48", "100::/64", "100:0:0:1::/64", "2001::/23"),
    *("2001::/32", "2001:1::1/128", "2001:2::/48", "2001:3::/32", "2001:4:112::/48"),
    *("2001:10::/28", "2001:20::/28", "2001:30::/28", "2001:db8::/32", "2002::/16"),
    *("2620:4f:8000::/48", "3ffe::/16", "3fff::/20", "4000::/3", "5f00::/16"),
    *("fc00::/7", "fe80::/10", "fec0::/10", "ff00::/8"),
]


@pytest.mark.parametrize("prefix", SPECIAL)
def test_no_address_of_a_special_purpose_prefix_is_public(prefix: str) -> None:
    net = ipaddress.ip_network(prefix)

    for address in (net[0], net[min(1, net.num_addresses - 1)], net[-1]):
        assert not is_public(address), address


@pytest.mark.parametrize(
    "address",
    [
        "::127.0.0.1",  # IPv4-compatible
        "::ffff:127.0.0.1",  # IPv4-mapped
        "::ffff:0:127.0.0.1",  # IPv4-translated
        "64:ff9b::7f00:1",  # NAT64
        "2002:7f00:1::",  # 6to4
        "2001:0:7f00:1::80ff:fffe",  # Teredo, server and client
        "2a00:1450:4001::5efe:127.0.0.1",  # ISATAP
        "2a00:1450:4001::200:5efe:10.0.0.1",  # ISATAP of a global IPv4 address
        "fe80::1%eth0",
    ],
)
def test_an_ipv4_address_inside_an_ipv6_address_does_not_make_it_public(
    address: str,
) -> None:
    assert not is_public(ipaddress.ip_address(address))


@pytest.mark.parametrize(
    "address",
    [
        *("1.1.1.1", "8.8.8.8", "9.255.255.255", "11.0.0.0", "100.63.255.255"),
        *(
            "172.32.0.0",
            "192.0.1.0",
            "192.167.255.255",
            "198.20.0.0",
            "223.255.255.255",
        ),
        *("2001:200::1", "2606:4700:4700::1111", "2a00:1450:4001:81b::200e"),
        *("2620:4f:8001::1", "2400::1", "3fff:1000::1"),
    ],
)
def test_an_address_beside_the_special_ones_is_public(address: str) -> None:
    assert is_public(ipaddress.ip_address(address))
