"""Which addresses are public."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network, IPv6Network, ip_address

import pytest

from serving.fetch.addresses import is_public

PRIVATE = """
0.0.0.0 0.1.2.3 10.0.0.1 10.255.255.255 100.64.0.1 100.100.100.200 127.0.0.1 127.255.255.255 168.63.129.16
169.254.169.254 172.16.0.1 172.31.255.255 192.0.0.1 192.0.0.9 192.0.0.192 192.0.2.1 192.88.99.1 192.168.0.1 198.18.0.1
198.19.255.255 198.51.100.1 203.0.113.1 224.0.0.1 233.252.0.1 239.255.255.255 240.0.0.1 255.255.255.255
:: ::1 ::127.0.0.1 ::ffff:127.0.0.1 ::ffff:8.8.8.8 ::ffff:0:127.0.0.1 64:ff9b::a9fe:a9fe 64:ff9b::808:808 64:ff9b:1::1
100::1 2001::1 2001:0:4136:e378:8000:63bf:3fff:fdd2 2001:10::1 2001:1ff:ffff::1 2001:db8::1 2002:7f00:1::
2002:808:808::1 3fff::1 3fff:fff::1 4000::1 5f00::1 fc00::1 fd00::1 fd00:ec2::254 fe80::1 fe80::1%eth0
2606:4700::1%eth0 fec0::1 ff02::1
"""

PUBLIC = """
1.1.1.1 8.8.8.8 9.255.255.255 11.0.0.0 100.63.255.255 100.128.0.0 172.15.255.255 172.32.0.0 192.0.1.1 192.0.43.8
192.167.255.255 192.169.0.0 198.17.255.255 198.20.0.0 223.255.255.255
2606:4700:4700::1111 2a00:1450:4001:81b::200e 2001:4860:4860::8888 2001:200::1 2003::1 3ffe:ffff::1
"""


@pytest.mark.parametrize("text", [*PRIVATE.split()])
def test_not_public(text):
    assert not is_public(ip_address(text))


@pytest.mark.parametrize("text", [*PUBLIC.split()])
def test_public(text):
    assert is_public(ip_address(text))


def test_no_address_of_the_special_registries_is_public():
    """Ends and middle of every network the design names, whatever this version of Python thinks of them."""
    four = "0.0.0.0/8 10.0.0.0/8 100.64.0.0/10 127.0.0.0/8 169.254.0.0/16 172.16.0.0/12 192.0.0.0/24 192.0.2.0/24 "
    four += "192.168.0.0/16 198.18.0.0/15 198.51.100.0/24 203.0.113.0/24 224.0.0.0/4 240.0.0.0/4"
    six = "64:ff9b::/96 64:ff9b:1::/48 2002::/16 2001::/32 ::/96 ::ffff:0:0/96 fec0::/10 3fff::/20 5f00::/16 ff00::/8"
    for network in [*map(IPv4Network, four.split()), *map(IPv6Network, six.split())]:
        for place in (0, network.num_addresses // 2, network.num_addresses - 1):
            assert not is_public(network[place]), network[place]


def test_neighbours_of_private_networks_are_public():
    assert is_public(IPv4Address("9.255.255.255"))
    assert is_public(IPv4Address("128.0.0.1"))
