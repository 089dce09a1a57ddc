"""What all tests share."""

from collections.abc import Iterator

import pytest

from relay import Relay
from syncline import Doc


@pytest.fixture
def doc() -> Doc:
    return Doc()


@pytest.fixture(scope="session")
def relay(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Relay]:
    """A real relay, shared by the tests of a run: each uses rooms of its own."""
    with Relay(tmp_path_factory.mktemp("relay")) as relay:
        yield relay
