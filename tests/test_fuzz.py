"""A small part of ``python -m benchmarks.fuzz``; the whole of it is run by hand."""

import pytest

from benchmarks import fuzz


@pytest.mark.long(but_every=4)
@pytest.mark.parametrize("part", range(4))
def test_random_tables_in_every_container(part):
    assert fuzz.run(50, seed=100 + part) == []


@pytest.mark.long
@pytest.mark.slow
def test_random_tables_in_dask():
    assert fuzz.run(8, seed=7, containers=("dask",)) == []


def test_what_is_wrong_is_found(monkeypatch):
    monkeypatch.setattr(fuzz, "loss_of", lambda loss, y, p: 0.5)
    assert fuzz.run(15, seed=1)
