"""Which addresses lie in which networks."""

from ipaddress import ip_address

import pytest

from warden.domain.behaviors.cidrs import CidrSet


@pytest.mark.parametrize(
    ("host", "cidrs"),
    [
        pytest.param("192.0.2.0", ["192.0.2.0/24"], id="the first address of a network"),
        pytest.param("192.0.2.255", ["192.0.2.0/24"], id="the last address of a network"),
        pytest.param("192.0.2.200", ["192.0.2.7/24"], id="host bits of a CIDR are ignored"),
        pytest.param("2001:db8::ffff", ["2001:db8::1234/112"], id="host bits of an IPv6 CIDR are ignored"),
        pytest.param("192.0.2.7", ["192.0.2.7"], id="a bare IPv4 address is itself"),
        pytest.param("192.0.2.7", ["192.0.2.7/32"], id="a network of one address"),
        pytest.param("2001:db8::7", ["2001:db8::7"], id="a bare IPv6 address is itself"),
        pytest.param("2001:db8::7", ["2001:0DB8:0:0:0:0:0:7"], id="however an IPv6 address is written"),
        pytest.param("255.255.255.255", ["0.0.0.0/0"], id="all of IPv4"),
        pytest.param("::", ["::/0"], id="all of IPv6"),
        pytest.param("10.1.0.1", ["10.0.0.0/16", "10.1.0.0/16"], id="the second of two networks of one size"),
        pytest.param("10.1.0.1", ["10.1.0.0/24", "10.0.0.0/8"], id="the larger of two networks"),
        pytest.param("10.1.0.1", ["::ffff:10.0.0.0/104"], id="an IPv4 network in IPv6's clothes"),
    ],
)
def test_an_address_lies_in(host: str, cidrs: list[str]) -> None:
    assert ip_address(host).packed in CidrSet(cidrs)


@pytest.mark.parametrize(
    ("host", "cidrs"),
    [
        pytest.param("192.0.1.255", ["192.0.2.0/24"], id="the address before a network"),
        pytest.param("192.0.3.0", ["192.0.2.0/24"], id="the address behind a network"),
        pytest.param("192.0.2.8", ["192.0.2.7"], id="the neighbour of a bare address"),
        pytest.param("2001:db8::8", ["2001:db8::7/128"], id="the neighbour of a bare IPv6 address"),
        pytest.param("192.0.2.7", [], id="no network at all"),
        pytest.param("192.0.2.7", ["::/0"], id="IPv4 is not in IPv6"),
        pytest.param("2001:db8::7", ["0.0.0.0/0"], id="IPv6 is not in IPv4"),
        pytest.param("::c000:207", ["192.0.2.7"], id="IPv6 of the same number as an IPv4 address"),
        pytest.param("0.0.0.1", ["::1"], id="IPv4 of the same number as an IPv6 address"),
    ],
)
def test_an_address_does_not_lie_in(host: str, cidrs: list[str]) -> None:
    assert ip_address(host).packed not in CidrSet(cidrs)


def test_a_thousand_networks_are_as_good_as_one() -> None:
    networks = CidrSet(f"10.{n // 250}.{n % 250}.0/24" for n in range(1000))
    assert bytes([10, 3, 249, 9]) in networks
    assert bytes([10, 4, 0, 1]) not in networks
    assert bytes([255] * 4) not in networks
