"""Groups that are half known: what is said is right whoever belongs to them."""

import itertools

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairlearn_fwh.exceptions import ProxyGroupsWarning
from fairlearn_fwh.files import measure_file
from fairlearn_fwh.metrics import PreferenceFrame, bound_group_gains
from fairlearn_fwh.metrics._inference._partial_identification import (
    SMALLEST_CELL,
    UncertainGroup,
    cells_of,
)


def sample(rng, n=2000, *, worst=False):
    """Predictions and probabilities; members are independent of the errors, or those who lose as far as that can be."""
    q = rng.choice([0.05, 0.3, 0.9], n, p=[0.5, 0.3, 0.2])
    u = rng.random(n)
    worse, better = u < 0.1, u > 0.94
    chance = np.where(worse, np.minimum(1, q / 0.1), np.clip((q - 0.1) / 0.9, 0, 1)) if worst else q
    data = {
        "y_true": np.zeros(n, dtype=int), "y_pred": worse.astype(int), "y_pred_pooled": better.astype(int), "labels": [0, 1],
    }  # fmt: skip
    return data, pd.DataFrame({"a": q, "b": 1 - q}), rng.random(n) < chance


@given(st.lists(st.sampled_from([-1.0, 0.0, 1.0]), min_size=6, max_size=7), st.integers(1, 6))
def test_the_lowest_gain_is_that_of_the_worst_choice_of_members(gains, n_members):
    gains = np.array(gains)
    group = UncertainGroup(gains, np.full(len(gains), n_members / len(gains)), 1.0)
    possible = [np.mean(gains[list(who)]) for who in itertools.combinations(range(len(gains)), n_members)]
    assert group.lowest_gain() == pytest.approx(min(possible))
    assert -group.mirrored().lowest_gain() == pytest.approx(max(possible))


def test_finer_cells_are_narrower_and_coarser_ones_still_right(rng):
    data, q, member = sample(rng, 4000)
    truth = (data["y_pred_pooled"] - data["y_pred"])[member].mean()
    fine = bound_group_gains(**data, group_probabilities=q).table.loc["a"]
    coarse = bound_group_gains(**data, group_probabilities=q * 0 + q.mean()).table.loc["a"]
    assert coarse["lowest"] <= fine["lowest"] <= truth <= fine["highest"] <= coarse["highest"]
    blurred = np.clip(q["a"] + rng.uniform(-0.02, 0.02, 4000), 0, 1)
    cells = cells_of(blurred.to_numpy())
    assert np.bincount(cells).min() >= SMALLEST_CELL
    assert cells.max() > 40


@pytest.mark.simulation
def test_what_is_said_is_right_where_members_are_those_who_lose():
    """The true gain lies at the very bound: -.05 q .05 - .03 .1 - .02 .1 over the mean probability."""
    share = 0.5 * 0.05 + 0.3 * 0.3 + 0.2 * 0.9
    truth = -(0.5 * 0.05 + 0.3 * 0.1 + 0.2 * 0.1) / share
    wrong = {"lower": 0, "certified": 0}
    for seed in range(60):
        data, q, _ = sample(np.random.default_rng(seed), worst=True)
        row = bound_group_gains(**data, group_probabilities=q, tolerance=-truth).table.loc["a"]
        wrong["lower"] += row["lower"] > truth
        wrong["certified"] += row["certified"]
    assert max(wrong.values()) <= 5  # of 60, 2.5 and 5 % nominal


def test_harm_and_certificates_that_do_not_depend_on_who_belongs(rng):
    q = rng.choice([0.02, 0.98], 6000)
    a = rng.random(6000) < q
    y = np.ones(6000, dtype=int)
    data = {
        "y_true": y,
        "y_pred": np.where(a & (rng.random(6000) < 0.3), 0, y),
        "y_pred_pooled": y,
        "labels": [0, 1],
    }
    found = bound_group_gains(**data, group_probabilities={"a": q, "b": 1 - q}, tolerance=0.05)
    assert found.table["harmed"].tolist() == [True, False]
    assert found.table["certified"].tolist() == [False, True]
    assert found.verdict.startswith(
        "Harms, whoever belongs to the group, with 95 % confidence, if the probabilities"
    )
    same = bound_group_gains(**data | {"y_pred": y}, group_probabilities=pl.DataFrame({"a": q, "b": 1 - q}))
    assert same.table["certified"].all()
    assert "is ruled out for every group" in same.verdict
    assert (
        not bound_group_gains(**data, group_probabilities={"a": q, "b": 1 - q}, harm_margin=0.4)
        .table["harmed"]
        .any()
    )


@pytest.mark.parametrize("loss", ["zero_one", "brier"])
def test_probabilities_of_0_and_1_are_known_groups(rng, loss):
    data, q, member = sample(rng)
    if loss == "brier":
        data = {
            name: values if name == "y_true" else rng.random(2000)
            for name, values in data.items()
            if name != "labels"
        }
    known = pd.DataFrame({"a": member, "b": ~member}).astype(float)
    found = bound_group_gains(**data, group_probabilities=known, loss=loss).table
    frame = PreferenceFrame(**data, sensitive_features=np.where(member, "a", "b"), loss=loss)
    assert (
        found["lowest"].tolist() == found["highest"].tolist() == frame.by_group["rationality_gain"].tolist()
    )
    assert found["p_harm"].tolist() == frame.harm_tests()["p_adjusted"].tolist()
    assert found["certified"].tolist() == frame.certify(tolerance=0.01)["certified"].tolist()
    told = bound_group_gains(
        **data, group_probabilities=q, known_groups=np.where(member, "a", "b"), loss=loss
    ).table
    pd.testing.assert_frame_equal(told, found)


def test_people_who_told_their_group_narrow_the_bounds(rng):
    data, q, member = sample(rng, 4000)
    widths = []
    for share in (0.0, 0.3, 0.8):
        told = np.where(rng.random(4000) < share, np.where(member, "a", "b"), None)
        row = bound_group_gains(**data, group_probabilities=q, known_groups=told).table.loc["a"]
        assert row["lower"] <= -0.04 <= row["upper"]
        widths.append(row["highest"] - row["lowest"])
    assert widths[0] > 1.2 * widths[1] > 2 * widths[2]


def test_groups_that_nobody_can_be_in_are_left_out(rng):
    data, q, _ = sample(rng, 300)
    found = bound_group_gains(**data, group_probabilities=q.assign(c=0.0))
    assert found.table.loc["c", ["n", "harmed", "certified"]].tolist() == [0, False, False]
    assert " c " not in found.verdict


REFUSED = {
    "sums to 1.2": {"group_probabilities": {"a": [0.6, 0.5], "b": [0.6, 0.5]}},
    "from 0 to 1": {"group_probabilities": {"a": [1.5, 0.5], "b": [-0.5, 0.5]}},
    "without missing values": {"group_probabilities": {"a": [np.nan, 0.5], "b": [0.5, 0.5]}},
    "at least two columns": {"group_probabilities": {"a": [1.0, 1.0]}},
    "has 3 rows": {"group_probabilities": {"a": [1.0] * 3, "b": [0.0] * 3}},
    "known_groups has \\['c'\\]": {"known_groups": ["c", None]},
    "known_groups has 1 rows": {"known_groups": ["a"]},
    "has no largest value": {"loss": "squared"},
    "tolerance must be": {"tolerance": -1},
    "harm_margin must be": {"harm_margin": 1},
}


@pytest.mark.parametrize("message", REFUSED)
def test_bad_input(message):
    given = {
        "y_true": [0, 1],
        "y_pred": [0, 1],
        "y_pred_pooled": [0, 1],
        "group_probabilities": {"a": [0.5, 0.5], "b": [0.5, 0.5]},
    }
    with pytest.raises(ValueError, match=message):
        bound_group_gains(**given | REFUSED[message])


def test_what_is_no_table_is_refused():
    with pytest.raises(TypeError, match="one column per group"):
        bound_group_gains(y_true=[0], y_pred=[0], y_pred_pooled=[0], group_probabilities=[[0.5, 0.5]])


def test_guessed_groups_get_a_hint(tmp_path):
    table = pd.DataFrame(
        {"y": [0, 1], "a": [0, 1], "p": [0, 1], "race_bisg": ["x", "z"], "estimates": ["u", "v"]}
    )
    columns = {"y_true": "y", "y_pred": "a", "y_pred_pooled": "p"}
    table.to_csv(tmp_path / "t.csv", index=False)
    for make in (
        lambda **roles: PreferenceFrame.from_frame(table, **columns, **roles),
        lambda **roles: PreferenceFrame.from_frame(pl.from_pandas(table).lazy(), **columns, **roles),
        lambda **roles: measure_file(tmp_path / "t.csv", **columns, **roles),
    ):
        with pytest.warns(
            ProxyGroupsWarning, match="'race_bisg' of sensitive_features is named like a guess"
        ):
            make(sensitive_features="race_bisg")
        make(sensitive_features="estimates")


def test_the_bounds_are_drawn(rng):
    mpl = pytest.importorskip("matplotlib")
    mpl.use("Agg")
    data, q, _ = sample(rng, 500)
    ax = bound_group_gains(**data, group_probabilities=q).plot()
    assert [label.get_text() for label in ax.get_yticklabels()] == [
        f"a\n(about {q['a'].sum():,.0f} people)", f"b\n(about {q['b'].sum():,.0f} people)"
    ]  # fmt: skip
    mpl.pyplot.close("all")


def test_of_very_few_people_nothing_is_said():
    found = bound_group_gains(
        y_true=[1, 0, 1],
        y_pred=[1, 0, 1],
        y_pred_pooled=[1, 0, 0],
        group_probabilities={"a": [0.2] * 3, "b": [0.8] * 3},
    )
    assert found.table[["lower", "upper"]].to_numpy().tolist() == [[-1, 1]] * 2
    assert not found.table[["harmed", "certified"]].any(axis=None)
