"""``audit --scores``: two scores that rank people, from files."""

import json

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner

from fairlearn_fwh.cli._main import main
from fairlearn_fwh.cli._reports import mark_unusable
from fairlearn_fwh.files import rank_file
from fairlearn_fwh.metrics import RankingFrame

OPTIONS = (
    "--y-true",
    "truth",
    "--scores",
    "new",
    "--pooled-scores",
    "old",
    "--sensitive",
    "g",
    "--pos-label",
    "ill",
)


def run_cli(*arguments):
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


@pytest.fixture
def scores(tmp_path, rng):
    n = 3000
    y, g = rng.integers(0, 2, n), np.append(rng.choice(["a", "01"], n - 4), ["rare"] * 4)
    old = y + rng.standard_normal(n)
    new = np.where(g == "a", y + 2 * rng.standard_normal(n), old)
    table = pd.DataFrame(
        {"id": np.arange(n), "truth": np.where(y == 1, "ill", "well"), "g": g, "new": new, "old": old}
    )
    path = tmp_path / "scores.csv"
    table.to_csv(path, index=False)
    return path, table


def test_the_group_that_is_ranked_worse_fails_the_audit(scores, tmp_path):
    path, table = scores
    pages = tmp_path / "report.html", tmp_path / "report.json"
    result = run_cli("audit", path, *OPTIONS, "--html", pages[0], "--json", pages[1])
    assert result.exit_code == 1
    assert "Harm found, with 95 % confidence: new ranks worse than old in a" in result.output
    assert "rare" not in result.output + pages[0].read_text() + pages[1].read_text()
    report = json.loads(pages[1].read_text())
    assert (report["harm_found"], report["n_suppressed_groups"]) == (True, 1)
    exact = RankingFrame(
        y_true=table["truth"],
        score=table["new"],
        score_pooled=table["old"],
        sensitive_features=table["g"],
        pos_label="ill",
    )
    for group in report["groups"]:
        assert group["gain"] == pytest.approx(exact.by_group.loc[group["group"], "gain"], abs=1e-3)


def test_a_command_line_that_cannot_be_read_leaves_no_earlier_result(scores, tmp_path):
    page = tmp_path / "report.json"
    run_cli("audit", scores[0], *OPTIONS, "--json", page)
    assert json.loads(page.read_text())["harm_found"]
    mark_unusable(["audit", str(scores[0]), "--json", str(page), "--no-such-option"])
    assert json.loads(page.read_text())["state"] == "unusable"


def test_scores_may_be_in_two_files(scores, tmp_path):
    _, table = scores
    new, old = tmp_path / "new.csv", tmp_path / "old.csv"
    table.drop(columns="old").to_csv(new, index=False)
    table[["id", "old"]].sample(frac=1, random_state=0).to_csv(old, index=False)
    joined = rank_file(
        new,
        baseline=old,
        on="id",
        y_true="truth",
        score="new",
        score_pooled="old",
        sensitive_features="g",
        pos_label="ill",
    )
    one = rank_file(
        scores[0],
        y_true="truth",
        score="new",
        score_pooled="old",
        sensitive_features="g",
        pos_label="ill",
        engine="polars",
    )
    np.testing.assert_allclose(
        joined.by_group.sort_index()["gain"], one.by_group.sort_index()["gain"], rtol=0, atol=1e-9
    )


def test_the_same_scores_pass_and_few_people_are_undecided(scores, tmp_path):
    path, table = scores
    same = ["--y-true", "truth", "--scores", "copy", "--pooled-scores", "old", "--pos-label", "ill"]
    table.assign(copy=table["old"]).to_csv(path, index=False)
    assert run_cli("audit", path, *same, "--fail-on", "undecided").exit_code == 0
    table.assign(copy=table["old"]).head(40).to_csv(path, index=False)
    result = run_cli("audit", path, *same, "--fail-on", "undecided")
    assert result.exit_code == 3
    assert "Undecided: no group is found to be ranked worse" in result.output


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (["--loss", "error"], "--loss does not apply to --scores"),
        (["--y-pred", "new"], "--y-pred does not apply to --scores"),
        (["--fail-on", "envy"], "--fail-on envy does not apply to --scores"),
        (["--pos-label", "well"], "--pos-label is given more than once"),
        (["--junit", "x.xml"], "--junit and --markdown do not apply"),
    ],
)
def test_options_that_do_not_apply_are_refused(scores, more, message, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    result = run_cli("audit", scores[0], *OPTIONS, *more)
    assert result.exit_code == 2
    assert message in result.output


def test_both_columns_are_needed_and_must_be_numbers(scores):
    path, _ = scores
    result = run_cli("audit", path, "--y-true", "truth", "--scores", "new")
    assert (result.exit_code, "--pooled-scores is missing" in result.output) == (2, True)
    result = run_cli(
        "audit", path, "--y-true", "truth", "--scores", "g", "--pooled-scores", "old", "--pos-label", "ill"
    )
    assert (result.exit_code, "line 2, column 'g'" in result.output) == (2, True)


def test_scores_that_rank_worse_than_chance_may_be_for_the_other_label(scores, tmp_path):
    path, table = scores
    assert "both scores rank people worse than chance" not in run_cli("audit", path, *OPTIONS).output
    table.assign(new=-table["new"], old=-table["old"]).to_csv(tmp_path / "turned.csv", index=False)
    assert (
        "both scores rank people worse than chance"
        in run_cli("audit", tmp_path / "turned.csv", *OPTIONS).output
    )


def test_bins_that_hide_a_groups_ranking_are_named_as_the_cause(tmp_path, rng):
    n = 20_000
    y, g = rng.integers(0, 2, n), np.repeat(["a", "b"], [19_600, 400])
    own, worse = y + rng.standard_normal(n), rng.standard_normal(n)
    probability = 1 / (1 + np.exp(-np.where(g == "b", 9 + own, own)))
    table = pd.DataFrame({"truth": np.where(y == 1, "ill", "well"), "g": g, "old": probability})
    table["new"] = np.where(g == "b", 1 / (1 + np.exp(-(9 + worse))), probability)
    table.to_csv(tmp_path / "close.csv", index=False)
    said = run_cli("audit", tmp_path / "close.csv", *OPTIONS).output
    assert "of 1 group(s) are known to within 0." in said
    assert "because their scores lie in few of the bins" in said
    table[["new", "old"]] = table.groupby("g")[["new", "old"]].rank()
    table.to_csv(tmp_path / "ranks.csv", index=False)
    result = run_cli("audit", tmp_path / "ranks.csv", *OPTIONS)
    assert (result.exit_code, "worse than old in b" in result.output) == (1, True)


def test_what_a_policy_says_of_losses_is_not_dropped_without_a_word(scores, tmp_path):
    policy = tmp_path / "policy.toml"
    policy.write_text('[tool.fairlearn-fwh.audit]\nloss = "missed"\nlabels = ["ill", "well"]\n')
    result = run_cli("audit", scores[0], *OPTIONS, "--policy", policy)
    assert (
        "--scores compares areas under the ROC curve and does not use the policy's loss, labels"
        in result.output
    )
    assert result.exit_code == 1
