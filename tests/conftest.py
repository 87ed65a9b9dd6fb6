"""For all tests: processes that they start can be interrupted, also where the tests run in a shell's background; and
nothing of them is left at the end."""

import gc
import shutil
import signal
import tempfile
from collections.abc import Iterator
from multiprocessing.util import get_temp_dir
from pathlib import Path

import pytest
from hypothesis import settings

from tests.defects import named_tests
from tests.leftovers import blocks_watched, left_by, watched

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # as children would inherit it
    signal.signal(signal.SIGINT, signal.default_int_handler)

DEFECTS = named_tests()

# a busy machine is no fault of what is tested: no property test has a time limit for an example
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")


def pytest_configure(config: pytest.Config) -> None:
    """Register a marker for each defect that docs/faults.md names."""
    for number in DEFECTS:
        config.addinivalue_line("markers", f"{number}: tests of this defect of docs/faults.md")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the tests that docs/faults.md names, so that `pytest -m D4` finds them."""
    for item in items:
        for number, names in DEFECTS.items():
            if item.nodeid in names or item.nodeid.partition("[")[0] in names:
                item.add_marker(number)


def pytest_collection_finish() -> None:
    """Leave modules and collected tests out of every later garbage collection, and collect more seldom.

    The tests then take a sixth less time.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(100_000, 50, 100)


@pytest.fixture(scope="session", autouse=True)
def nothing_is_left(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Fail where the tests of this process left a process, a port, a temporary file or shared memory behind."""
    # both made before the folder for temporary files is another one: they go with this process
    tmp_path_factory.getbasetemp()
    get_temp_dir()
    folder = Path(tempfile.mkdtemp(prefix="left-"))
    with watched(folder) as mark, blocks_watched(mark) as blocks:
        yield
    left = left_by(mark, folder)
    shutil.rmtree(folder, ignore_errors=True)
    assert left.count == 0, f"left behind: {left}"
    assert blocks.left() == set(), "shared memory is left behind"
