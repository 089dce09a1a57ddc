"""Addresses of relays."""

import pytest

from syncline._transport import address


@pytest.mark.parametrize(
    ("given", "used"),
    [
        ("ws://127.0.0.1:7171", "ws://127.0.0.1:7171/sync"),
        ("ws://127.0.0.1:7171/", "ws://127.0.0.1:7171/sync"),
        ("http://relay.test", "ws://relay.test/sync"),
        ("https://relay.test:8443", "wss://relay.test:8443/sync"),
        ("wss://relay.test/other", "wss://relay.test/other"),
        ("wss://relay.test?key=1", "wss://relay.test/sync?key=1"),
        ("ws://[::1]:7171/#part", "ws://[::1]:7171/sync"),
    ],
)
def test_addresses_are_completed(given: str, used: str) -> None:
    assert address(given) == used


@pytest.mark.parametrize("given", ["", "relay.test", "127.0.0.1:7171", "ftp://relay.test", "ws://", "ws:///sync"])
def test_other_addresses_are_refused(given: str) -> None:
    with pytest.raises(ValueError, match="write it like ws://"):
        address(given)
