"""Several losses at once: one reading, one table, one family of claims."""

import pickle

import duckdb
import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fairlearn_fwh.metrics import MisclassificationCost, PreferenceFrame, compare, keep_own_classifier
from fairlearn_fwh.metrics._inference._step_down import adjust_p_values

COLUMNS = {"y_true": "y", "y_pred": "new", "y_pred_pooled": "old", "sensitive_features": "g"}

COST = MisclassificationCost([[0, 1], [5, 0]], ["good", "ill"])

LOSSES = {
    "error": "zero_one",
    "missed": "missed",
    "alarm": "false_alarm",
    "refused": "rejection",
    "cost": COST,
}

LABELS = {"missed": "ill", "alarm": "ill", "refused": "good"}


def people(rng, n=2000):
    labels = np.array(["good", "ill"])
    table = pd.DataFrame({name: labels[rng.integers(0, 2, n)] for name in ("y", "new", "old")})
    return table.assign(g=rng.choice(["a", "b", "c"], n), w=rng.random(n) + 0.1, u=np.arange(n) // 2)


def frame_of(table, loss, pos_label=None, **more):
    return PreferenceFrame.from_frame(table, **COLUMNS, loss=loss, pos_label=pos_label, **more)


def several(table, **more):
    return frame_of(table, LOSSES, LABELS, **more)


@pytest.mark.long(but_every=3)
@pytest.mark.parametrize(
    "more", [{"units": "u"}, {"sample_weight": "w"}, {}], ids=["units", "weights", "plain"]
)
def test_each_loss_is_as_by_itself(rng, more):
    table = people(rng)
    together = several(table, **more)
    assert together.losses == list(LOSSES)
    for name, loss in LOSSES.items():
        alone = frame_of(table, loss, LABELS.get(name), **more)
        part = together[name]
        pd.testing.assert_frame_equal(part.by_group, alone.by_group, rtol=1e-12)
        pd.testing.assert_frame_equal(together.by_group[name], alone.by_group, rtol=1e-12)
        pd.testing.assert_series_equal(together.overall[name], alone.overall, check_names=False, rtol=1e-12)
        pd.testing.assert_frame_equal(part.certify(tolerance=0.05), alone.certify(tolerance=0.05), rtol=1e-9)
        pd.testing.assert_frame_equal(part.to_frame(), alone.to_frame(), rtol=1e-9)
        np.testing.assert_allclose(
            together.gains[name], alone.by_group["rationality_gain"], rtol=0, atol=1e-14
        )


@pytest.mark.long(but_every=3)
@pytest.mark.parametrize(
    "more", [{"units": "u"}, {"sample_weight": "w"}, {}], ids=["units", "weights", "plain"]
)
def test_all_engines_say_the_same(rng, more):
    table = people(rng)
    eager = several(table, **more)
    for lazy in (pl.from_pandas(table).lazy(), duckdb.from_df(table)):
        found = several(lazy, **more)
        pd.testing.assert_frame_equal(found.by_group, eager.by_group, rtol=1e-9)
        pd.testing.assert_frame_equal(
            found.certify(tolerance=0.05), eager.certify(tolerance=0.05), rtol=1e-6, check_dtype=False
        )
        pd.testing.assert_frame_equal(
            found.violations(0.5), eager.violations(0.5), rtol=1e-6, check_dtype=False
        )


def test_classifiers_of_groups_are_compared_in_every_loss(rng):
    table = people(rng).assign(a=lambda t: t["new"], b=lambda t: t["old"], c=lambda t: t["y"])
    columns = {"y_true": "y", "y_pred_pooled": "old", "y_pred_by_group": ["a", "b", "c"], "groups": "g"}
    for data in (table, pl.from_pandas(table).lazy()):
        together = PreferenceFrame.from_frame(data, **columns, loss=LOSSES, pos_label=LABELS)
        for name, loss in LOSSES.items():
            alone = PreferenceFrame.from_frame(data, **columns, loss=loss, pos_label=LABELS.get(name))
            pd.testing.assert_frame_equal(together.envy_matrix[name], alone.envy_matrix, rtol=1e-9)
            pd.testing.assert_frame_equal(together.risk_matrix[name], alone.risk_matrix, rtol=1e-9)
        claims = together.certify(tolerance=0.05, claims="all")
        assert claims.groupby("loss", sort=False)["kind"].value_counts().loc["missed"].to_dict() == {
            "envy": 6,
            "rationality": 3,
        }


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 10_000), n=st.integers(30, 300))
def test_one_family_is_stricter_than_each_loss_and_no_stricter_than_bonferroni(seed, n):
    frame = several(people(np.random.default_rng(seed), n))
    together = frame.harm_tests().set_index(["loss", "group"])["p_adjusted"].dropna()
    alone = pd.concat({name: frame[name].harm_tests().set_index("group") for name in LOSSES}, names=["loss"])
    assert len(together) == alone["p_adjusted"].notna().sum()
    assert (together >= alone["p_adjusted"].reindex(together.index) - 1e-12).all()
    holm = adjust_p_values(alone["p_value"].reindex(together.index).to_numpy(), "holm")
    assert (together <= holm + 1e-12).all()


def test_overlapping_groups_share_the_family_too(rng):
    table = people(rng).assign(h=rng.choice(["x", "y"], 2000))
    columns = COLUMNS | {"sensitive_features": ["g", "h"]}
    frame = PreferenceFrame.from_frame(table, **columns, loss=["zero_one", "missed"], pos_label="ill")
    over = frame.over()
    tests = over.harm_tests()
    assert tests["loss"].value_counts().to_dict() == {"zero_one": 11, "missed": 11}
    alone = pd.concat([over[name].harm_tests()["p_adjusted"] for name in over.losses], ignore_index=True)
    np.testing.assert_allclose(tests["p_adjusted"], np.minimum(2 * alone, 1), rtol=1e-12)
    pd.testing.assert_frame_equal(frame.harm_tests(over=["g", "h"]), frame.over(["g", "h"]).harm_tests())


def test_frames_add_up_persist_and_draw_replicates(rng):
    table = people(rng)
    whole = several(table)
    sum_of_parts = several(table[:700]) + several(table[700:])
    pd.testing.assert_frame_equal(sum_of_parts.by_group, whole.by_group, rtol=1e-12)
    again = pickle.loads(pickle.dumps(whole))
    pd.testing.assert_frame_equal(again.certify(tolerance=0.1), whole.certify(tolerance=0.1))
    drawn = several(table, n_boot=20, random_state=0).replicates("rationality_gain")
    assert drawn.shape == (20, 15)
    with pytest.raises(ValueError, match="same losses"):
        whole + frame_of(table, ["zero_one"])
    other = MisclassificationCost([[0, 2], [5, 0]], ["good", "ill"])
    with pytest.raises(ValueError, match="same loss"):
        whole + frame_of(table, LOSSES | {"cost": other}, LABELS)


@pytest.mark.long
def test_tolerances_and_margins_may_differ_by_loss(rng):
    table = people(rng)
    frame = several(table)
    tolerances = dict.fromkeys(LOSSES, 0.05) | {"cost": 0.5}
    table_of = frame.certify(tolerance=tolerances, correction=None).set_index(["loss", "group"])
    for name, tolerance in tolerances.items():
        alone = frame[name].certify(tolerance=tolerance, correction=None).set_index("group")
        pd.testing.assert_frame_equal(table_of.loc[name], alone)
    assert frame.power(tolerances).index.names == ["loss", "g"]
    found = frame.violations(0.9, margin=dict.fromkeys(LOSSES, 0.0) | {"cost": 4.9})
    assert "cost" not in set(found["loss"])
    for argument in ("tolerance", "margin"):
        call = frame.certify if argument == "tolerance" else frame.violations
        with pytest.raises(ValueError, match=f"{argument} must have a value for each of the losses"):
            call(**{argument: {"error": 0.1}})
        with pytest.raises(ValueError, match=f"{argument} is a dict by losses"):
            getattr(frame["error"], call.__name__)(**{argument: {"error": 0.1}})


def test_shares_of_alpha_are_divided_among_the_losses(rng):
    frame = several(people(rng))
    weights = {"a": 0.5, "b": 0.3, "c": 0.2}
    table = frame.certify(tolerance=0.1, alpha_weights=weights)
    share = table["group"].map(weights) / len(LOSSES)
    assert (table["p_adjusted"] <= (table["p_value"] / share).clip(upper=1) + 1e-12).all()


def test_what_is_for_one_loss_says_so(rng):
    frame = several(people(rng))
    for use in (
        lambda: frame.envy_margin(),
        lambda: frame.worst_shift(0.1),
        lambda: keep_own_classifier(frame),
        lambda: compare({"a": frame}),
        lambda: frame.plot("flips"),
    ):
        with pytest.raises(ValueError, match=r"one loss.*frame\['error'\]"):
            use()
    with pytest.raises(KeyError, match="There is no loss 'recall'"):
        frame["recall"]
    with pytest.raises(TypeError, match="not a list"):
        list(frame)


@pytest.mark.parametrize(
    ("loss", "more", "message"),
    [
        (["missed", "missed"], {"pos_label": "ill"}, "loss names 'missed' twice"),
        ({}, {}, "empty dict"),
        ({"": "missed"}, {"pos_label": "ill"}, "must have texts as names"),
        ({"a": "recall"}, {}, "loss must be one of"),
        (["missed", "rejection"], {"pos_label": "ill"}, "is one label, but for 'missed'"),
        (["missed"], {"pos_label": {"alarm": "ill"}}, "pos_label names 'alarm'"),
        (["missed"], {"pos_label": "sick"}, "pos_label='sick' does not occur"),
        (["missed"], {}, "needs pos_label"),
        (["zero_one"], {"pos_label": "ill"}, "does not apply to any of these losses"),
        (["zero_one", "brier"], {}, "one column cannot be both"),
        ("missed", {"pos_label": {"missed": "ill"}}, "is a dict by losses"),
        ({"c": MisclassificationCost([[0, 1], [5, 0]], ["good", "bad"])}, {}, "label 'ill'"),
    ],
)
@pytest.mark.parametrize("lazy", [False, True])
def test_what_cannot_be_meant_is_refused(rng, loss, more, message, lazy):
    table = people(rng, 200)
    with pytest.raises(ValueError, match=message):
        frame_of(pl.from_pandas(table).lazy() if lazy else table, loss, **more)


def test_groups_whom_a_loss_does_not_concern_have_no_figure(rng):
    table = people(rng)
    table.loc[table["g"] == "a", "y"] = "good"
    for data in (table, pl.from_pandas(table).lazy()):
        frame = several(data)
        assert frame.gains.loc["a"].isna().to_dict() == dict.fromkeys(LOSSES, False) | {"missed": True}
        row = frame.certify(tolerance=0.1).query("loss == 'missed' and group == 'a'").iloc[0]
        assert (row["n"], row["certified"]) == (0, False)
        assert np.isnan(row["p_adjusted"])


@pytest.mark.parametrize("n_classes", [3, 12])
def test_many_labels_are_counted_as_they_are(rng, n_classes):
    """With a dozen labels kinds of people are no longer counted by their codes; figures must not tell."""
    table = pd.DataFrame({name: rng.integers(0, n_classes, 3000) for name in ("y", "new", "old")})
    table["g"] = rng.integers(0, 400, 3000) if n_classes == 12 else rng.integers(0, 3, 3000)
    losses = {"error": "zero_one", "missed": "missed", "alarm": "false_alarm"}
    together = frame_of(table, losses, 2)
    for name, loss in losses.items():
        alone = frame_of(table, loss, 2 if name != "error" else None)
        pd.testing.assert_frame_equal(together[name].by_group, alone.by_group, rtol=1e-12)


@pytest.mark.long
@pytest.mark.simulation
def test_nobody_is_harmed_in_any_loss_by_chance():
    """Three losses and six groups, nobody loses: the chance of any finding, and of any false certificate at the tolerance."""
    rng = np.random.default_rng(0)
    runs, found = 150, 0
    for _ in range(runs):
        y = rng.integers(0, 2, 1800)
        new, old = (np.where(rng.random(1800) < 0.15, 1 - y, y) for _ in range(2))
        frame = PreferenceFrame(
            y_true=y,
            y_pred=new,
            y_pred_pooled=old,
            sensitive_features=rng.integers(0, 6, 1800),
            loss=["zero_one", "missed", "false_alarm"],
        )
        found += len(frame.violations(0.05)) > 0
    assert found / runs <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / runs)
