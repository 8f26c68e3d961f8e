"""Which IP addresses mean the same machine to anybody on the internet.

The lists are our own: `ipaddress.is_global` differs from one Python to the next.

Source: IANA, IPv4 and IPv6 Special-Purpose Address Registries, IPv6 Address Space. We
also refuse what they call globally reachable but no receiver can have: sinks, relays.
"""

import ipaddress

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

SPECIAL_IPV4 = tuple(
    ipaddress.IPv4Network(net)
    for net in (
        "0.0.0.0/8",  # this network
        "10.0.0.0/8",  # private
        "100.64.0.0/10",  # shared by a provider's customers
        "127.0.0.0/8",  # loopback
        "169.254.0.0/16",  # link-local, and the metadata of clouds
        "172.16.0.0/12",  # private
        "192.0.0.0/24",  # protocol assignments
        "192.0.2.0/24",  # documentation
        "192.31.196.0/24",  # AS112
        "192.52.193.0/24",  # multicast relays
        "192.88.99.0/24",  # relays of 6to4
        "192.168.0.0/16",  # private
        "192.175.48.0/24",  # AS112
        "198.18.0.0/15",  # benchmarks
        "198.51.100.0/24",  # documentation
        "203.0.113.0/24",  # documentation
        "224.0.0.0/4",  # multicast
        "240.0.0.0/4",  # reserved, and broadcast
    )
)

# All unicast that was ever given out lies in here. Outside are loopback, embedded IPv4
# (::/96, ::ffff:0:0/96, 64:ff9b::/96), discard (100::/64), SRv6 (5f00::/16), unique
# local (fc00::/7), link-local (fe80::/10), site-local (fec0::/10) and multicast.
UNICAST_IPV6 = ipaddress.IPv6Network("2000::/3")
SPECIAL_IPV6 = tuple(
    ipaddress.IPv6Network(net)
    for net in (
        "2001::/23",  # Teredo, benchmarks, relays, AS112, ORCHID, drones
        "2001:db8::/32",  # documentation
        "2002::/16",  # 6to4: any IPv4 address inside
        "2620:4f:8000::/48",  # AS112
        "3ffe::/16",  # the former 6bone
        "3fff::/20",  # documentation
    )
)
ISATAP = (0x0000_5EFE, 0x0200_5EFE)  # then 32 bits of an IPv4 address


def is_public(address: Address) -> bool:
    """Whether anybody on the internet means the same machine by this address."""
    if isinstance(address, ipaddress.IPv4Address):
        return not any(address in net for net in SPECIAL_IPV4)
    if address not in UNICAST_IPV6 or int(address) >> 32 & 0xFFFF_FFFF in ISATAP:
        return False
    return not any(address in net for net in SPECIAL_IPV6)
