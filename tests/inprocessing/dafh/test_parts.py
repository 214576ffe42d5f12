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
from torch import nn

from fairlearn_fwh.base._features import check_no_text
from fairlearn_fwh.base._splits import split_rows
from fairlearn_fwh.inprocessing._training._networks import as_network
from fairlearn_fwh.inprocessing.dafh._heads import make_router
from fairlearn_fwh.inprocessing.dafh._linear import linear_classifier, pooled_scores
from fairlearn_fwh.inprocessing.dafh._network import LinearHeads, RoutedHeads, _ask_members
from fairlearn_fwh.inprocessing.dafh._router import Bins, Router, make_router_inputs
from fairlearn_fwh.inprocessing.dafh._validation import GroupValidation, Table, nearly_best
from fairlearn_fwh.metrics import MisclassificationCost, PreferenceFrame

from ..modules import make_module


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
        scores = pooled_scores(pooled, scaler, n_classes)
        copy = linear_classifier(scores[:-1], scores[-1], scaler, np.arange(n_classes), None)
        np.testing.assert_allclose(copy.predict_proba(X), pooled.predict_proba(X))
        assert (copy.predict(X) == pooled.predict(X)).all()


def test_other_classifiers_have_no_scores(rng):
    X, y = rng.normal(size=(50, 2)), np.arange(50) % 2
    assert pooled_scores(LinearSVC().fit(X, y), StandardScaler().fit(X), 2) is None


def test_router_without_torch_is_the_router_with_torch(rng):
    X = rng.normal(3, 2, (300, 4))
    X[:, 1] = X[:, 1] > 3
    scaler, bins = make_router_inputs(X)
    module = make_module(2, 4, 3, bins=bins)
    Z = torch.as_tensor(scaler.transform(X), dtype=torch.float32)
    expected = module.assignment_logits(Z, torch.as_tensor(bins.codes(X)))[1].detach().numpy()
    router = make_router(module.modules_of(module.member_state(1))[0], scaler, bins)
    np.testing.assert_allclose(router.logits(X), expected, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(router.probabilities(X).sum(axis=1), 1, rtol=1e-6)


def test_bins_are_cut_at_quantiles_of_distinct_values():
    rare = np.concatenate([np.zeros(31_000), np.arange(1_000)])
    X = np.column_stack([rare, np.arange(32_000) % 2, np.ones(32_000)])
    bins = Bins.fit(X)
    assert bins.columns.tolist() == [0]  # what has two values or one needs no bins
    counts = np.bincount(bins.codes(X)[:, 0])
    assert len(counts) == 32
    assert counts[1:].max() <= 34  # the many zeros take one bin, not all
    np.testing.assert_allclose(bins.indicators(bins.codes(X)).mean(axis=0), 0, atol=1e-4)
    assert bins.codes(np.array([[-5.0, 0, 1], [1e9, 0, 1]]))[:, 0].tolist() == [0, 31]


@pytest.mark.parametrize(
    ("n_rows", "n_features", "per_feature"),
    [(32_000, 10, 32), (32_000, 100, 10), (8_000, 500, 0), (5_000, 10, 5), (3_999, 10, 0)],
)
def test_many_features_or_few_rows_have_few_bins(n_rows, n_features, per_feature, rng):
    bins = Bins.fit(rng.normal(size=(n_rows, n_features)))
    assert len(bins.mean) == n_features * per_feature


@pytest.mark.parametrize("n_classes", [2, 3])
def test_soft_losses(n_classes, rng):
    """The soft loss of equal costs is one minus the probability of the true class; costs weigh it."""
    module = make_module(2, 3, 2, n_classes)
    Z, y = torch.randn(20, 3), torch.as_tensor(rng.integers(0, n_classes, 20))
    z = module.decisions(Z)
    p = torch.cat([1 - torch.sigmoid(z), torch.sigmoid(z)], -1) if n_classes == 2 else torch.softmax(z, -1)
    own = p.gather(-1, y[:, None, None].expand(2, 20, 2, 1))[..., 0]
    torch.testing.assert_close(module.losses(Z, y), 1 - own)
    costs = torch.as_tensor(
        rng.uniform(size=(n_classes, n_classes)) * (1 - np.eye(n_classes)), dtype=torch.float32
    )
    module.costs = costs
    torch.testing.assert_close(module.losses(Z, y), (p * costs[y][None, :, None]).sum(-1))


def test_a_member_is_its_own_network(rng):
    """All members side by side give what each gives alone, and a member can be taken out."""
    module = make_module(3, 4, 2)
    Z = torch.randn(50, 4)
    router, heads = module.modules_of(module.member_state(2))
    torch.testing.assert_close(router(Z), module.assignment_logits(Z)[2])
    torch.testing.assert_close(heads(Z), module.decisions(Z)[2])


@pytest.mark.parametrize("costs", [None, [[0, 1], [0.2, 0]]])
def test_validation_agrees_with_the_preference_frame(costs, rng):
    n = 300
    Z = rng.normal(size=(n, 4)).astype(np.float32)
    codes, pooled = rng.integers(0, 2, n), rng.integers(0, 2, n)
    module = make_module(2, 4, 3)
    matrix = np.asarray(costs or 1 - np.eye(2), dtype=float)
    table = Table(Z, None, codes, np.zeros(n), matrix[codes, pooled], None, matrix)
    loss = MisclassificationCost(costs, [0, 1]) if costs else "zero_one"
    for member, (key, figures) in enumerate(GroupValidation(table, 0.05, "cpu")(module)):
        groups = module.assignment_logits(torch.tensor(Z))[member].argmax(dim=-1).numpy()
        by_group = (module.decisions(torch.tensor(Z))[member, ..., 0] > 0).numpy().astype(int)
        frame = PreferenceFrame(
            y_true=codes, y_pred_pooled=pooled, y_pred_by_group=by_group, groups=groups, loss=loss
        )
        for name in ("rationality_gain", "fairness_without_harm_rate", "min_gain"):
            assert figures[name] == pytest.approx(frame.overall[name]), name
        assert figures["largest_share"] == frame.by_group["n"].max() / n
        harmed = len(frame.violations(alpha=0.05, claims="rationality")) > 0
        assert key == (
            not harmed,
            pytest.approx(figures["rationality_gain"]),
            figures["fairness_without_harm_rate"],
        )


def test_restarts_within_a_standard_error_are_decided_by_the_rate():
    assert nearly_best({0: (1.0, 0.010, 0.99), 1: (1.0, 0.012, 0.92)}, 500) == [0, 1]
    assert nearly_best({0: (1.0, 0.010, 0.99), 1: (1.0, 0.200, 0.92)}, 500) == [1]
    assert nearly_best({0: (1.0, 0.000, 0.90), 2: (0.0, 0.500, 1.0)}, 500) == [0]


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
        check_no_text(X, "Est")


def test_numbers_and_booleans_pass():
    check_no_text(pd.DataFrame({"x": [1], "ok": [True]}), "Est")
    check_no_text(np.zeros((2, 2)), "Est")
    check_no_text(np.zeros((2, 2), dtype=object), "Est")


def test_looking_bins_up_is_multiplying_indicators(rng):
    """In training and in the router that is kept, with their gradients."""
    X = rng.standard_normal((9000, 4))
    bins, scaler = Bins.fit(X), StandardScaler().fit(X)
    n_inputs = 4 + len(bins.mean)
    routers = [nn.Sequential(nn.Linear(n_inputs, 7), nn.ReLU(), nn.Linear(7, 2)) for _ in range(3)]
    heads = [LinearHeads(torch.randn(5, 2, 1)) for _ in range(3)]
    module = RoutedHeads(routers, heads, bins, None, 0.1, 100, 2, np.ones((2, 2)))
    Z = scaler.transform(X).astype(np.float32)
    batch = torch.as_tensor(Z), torch.as_tensor(bins.codes(X))
    found = module.assignment_logits(*batch)
    multiplied = _ask_members(module._skeletons[0], module.router, module._router_inputs(*batch))
    torch.testing.assert_close(found, multiplied, atol=1e-5, rtol=0)
    weights = torch.randn_like(found)
    gradients = [
        torch.autograd.grad((out * weights).sum(), list(module.router.values()))
        for out in (found, multiplied)
    ]
    for ours, theirs in zip(*gradients, strict=True):
        torch.testing.assert_close(ours, theirs, atol=1e-3, rtol=1e-4)
    router = Router(scaler, bins, as_network(routers[1]))
    inputs = np.hstack([Z, bins.indicators(bins.codes(X))])
    np.testing.assert_allclose(router.logits(X), router.network(inputs), atol=1e-5)
