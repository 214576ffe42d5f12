"""Files of labels are counted in one pass; what that gives is what rows give."""

import numpy as np
import pandas as pd
import pytest

from fairlearn_fwh.files import measure_file
from fairlearn_fwh.metrics import PreferenceFrame
from fairlearn_fwh.metrics._engines import _measure

ROLES = {"y_true": "y", "y_pred": "new", "y_pred_pooled": "old", "sensitive_features": ["g"]}


@pytest.fixture
def table(rng):
    n = 400
    labels = {name: rng.choice(["ill", "well"], n) for name in ("y", "new", "old")}
    return pd.DataFrame(labels | {"g": rng.choice(["1", "01", "two"], n), "other": rng.random(n)})


@pytest.mark.parametrize("engine", ["duckdb", "polars"])
@pytest.mark.parametrize("ending", ["csv", "parquet"])
@pytest.mark.parametrize("most", [100_000, 1])
def test_the_figures_of_rows(table, tmp_path, monkeypatch, engine, ending, most):
    pytest.importorskip(engine)
    monkeypatch.setattr(_measure, "_MOST_KINDS", most)
    path = tmp_path / f"table.{ending}"
    table.to_csv(path, index=False) if ending == "csv" else table.to_parquet(path)
    found = measure_file(path, engine=engine, **ROLES)
    expected = PreferenceFrame(**{role: table[column] for role, column in ROLES.items()})
    assert found.by_group.index.tolist() == expected.by_group.index.tolist()
    np.testing.assert_allclose(found.by_group.astype(float), expected.by_group.astype(float))


def test_missing_values_are_counted_as_rows(table, tmp_path):
    table.loc[:6, "g"] = None
    path = tmp_path / "table.csv"
    table.to_csv(path, index=False)
    with pytest.raises(ValueError, match=r"sensitive_features\['g'\] has 7 missing value\(s\)"):
        measure_file(path, **ROLES)


def test_thousands_of_other_columns_are_not_read(table, tmp_path):
    more = pd.DataFrame(np.zeros((400, 3000), dtype=int), columns=[f"more {i}" for i in range(3000)])
    path = tmp_path / "table.csv"
    pd.concat([more, table], axis=1).to_csv(path, index=False)
    expected = PreferenceFrame(**{role: table[column] for role, column in ROLES.items()})
    np.testing.assert_allclose(
        measure_file(path, **ROLES).by_group.astype(float), expected.by_group.astype(float)
    )
