"""The two scorecards that every report is tried on."""

import pytest

from harness.records import Scorecard
from tests.sample_scorecard import hostile, sample


@pytest.fixture(scope="session")
def card() -> Scorecard:
    return sample()


@pytest.fixture(scope="session")
def attack() -> Scorecard:
    return hostile()
