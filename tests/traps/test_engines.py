"""Engines behind narwhals: expressions whose answers differ, and what we do instead."""

import narwhals as nw
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from fairlearn_fwh.metrics import PreferenceFrame, RankingFrame

from .traps import trap


def engines(columns):
    duckdb = pytest.importorskip("duckdb")
    return {
        "pandas": nw.from_native(pd.DataFrame(columns)).lazy(),
        "polars": nw.from_native(pl.LazyFrame(columns)),
        "duckdb": nw.from_native(duckdb.from_arrow(pa.table(columns))),
    }


def asked(columns, expression):
    """What every engine answers, as a list."""
    return {
        name: frame.select(found=expression).collect().to_dict(as_series=False)["found"]
        for name, frame in engines(columns).items()
    }


@trap("NaN is large")
def test_nan_is_refused_before_it_is_compared():
    columns = {"y": [0, 1, 0, 1], "p": [0.1, float("nan"), 0.2, 0.9], "q": [0.1, 0.9, 0.2, 0.9]}
    found = asked(columns, nw.col("p") >= 0.5)
    assert (found["pandas"][1], found["polars"][1], found["duckdb"][1]) == (False, True, True)
    for name, frame in engines(columns).items():
        native = frame.to_native()
        with pytest.raises(ValueError, match="missing|finite"):
            PreferenceFrame.from_frame(native, y_true="y", y_pred="p", y_pred_pooled="q", loss="brier")
        with pytest.raises(ValueError, match="missing|finite"):
            RankingFrame.from_frame(native, y_true="y", score="p", score_pooled="q")
        assert name


@trap("casts of floats")
def test_whole_numbers_are_made_by_subtraction():
    columns = {"x": [0.7, 1.5, 2.9]}
    found = asked(columns, nw.col("x").cast(nw.Int64))
    assert found["polars"] == found["pandas"] == [0, 1, 2]
    assert found["duckdb"] == [1, 2, 3]
    assert len({tuple(v) for v in asked(columns, nw.col("x") - nw.col("x") % 1.0).values()}) == 1


@trap("spelling of booleans")
def test_groups_of_booleans_are_the_same_groups_in_every_engine():
    columns = {"g": [True, False, True, False], "y": [0, 1, 1, 1], "p": [0, 1, 0, 1], "q": [0, 1, 1, 1]}
    found = asked(columns, nw.col("g").cast(nw.String))
    assert (found["pandas"][0], found["polars"][0], found["duckdb"][0]) == ("True", "true", "true")
    frames = [
        PreferenceFrame.from_frame(
            frame.to_native(), y_true="y", y_pred="p", y_pred_pooled="q", sensitive_features="g"
        )
        for frame in engines(columns).values()
    ]
    assert [sorted(frame.by_group.index) for frame in frames] == [[False, True]] * 3


@trap("unequal to missing")
def test_missing_labels_are_refused_before_they_are_compared():
    columns = {"y": ["a", "b", "a"], "p": ["a", None, "b"], "q": ["a", "b", "b"]}
    found = asked(columns, nw.col("y") != nw.col("p"))
    assert found["pandas"][1] is True
    assert found["polars"][1] is None
    assert found["duckdb"][1] is None
    for frame in engines(columns).values():
        with pytest.raises(ValueError, match="y_pred.*missing"):
            PreferenceFrame.from_frame(frame.to_native(), y_true="y", y_pred="p", y_pred_pooled="q")
