"""Predictions on real data: one verdict, whatever the format of the file and whichever engine reads it."""

import pytest
from click.testing import CliRunner
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split

from fairlearn_fwh.cli._main import main
from fairlearn_fwh.datasets import default_preprocessor, fetch_adult, fetch_arrest, fetch_bank_marketing
from fairlearn_fwh.decoupling import DecoupledClassifier


@pytest.mark.long
@pytest.mark.slow
@pytest.mark.filterwarnings(
    "ignore::fairlearn_fwh.exceptions.GroupFallbackWarning"
)  # few people are of some groups
@pytest.mark.parametrize("fetch", [fetch_arrest, fetch_adult, fetch_bank_marketing])
def test_every_format_and_engine_gives_one_report(fetch, real_data, tmp_path):
    bunch = fetch(data_home=real_data)
    groups = bunch.sensitive_features.iloc[:, :2].astype(str)
    X = default_preprocessor(bunch.data).fit_transform(bunch.data)
    X, X_test, y, y_test, groups, groups_test = train_test_split(X, bunch.target, groups, random_state=0)
    first = groups.columns[0]
    new = DecoupledClassifier(min_group_size=100).fit(X, y, sensitive_features=groups[[first]])
    table = groups_test.assign(
        y=y_test,
        new=new.predict(X_test, sensitive_features=groups_test[[first]]),
        old=LogisticRegression(max_iter=2000).fit(X, y).predict(X_test),
    )
    table.to_csv(tmp_path / "p.csv", index=False)
    table.to_csv(tmp_path / "p.csv.gz", index=False)
    table.to_parquet(tmp_path / "p.parquet", index=False)
    reports, statuses = set(), set()
    for name in ("p.csv", "p.csv.gz", "p.parquet"):
        for engine in ("duckdb", "polars"):
            out = tmp_path / "report.json"
            columns = [
                "--y-true",
                "y",
                "--y-pred",
                "new",
                "--pooled",
                "old",
                "--sensitive",
                ",".join(groups.columns),
            ]
            result = CliRunner().invoke(
                main, ["audit", str(tmp_path / name), *columns, "--engine", engine, "--json", str(out)]
            )
            assert result.exit_code in (0, 1), result.output
            statuses.add(result.exit_code)
            reports.add(out.read_text().replace(f'"{name}"', '"p"'))
    assert len(reports) == len(statuses) == 1
