"""Losses on those whom they concern: who is missed, who gets a false alarm, who is refused."""

import duckdb
import numpy as np
import pandas as pd
import polars as pl
import pytest
from click.testing import CliRunner
from fairlearn.metrics import MetricFrame, false_positive_rate, true_positive_rate

from fairlearn_fwh.audit import Audit
from fairlearn_fwh.cli._main import main
from fairlearn_fwh.files import measure_file
from fairlearn_fwh.metrics import (
    PreferenceFrame,
    PreferenceMonitor,
    bound_group_gains,
    find_harmed_subgroup,
    rationality_gain,
)

METRICS = {"missed": (true_positive_rate, 1), "false_alarm": (false_positive_rate, -1)}

COLUMNS = {"y_true": "y", "y_pred": "new", "y_pred_pooled": "old", "sensitive_features": "g"}


def people(rng, n=1500, kind=int):
    table = pd.DataFrame({name: rng.integers(0, 2, n) for name in ("y", "new", "old")})
    if kind is str:
        table = table.replace({0: "good", 1: "ill"})
    return table.assign(g=rng.choice(["a", "b", "c"], n), w=rng.random(n) + 0.1)


@pytest.mark.parametrize("loss", METRICS)
@pytest.mark.parametrize("kind", [int, str])
@pytest.mark.parametrize("weighted", [False, True])
def test_gains_are_differences_of_rates_in_every_engine(rng, tmp_path, loss, kind, weighted):
    table = people(rng, kind=kind)
    positive = {int: 1, str: "ill"}[kind]
    metric, sign = METRICS[loss]
    weights = {"sample_params": {"sample_weight": table["w"]}} if weighted else {}
    rates = {
        name: MetricFrame(
            metrics=metric,
            y_true=table["y"] == positive,
            y_pred=table[name] == positive,
            sensitive_features=table["g"],
            **weights,
        ).by_group
        for name in ("new", "old")
    }
    settings = {**COLUMNS, "loss": loss, "pos_label": positive} | ({"sample_weight": "w"} if weighted else {})
    table.to_csv(tmp_path / "t.csv", index=False)
    table.to_parquet(tmp_path / "t.parquet")
    frames = [
        PreferenceFrame.from_frame(t, **settings)
        for t in (table, pl.from_pandas(table).lazy(), duckdb.from_df(table))
    ]
    in_file = settings | {"pos_label": str(positive)}
    frames += [measure_file(tmp_path / "t.csv", engine=engine, **in_file) for engine in ("duckdb", "polars")]
    frames += [measure_file(tmp_path / "t.parquet", **settings)]
    concerned = (table["y"] == positive) == (loss == "missed")
    for frame in frames:
        found = frame.by_group
        assert found["rationality_gain"].to_numpy() == pytest.approx(
            sign * (rates["new"] - rates["old"]).to_numpy()
        )
        assert found["n"].tolist() == table[concerned].groupby("g").size().tolist()


def test_a_group_whom_a_loss_does_not_concern_has_no_figure(rng):
    table = people(rng)
    table.loc[table["g"] == "c", "y"] = 0
    for frame in (table, pl.from_pandas(table).lazy()):
        found = PreferenceFrame.from_frame(frame, **COLUMNS, loss="missed")
        assert found.by_group["n"].tolist()[2] == 0
        assert np.isnan(found.by_group.loc["c", "rationality_gain"])
        assert not found.certify(tolerance=0.5).set_index("group").loc["c", "certified"]
        assert np.isnan(found.harm_tests().set_index("group").loc["c", "p_adjusted"])
        assert "recall" in Audit(found).verdict


def test_accuracy_can_stay_while_women_are_missed(rng):
    """As many false alarms less as cases missed more: no gain and no loss of accuracy, and fifteen points of recall."""
    y, woman = np.tile([1, 0], 2000), np.repeat([True, False], 2000)
    old = np.where(rng.random(4000) < 0.2, 1 - y, y)
    new = np.where(
        woman & (y == 1) & (rng.random(4000) < 0.2),
        0,
        np.where(woman & (y == 0) & (rng.random(4000) < 0.8), 0, old),
    )
    table = {
        "y_true": y,
        "y_pred": new,
        "y_pred_pooled": old,
        "sensitive_features": np.where(woman, "f", "m"),
    }
    assert not len(PreferenceFrame(**table).violations(alpha=0.05))
    missed = PreferenceFrame(**table, loss="missed")
    assert missed.violations(alpha=0.05)["group"].tolist() == ["f"]
    assert missed.violations(alpha=0.05)["gain"].iloc[0] < -0.1
    assert PreferenceFrame(**table, loss="false_alarm").by_group.loc["f", "rationality_gain"] > 0.1


def test_rejection_knows_which_label_is_the_favourable_one():
    """A model of default refuses those of whom it says so."""
    table = pd.DataFrame(
        {"y": ["default", "paid"] * 20, "new": ["default"] * 40, "old": ["paid", "default"] * 20, "g": "all"}
    )
    for frame in (table, pl.from_pandas(table).lazy(), duckdb.from_df(table)):
        found = PreferenceFrame.from_frame(frame, **COLUMNS, loss="rejection", pos_label="paid")
        assert found.by_group.loc["all", ["risk", "pooled_risk"]].tolist() == [1.0, 0.5]
    numbers = PreferenceFrame(
        y_true=[1, 0], y_pred=[1, 1], y_pred_pooled=[1, 0], loss="rejection", pos_label=0
    )
    assert numbers.overall["risk"] == 1.0


def test_frames_of_shards_and_monitors_know_the_label(rng):
    table = people(rng, kind=str)
    settings = {**COLUMNS, "loss": "missed", "pos_label": "ill"}
    whole = PreferenceFrame.from_frame(table, **settings)
    parts = [PreferenceFrame.from_frame(table[i::2], **settings) for i in (0, 1)]
    pd.testing.assert_frame_equal((parts[0] + parts[1]).by_group, whole.by_group)
    with pytest.raises(ValueError, match="same loss"):
        parts[0] + PreferenceFrame.from_frame(table, **settings | {"pos_label": "good"})
    monitor = PreferenceMonitor(tolerance=0.1).update(parts[0])
    again = PreferenceMonitor.from_json(monitor.to_json()).update(parts[1])
    assert again.certify()["n"].tolist() == whole.by_group["n"].tolist()


REFUSED = {
    "pos_label=7 does not occur; labels are 0, 1": {"loss": "missed", "pos_label": 7},
    "pos_label applies to the losses": {"pos_label": 1},
    "needs pos_label, the label whose people are to be found": {"loss": "missed", "y": ["a", "b", "c"]},
    "concerns people whose label is 1; there are none": {"loss": "missed", "y": [0, 0, 0], "new": [1, 0, 0]},
    "concerns people whose label is not 1; there are none": {
        "loss": "false_alarm",
        "y": [1, 1, 1],
        "new": [0, 1, 1],
    },
}


@pytest.mark.parametrize("message", REFUSED)
def test_bad_input(message):
    case = dict(REFUSED[message])
    y = case.pop("y", [0, 1, 1])
    table = pd.DataFrame({"y": y, "new": case.pop("new", y), "old": y, "g": "all"})
    with pytest.raises(ValueError, match=message):
        PreferenceFrame.from_frame(table, **COLUMNS, **case)
    with pytest.raises(ValueError, match=message):
        PreferenceFrame.from_frame(pl.from_pandas(table).lazy(), **COLUMNS, **case)


def test_half_known_groups_refuse_losses_that_concern_some(rng):
    """They would be counted as errors of everybody, under another name."""
    table = people(rng)
    arrays = {"y_true": table["y"], "y_pred": table["new"], "y_pred_pooled": table["old"]}
    for loss in METRICS:
        with pytest.raises(ValueError, match="concerns some people alone"):
            bound_group_gains(**arrays, group_probabilities={"a": [0.5] * 1500, "b": [0.5] * 1500}, loss=loss)


@pytest.mark.parametrize("loss", METRICS)
@pytest.mark.parametrize("weighted", [False, True])
def test_the_function_gives_the_gains_of_the_frame_in_fairlearns_frame(rng, loss, weighted):
    table = people(rng, kind=str)
    frame = PreferenceFrame.from_frame(
        table, **COLUMNS, loss=loss, pos_label="ill", sample_weight="w" if weighted else None
    )
    params = {"y_pred_pooled": table["old"]} | ({"sample_weight": table["w"]} if weighted else {})

    def gain(*arrays, **more):
        return rationality_gain(*arrays, loss=loss, pos_label="ill", **more)

    theirs = MetricFrame(
        metrics=gain,
        y_true=table["y"],
        y_pred=table["new"],
        sensitive_features=table["g"],
        sample_params=params,
    )
    np.testing.assert_allclose(
        theirs.by_group.astype(float), frame.by_group["rationality_gain"], rtol=0, atol=1e-12
    )


def test_the_function_knows_no_gain_where_nobody_is_concerned():
    assert np.isnan(rationality_gain([0, 0], [0, 1], y_pred_pooled=[0, 0], loss="missed"))
    assert rationality_gain([0, 0], [0, 1], y_pred_pooled=[0, 0], loss="false_alarm") == -0.5


def test_slices_are_searched_among_those_whom_a_loss_concerns(rng):
    age, y = rng.integers(18, 80, 4000), rng.integers(0, 2, 4000)
    own = np.where((age < 30) & (y == 1) & (rng.random(4000) < 0.4), 0, y)
    found = find_harmed_subgroup({"age": age}, y, own, y_pred_pooled=y, loss="missed", random_state=0)
    assert found["subgroup"].tolist() == ["age < 31"]
    assert found["harmed"].all()
    assert found["n"].tolist() == [((age < 31) & (y == 1)).sum()]
    assert not len(find_harmed_subgroup({"age": age}, y, own, y_pred_pooled=y, loss="false_alarm"))
    tree = find_harmed_subgroup(
        {"age": age}, y, own, y_pred_pooled=y, loss="missed", method="tree", random_state=0
    )
    assert tree["harmed"].all()
    text = np.array(["well", "ill"])
    named = find_harmed_subgroup(
        {"age": age},
        text[y],
        text[own],
        y_pred_pooled=text[y],
        loss="missed",
        pos_label="ill",
        random_state=0,
    )
    pd.testing.assert_frame_equal(named, found)


def test_the_command_reads_the_label_as_the_file_has_it(rng, tmp_path):
    people(rng).to_parquet(tmp_path / "t.parquet")
    people(rng).astype({"new": float, "old": bool}).to_parquet(tmp_path / "f.parquet")
    columns = ["--y-true", "y", "--y-pred", "new", "--pooled", "old", "--sensitive", "g", "--loss", "missed"]
    for name in ("t.parquet", "f.parquet"):
        for engine in ("duckdb", "polars"):
            result = CliRunner().invoke(
                main, ["audit", str(tmp_path / name), *columns, "--pos-label", "1", "--engine", engine]
            )
            assert result.exit_code in (0, 1), result.output
            assert "recall" in result.output


def test_the_command_says_who_is_missed(rng, tmp_path):
    table = people(rng, kind=str)
    table["new"] = np.where((table["g"] == "a") & (rng.random(len(table)) < 0.4), "good", table["y"])
    table["old"] = table["y"]
    table.to_csv(tmp_path / "t.csv", index=False)
    columns = ["--y-true", "y", "--y-pred", "new", "--pooled", "old", "--sensitive", "g"]
    result = CliRunner().invoke(
        main, ["audit", str(tmp_path / "t.csv"), *columns, "--loss", "missed", "--pos-label", "ill"]
    )
    assert result.exit_code == 1
    assert "Harm found in recall: new is worse than old for a" in result.output
    other = CliRunner().invoke(
        main, ["audit", str(tmp_path / "t.csv"), *columns, "--loss", "false_alarm", "--pos-label", "ill"]
    )
    assert other.exit_code == 0
    without = CliRunner().invoke(main, ["audit", str(tmp_path / "t.csv"), *columns, "--loss", "missed"])
    assert without.exit_code == 2
    assert "needs --pos-label" in without.output


def test_frames_whose_positive_label_means_different_things_are_not_added():
    def coded(labels):
        y = np.array(labels * 50)
        return PreferenceFrame(y_true=y, y_pred=y, y_pred_pooled=y, loss="missed", pos_label=1)

    with pytest.raises(ValueError, match="are they coded in two ways"):
        coded([0, 1]) + coded([1, 2])
