"""The option that makes a run fail on purpose."""

import os

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    """Adds ``--corrupt``: one expected byte is changed, so the run must fail."""
    parser.addoption("--corrupt", action="store_true", default=os.environ.get("SYNCLINE_CORRUPT") == "1")
