"""The options that make a run fail on purpose."""

import os

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    """Adds ``--corrupt`` and ``--corrupt-decision``: one expected byte or answer is changed, so the run must fail."""
    wanted = os.environ.get("SYNCLINE_CORRUPT")
    parser.addoption("--corrupt", action="store_true", default=wanted == "1")
    parser.addoption("--corrupt-decision", action="store_true", default=wanted == "decision")
