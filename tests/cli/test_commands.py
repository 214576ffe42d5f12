import re

import matplotlib.image
import pandas as pd
import pytest
from click.testing import CliRunner
from sklearn.linear_model import LogisticRegression
from sklearn.tree import DecisionTreeClassifier

from fairlearn_fwh.cli._main import main
from fairlearn_fwh.experiments._fairsde import _selection


@pytest.fixture
def run():
    return lambda *arguments: CliRunner().invoke(main, [str(a) for a in arguments])


def test_help_and_version(run):
    assert "demo" in run("--help").output
    assert "0.2.0" in run("--version").output


@pytest.mark.long
@pytest.mark.slow
def test_demo_on_embedded_data(run, no_data):
    result = run("demo", "--all", "--out", no_data / "out")
    assert result.exit_code == 0, result.output
    assert "No real data files were found" in result.output
    assert "diabetes, by sex" in result.output
    assert re.search(r"DAFH, certified +9\d\.\d % .* no group loses: certified", result.output)
    assert re.search(r"trivial partition .*\d\*.* HARMS -1, 1", result.output)
    assert "In 4 of 12 comparisons some group is significantly worse off" in result.output
    assert "fairlearn-fwh mitigators diabetes" in result.output
    table = pd.read_csv(no_data / "out" / "gains_by_group.csv")
    assert set(table["dataset"]) == {"diabetes", "intersectional"}
    assert (table["n"] >= 10).all()
    for name in ("diabetes", "intersectional"):
        picture = matplotlib.image.imread(no_data / "out" / f"gains_{name}.png")
        assert picture.shape[0] > 200
        assert picture[..., :3].std() > 0.05


def test_the_demo_teaches_three_words(run, no_data):
    result = run("demo", "--out", no_data / "out")
    assert result.exit_code == 0, result.output
    assert re.search(
        r"1\. On generated people .*\n +Harm found: b -\d+\.\d points of accuracy",
        result.output,
    )
    assert (
        "It is kept for a, b; a loss of more than 2 points is ruled out on people who are new to it"
        in result.output
    )
    assert re.search(
        r"Of the 4 hidden groups 4 are certified \(no loss of more than 2 points\) with 2,000 people, and [0-3] with the 60 of the picture",
        result.output,
    )
    assert result.output.count("Next: ") == 3
    for number in (1, 2, 3):
        assert (no_data / "out" / f"scene_{number}.png").stat().st_size > 5_000


@pytest.mark.long
def test_demo_takes_the_real_data_that_it_finds(run, real_data, no_data):
    home = no_data / "home"
    home.mkdir()
    (home / "german.csv.gz").write_bytes((real_data / "german.csv.gz").read_bytes())
    result = run("demo", "--all", "--data-home", home, "--out", no_data / "out")
    assert result.exit_code == 0, result.output
    assert "german, by sex" in result.output
    assert "diabetes" not in result.output


def test_demo_reports_a_damaged_file(run, no_data):
    (no_data / "german.csv.gz").write_bytes(b"junk")
    result = run("demo", "--all", "--data-home", no_data, "--out", no_data / "out")
    assert result.exit_code == 2
    assert "damaged or cut off" in result.output
    assert not (no_data / "out").exists()


def test_reproduce_writes_runs_and_table(run, real_data, tmp_path):
    result = run(
        "reproduce", "table4", "--datasets", "german", "--splits", 2, "--protocol", "paper", "--data-home", real_data,
        "--out", tmp_path,
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    assert len(pd.read_csv(tmp_path / "table4_paper.csv")) == 8
    assert (tmp_path / "table4_paper.md").read_text() in result.output


def test_reproduce_zafar_writes_its_table(run, tmp_path):
    result = run("reproduce", "zafar", "--draws", 2, "--out", tmp_path)
    assert result.exit_code == 0, result.output
    text = (tmp_path / "zafar.md").read_text()
    assert text in result.output
    assert "0.558 (0.558)" in text
    assert run("reproduce", "zafar", "--draws", 1).exit_code == 2


@pytest.mark.long
@pytest.mark.slow
def test_reproduce_selection_writes_tables_and_picture(run, real_data, tmp_path, monkeypatch):
    quick = LogisticRegression(max_iter=200), DecisionTreeClassifier(max_depth=3, random_state=0)
    monkeypatch.setattr(_selection, "_models", lambda candidate, seed: quick)
    result = run(
        "reproduce",
        "selection",
        "--datasets",
        "german",
        "--splits",
        1,
        "--data-home",
        real_data,
        "--out",
        tmp_path,
    )
    assert result.exit_code == 0, result.output
    assert len(pd.read_csv(tmp_path / "selection_runs.csv")) == 24
    assert len(pd.read_csv(tmp_path / "selection.csv")) == 24
    assert matplotlib.image.imread(tmp_path / "selection.png")[..., :3].std() > 0.05
    unknown = run("reproduce", "selection", "--datasets", "iris", "--out", tmp_path / "none")
    assert unknown.exit_code == 2
    assert "datasets must be among" in unknown.output
    assert not (tmp_path / "none").exists()


def test_reproduce_says_what_is_wrong(run, no_data):
    unknown = run("reproduce", "table4", "--datasets", "iris", "--out", no_data / "out")
    assert unknown.exit_code == 2
    assert "datasets must be among" in unknown.output
    assert not (no_data / "out").exists()
    assert run("reproduce", "table4", "--splits", 0).exit_code == 2
    assert run("reproduce", "table4", "--protocol", "loose").exit_code == 2


@pytest.mark.long
@pytest.mark.slow
def test_mitigators_tells_whom_they_harm(run, no_data):
    result = run("mitigators", "diabetes", "--out", no_data / "out")
    assert result.exit_code == 0, result.output
    assert re.search(r"ThresholdOptimizer, demographic parity +\d\d\.\d %", result.output)
    assert re.search(r"HARMS 1$", result.output, re.MULTILINE)
    table = pd.read_csv(no_data / "out" / "mitigators_by_group.csv")
    assert {"gain", "lower", "upper", "p_harm", "harmed"} <= set(table)
    assert (no_data / "out" / "mitigators_diabetes.png").stat().st_size > 10_000
    assert run("mitigators", "iris").exit_code != 0
    assert "dataset must be one of" in run("mitigators", "iris").output


@pytest.mark.parametrize(
    "command",
    [
        ("demo",),
        ("mitigators", "diabetes"),
        *(("reproduce", name) for name in ("figure1", "selection", "zafar")),
    ],
)
def test_a_folder_that_cannot_be_made_is_told_before_anything_is_computed(run, no_data, command):
    (no_data / "file").write_text("")
    result = run(*command, "--out", no_data / "file" / "out")
    assert result.exit_code == 2
    assert "Error: --out: nothing can be written to" in result.output
    assert "fitting" not in result.output
