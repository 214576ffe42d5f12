"""``fairlearn-fwh audit``: its exit statuses guard releases."""

import json
import sys

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner
from fairlearn.postprocessing import ThresholdOptimizer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split

from fairlearn_fwh.cli._main import main
from fairlearn_fwh.datasets import default_preprocessor, fetch_adult

mpl.use("Agg")


@pytest.fixture
def table(rng):
    n = 2000
    y, group = rng.integers(0, 2, n), rng.choice(["a", "b"], n)
    pooled = np.where(rng.random(n) < 0.2, 1 - y, y)
    return pd.DataFrame(
        {
            "y": y, "pooled": pooled, "better": np.where(rng.random(n) < 0.5, y, pooled),
            "worse": np.where((group == "a") & (rng.random(n) < 0.2), 1 - y, pooled), "same": pooled,
            "g": group, "w": rng.random(n),
        }
    )  # fmt: skip


@pytest.fixture
def run(tmp_path):
    def run(path, *arguments):
        columns = ["--y-true", "y", "--pooled", "pooled"]
        result = CliRunner().invoke(main, ["audit", str(path), *columns, *map(str, arguments)])
        assert result.exit_code in (0, 1, 2, 3), result.exception
        return result

    return run


@pytest.fixture(params=["csv", "parquet", "csv.gz"])
def path(request, table, tmp_path):
    path = tmp_path / f"predictions.{request.param}"
    if request.param == "parquet":
        table.to_parquet(path)
    else:
        table.to_csv(path, index=False)
    return path


@pytest.mark.parametrize("engine", ["auto", "duckdb", "polars"])
def test_three_statuses_from_every_format_and_engine(run, path, engine):
    common = ("--sensitive", "g", "--engine", engine)
    assert run(path, "--y-pred", "better", *common).exit_code == 0
    harm = run(path, "--y-pred", "worse", *common)
    assert harm.exit_code == 1
    assert "for a (1 of 2 groups)" in harm.output
    assert run(path, "--y-pred", "nothing", *common).exit_code == 2


@pytest.mark.parametrize("path", ["parquet"], indirect=True)
def test_undecided_is_told_from_harm(run, path):
    same = ("--y-pred", "same", "--sensitive", "g", "--tolerance")
    assert run(path, *same, 0.2, "--require", "certified").exit_code == 0
    assert run(path, *same, 0.2, "--fail-on", "undecided").exit_code == 0
    assert run(path, *same, 0.0001).exit_code == 0
    assert run(path, *same, 0.0001, "--require", "certified").exit_code == 3
    assert run(path, *same, 0.0001, "--fail-on", "undecided").exit_code == 3
    worse = ("--y-pred", "worse", "--sensitive", "g", "--tolerance", 0.0001)
    assert run(path, *worse, "--fail-on", "undecided").exit_code == 1
    both = run(path, *same, 0.2, "--fail-on", "harm", "--require", "certified")
    assert both.exit_code == 2
    assert "--fail-on and --require say the same" in both.output


@pytest.mark.long
def test_margins_are_audited_with_the_intersections(run, table, tmp_path):
    path = tmp_path / "predictions.parquet"
    table.assign(h=np.arange(len(table)) % 3).to_parquet(path)
    arguments = ("--y-pred", "worse", "--sensitive", "g,h", "--margins", "--json", tmp_path / "result.json")
    result = run(path, *arguments)
    assert result.exit_code == 1
    groups = {group["group"]: group for group in json.loads((tmp_path / "result.json").read_text())["groups"]}
    assert len(groups) == 2 + 3 + 6
    assert groups["a x all"]["harmed"]
    assert not groups["b x all"]["harmed"]
    refused = run(path, "--y-pred", "worse", "--sensitive", "g", "--margins")
    assert refused.exit_code == 2
    assert "Margins need --sensitive of several columns; there is ['g']" in refused.output


@pytest.mark.long(but_every=3)
def test_a_loss_within_the_margin_is_not_harm(run, path, tmp_path):
    arguments = [
        "--y-pred",
        "worse",
        "--sensitive",
        "g",
        "--json",
        tmp_path / "r.json",
        "--html",
        tmp_path / "r.html",
    ]
    for margin, status in ((0, 1), (0.02, 1), (0.3, 0)):
        result = run(path, *arguments, "--harm-margin", margin)
        assert result.exit_code == status
        assert json.loads((tmp_path / "r.json").read_text())["harm_margin"] == margin
        assert ("by more than 2 points" in result.output) == (margin == 0.02)
        assert ("by more than a margin of" in (tmp_path / "r.html").read_text()) == (margin > 0)
    for margin in (-0.01, 1):
        result = run(path, *arguments, "--harm-margin", margin)
        assert result.exit_code == 2
        assert "harm_margin must be at least 0 and below 1.0, the largest loss" in result.output


@pytest.mark.parametrize("path", ["parquet"], indirect=True)
def test_classifiers_of_groups_are_compared(run, path, tmp_path):
    common = ("--groups", "g", "--json", tmp_path / "result.json")
    assert run(path, "--by-group", "a=worse,b=pooled", *common).exit_code == 1
    result = json.loads((tmp_path / "result.json").read_text())
    assert result["claims"] == "all"
    envious = ("--by-group", "a=better,b=pooled", *common, "--weight", "w")  # b envies a
    assert run(path, *envious).exit_code == 0
    assert run(path, *envious, "--fail-on", "envy").exit_code == 1
    assert run(path, "--by-group", "worse,better", *common).exit_code == 2
    assert run(path, "--y-pred", "better", "--loss", "absolute", "--loss-limit", 2).exit_code == 0
    refused = run(path, "--y-pred", "better", "--loss", "absolute")
    assert refused.exit_code == 2
    assert "Cut losses off with --loss-limit=" in refused.output


@pytest.mark.parametrize("path", ["parquet"], indirect=True)
def test_reports_are_written(run, path, tmp_path):
    result = run(
        path,
        "--y-pred",
        "worse",
        "--sensitive",
        "g",
        "--html",
        tmp_path / "out" / "r.html",
        "--json",
        tmp_path / "r.json",
    )
    assert "Written" in result.output
    page = (tmp_path / "out" / "r.html").read_text()
    assert "Harm found" in page
    assert "predictions.parquet" in page
    assert json.loads((tmp_path / "r.json").read_text())["harm_found"]


@pytest.mark.parametrize("engine", ["duckdb", "polars"])
@pytest.mark.parametrize("kind", ["integers", "booleans"])
def test_labels_have_the_type_of_the_groups_column(run, table, tmp_path, engine, kind):
    codes = (table["g"] == "b").astype(int)
    table.assign(code=codes if kind == "integers" else codes == 1).to_parquet(tmp_path / "coded.parquet")
    labels = {"integers": ("0", "1"), "booleans": ("false", "true")}[kind]
    classifiers = f"{labels[0]}=worse,{labels[1]}=pooled"
    result = run(
        tmp_path / "coded.parquet", "--by-group", classifiers, "--groups", "code", "--engine", engine
    )
    assert result.exit_code == 1
    if kind == "integers":
        result = run(tmp_path / "coded.parquet", "--by-group", "a=worse,b=pooled", "--groups", "code")
        assert result.exit_code == 2
        assert "groups names ['0', '1'], which --by-group does not have" in result.output


@pytest.mark.parametrize("path", ["parquet"], indirect=True)
def test_no_file_is_written_over_another(run, path, tmp_path):
    before = path.read_bytes()
    for outputs in (("--json", path), ("--html", tmp_path / "r", "--json", tmp_path / "r")):
        result = run(path, "--y-pred", "worse", *outputs)
        assert result.exit_code == 2
        assert "must all be different files" in result.output
    assert path.read_bytes() == before


@pytest.mark.parametrize("path", ["parquet"], indirect=True)
def test_values_are_not_shown_as_per_cent(run, path):
    result = run(path, "--y-pred", "w", "--loss", "squared", "--loss-limit", 100)
    everybody = next(line for line in result.output.splitlines() if line.startswith("all "))
    assert "%" not in everybody


def cut(path):
    path.write_bytes(path.read_bytes()[:2000])
    return path


def not_parquet(path):
    path.write_bytes(b"nothing of the kind" * 100)
    return path


def empty(path):
    path.write_bytes(b"")
    return path


@pytest.mark.parametrize("engine", ["duckdb", "polars"])
@pytest.mark.parametrize("path", ["parquet"], indirect=True)
@pytest.mark.parametrize("spoil", [cut, not_parquet, empty, lambda path: path.with_name("other.parquet"), lambda path: path.rename(path.with_suffix(".txt"))])  # fmt: skip
def test_an_unusable_file_is_status_2_and_nothing_is_written(run, path, spoil, engine, tmp_path):
    report = tmp_path / "report.html"
    result = run(
        spoil(path),
        "--y-pred",
        "worse",
        "--engine",
        engine,
        "--html",
        report,
        "--json",
        report.with_suffix(".json"),
    )
    assert result.exit_code == 2
    assert result.output.startswith("Error: ")
    assert "Traceback" not in result.output
    assert not report.exists()
    assert json.loads(report.with_suffix(".json").read_text())["state"] == "unusable"


@pytest.mark.parametrize("path", ["parquet"], indirect=True)
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--y-pred", "w"], "compares labels"),
        (["--y-pred", "g"], "labels of different types"),
        (["--y-pred", "better", "--weight", "g"], "--weight must be numbers"),
        (["--y-pred", "better", "--alpha", "2"], "alpha must be between 0 and 1"),
        (["--y-pred", "better", "--tolerance", "-1"], "tolerance must be at least 0"),
        ([], "--y-pred is needed"),
        (["--y-pred", "better", "--by-group", "worse"], "groups is needed"),
    ],
)
def test_unusable_arguments_are_status_2_with_a_reason(run, path, arguments, message):
    result = run(path, *arguments)
    assert result.exit_code == 2
    assert message in result.output


@pytest.mark.parametrize("path", ["csv"], indirect=True)
def test_a_missing_engine_is_named(run, path, monkeypatch):
    monkeypatch.setitem(sys.modules, "duckdb", None)
    assert run(path, "--y-pred", "better").exit_code == 0  # polars reads it
    monkeypatch.setitem(sys.modules, "polars", None)
    result = run(path, "--y-pred", "better")
    assert result.exit_code == 2
    assert "fairlearn-fwh[duckdb]" in result.output


@pytest.mark.long
def test_a_threshold_optimizer_on_adult(run, real_data, tmp_path):
    bunch = fetch_adult(data_home=real_data)
    X = default_preprocessor(bunch.data).fit_transform(bunch.data)
    groups = bunch.sensitive_features[["sex"]]
    X, X_test, y, y_test, sex, sex_test = train_test_split(X, bunch.target, groups, random_state=0)
    pooled = LogisticRegression(max_iter=2000).fit(X, y)
    parity = ThresholdOptimizer(
        estimator=pooled, constraints="demographic_parity", prefit=True, predict_method="predict_proba"
    ).fit(X, y, sensitive_features=sex)
    predictions = sex_test.assign(
        y=y_test,
        pooled=pooled.predict(X_test),
        p=parity.predict(X_test, sensitive_features=sex_test, random_state=0),
    )
    predictions.to_parquet(tmp_path / "adult.parquet")
    result = run(
        tmp_path / "adult.parquet", "--y-pred", "p", "--sensitive", "sex", "--html", tmp_path / "adult.html"
    )
    assert result.exit_code == 1
    assert (
        "Female: worse by 3.1 points of accuracy, 4,029 people\n  Male: worse by 1.1 points of accuracy, 8,182 people"
        in result.output
    )
    same = run(tmp_path / "adult.parquet", "--y-pred", "pooled", "--sensitive", "sex")
    assert same.exit_code == 2
    assert "--pooled and --y-pred are the same column 'pooled'" in same.output


@pytest.mark.parametrize("path", ["csv"], indirect=True)
def test_who_forgets_the_groups_is_told(run, path):
    told = "Neither --sensitive nor --groups is given: everybody is one group."
    assert told in run(path, "--y-pred", "worse").output
    assert told not in run(path, "--y-pred", "worse", "--sensitive", "g").output


def test_columns_that_are_called_like_arguments_keep_their_names(tmp_path):
    (tmp_path / "p.csv").write_text("y_true,y_pred,old\n1,yes,1\n0,no,0\n1,maybe,1\n")
    arguments = ["--y-true", "y_true", "--y-pred", "y_pred", "--pooled", "missing"]
    error = CliRunner().invoke(main, ["audit", str(tmp_path / "p.csv"), *arguments]).output
    assert "'y_true'" in error
    arguments[-1] = "old"
    error = CliRunner().invoke(main, ["audit", str(tmp_path / "p.csv"), *arguments]).output
    assert "--y-pred has the label 'maybe' beside numbers" in error


def test_no_bar_of_an_engine_is_written_between_the_lines_of_a_report(run, path):
    duckdb = pytest.importorskip("duckdb")
    run(path, "--y-pred", "better", "--sensitive", "g", "--engine", "duckdb")
    assert duckdb.sql("SELECT current_setting('enable_progress_bar')").fetchall() == [(False,)]
