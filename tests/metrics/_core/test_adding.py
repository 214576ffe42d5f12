"""Frames of two samples add up to the frame of both."""

import functools
import operator

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fairlearn_fwh.metrics import PreferenceFrame

from ..samples import random_sample

seeds = st.integers(0, 2**32 - 1)


def same(a, b, **tolerance):
    for name in ("by_group", "risk_matrix", "envy_matrix"):
        pd.testing.assert_frame_equal(getattr(a, name), getattr(b, name), **tolerance)
    compare = (
        pd.testing.assert_series_equal if isinstance(a.overall, pd.Series) else pd.testing.assert_frame_equal
    )
    compare(a.overall, b.overall, **tolerance)
    pd.testing.assert_frame_equal(a.certify(tolerance=0.05), b.certify(tolerance=0.05), **tolerance)
    pd.testing.assert_frame_equal(a.harm_tests(), b.harm_tests(), **tolerance)
    assert a.empty_groups == b.empty_groups


@given(seeds, st.integers(1, 4), st.lists(st.integers(1, 99), max_size=3), st.booleans())
@settings(max_examples=15, deadline=None)
def test_shards_add_up_to_the_whole_exactly(seed, n_groups, cuts, with_controls):
    y, pooled, by_group, groups = random_sample(seed, 100, n_groups)
    race = np.random.default_rng(seed).choice(list("xyz"), 100)

    def frame(rows):
        return PreferenceFrame(
            y_true=y[rows], y_pred_pooled=pooled[rows], y_pred_by_group=by_group[rows], groups=groups[rows],
            sensitive_features={"race": race[rows]}, control_features={"y": y[rows]} if with_controls else None,
        )  # fmt: skip

    edges = [0, *sorted(set(cuts)), 100]
    shards = [frame(np.arange(a, b)) for a, b in zip(edges[:-1], edges[1:], strict=True)]
    same(functools.reduce(operator.add, shards), frame(np.arange(100)), check_exact=True)


@given(seeds, st.sampled_from(["zero_one", "brier", "absolute"]))
@settings(max_examples=12, deadline=None)
def test_weighted_and_real_valued_shards_add_up_to_rounding(seed, loss):
    rng = np.random.default_rng(seed)
    y, groups, weights = rng.integers(0, 2, 100), rng.integers(0, 3, 100), rng.random(100) + 0.01
    own, pooled = rng.random((2, 100)) if loss != "zero_one" else rng.integers(0, 2, (2, 100))

    def frame(rows):
        return PreferenceFrame(
            y_true=y[rows], y_pred=own[rows], y_pred_pooled=pooled[rows], sensitive_features=groups[rows],
            sample_weight=weights[rows], loss=loss, loss_limit=0.9 if loss == "absolute" else None,
        )  # fmt: skip

    same(frame(slice(0, 30)) + frame(slice(30, 100)), frame(slice(0, 100)), rtol=1e-7, atol=1e-9)


def test_groups_that_only_one_shard_has_are_in_the_sum_in_their_place():
    def frame(groups):
        n = len(groups)
        return PreferenceFrame(
            y_true=[1] * n, y_pred=[1] * n, y_pred_pooled=[0] * n, sensitive_features=groups
        )

    total = frame(["b", "d"]) + frame(["a", "b", "c"])
    assert total.by_group["n"].to_dict() == {"a": 1, "b": 2, "c": 1, "d": 1}
    assert list(total.by_group.index) == ["a", "b", "c", "d"]


def test_real_data_of_any_size_is_measured_in_chunks_that_do_not_show(rng, monkeypatch):
    y, own, pooled, groups = rng.integers(0, 2, 1000), *rng.random((2, 1000)), rng.integers(0, 3, 1000)
    sample = {
        "y_true": y,
        "y_pred": own,
        "y_pred_pooled": pooled,
        "sensitive_features": groups,
        "loss": "brier",
    }
    whole = PreferenceFrame(**sample)
    monkeypatch.setattr("fairlearn_fwh.metrics._core._cells._CHUNK", 64)
    same(PreferenceFrame(**sample), whole, rtol=1e-9)
    y, pooled, by_group, groups = random_sample(n=1000)
    labels = {"y_true": y, "y_pred_pooled": pooled, "y_pred_by_group": by_group, "groups": groups}
    chunked = PreferenceFrame(**labels, n_boot=20, random_state=0)
    monkeypatch.undo()
    same(chunked, PreferenceFrame(**labels), check_exact=True)
    replicates = PreferenceFrame(**labels, n_boot=20, random_state=0).replicates("risk")
    pd.testing.assert_frame_equal(chunked.replicates("risk"), replicates)


def test_replicates_add_up_and_do_not_vary_together(rng):
    y, own, pooled = rng.integers(0, 2, (3, 2000))

    def frame(rows):  # the same seed for every shard, as a loop over shards would have it
        return PreferenceFrame(
            y_true=y[rows], y_pred=own[rows], y_pred_pooled=pooled[rows], n_boot=2000, random_state=0
        )

    same_rows = slice(0, 1000)
    total = frame(same_rows) + frame(same_rows) + frame(same_rows)
    spread, expected = (f.replicates("risk").std().iloc[0] for f in (total, frame(same_rows)))
    assert spread == pytest.approx(expected / np.sqrt(3), rel=0.1)
    without = PreferenceFrame(y_true=y, y_pred=own, y_pred_pooled=pooled)
    with pytest.raises(ValueError, match="the same n_boot; got 2000 and None"):
        total + without


def test_the_order_of_the_classifiers_does_not_matter(rng):
    y, a, b, pooled = rng.integers(0, 2, (4, 200))
    groups = rng.choice(["a", "b"], 200)

    def frame(rows, order):
        columns = {"a": a[rows], "b": b[rows]}
        return PreferenceFrame(
            y_true=y[rows], y_pred_pooled=pooled[rows], y_pred_by_group={k: columns[k] for k in order},
            groups=groups[rows], n_boot=200, random_state=0,
        )  # fmt: skip

    whole = frame(slice(0, 200), "ab")
    total = frame(slice(0, 80), "ab") + frame(slice(80, 200), "ba")
    same(total, whole, check_exact=True)
    assert total.replicates("envy_gain").mean().to_numpy() == pytest.approx(
        whole.replicates("envy_gain").mean().to_numpy(), abs=0.03
    )


def test_shards_can_be_summed():
    y, pooled, by_group, groups = random_sample(n=90)
    shards = [
        PreferenceFrame(
            y_true=y[rows], y_pred_pooled=pooled[rows], y_pred_by_group=by_group[rows], groups=groups[rows]
        )
        for rows in (slice(0, 30), slice(30, 90))
    ]
    same(sum(shards), shards[0] + shards[1], check_exact=True)


def frames():
    y, pooled, by_group, groups = random_sample(n=60)
    sample = {"y_true": y, "y_pred_pooled": pooled}
    return {
        "envy": PreferenceFrame(**sample, y_pred_by_group=by_group, groups=groups),
        "no envy": PreferenceFrame(**sample, y_pred=by_group[:, 0], groups=groups),
        "two": PreferenceFrame(**sample, y_pred_by_group=by_group[:, :2], groups=groups % 2),
        "named": PreferenceFrame(**sample, y_pred=by_group[:, 0], sensitive_features={"race": groups}),
        "absolute": PreferenceFrame(**sample, y_pred=by_group[:, 0], groups=groups, loss="absolute"),
        "fallback": PreferenceFrame(
            **sample, y_pred_by_group=np.column_stack([pooled, by_group[:, 1:]]), groups=groups, pooled_groups=[0]
        ),
    }  # fmt: skip


@pytest.mark.parametrize(
    ("first", "second", "message"),
    [
        ("envy", "no envy", "the same has_envy"),
        ("envy", "two", "the same group classifiers"),
        ("no envy", "named", "the same group_names"),
        ("no envy", "absolute", "the same loss; got 'zero_one' and 'absolute'"),
        ("envy", "fallback", "the same pooled_groups"),
    ],
)
def test_frames_that_were_not_measured_alike_do_not_add(first, second, message):
    made = frames()
    with pytest.raises(ValueError, match=message):
        made[first] + made[second]


def test_only_frames_add():
    with pytest.raises(TypeError):
        frames()["envy"] + 1
