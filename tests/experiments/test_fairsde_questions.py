"""Questions about selective experts: guessed groups, strategies, shift."""

import numpy as np
import pandas as pd
import pytest

from fairlearn_fwh.experiments._data import REAL_DATA
from fairlearn_fwh.experiments._fairsde import _inferred as _fairsde_inferred
from fairlearn_fwh.experiments._fairsde import _shift as _fairsde_shift
from fairlearn_fwh.experiments._fairsde import _strategies as _fairsde_strategies
from fairlearn_fwh.experiments._fairsde._inferred import (
    fairsde_inferred_markdown,
    plot_fairsde_inferred,
    run_fairsde_inferred,
)
from fairlearn_fwh.experiments._fairsde._shift import (
    fairsde_shift_markdown,
    plot_fairsde_shift,
    run_fairsde_shift,
)
from fairlearn_fwh.experiments._fairsde._strategies import (
    fairsde_strategies_markdown,
    plot_fairsde_strategies,
    run_fairsde_strategies,
)
from fairlearn_fwh.experiments._generated_groups import generated, make_groups
from fairlearn_fwh.inprocessing import SelectiveExpertsClassifier
from fairlearn_fwh.metrics._core._groups import encode_groups


@pytest.fixture(scope="module")
def inferred():
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(_fairsde_inferred.DATA, "generated-0", generated(0.0, n=3000))
        return run_fairsde_inferred(["generated-0"], n_splits=1)


def test_generated_groups_have_different_rules_and_a_feature_that_reveals_them():
    X, y, group = make_groups(20_000, 2.0, np.random.default_rng(0))
    sides = [np.corrcoef(X[group == name, 1], y[group == name])[0, 1] for name in ("a", "b")]
    assert sides[0] < -0.3
    assert sides[1] > 0.3
    assert X[group == "b", 2].mean() - X[group == "a", 2].mean() == pytest.approx(2.0, abs=0.05)


@pytest.mark.long
def test_guarantees_of_known_groups_shrink_by_the_error_of_the_guess(inferred):
    told = (
        inferred[inferred["served"] == "told group"]
        .groupby("told_wrong")[["error", "gain", "transferred"]]
        .mean()
    )
    assert told["error"].to_numpy() == pytest.approx(told.index.to_numpy(), abs=0.04)
    assert told["transferred"].is_monotonic_decreasing
    known = inferred[inferred["served"] == "known group"].set_index("group")
    for _, row in inferred[inferred["served"] == "told group"].iterrows():
        assert row["transferred"] < known.loc[row["group"], "lower"] - row["error"] / 2
    assert known["gain"].min() > told["gain"].iloc[-1]
    likeliest = inferred[inferred["served"] == "likeliest group"]
    assert likeliest["error"].mean() == pytest.approx(0.5, abs=0.1)  # features say nothing of the group


@pytest.mark.long
def test_inferred_answer_and_picture(inferred):
    text = fairsde_inferred_markdown(inferred)
    assert "| generated-0 | told group |" in text
    assert (
        "all groups are certified to gain in 0 of 1 splits of 1 data set(s): the pooled network can itself use what features say"
        in text
    )
    assert "1 split: little can be concluded" in text
    labels = [line.get_label() for line in plot_fairsde_inferred(inferred).lines]
    assert "bound carried over from known groups" in labels


def told_runs(figures):
    """Runs in which the told group's figures are these, by share of errors and split."""
    return pd.DataFrame(
        [
            {"dataset": "d", "served": "told group", "told_wrong": error, "split": split, "group": "a", "error": error, "gain": value,
             "lower": value, "transferred": np.nan}
            for error, values in figures.items() for split, value in enumerate(values)
        ]
    )  # fmt: skip


def test_inferred_answer_claims_no_more_than_holds_for_all_smaller_errors_and_all_splits():
    answer = _fairsde_inferred._answer(told_runs({0.01: [0.1, 0.1], 0.05: [0.1, -0.1], 0.1: [0.1, 0.1]}))
    assert "the worst-off group gains in every split up to 1 % errors" in answer
    assert "carries over in every split not even with 1 % errors" in answer
    likeliest = told_runs({0.1: [0.1, -0.2, 0.3]}).assign(served="likeliest group")
    assert "certified to gain in 2 of 3 splits of 1 data set(s)." in _fairsde_inferred._answer(likeliest)


@pytest.fixture(scope="module")
def strategies():
    return run_fairsde_strategies(["generated-2", "generated-32"], n_splits=3)


@pytest.mark.long
def test_strategies_choose_from_the_same_experts(strategies):
    for _, part in strategies.groupby(["dataset", "split", "guarantee"]):
        kept = part.set_index("strategy")["kept"]
        assert kept["max_min"] >= kept["max_overall"]  # max_min takes whatever is better
        assert kept["max_min"] >= kept["min_gap"]
    by_guarantee = strategies.groupby(["dataset", "guarantee"])["kept"].mean()
    assert (by_guarantee[:, "certified"] <= by_guarantee[:, "empirical"]).all()
    power = (
        strategies.query("guarantee == 'certified' and strategy == 'max_min'")
        .groupby("n_groups")["power"]
        .mean()
    )
    assert power[2] > power[32] + 0.3
    assert strategies["harmed"].max() <= 1


def test_generated_experts_are_better_by_what_is_said():
    split = _fairsde_strategies.DATA["generated-4"].split(None, "group", test_size=0.25, random_state=0)
    right = split.y[:, None] == split.X
    gains = [float(np.diff(right[split.attribute == g].mean(axis=0))[0]) for g in range(4)]
    assert gains == pytest.approx([0.04, 0.0, 0.04, 0.0], abs=0.03)


def test_trained_experts_are_chosen_on_rows_set_aside(real_data, monkeypatch):
    quick = SelectiveExpertsClassifier.__init__.__kwdefaults__ | {"max_epochs": 2}
    monkeypatch.setattr(SelectiveExpertsClassifier.__init__, "__kwdefaults__", quick)
    monkeypatch.setitem(_fairsde_strategies.DATA, "german", REAL_DATA["german"])
    runs = run_fairsde_strategies(["german"], n_splits=1, data_home=real_data)
    assert runs["power"].isna().all()
    assert (runs["n_groups"] == 2).all()


@pytest.mark.long
def test_strategies_answer_and_picture(strategies):
    text = fairsde_strategies_markdown(strategies)
    assert "| generated-32 | certified | min_gap | 32 |" in text
    assert "truly better experts of 2 groups are found" in text
    assert len(plot_fairsde_strategies(strategies).axes) == 3


@pytest.fixture(scope="module")
def shift():
    return run_fairsde_shift(["generated"], n_splits=6)


@pytest.mark.long
def test_harm_grows_with_the_shift_and_the_wary_rule_breaks_last(shift):
    harmed = shift.groupby(["rule", "shift", "strength"])["harmed"].sum()
    for kind, none, strongest in (
        ("odds of the second class", 1.0, 0.125),
        ("share of every group cut away", 0.0, 0.75),
    ):
        for rule in (_fairsde_shift.EMPIRICAL, _fairsde_shift.CERTIFIED):
            assert harmed[rule, kind, strongest] > harmed[rule, kind, none]
        at_most = harmed[_fairsde_shift.EMPIRICAL, kind, strongest]
        assert harmed[_fairsde_shift.WARY, kind, strongest] < at_most
    assert harmed[_fairsde_shift.CERTIFIED, :, 1.0].sum() == 0
    kept = shift.groupby("rule")["kept"].sum()
    assert kept[_fairsde_shift.WARY] < kept[_fairsde_shift.CERTIFIED] <= kept[_fairsde_shift.EMPIRICAL]


def test_weights_of_shifts():
    y = np.array([0, 1, 1, 0])
    assert _fairsde_shift._by_prevalence(y, 0.5).tolist() == [1.0, 0.5, 0.5, 1.0]
    groups = encode_groups(["a", "b", "a", "b", "a", "a"])
    score = np.array([0.9, 0.2, 0.1, 0.8, 0.5, 0.3])
    assert _fairsde_shift._by_composition(score, groups, 0.5).tolist() == [0, 1, 1, 0, 0, 1]
    assert _fairsde_shift._by_composition(score, groups, 0.0).all()


@pytest.mark.long
def test_shift_answer_and_picture(shift):
    text = fairsde_shift_markdown(shift)
    assert text.count("- generated: splits with a harmed group") == 1
    none_kept = shift.assign(kept=np.where(shift["rule"] == _fairsde_shift.WARY, 0, shift["kept"]))
    assert f"{_fairsde_shift.WARY} keeps no expert" in fairsde_shift_markdown(none_kept)
    assert "One split: nothing can be concluded." in fairsde_shift_markdown(shift[shift["split"] == 0])
    assert f"| {_fairsde_shift.WARY} |" in text
    assert isinstance(shift, pd.DataFrame)
    assert len(plot_fairsde_shift(shift).axes) == 2
