"""The small parts of DAFH: splitting, linear parts, validation, text columns."""

import numpy as np
import pandas as pd
import polars as pl
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import LinearSVC

from fairlearn_fwh._splits import split_rows
from fairlearn_fwh.inprocessing._linear import linear_classifier, pooled_scores, router_logits
from fairlearn_fwh.inprocessing._numeric import check_numeric
from fairlearn_fwh.inprocessing._objectives import hinge
from fairlearn_fwh.inprocessing._routed_heads import RoutedHeads
from fairlearn_fwh.inprocessing._validation import GroupValidation, choose_member
from fairlearn_fwh.metrics import PreferenceFrame


@given(st.lists(st.integers(0, 3), min_size=1, max_size=200), st.floats(0.05, 0.5), st.floats(0, 0.5))
def test_split_is_a_partition_with_every_class_for_fitting(labels, validation, certify):
    codes = np.array(labels)
    parts = split_rows(codes, validation, certify, np.random.RandomState(0))
    assert sorted(np.concatenate(parts)) == list(range(len(codes)))
    assert set(codes[parts[0]]) == set(codes)
    assert abs(len(parts[2]) - certify * len(codes)) <= 4


def test_split_differs_by_seed():
    codes = np.arange(100) % 2
    first, second = (split_rows(codes, 0.2, 0.2, np.random.RandomState(seed))[2] for seed in (0, 1))
    assert set(first) != set(second)


@pytest.mark.parametrize("n_classes", [2, 3])
def test_scores_of_the_pooled_classifier_survive_standardising_and_back(n_classes, rng):
    X = rng.normal(5, 3, (200, 4))
    y = rng.integers(0, n_classes, 200)
    scaler = StandardScaler().fit(X[:150])
    for pooled in (LogisticRegression(max_iter=500), make_pipeline(StandardScaler(), LogisticRegression())):
        pooled.fit(X, y)
        scores = pooled_scores(pooled, scaler)
        copy = linear_classifier(scores[:-1], scores[-1], scaler, np.arange(n_classes), None)
        np.testing.assert_allclose(copy.predict_proba(X), pooled.predict_proba(X))
        assert (copy.predict(X) == pooled.predict(X)).all()


def test_other_classifiers_have_no_scores(rng):
    X, y = rng.normal(size=(50, 2)), np.arange(50) % 2
    assert pooled_scores(LinearSVC().fit(X, y), StandardScaler().fit(X)) is None


def test_router_without_torch_is_the_router_with_torch():
    module = RoutedHeads(torch.zeros(1, 5, 2, 1), (7, 6), hinge, 0.1, 10, torch.Generator().manual_seed(0))
    Z = torch.randn(30, 4)
    state = module.member_state(0)
    coefs = [state[f"router_weights.{layer}"] for layer in range(3)]
    intercepts = [state[f"router_biases.{layer}"][0] for layer in range(3)]
    expected = module.assignment_logits(Z)[0].detach().numpy()
    np.testing.assert_allclose(router_logits(Z.numpy(), coefs, intercepts), expected, rtol=1e-4, atol=1e-6)


def test_validation_agrees_with_the_preference_frame(rng):
    n = 300
    Z, codes, pooled = (
        rng.normal(size=(n, 4)).astype(np.float32),
        rng.integers(0, 2, n),
        rng.integers(0, 2, n),
    )
    module = RoutedHeads(torch.randn(2, 5, 3, 1), (7,), hinge, 0.1, 10, torch.Generator().manual_seed(1))
    validate = GroupValidation(Z, codes, pooled == codes, None, 0.05, "cpu")
    for member, (key, figures) in enumerate(validate(module)):
        groups = module.assignment_logits(torch.tensor(Z))[member].argmax(dim=-1).numpy()
        by_group = (module.decisions(torch.tensor(Z))[member, :, :, 0] > 0).numpy().astype(int)
        frame = PreferenceFrame(y_true=codes, y_pred_pooled=pooled, y_pred_by_group=by_group, groups=groups)
        for name in ("accuracy", "rationality_gain", "fairness_without_harm_rate", "min_gain"):
            assert figures[name] == pytest.approx(frame.overall[name]), name
        assert figures["largest_share"] == frame.by_group["n"].max() / n
        harmed = len(frame.violations(alpha=0.05, claims="rationality")) > 0
        assert key == (
            not harmed,
            pytest.approx(frame.overall["rationality_gain"]),
            figures["fairness_without_harm_rate"],
        )


def test_restarts_within_a_standard_error_are_decided_by_the_rate():
    assert choose_member([(1.0, 0.010, 0.99), (1.0, 0.012, 0.92)], 500) == 0
    assert choose_member([(1.0, 0.010, 0.99), (1.0, 0.200, 0.92)], 500) == 1
    assert choose_member([(1.0, 0.000, 0.90), (0.0, 0.500, 1.0)], 500) == 0


@pytest.mark.parametrize(
    ("X", "named"),
    [
        (pd.DataFrame({"x": [1.0], "job": ["cook"]}), r"\['job'\]"),
        (pd.DataFrame({"x": [1.0], "job": pd.Categorical(["cook"])}), r"\['job'\]"),
        (pl.DataFrame({"x": [1.0], "job": ["cook"]}), r"\['job'\]"),
        (np.array([[1.0, "cook"]], dtype=object), r"\[1\]"),
        (np.array([["1.0", "cook"]]), r"\[0, 1\]"),
        ([[1.0, "cook"]], r"\[1\]"),
    ],
)
def test_text_columns_are_named_with_a_remedy(X, named):
    with pytest.raises(
        ValueError, match=rf"Est takes numbers, but X has text .* {named}.*default_preprocessor"
    ):
        check_numeric(X, "Est")


def test_numbers_and_booleans_pass():
    check_numeric(pd.DataFrame({"x": [1], "ok": [True]}), "Est")
    check_numeric(np.zeros((2, 2)), "Est")
    check_numeric(np.zeros((2, 2), dtype=object), "Est")
