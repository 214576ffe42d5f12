"""Frames of Dask where a scheduler and two workers are processes of their own."""

import pandas as pd
import pytest

from fairlearn_fwh.metrics import PreferenceFrame

from .test_from_frame import CASES, assert_same, make_table

pytestmark = [pytest.mark.slow, pytest.mark.long]

distributed = pytest.importorskip("distributed", reason="needs dask's distributed scheduler")


@pytest.fixture(scope="module")
def client():
    with (
        distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None, host="127.0.0.1"
        ) as cluster,
        distributed.Client(cluster) as client,
    ):
        yield client


@pytest.mark.parametrize("case", ["weighted", "controls"])
def test_two_workers_give_the_figures_of_pandas(client, tmp_path, case):
    import dask.dataframe as dd

    table = make_table()
    parts = [tmp_path / f"part-{i}.parquet" for i in range(4)]
    for i, path in enumerate(parts):
        table.iloc[i::4].to_parquet(path)
    data = dd.read_parquet(parts)
    columns = {"y_true": "y"} | CASES[case]
    assert len(client.scheduler_info()["workers"]) == 2
    assert_same(
        PreferenceFrame.from_frame(data, **columns),
        PreferenceFrame.from_frame(pd.read_parquet(parts), **columns),
    )


def test_no_rows_come_to_the_process_that_asks(client, tmp_path):
    import dask.dataframe as dd

    table = pd.DataFrame(
        {"y": [0, 1] * 50_000, "new": [0, 1, 1, 1] * 25_000, "old": 0, "g": ["a"] * 50_000 + ["b"] * 50_000}
    )
    table["old"] = table["y"]
    parts = [tmp_path / f"part-{i}.parquet" for i in range(4)]
    for i, path in enumerate(parts):
        table.iloc[i::4].to_parquet(path)
    received = []
    original = client._gather
    client._gather = lambda *args, **kwargs: _counting(original, received, *args, **kwargs)
    roles = {"y_true": "y", "y_pred": "new", "y_pred_pooled": "old", "sensitive_features": "g"}
    PreferenceFrame.from_frame(dd.read_parquet(parts), **roles)
    assert received
    assert max(received) <= 100


async def _counting(original, received, *args, **kwargs):
    values = await original(*args, **kwargs)
    received.extend(len(value) for value in values if hasattr(value, "columns"))
    return values
