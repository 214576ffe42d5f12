"""Frames of Spark, in the one session that takes seconds to start."""

import shutil

import pandas as pd
import pytest

from benchmarks import fuzz
from fairlearn_fwh.metrics import PreferenceFrame

from .test_from_frame import CASES, assert_like_pandas, assert_same, make_table

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(shutil.which("java") is None, reason="Spark needs Java, which is not on this machine"),
]


@pytest.fixture(scope="module")
def spark():
    session = fuzz.spark_session()
    yield session
    session.stop()


def test_spark_gives_the_figures_of_pandas(spark, tmp_path):
    table = make_table()
    table.to_parquet(tmp_path / "table.parquet")
    data = spark.read.parquet(str(tmp_path / "table.parquet"))
    for case, more in (("weighted", {"units": "year"}), ("unweighted brier", {}), ("controls", {})):
        columns = {"y_true": "y"} | CASES[case] | more
        assert_same(PreferenceFrame.from_frame(data, **columns), PreferenceFrame.from_frame(table, **columns))


def test_spark_keeps_names_with_dots_and_capitals(spark, rng):
    y = rng.integers(0, 2, 60).tolist()
    columns = {
        "y": y,
        "a.b": [1 - label for label in y],
        "good": y,
        "bad": [1 - label for label in y],
        "g": ["a", "A"] * 30,
    }
    data = spark.createDataFrame(list(zip(*columns.values(), strict=True)), list(columns))
    roles = {
        "y_true": "y",
        "y_pred_pooled": "a.b",
        "y_pred_by_group": {"a": "good", "A": "bad"},
        "groups": "g",
    }
    assert_like_pandas(data, pd.DataFrame(columns), **roles)


def test_random_tables_in_spark(spark):
    assert fuzz.run(3, seed=7, containers=("spark",)) == []
