"""Frames of Spark, with a master and two workers that take seconds to start."""

import shutil
import sys

import numpy as np
import pandas as pd
import pytest

from benchmarks import fuzz
from fairlearn_fwh.metrics import PreferenceFrame

from .clusters import spark_cluster
from .test_from_frame import CASES, assert_like_pandas, assert_same, make_table

pytestmark = [
    pytest.mark.slow,
    pytest.mark.long,
    pytest.mark.skipif(shutil.which("java") is None, reason="Spark needs Java, which is not on this machine"),
]


#: More than this comes back to the driver from no query.
MOST_RESULTS = "1m"


@pytest.fixture(scope="module")
def spark(tmp_path_factory):
    """A session of the cluster."""
    with spark_cluster(tmp_path_factory.mktemp("spark")) as master:
        memory, quick = "500m", "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC"
        settings = {
            "spark.executor.memory": memory,
            "spark.executor.extraJavaOptions": quick,
            "spark.pyspark.python": sys.executable,
            "spark.driver.maxResultSize": MOST_RESULTS,
            "spark.scheduler.minRegisteredResourcesRatio": "1.0",
            "spark.cores.max": "2",
        }
        session = fuzz.spark_session(master, **settings)
        yield session
        session.stop()


def test_two_workers_shuffle_once_per_query_and_send_no_rows_to_the_driver(spark, tmp_path, rng):
    n = 100_000
    y = rng.integers(0, 2, n)
    table = pd.DataFrame(
        {
            "y": y,
            "new": rng.integers(0, 2, n),
            "old": y,
            "g": rng.choice(["a", "b", "c"], n),
            "row": np.arange(n),
        }
    )
    table.to_parquet(tmp_path / "table.parquet", row_group_size=n // 4)
    data = spark.read.parquet(str(tmp_path / "table.parquet"))
    with pytest.raises(Exception, match="maxResultSize"):
        data.collect()
    context = spark.sparkContext
    context.setJobGroup("preferences", "")
    roles = {"y_true": "y", "y_pred": "new", "y_pred_pooled": "old", "sensitive_features": "g"}
    assert_same(PreferenceFrame.from_frame(data, **roles), PreferenceFrame.from_frame(table, **roles))
    tracker = context.statusTracker()
    stages = [len(tracker.getJobInfo(job).stageIds) for job in tracker.getJobIdsForGroup("preferences")]
    assert stages == [2, 2]  # a look at the rows, and the sums: before the shuffle and after it
    assert context._jsc.sc().getExecutorMemoryStatus().size() == 3  # the driver, too


@pytest.mark.parametrize(
    ("case", "more"),
    [("weighted", {"units": "year"}), ("unweighted brier", {})],
)
def test_spark_gives_the_figures_of_pandas(spark, tmp_path, case, more):
    table = make_table()
    table.to_parquet(tmp_path / "table.parquet")
    data = spark.read.parquet(str(tmp_path / "table.parquet"))
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
