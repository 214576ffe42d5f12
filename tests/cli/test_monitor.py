"""``fairlearn-fwh monitor``: files come one after another, and the state is whole whatever happens."""

import json
import os

import filelock
import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner

from fairlearn_fwh.cli._main import main
from fairlearn_fwh.cli._reports import mark_unusable

COLUMNS = ("--y-true", "y", "--y-pred", "new", "--pooled", "old", "--sensitive", "g")

KEY = {"FAIRLEARN_FWH_UNIT_KEY": "a secret of the hospital"}


def write_week(path, seed, *, loss=0.0, n=600):
    rng = np.random.default_rng(seed)
    y, group = rng.integers(0, 2, n), rng.choice(["a", "b", "tiny"], n, p=[0.6, 0.39, 0.01])
    old = np.where(rng.random(n) < 0.1, 1 - y, y)
    new = np.where((group == "a") & (rng.random(n) < loss), 1 - y, np.where(rng.random(n) < 0.03, y, old))
    table = pd.DataFrame(
        {"y": y, "new": new, "old": old, "first": old, "g": group, "id": rng.integers(0, 3000, n)}
    )
    if path.suffix == ".parquet":
        table.to_parquet(path)
    else:
        table.to_csv(path, index=False)
    return path


@pytest.fixture
def weeks(tmp_path):
    return [write_week(tmp_path / f"week{i}.csv", i, loss=0.0 if i < 3 else 0.4) for i in range(5)]


@pytest.fixture
def run(tmp_path):
    def run(*arguments, env=None):
        result = CliRunner().invoke(
            main, ["monitor", str(tmp_path / "state.json"), *map(str, arguments)], env=env
        )
        assert result.exit_code in (0, 1, 2, 3), result.exception
        return result

    return run


def state_of(tmp_path):
    return (tmp_path / "state.json").read_bytes()


@pytest.mark.parametrize(
    ("policy", "said"),
    [
        ('fail-on = "undecided"', "fail-on is 'undecided' there and 'harm' here"),
        (
            'loss = ["missed", "false_alarm"]',
            "loss is 'missed,false_alarm' there and 'zero_one' here",
        ),
        ('unit = "id"', "unit is 'id' there and None here"),
        ('sensitive = ["g", "h"]', "sensitive is 'g,h' there and 'g' here"),
        ("margins = true", "margins is True there and False here"),
        ('pos-label = "0"', "pos-label is ['0'] there and None here"),
        (
            'sensitive = "g"\ntolerance = 0.01\nloss = ["error"]\nfail-on = "harm"\nrequired-groups = ["a"]',
            None,
        ),
    ],
)
def test_a_policy_that_asks_something_else_is_not_passed_over(
    run, weeks, tmp_path, monkeypatch, policy, said
):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "pyproject.toml").write_text(f"[tool.fairlearn-fwh.audit]\n{policy}\n")
    output = " ".join(run(weeks[0], *COLUMNS).output.split())
    assert ("the policy in pyproject.toml is for audits" in output) == (said is not None)
    assert said is None or said in output


def test_a_policy_may_name_the_columns_in_another_order(run, weeks, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "pyproject.toml").write_text('[tool.fairlearn-fwh.audit]\nsensitive = ["first", "g"]\n')
    assert "asks something else" not in run(weeks[0], *COLUMNS[:-1], "g,first").output


def test_the_page_rounds_the_confidence(run, weeks, tmp_path):
    run(weeks[0], *COLUMNS, "--alpha", "0.07", "--html", tmp_path / "r.html")
    assert "With probability 0.93 no harm" in (tmp_path / "r.html").read_text()


def test_week_after_week_until_harm_is_found(run, weeks, tmp_path):
    assert run(*weeks[:2], *COLUMNS).exit_code == 0
    statuses = [
        run(week, "--html", tmp_path / "r.html", "--json", tmp_path / "r.json").exit_code
        for week in weeks[2:]
    ]
    assert statuses[0] == 0
    assert statuses[-1] == 1
    report = json.loads((tmp_path / "r.json").read_text())
    assert report["harm_found"]
    assert report["n_looks"] == 5
    assert {row["group"] for row in report["history"]} >= {"a", "b"}
    page = (tmp_path / "r.html").read_text()
    assert "harm is found in a" in page
    assert "week4.csv" in page
    assert page.count("<img") == 1


def test_one_call_is_as_good_as_several(run, weeks, tmp_path):
    for week in weeks:
        run(week, *COLUMNS)
    one = json.loads(state_of(tmp_path))
    (tmp_path / "state.json").unlink()
    run(*weeks, *COLUMNS)
    assert json.loads(state_of(tmp_path)) == one


def test_certificates_can_be_required(run, weeks):
    settings = (*COLUMNS, "--tolerance", "0.4")
    assert run(weeks[0], *settings, "--require", "certified").exit_code == 3  # few people of the tiny group
    assert run(weeks[1], "--require", "no-harm").exit_code == 0
    assert run(weeks[2], "--fail-on", "undecided").exit_code == 3


REFUSED = {
    "a file twice": ("week0.csv",),
    "another column": ("week1.csv", "--pooled", "first"),
    "another tolerance": ("week1.csv", "--tolerance", "0.2"),
    "another design": ("week1.csv", "--design", "group_sequential", "--looks", "5"),
    "no such file": ("week9.csv",),
    "a new release": ("week1.csv", "--new-release"),
    "one of two files": ("week1.csv", "week0.csv"),
}  # fmt: skip

MESSAGES = {
    "a file twice": "week0.csv was added before",
    "another column": "was started with --pooled 'old'; got 'first'",
    "another tolerance": "was started with --tolerance 0.01; got 0.2",
    "another design": "was started with --design 'anytime'; got 'group_sequential'",
    "no such file": "does not exist",
    "a new release": "several_releases=True",
    "one of two files": "week0.csv was added before",
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_refused_leaves_the_state_as_it_was(run, weeks, tmp_path, case):
    run(weeks[0], *COLUMNS)
    before = state_of(tmp_path)
    paths = [tmp_path / part if part.endswith(".csv") else part for part in REFUSED[case]]
    result = run(*paths)
    assert result.exit_code == 2
    assert MESSAGES[case] in result.output
    assert state_of(tmp_path) == before


@pytest.mark.parametrize("name", ["sorted.csv", "copy.csv.gz", "copy.parquet"])
def test_a_copy_of_a_week_is_refused_whatever_file_it_is(run, weeks, tmp_path, name):
    run(write_week(weeks[0], 0, n=6000), *COLUMNS)
    before, copy = state_of(tmp_path), tmp_path / name
    table = pd.read_csv(weeks[0])
    if name == "copy.parquet":
        table.to_parquet(copy)
    else:
        (table.sort_values("y") if name == "sorted.csv" else table).to_csv(copy, index=False)
    result = run(copy)
    assert result.exit_code == 2
    assert f"{name!r} has the same counts in every group as 'week0.csv'" in result.output
    assert state_of(tmp_path) == before


@pytest.mark.parametrize("at_once", [False, True])
def test_an_export_of_all_people_so_far_is_refused(run, weeks, tmp_path, at_once):
    both = tmp_path / "so_far.csv"
    both.write_bytes(weeks[0].read_bytes() + weeks[1].read_bytes().split(b"\n", 1)[1])
    if not at_once:
        run(weeks[0], *COLUMNS)
    before = (tmp_path / "state.json").exists() and state_of(tmp_path)
    result = run(*([weeks[0], both, *COLUMNS] if at_once else [both]))
    assert result.exit_code == 2
    assert "so_far.csv begins with all of 'week0.csv', whose people would count twice" in result.output
    assert ((tmp_path / "state.json").exists() and state_of(tmp_path)) == before


def test_with_units_an_export_of_all_people_so_far_adds_the_new_ones(run, weeks, tmp_path):
    both = tmp_path / "so_far.csv"
    table = pd.concat([pd.read_csv(week) for week in weeks[:2]]).drop_duplicates("id")
    table[:300].to_csv(weeks[0], index=False)
    table.to_csv(both, index=False)
    run(weeks[0], *COLUMNS, "--unit", "id", env=KEY)
    report = tmp_path / "r.json"
    assert run(both, "--json", report, env=KEY).exit_code in (0, 1)
    last = [row for row in json.loads(report.read_text())["history"] if row["look"] == 2]
    assert sum(row["people"] or 0 for row in last) > 0.9 * len(table)


def test_a_column_that_says_who_people_are_is_named(run, weeks, tmp_path):
    table = pd.read_csv(weeks[0])
    table.assign(id=range(len(table))).to_csv(weeks[0], index=False)
    assert (
        "Warning: Column 'id' seems to say who people are. Name it in --unit"
        in run(weeks[0], *COLUMNS).output
    )
    table.drop(columns="id").to_csv(weeks[1], index=False)
    assert "seems to say who people are" not in run(weeks[1]).output


def test_a_copy_of_few_people_is_warned_of(run, weeks, tmp_path):
    run(weeks[0], *COLUMNS)
    pd.read_csv(weeks[0]).sort_values("y").to_csv(tmp_path / "sorted.csv", index=False)
    assert (
        "Warning: 'sorted.csv' has the same counts in every group as 'week0.csv'."
        in run(tmp_path / "sorted.csv").output
    )


def test_a_state_that_is_none_is_refused(run, weeks, tmp_path):
    for text, message in (
        ("{}", "not a state"),
        ('{"format": "fairlearn-fwh monitor", "version": 7}', "version 7"),
    ):
        (tmp_path / "state.json").write_text(text)
        result = run(weeks[0], *COLUMNS)
        assert result.exit_code == 2
        assert message in result.output
        assert (tmp_path / "state.json").read_text() == text
    (tmp_path / "state.json").unlink()
    result = run(weeks[0], "--y-true", "y")
    assert result.exit_code == 2
    assert "a new one needs --y-pred" in result.output
    assert not (tmp_path / "state.json").exists()


def test_a_process_that_dies_in_writing_leaves_the_old_state_whole(run, weeks, tmp_path, monkeypatch):
    run(weeks[0], *COLUMNS)
    before = state_of(tmp_path)

    def die(*_):
        raise OSError("the machine stops")

    monkeypatch.setattr(os, "replace", die)
    assert run(weeks[1]).exit_code == 2
    assert state_of(tmp_path) == before
    monkeypatch.undo()
    assert run(weeks[1]).exit_code == 0


def test_a_second_writer_has_to_wait(run, weeks, tmp_path):
    with filelock.FileLock(tmp_path / "state.json.lock"):
        result = run(weeks[0], *COLUMNS)
    assert result.exit_code == 2
    assert "Another process is at work on" in result.output
    assert not (tmp_path / "state.json").exists()
    assert run(weeks[0], *COLUMNS).exit_code == 0


@pytest.mark.long(but_every=3)
@pytest.mark.parametrize("engine", ["duckdb", "polars"])
@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_people_who_come_again_are_left_out(run, tmp_path, engine, suffix):
    weeks = [write_week(tmp_path / f"w{i}.{suffix}", i) for i in range(3)]
    options = (*COLUMNS, "--unit", "id", "--engine", engine)
    assert "needs a secret" in run(weeks[0], *options, env={"FAIRLEARN_FWH_UNIT_KEY": ""}).output
    assert run(*weeks, *options, env=KEY).exit_code == 0
    tables = [pd.read_csv(week) if suffix == "csv" else pd.read_parquet(week) for week in weeks]
    history = pd.DataFrame(json.loads(state_of(tmp_path))["monitor"]["history"])
    seen = set(tables[0]["id"])
    assert history[history["look"] == 2]["left_out"].iloc[0] == tables[1]["id"].isin(seen).sum()
    assert history[history["look"] == 1]["people"].sum() >= tables[0]["id"].nunique()
    other = run(
        write_week(tmp_path / f"w9.{suffix}", 9), "--engine", engine, env={"FAIRLEARN_FWH_UNIT_KEY": "x" * 20}
    )
    assert other.exit_code == 2
    assert "another key" in other.output


def test_releases_and_a_fixed_reference(run, weeks, tmp_path):
    run(*weeks[:2], *COLUMNS, "--releases", "--reference", "first")
    result = run(weeks[2], "--new-release", "--html", tmp_path / "r.html")
    assert result.exit_code == 0
    assert "the fixed reference" in result.output
    last = pd.DataFrame(json.loads(state_of(tmp_path))["monitor"]["history"]).iloc[-1]
    assert last[["release", "look", "against"]].tolist() == [2, 3, "reference"]
    assert "This is release 2" in (tmp_path / "r.html").read_text()


def test_small_groups_are_not_told_from_the_rest(run, weeks, tmp_path):
    run(
        *weeks[:2],
        *COLUMNS,
        "--min-group-size",
        "30",
        "--json",
        tmp_path / "r.json",
        "--html",
        tmp_path / "r.html",
    )
    report = json.loads((tmp_path / "r.json").read_text())
    assert report["n_suppressed_groups"] == 1
    assert "tiny" not in (tmp_path / "r.json").read_text() + (tmp_path / "r.html").read_text()
    assert "1 group of fewer than 30 people" in report["verdict"]


# --- audit --unpaired -----------------------------------------------------------------------------------------------------


def test_different_people_are_compared(weeks, tmp_path):
    def audit(*arguments):
        return CliRunner().invoke(main, ["audit", str(weeks[4]), "--y-true", "y", *map(str, arguments)])

    files = ("--baseline", weeks[0], "--unpaired", "--y-pred", "new")
    result = audit(*files, "--sensitive", "g", "--html", tmp_path / "u.html", "--json", tmp_path / "u.json")
    assert result.exit_code == 1
    assert "Higher risk on the new sample with 95 % confidence: a (+" in result.output
    report = json.loads((tmp_path / "u.json").read_text())
    assert report["higher_risk_found"]
    assert [row["group"] for row in report["groups"]] == ["a", "b"]
    assert "the samples cannot tell" in (tmp_path / "u.html").read_text()
    assert "The new model harms" in audit(*files, "--sensitive", "g", "--randomized").output
    assert audit(*files, "--sensitive", "g", "--harm-margin", "0.6").exit_code == 0
    for arguments, message in (
        (("--y-pred", "new", "--unpaired"), "--unpaired needs --baseline"),
        (("--baseline", weeks[0], "--unpaired"), "--unpaired needs --y-pred"),
        ((*files, "--pooled", "old"), "--pooled does not apply to --unpaired"),
        ((*files, "--weight", "id"), "--weight does not apply to --unpaired"),
        ((*files, "--require", "certified"), "does not apply to --unpaired"),
        (
            ("--y-pred", "new", "--pooled", "old", "--baseline", weeks[0]),
            "--baseline needs exactly one of --on",
        ),
        (("--y-pred", "new"), "--pooled is missing"),
        ((*files[:-1], "nope"), "--y-pred is column 'nope', which the frame does not have"),
    ):
        result = audit(*arguments)
        assert result.exit_code == 2
        assert message in result.output


def test_nothing_that_is_read_is_written_over(run, weeks, tmp_path):
    before = weeks[0].read_bytes()
    for option in ("--html", "--json"):
        for target in (weeks[0], tmp_path / "state.json", tmp_path / "state.json.lock"):
            result = run(weeks[0], *COLUMNS, option, target)
            assert result.exit_code == 2
            assert "must all be different files" in result.output
    assert weeks[0].read_bytes() == before


def test_rows_that_were_left_out_are_said(run, tmp_path):
    weeks = [write_week(tmp_path / f"w{i}.csv", i) for i in range(2)]
    result = run(*weeks, *COLUMNS, "--unit", "id", "--json", tmp_path / "r.json", env=KEY)
    assert "of the last look were left out: their units had been seen before" in result.output
    assert "were left out" in json.loads((tmp_path / "r.json").read_text())["left_out"]


def test_a_state_with_parts_missing_is_damaged(run, weeks, tmp_path):
    run(weeks[0], *COLUMNS)
    state = json.loads(state_of(tmp_path))
    for part in ("options", "files", "monitor"):
        (tmp_path / "state.json").write_text(
            json.dumps({name: value for name, value in state.items() if name != part})
        )
        result = run(weeks[1])
        assert result.exit_code == 2
        assert "is damaged" in result.output


def test_tolerance_does_not_apply_to_different_people(weeks):
    arguments = [
        "--y-true",
        "y",
        "--y-pred",
        "new",
        "--unpaired",
        "--baseline",
        str(weeks[0]),
        "--tolerance",
        "0.3",
    ]
    result = CliRunner().invoke(main, ["audit", str(weeks[1]), *arguments])
    assert result.exit_code == 2
    assert "--tolerance does not apply to --unpaired" in result.output


def test_a_week_that_cannot_be_used_takes_the_place_of_last_weeks_result(run, weeks, tmp_path):
    reports = ("--html", tmp_path / "r.html", "--json", tmp_path / "r.json")
    assert run(weeks[0], *COLUMNS, *reports).exit_code == 0
    before = state_of(tmp_path)
    weeks[1].write_text(weeks[1].read_text() + "1,1\n")
    assert run(weeks[1], *reports).exit_code == 2
    assert json.loads((tmp_path / "r.json").read_text())["state"] == "unusable"
    assert "No verdict" in (tmp_path / "r.html").read_text()
    assert state_of(tmp_path) == before
    assert run(weeks[2], *reports).exit_code == 0
    assert json.loads((tmp_path / "r.json").read_text())["n_looks"] == 2
    before = state_of(tmp_path)
    for path in (
        "r.json",
        "state.json",
    ):  # a state is not a report, whatever a command line that cannot be read says
        mark_unusable(["monitor", "state.json", "--json", str(tmp_path / path), "--no-such-option"])
    assert json.loads((tmp_path / "r.json").read_text())["state"] == "unusable"
    assert state_of(tmp_path) == before


def test_a_second_writer_leaves_the_reports_of_the_first(run, weeks, tmp_path):
    report = tmp_path / "r.json"
    assert run(weeks[0], *COLUMNS, "--json", report).exit_code == 0
    with filelock.FileLock(tmp_path / "state.json.lock"):
        assert run(weeks[1], "--json", report).exit_code == 2
    assert json.loads(report.read_text())["n_looks"] == 1
