"""Audits of several losses: a verdict that names the loss, one table, a panel for each, nothing told of small groups."""

import json
import re

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner

from fairlearn_fwh.audit import Audit
from fairlearn_fwh.cli._main import main
from fairlearn_fwh.metrics import PreferenceFrame

COLUMNS = {"y_true": "y", "y_pred": "new", "y_pred_pooled": "old", "sensitive_features": "sex"}


@pytest.fixture
def patients(rng):
    """Women are missed more often and get fewer false alarms, so that their accuracy is as it was."""
    n = 6000
    y, sex = rng.integers(0, 2, n), rng.choice(["man", "woman"], n)
    old = np.where(rng.random(n) < 0.2, 1 - y, y)
    new = np.where((sex == "woman") & (rng.random(n) < 0.3), 0, old)
    return pd.DataFrame({"y": y, "new": new, "old": old, "sex": sex}).replace({0: "well", 1: "ill"})


def frame_of(table, loss=("zero_one", "missed", "false_alarm"), pos_label="ill"):
    return PreferenceFrame.from_frame(table, **COLUMNS, loss=list(loss), pos_label=pos_label)


def test_the_verdict_names_the_loss(patients):
    audit = Audit(frame_of(patients, loss=["zero_one", "missed"]))
    points = 100 * audit.frame.gains.loc["woman", "missed"]
    assert f"woman are missed more often ({points:+.1f} points of recall, " in audit.verdict
    errors = Audit(frame_of(patients, loss=["zero_one"], pos_label=None))
    assert "woman are missed more often" not in errors.verdict
    assert audit.exit_status() == 1
    assert audit.harmed_groups == {"woman"}
    assert audit.headline.endswith("for woman (1 of 2 groups), with 95 % confidence.")
    assert audit.summary.worse_off[0].group == "woman"
    assert "missed: " in audit.summary.worse_off[0].text


def test_several_groups_and_losses_are_all_named(patients):
    patients["new"] = np.where(np.arange(6000) % 5 == 0, "well", "ill")
    verdict = Audit(frame_of(patients)).verdict
    assert re.search(
        r"man \(.*\), woman \(.*\) have more false alarms|woman \(.*\), man \(.*\) have more", verdict
    )
    assert "are judged wrongly more often" in verdict


@pytest.mark.long
def test_what_is_certified_and_what_is_unsure_name_the_losses(patients):
    same = patients.assign(new=patients["old"])
    same.loc[:3, "new"] = ["ill", "well", "ill", "well"]
    certified = Audit(frame_of(same, loss=["zero_one", "missed"]), tolerance=0.05)
    assert certified.verdict.startswith("no group loses more than 5 points in zero_one and missed")
    unsure = Audit(frame_of(same[:200], loss=["zero_one", "missed"]), tolerance=0.01)
    assert "missed: " in unsure.verdict
    assert "a loss of more than 1 point cannot be ruled out" in unsure.verdict
    limits = {"zero_one": 0.05, "missed": 0.1}
    assert Audit(frame_of(same, loss=list(limits)), tolerance=limits).certified


def test_json_page_card_and_picture_have_every_loss(patients):
    audit = Audit(frame_of(patients), source="visits.csv")
    report = json.loads(audit.to_json())
    assert [part["name"] for part in report["losses"]] == ["zero_one", "missed", "false_alarm"]
    for part in report["losses"]:
        gains = {group["group"]: group["gain"] for group in part["groups"]}
        np.testing.assert_allclose(list(gains.values()), audit.frame.gains[part["name"]], rtol=1e-8)
    page = audit.to_html()
    assert all(f"<h2>{name}</h2>" in page for name in audit.frame.losses)
    card = audit.frame.to_model_card()
    assert "| worse off: zero\\_one, missed; " in card
    axes = audit.frame.plot()
    assert [ax.get_title(loc="left") for ax in axes] == audit.frame.losses


def test_a_group_that_is_small_in_one_loss_is_shown_in_none(patients):
    """The n of errors less that of false alarms is that of missed people."""
    few = patients.drop(patients.index[(patients["sex"] == "woman") & (patients["y"] == "ill")][5:])
    audit = Audit(frame_of(few))
    assert audit.suppressed == ["woman"]
    for text in (audit.to_json(), audit.to_html(), audit.frame.to_model_card()):
        assert "woman" not in text
    report = json.loads(audit.to_json())
    assert all(part["overall"] == {} for part in report["losses"])


@pytest.mark.parametrize("over", [False, True])
def test_a_group_whose_others_would_be_few_is_shown_in_none(patients, over):
    """Errors of everybody less missed cases are false alarms, which were not asked for."""
    few = patients.drop(patients.index[(patients["sex"] == "woman") & (patients["y"] == "well")][5:])
    frame = PreferenceFrame.from_frame(
        few.assign(half=np.arange(len(few)) % 2),
        **COLUMNS | {"sensitive_features": ["sex", "half"] if over else "sex"},
        loss=["zero_one", "missed"],
        pos_label="ill",
    )
    audit = Audit(frame.over() if over else frame)
    women = [label for label in audit.suppressed if "woman" in label]
    assert len(women) == (3 if over else 1)
    assert len(audit.suppressed) == len(women) + (2 if over else 0)  # both halves have women in them
    assert len(Audit(frame["missed"]).suppressed) == 0


def test_the_command_asks_several_losses_at_once(patients, tmp_path):
    path = tmp_path / "p.csv"
    patients.to_csv(path, index=False)
    base = ["audit", str(path), "--y-true", "y", "--y-pred", "new", "--pooled", "old", "--sensitive", "sex"]
    run = lambda *more: CliRunner().invoke(main, [*base, *more])  # noqa: E731
    result = run("--loss", "error,missed,false_alarm", "--pos-label", "ill")
    assert result.exit_code == 1
    gains = frame_of(patients).gains
    for loss in ("zero_one", "missed", "false_alarm"):
        assert f"{100 * gains.loc['woman', loss]:+.2f} (" in result.output
    assert "woman: error: worse by " in result.output
    assert "missed: worse by " in result.output
    both = run(
        "--loss", "missed,refused=rejection", "--pos-label", "missed=ill", "--pos-label", "refused=ill"
    )
    assert "refused" in both.output.splitlines()[0]
    costs = ["--cost", "ill", "well", "5", "--cost", "well", "ill", "1"]
    alone, beside = (
        run("--loss", "misclassification", *costs),
        run("--loss", "error,misclassification", *costs),
    )
    gain = 5 * gains_in_cost(patients, "ill", "well") + gains_in_cost(patients, "well", "ill")
    for output in (alone.output, beside.output):
        assert f"{gain:+.4g} (" in output


def gains_in_cost(table, truth, predicted):
    women = table[table["sex"] == "woman"]
    rate = {c: ((women["y"] == truth) & (women[c] == predicted)).mean() for c in ("new", "old")}
    return rate["old"] - rate["new"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--loss", "missed,missed", "--pos-label", "ill"], "--loss names 'missed' twice"),
        (["--loss", "recall"], "--loss 'recall' is unknown"),
        (["--loss", "error,missed"], "needs --pos-label"),
        (["--loss", "error,missed", "--pos-label", "sick"], "--pos-label='sick' does not occur"),
        (["--loss", "missed,rejection", "--pos-label", "ill"], "--pos-label LOSS=LABEL for each"),
        (["--loss", "missed", "--pos-label", "ill", "--pos-label", "well"], "given more than once"),
        (
            ["--loss", "error,missed", "--pos-label", "missed=ill", "--pos-label", "well"],
            "begins with a loss",
        ),
        (
            ["--loss", "error,missed", "--pos-label", "missed=ill", "--pos-label", "missed=well"],
            "given twice",
        ),
        (["--loss", "=missed", "--pos-label", "ill"], "no name before"),
        (["--loss", "misclassification"], "needs --cost"),
        (["--cost", "ill", "well", "5"], "--cost is for"),
        (["--loss", "misclassification", *2 * ["--cost", "ill", "well", "5"]], "given twice"),
        (["--loss", "misclassification", "--cost", "ill", "sick", "5"], "no costs for the label 'well'"),
        (["--loss", "misclassification", "--cost", "ill", "well", "-5"], "costs of at least 0"),
    ],
)
def test_what_the_command_cannot_mean_is_refused(patients, tmp_path, options, message):
    path = tmp_path / "p.csv"
    patients[:50].to_csv(path, index=False)
    base = ["audit", str(path), "--y-true", "y", "--y-pred", "new", "--pooled", "old", "--sensitive", "sex"]
    html = tmp_path / "o.html"
    result = CliRunner().invoke(main, [*base, *options, "--html", str(html)])
    assert result.exit_code == 2
    assert message in result.output
    assert not html.exists()
