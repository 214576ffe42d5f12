"""Fixtures that all tests share."""

import os

# Several workers of pytest-xdist share the cores: one thread each is faster than many that wait for each other.
for variable in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ.setdefault(variable, "1")

from collections import Counter
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

#: What is about an extra is left out where it is not installed.
NEED_TORCH = (
    "aif360", "experiments", "inprocessing", "cli/test_commands.py", "cli/test_terminal.py", "decoupling/test_real_models.py", "test_documentation.py",
    "test_package.py",
)  # fmt: skip
collect_ignore = list(NEED_TORCH) if find_spec("torch") is None else []
if find_spec("aif360") is None:
    collect_ignore.append("aif360")


def pytest_addoption(parser):
    parser.addoption(
        "--device",
        default="cpu",
        help="what torch methods compute on where a test does not say: cpu, auto, cuda",
    )
    parser.addoption("--long", action="store_true", help="run all tests, also those marked as long")


def pytest_configure(config):
    if (device := config.getoption("--device")) == "cpu":
        return
    from fairlearn_fwh import inprocessing

    for name in inprocessing.__all__:
        defaults = getattr(getattr(inprocessing, name).__init__, "__kwdefaults__", None) or {}
        if "device" in defaults:
            defaults["device"] = device


def pytest_collection_modifyitems(config, items):
    """Leave long tests out unless `--long` is given; of one with many parameters every k-th case stays, if it says `long(but_every=k)`."""
    if config.getoption("--long"):
        return
    cases = Counter()
    kept, left_out = [], []
    for item in items:
        mark = item.get_closest_marker("long")
        if mark is None:
            kept.append(item)
            continue
        name = item.nodeid.split("[")[0]
        every = mark.kwargs.get("but_every")
        (left_out if every is None or cases[name] % every else kept).append(item)
        cases[name] += 1
    items[:] = kept
    config.hook.pytest_deselected(items=left_out)


SHARED_DATA = Path(__file__).resolve().parents[2] / "shared" / "data"


@pytest.fixture(scope="session")
def real_data():
    """Folder with the real data sets; tests that need it are skipped where it is not there."""
    for folder in (os.environ.get("FAIRLEARN_FWH_DATA"), SHARED_DATA):
        if folder and (Path(folder) / "adult.csv.gz").is_file():
            return Path(folder)
    pytest.skip("real data sets are neither in FAIRLEARN_FWH_DATA nor in ../shared/data")


@pytest.fixture
def no_data(monkeypatch, tmp_path):
    """Hide every folder in which data files might lie."""
    monkeypatch.delenv("FAIRLEARN_FWH_DATA", raising=False)
    monkeypatch.setattr("fairlearn_fwh.datasets._files.cache_folder", lambda: tmp_path / "cache")
    return tmp_path


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def opposite_rules(n, angle=0.4, n_features=2, seed=0):
    """Two groups, told apart by one direction, with opposite rules along the other."""
    X = np.random.default_rng(seed).standard_normal((n, n_features))
    along = X[:, 0] * np.cos(angle) + X[:, 1] * np.sin(angle)
    across = X[:, 1] * np.cos(angle) - X[:, 0] * np.sin(angle)
    return X, (along * across > 0).astype(int), (across > 0).astype(int)
