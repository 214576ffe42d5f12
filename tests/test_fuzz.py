"""A small part of ``python -m benchmarks.fuzz``; the whole of it is run by hand."""

import shutil

import pytest

from benchmarks import fuzz


@pytest.mark.parametrize("part", range(4))
def test_random_tables_in_every_container(part):
    assert fuzz.run(500, seed=100 + part) == []


@pytest.mark.slow
@pytest.mark.parametrize("container", fuzz.DISTRIBUTED)
def test_random_tables_in_distributed_frames(container):
    if container == "spark" and shutil.which("java") is None:
        pytest.skip("Spark needs Java, which is not on this machine")
    assert fuzz.run(20 if container == "spark" else 60, seed=7, containers=(container,)) == []


def test_what_is_wrong_is_found(monkeypatch):
    monkeypatch.setattr(fuzz, "loss_of", lambda loss, y, p: 0.5)
    assert fuzz.run(40, seed=1)
