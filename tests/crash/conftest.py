import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from world import Lanes, stores  # noqa: E402


# The longest first: they decide how long all of it takes.
FIRST = ["revoke]", "killed_before_every_outward_call_then_the_next_run", "[third version]", "[renew]", "[deploy]", "[later", "power_fails", "at_random"]


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items):
    def place(item):
        return next((i for i, part in enumerate(FIRST) if part in item.name), len(FIRST))

    items.sort(key=place)
    for item in items:  # those that share what their file makes stay together
        if "sweeps" in item.fixturenames:
            item.add_marker(pytest.mark.xdist_group(item.path.name))


def pytest_sessionfinish():
    stores.end()


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
