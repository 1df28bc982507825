import pytest

from warden.domain.reports.addresses import host, packed, text


@pytest.mark.parametrize(
    ("remote_addr", "address"),
    [
        ("198.51.100.4:443", "198.51.100.4"),
        ("255.255.255.255:65535", "255.255.255.255"),
        ("0.0.0.0:0", "0.0.0.0"),  # noqa: S104
        ("[2001:db8::1]:443", "2001:db8::1"),
        ("[2001:DB8:0:0:0:0:0:1]:443", "2001:db8::1"),
        ("2001:db8::1:443", "2001:db8::1"),
        ("2001:db8:1:2:3:4:5:6:443", "2001:db8:1:2:3:4:5:6"),
        (":::1", "::"),
        ("::1:80", "::1"),
        ("[::ffff:198.51.100.4]:443", "198.51.100.4"),
        ("::ffff:c633:6404:443", "198.51.100.4"),
        ("[fe80::1%eth0]:443", "fe80::1"),
        ("fe80::1%3:443", "fe80::1"),
        ("198.51.100.4:00443", "198.51.100.4"),
    ],
)
def test_the_host_of_a_remote_address(remote_addr: str, address: str) -> None:
    assert text(host(remote_addr)) == address


@pytest.mark.parametrize(
    "remote_addr",
    [
        "",
        ":",
        ":443",
        "198.51.100.4",
        "198.51.100.4:",
        "198.51.100.4:65536",
        "198.51.100.4:-1",
        "198.51.100.4:+1",
        "198.51.100.4:1_0",
        "198.51.100.4: 443",
        "198.51.100.4:443 ",
        "198.51.100.4:000443",
        "198.51.100.4:\u0664\u0664\u0663",
        "198.51.100.4:\u00b2",
        "198.51.100:443",
        "198.51.100.04:443",
        "198.51.100.256:443",
        "0x7f.0.0.1:443",
        " 198.51.100.4:443",
        "198.51.100.4\0:443",
        "198.51.100.4%eth0:443",
        "[198.51.100.4]:443",
        "[2001:db8::1]",
        "[2001:db8::1:443",
        "2001:db8::1]:443",
        "[[2001:db8::1]]:443",
        "[]:443",
        "[::1%]:443",
        "2001:db8:1:2:3:4:5:6",
        "2001:db8::1:g:443",
        "example.com:443",
        "\ud800:443",
        "[fe80::1%" + "e" * 100 + "]:443",
        "1" * 100_000 + ":1",
    ],
)
def test_what_is_no_address_and_port_has_no_host(remote_addr: str) -> None:
    with pytest.raises(ValueError, match="expected ip:port"):
        host(remote_addr)


@pytest.mark.parametrize(
    ("written", "address"),
    [("192.0.2.1", "192.0.2.1"), ("2001:DB8::0:1", "2001:db8::1"), ("::ffff:192.0.2.1", "192.0.2.1")],
)
def test_an_address_alone_becomes_canonical(written: str, address: str) -> None:
    assert text(packed(written)) == address


@pytest.mark.parametrize("written", ["", "192.0.2.1:80", "[::1]", "192.0.2.0/24", "localhost"])
def test_what_is_no_address_is_refused(written: str) -> None:
    with pytest.raises(ValueError, match="expected an IP address"):
        packed(written)
