import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from world import Lanes  # noqa: E402


@pytest.fixture(scope="session")
def lanes(tmp_path_factory):
    many = Lanes(tmp_path_factory.mktemp("lanes"))
    yield many
    many.stop()


@pytest.fixture
def lane(lanes):
    """One lane for a test that needs no more."""
    one = lanes.free.get()
    yield one
    lanes.free.put(one)
