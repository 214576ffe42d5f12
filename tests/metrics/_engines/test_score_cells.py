"""Ranking counted where the data are: within the error that is stated, in every engine, and the same tests."""

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from fairlearn_fwh.metrics import RankingFrame

NAMES = {"y_true": "y", "score": "new", "score_pooled": "old", "sensitive_features": "g"}


def table(rng, n=20_000, digits=None):
    y, g = (rng.random(n) < 0.2).astype(int), rng.choice(["a", "b"], n, p=[0.8, 0.2])
    old = 1 / (1 + np.exp(4 - 1.2 * y - rng.standard_normal(n)))
    new = np.where(g == "b", old * rng.random(n), old)
    scores = {"old": old, "new": new}
    return {"y": y, "g": g} | {k: v if digits is None else np.round(v, digits) for k, v in scores.items()}


def engines(columns):
    duckdb, dask = pytest.importorskip("duckdb"), pytest.importorskip("dask.dataframe")
    frame = pd.DataFrame(columns)
    return {
        "polars": pl.LazyFrame(columns),
        "duckdb": duckdb.from_arrow(pa.table(columns)),
        "dask": dask.from_pandas(frame, npartitions=3),
    }


@pytest.mark.long
@pytest.mark.slow
def test_gains_are_within_the_stated_error_in_every_engine(rng):
    columns = table(rng)
    eager = RankingFrame.from_frame(pd.DataFrame(columns), **NAMES)
    for name, lazy in engines(columns).items():
        counted = RankingFrame.from_frame(lazy, **NAMES)
        off = (counted.by_group["gain"] - eager.by_group["gain"]).abs()
        assert (off <= counted.by_group["binning_error"]).all(), name
        assert counted.by_group["binning_error"].max() < 0.001
        assert counted.violations()["group"].tolist() == ["b"]
        wide, exact = counted.gain_intervals(), eager.gain_intervals()
        assert (wide["lower"] <= exact["lower"] + 1e-4).all()
        assert (wide["upper"] >= exact["upper"] - 1e-4).all()
        assert counted.overall["gain"] == pytest.approx(eager.overall["gain"], abs=0.001)


def test_scores_that_are_tied_in_truth_are_counted_exactly(rng):
    columns = table(rng, n=3000, digits=2)
    eager = RankingFrame.from_frame(pl.DataFrame(columns), **NAMES)
    counted = RankingFrame.from_frame(pl.LazyFrame(columns), **NAMES)
    assert counted.by_group["binning_error"].tolist() == [0.0, 0.0]
    np.testing.assert_allclose(counted.by_group["gain"], eager.by_group["gain"])
    np.testing.assert_allclose(counted.gain_intervals()["lower"], eager.gain_intervals()["lower"], atol=1e-4)


def test_without_groups_everybody_is_one(rng):
    columns = table(rng, n=500)
    frame = RankingFrame.from_frame(pl.LazyFrame(columns), y_true="y", score="new", score_pooled="old")
    assert frame.by_group.index.tolist() == ["all"]


@pytest.mark.parametrize(
    ("change", "settings", "message"),
    [
        ({"new": [None, 0.2, 0.3, 0.4]}, {}, r"score has 1 missing value\(s\)"),
        ({"new": [0.5] * 4}, {}, "score is 0.5 for everybody: it ranks nobody"),
        ({"new": [0.1, 0.2, float("inf"), 0.3]}, {}, "score must be finite"),
        ({"new": ["a", "b", "c", "d"]}, {}, "score must be numbers"),
        ({"y": [1, 1, 1, 1]}, {}, "must have two classes to compare scores by; it has 1"),
        ({"y": ["no", "yes", "no", "yes"]}, {}, "pos_label is needed"),
        ({}, {"n_bins": 100}, "n_bins must be a multiple of 16"),
        ({}, {"max_cells": 2}, "more than max_cells=2 combinations"),
        ({}, {"score": "missing"}, "score is column 'missing'"),
    ],
)
def test_bad_input_is_refused(change, settings, message):
    columns = {
        "y": [0, 1, 0, 1],
        "new": [0.1, 0.9, 0.2, 0.8],
        "old": [0.5, 0.6, 0.4, 0.3],
        "g": list("aabb"),
    } | change
    with pytest.raises(ValueError, match=message):
        RankingFrame.from_frame(pl.LazyFrame(columns), **(NAMES | settings))
