"""Files that look right and are not: none of them passes."""

import json

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner

from fairlearn_fwh.cli._main import main

COLUMNS = ("--y-true", "y", "--y-pred", "new", "--pooled", "old", "--sensitive", "g")


def run_cli(*arguments):
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


@pytest.fixture
def harmed():
    """The new model misses 100 of 500 positives of group a."""
    y = np.tile(np.repeat(["1", "0"], 500), 2)
    group = np.repeat(["a", "b"], 1000)
    new = y.copy()
    new[:100] = "0"
    return pd.DataFrame({"y": y, "new": new, "old": y, "g": group})


def written(table, tmp_path, name="rows.csv"):
    path = tmp_path / name
    table.to_csv(path, index=False)
    return path


def test_the_harm_is_found(harmed, tmp_path):
    assert run_cli("audit", written(harmed, tmp_path), *COLUMNS).exit_code == 1


@pytest.mark.parametrize("engine", ["duckdb", "polars"])
@pytest.mark.parametrize("spelling", ["true", "1,0", "NA", "yes", "+1"])
def test_the_truth_in_another_spelling_hides_no_harm(harmed, tmp_path, spelling, engine):
    is_positive = (harmed["y"] == "1") & (harmed["g"] == "a")
    path = written(harmed.assign(y=harmed["y"].where(~is_positive, spelling)), tmp_path)
    result = run_cli("audit", path, *COLUMNS, "--engine", engine)
    assert result.exit_code == 2
    assert "which labels there are" in result.output or "leave such rows out" in result.output


def test_a_group_whom_a_loss_does_not_concern_is_undecided(harmed, tmp_path):
    y = np.where(harmed["g"] == "a", "0", harmed["y"])
    path = written(harmed.assign(y=y, old=y, new=y), tmp_path)
    for losses in ("missed", "error,missed"):
        result = run_cli(
            "audit", path, *COLUMNS, "--loss", losses, "--pos-label", "1", "--fail-on", "undecided"
        )
        assert result.exit_code == 3
        assert "Undecided for 1 of 2 groups" in result.output


@pytest.mark.parametrize("engine", ["duckdb", "polars"])
def test_a_group_without_weight_does_not_disappear(harmed, tmp_path, engine):
    path = written(harmed.assign(w=np.where(harmed["g"] == "a", 0.0, 1.0)), tmp_path)
    result = run_cli("audit", path, *COLUMNS, "--weight", "w", "--engine", engine)
    assert result.exit_code == 2
    assert "All rows of the group a have weight 0" in result.output


def test_a_cost_of_a_label_that_does_not_occur_is_refused(harmed, tmp_path):
    path = written(harmed.replace({"1": "ill", "0": "well"}), tmp_path)
    costs = ("--loss", "misclassification", "--cost", "well", "ill", "1", "--cost", "ill")
    assert run_cli("audit", path, *COLUMNS, *costs, "well", "5").exit_code == 1
    result = run_cli("audit", path, *COLUMNS, *costs, "Well", "5")
    assert result.exit_code == 2
    assert "costs for the label 'Well', which does not occur" in result.output


def test_a_label_of_the_policy_is_not_dropped_without_a_word(harmed, tmp_path):
    policy = tmp_path / "policy.toml"
    policy.write_text('[tool.fairlearn-fwh.audit]\nloss = ["missed"]\npos-label = ["0"]\n')
    path, report = written(harmed, tmp_path), tmp_path / "report.json"
    result = run_cli("audit", path, *COLUMNS, "--policy", policy, "--loss", "missed")
    assert result.exit_code == 2
    assert "Give --pos-label, too" in result.output
    run_cli(
        "audit", path, *COLUMNS, "--policy", policy, "--loss", "missed", "--pos-label", "1", "--json", report
    )
    said = json.loads(report.read_text())["policy"]
    assert "pos-label" in json.dumps(said["overridden"])


def test_groups_of_other_people_are_the_same_groups(harmed, tmp_path):
    options = ("--y-true", "y", "--y-pred", "new", "--sensitive", "g", "--unpaired", "--baseline")
    new, old = (written(harmed.assign(new=harmed[name]), tmp_path, f"{name}.csv") for name in ("new", "old"))
    assert run_cli("audit", new, *options, old).exit_code == 1
    for other, message in (
        ("A", "counted as different"),
        ("c", "In one sample only, and not compared: a, c"),
    ):
        renamed = written(
            harmed.assign(new=harmed["old"], g=harmed["g"].replace("a", other)), tmp_path, "renamed.csv"
        )
        assert message in run_cli("audit", new, *options, renamed).output


def test_a_file_that_is_named_twice_leaves_no_earlier_result(harmed, tmp_path):
    path, report = written(harmed, tmp_path), tmp_path / "report.json"
    assert run_cli("audit", path, *COLUMNS, "--json", report).exit_code == 1
    assert run_cli("audit", path, *COLUMNS, "--baseline", path, "--on", "y", "--json", report).exit_code == 2
    assert json.loads(report.read_text())["state"] == "unusable"


def test_both_engines_tell_texts_with_a_nul_apart(harmed, tmp_path):
    path = tmp_path / "rows.jsonl"
    harmed.assign(g=harmed["g"].replace({"a": "b\0"})).to_json(path, orient="records", lines=True)
    for engine in ("duckdb", "polars"):
        assert run_cli("audit", path, *COLUMNS, "--engine", engine).exit_code == 1


def test_a_score_far_out_hides_no_harm(tmp_path):
    rng = np.random.default_rng(0)
    n = 3000
    y, group = rng.integers(0, 2, n), rng.choice(["a", "b"], n)
    old = y + rng.normal(0, 1.2, n)
    new = np.where(group == "a", old + rng.normal(0, 1, n), old)
    options = (
        "--y-true",
        "y",
        "--scores",
        "new",
        "--pooled-scores",
        "old",
        "--sensitive",
        "g",
        "--pos-label",
        "1",
    )
    for change in (lambda x: np.exp(3 * x), lambda x: np.where(np.arange(n) == 0, 1e12, x)):
        path = written(pd.DataFrame({"y": y, "new": change(new), "old": change(old), "g": group}), tmp_path)
        assert run_cli("audit", path, *options).exit_code == 1


# --- one value in two spellings ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("engine", ["duckdb", "polars"])
def test_groups_written_as_floats_in_part_of_a_file_are_told(harmed, tmp_path, engine):
    half = np.arange(len(harmed)) % 2 == 0
    group = np.where(harmed["g"] == "a", np.where(half, "1", "1.0"), "2")
    result = run_cli("audit", written(harmed.assign(g=group), tmp_path), *COLUMNS, "--engine", engine)
    assert "has both '1' and '1.0', which are counted as two groups" in result.output


@pytest.mark.parametrize("engine", ["duckdb", "polars"])
@pytest.mark.parametrize("other", ["{}.0", "{} ", " {}", "{}.00"])
def test_units_in_two_spellings_are_not_counted_twice(harmed, tmp_path, engine, other):
    person = np.arange(len(harmed)) // 10
    table = harmed.assign(u=[str(u) if i % 2 else other.format(u) for i, u in enumerate(person)])
    result = run_cli("audit", written(table, tmp_path), *COLUMNS, "--unit", "u", "--engine", engine)
    assert result.exit_code == 2
    assert "one unit in two spellings" in result.output
    whole = written(table.assign(u=[f"{u}.0" for u in person]), tmp_path)
    assert run_cli("audit", whole, *COLUMNS, "--unit", "u", "--engine", engine).exit_code == 1


def test_a_week_that_writes_groups_as_floats_is_refused(harmed, tmp_path):
    state = tmp_path / "state.json"
    first = written(harmed.assign(g=harmed["g"].map({"a": "1", "b": "2"})), tmp_path, "week1.csv")
    assert run_cli("monitor", state, first, *COLUMNS).exit_code == 1
    for spelling in ("{}.0", "0{}"):
        groups = harmed["g"].map({"a": spelling.format(1), "b": spelling.format(2)})
        second = written(harmed.assign(g=groups), tmp_path, "week2.csv")
        result = run_cli("monitor", state, second)
        assert result.exit_code == 2
        assert "counted as different. Give both one spelling" in result.output


def test_unpaired_files_that_write_a_group_in_two_ways_are_refused(harmed, tmp_path):
    new = written(harmed.assign(g=harmed["g"].map({"a": "1.0", "b": "b"})), tmp_path)
    old = written(
        harmed.assign(new=harmed["old"], g=harmed["g"].map({"a": "1", "b": "b"})), tmp_path, "old.csv"
    )
    columns = ("--y-true", "y", "--y-pred", "new", "--sensitive", "g")
    result = run_cli("audit", new, "--baseline", old, "--unpaired", *columns)
    assert result.exit_code == 2
    assert "Give both one spelling" in result.output


@pytest.mark.parametrize("engine", ["duckdb", "polars"])
def test_a_group_that_no_join_leaves_is_refused(harmed, tmp_path, engine):
    table = harmed.assign(id=np.arange(len(harmed)))
    new = written(table.drop(columns="old"), tmp_path)
    old = written(table.loc[table["g"] == "b", ["id", "old"]], tmp_path, "old.csv")
    join = ("--baseline", old, "--on", "id", "--allow-unmatched", "--engine", engine)
    result = run_cli("audit", new, *join, *COLUMNS, "--fail-on", "undecided")
    assert result.exit_code == 2
    assert "No row of the group a of rows.csv has a partner" in result.output


def test_models_that_are_mostly_wrong_may_be_coded_the_other_way_round(harmed, tmp_path):
    said = "predictions are wrong for more than half of all people, and so are the baseline's"
    reversed_ = harmed.assign(**{name: harmed[name].map({"0": "1", "1": "0"}) for name in ("new", "old")})
    unpaired = ("--unpaired", "--y-true", "y", "--y-pred", "new", "--sensitive", "g")
    for table, is_said in ((reversed_, True), (harmed, False)):
        path = written(table, tmp_path)
        other = written(table[::-1].assign(new=table["old"]), tmp_path, "old.csv")
        for command in (
            ("audit", path, *COLUMNS),
            ("monitor", tmp_path / f"state{is_said}.json", path, *COLUMNS),
            ("audit", path, "--baseline", other, *unpaired),
        ):
            assert (said in run_cli(*command).output) == is_said


@pytest.mark.parametrize("engine", ["duckdb", "polars"])
def test_a_group_of_the_key_that_no_join_leaves_is_refused(harmed, tmp_path, engine):
    """The old file writes the group in another way, so that no row of it has a partner."""
    table = harmed.assign(id=np.arange(len(harmed)))
    new = written(table.drop(columns="old"), tmp_path)
    old = written(table[["id", "g", "old"]].replace({"g": {"a": "A"}}), tmp_path, "old.csv")
    join = ("--baseline", old, "--on", "g,id", "--allow-unmatched", "--engine", engine)
    result = run_cli("audit", new, *join, *COLUMNS)
    assert result.exit_code == 2
    assert "No row of the group a of rows.csv has a partner" in result.output


def test_a_look_at_which_a_group_is_small_does_not_tell_its_size(tmp_path):
    state, pages = tmp_path / "state.json", []
    for sizes in ((3, 11), (6, 8)):
        state.unlink(missing_ok=True)
        for look, n in enumerate(sizes):
            groups = ["a"] * (300 + look) + ["rare"] * n
            rows = pd.DataFrame({"y": 1, "new": 1, "old": 1, "g": groups[:: 1 - 2 * look]})
            week, page = written(rows, tmp_path, f"week{look}.csv"), tmp_path / "page.html"
            run_cli("monitor", state, week, *(COLUMNS if not look else ()), "--html", page)
        pages.append(page.read_text())
    assert pages[0] == pages[1]
    assert "14" in pages[0]


def test_a_monitor_goes_on_hiding_small_groups(harmed, tmp_path):
    state, table = tmp_path / "state.json", harmed.assign(g=harmed["g"].where(harmed.index % 50 > 0, "rare"))
    assert (
        "rare"
        not in run_cli(
            "monitor", state, written(table, tmp_path, "week1.csv"), *COLUMNS, "--min-group-size", "100"
        ).output
    )
    again = run_cli("monitor", state, written(table[::-1], tmp_path, "week2.csv"))
    assert "rare" not in again.output
    assert "1 group(s) of fewer than 100 people" in again.output
