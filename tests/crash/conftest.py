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


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item):
    report = (yield).get_result()
    if report.when == "call":
        item.has_failed = report.failed


@pytest.fixture
def lane(lanes, request):
    """One lane for a test that needs no more; a new one takes its place when the test left something in it."""
    one = lanes.take()
    yield one
    lanes.give_back(one, spoiled=getattr(request.node, "has_failed", True))
