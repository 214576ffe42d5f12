"""Selective demographic experts (FairSDE)."""

import copy
import pickle
import warnings

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.metrics import log_loss
from torch import nn

from fairlearn_fwh.datasets import default_preprocessor, fetch_arrest
from fairlearn_fwh.exceptions import GroupFallbackWarning
from fairlearn_fwh.inprocessing import (
    SelectiveExpertsClassifier,
    make_convolutional_encoder,
    make_resnet18_encoder,
)
from fairlearn_fwh.inprocessing._training._encoders import make_table_encoder
from fairlearn_fwh.inprocessing._training._inputs import make_inputs
from fairlearn_fwh.inprocessing.experts._learning_curves import plot_learning_curves
from fairlearn_fwh.inprocessing.experts._losses import centre_losses, centre_similarities
from fairlearn_fwh.inprocessing.experts._network import ExpertNetwork, ExpertWeights

QUICK = {"max_epochs": 12, "hidden_layer_sizes": (32, 16), "learning_rate": 0.005, "random_state": 0}


def hidden_groups(n, seed=0, opposite=True):
    """Two groups that cannot be told from the features, with opposite rules or the same."""
    rng = np.random.default_rng(seed)
    X, group = rng.standard_normal((n, 3)), rng.integers(0, 2, n)
    sign = np.where(group == 1, 1, -1) if opposite else 1
    return X, (sign * X[:, 0] + 0.3 * rng.standard_normal(n) > 0).astype(int), np.array(["a", "b"])[group]


@pytest.fixture(scope="module")
def fitted():
    X, y, group = hidden_groups(3000)
    return SelectiveExpertsClassifier(**QUICK).fit(X, y, sensitive_features=group)


@pytest.fixture(scope="module")
def test_rows():
    return hidden_groups(2000, seed=1)


def test_experts_of_opposite_groups_are_selected_and_beat_pooled_in_each(fitted, test_rows):
    X, y, group = test_rows
    frame = fitted.preference_frame(X, y, sensitive_features=group)
    assert (frame.by_group["rationality_gain"] > 0.15).all()
    assert (frame.by_group["envy_gain"] > 0.5).all()
    assert fitted.fallback_groups_ == {}
    assert set(fitted.selection_table_["choice"]) == {"own"}
    assert fitted.groups_ == ["a", "b"]


@pytest.mark.long
def test_identical_groups_end_with_the_pooled_network():
    kept = 0
    for seed in range(10):
        X, y, group = hidden_groups(800, seed=seed, opposite=False)
        model = SelectiveExpertsClassifier(**(QUICK | {"max_epochs": 3, "random_state": seed}))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", GroupFallbackWarning)
            model.fit(X, y, sensitive_features=group)
        keeps = len(model.fallback_groups_) < 2
        own = model.predict(X, sensitive_features=group)
        assert keeps or (own == model.pooled_estimator_.predict(X)).all()
        kept += keeps
    assert kept <= 1


def test_groups_of_the_fallback_are_named_with_a_reason():
    X, y, group = hidden_groups(2000)
    group = group.astype(object)
    group[:20], group[20:120] = "few", "one class"
    y[20:120] = 1
    with pytest.warns(GroupFallbackWarning, match="few"):
        model = SelectiveExpertsClassifier(**QUICK).fit(X, y, sensitive_features=group)
    assert "min_group_size=50" in model.fallback_groups_["few"]
    assert "one class" in model.fallback_groups_["one class"]
    assert set(model.experts_) == {"a", "b"}
    assert model.group_estimators_["few"] is model.pooled_estimator_
    rows = group == "few"
    assert (
        model.predict(X[rows], sensitive_features=group[rows]) == model.pooled_estimator_.predict(X[rows])
    ).all()


def test_one_group_or_none_is_the_pooled_network():
    X, y, _ = hidden_groups(600)
    with pytest.warns(GroupFallbackWarning, match="the only group"):
        one = SelectiveExpertsClassifier(**QUICK).fit(X, y, sensitive_features=["a"] * 600)
    none = SelectiveExpertsClassifier(**QUICK).fit(X, y)
    for model in (one, none):
        assert model.experts_ == {}
        with pytest.raises(ValueError, match="No experts were trained"):
            model.represent(X)
    assert (none.predict(X) == none.pooled_estimator_.predict(X)).all()


@pytest.mark.long
def test_several_classes_and_attributes():
    X, y, group = hidden_groups(3000)
    y = y + 2 * (X[:, 1] > 0)
    features = pd.DataFrame({"sex": group, "old": np.arange(3000) % 2})
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", GroupFallbackWarning)
        model = SelectiveExpertsClassifier(**QUICK).fit(X, y, sensitive_features=features)
    assert model.groups_ == [("a", 0), ("a", 1), ("b", 0), ("b", 1)]
    assert model.predict_proba(X, sensitive_features=features).shape == (3000, 4)
    assert model.score(X, y, sensitive_features=features) > 0.75


def test_unknown_groups(fitted, test_rows):
    X, y, group = test_rows
    strange = np.where(np.arange(len(y)) < 50, "c", group)
    with pytest.warns(GroupFallbackWarning, match="c"):
        predicted = fitted.predict(X, sensitive_features=strange)
    assert (predicted[:50] == fitted.pooled_estimator_.predict(X[:50])).all()
    strict = copy.deepcopy(fitted).set_params(handle_unknown="error")
    with pytest.raises(ValueError, match="did not occur in fit"):
        strict.predict(X, sensitive_features=strange)


@pytest.mark.long
def test_inferred_groups_get_the_mixture_by_the_discriminator():
    X, y, group = hidden_groups(3000)
    X[:, 2] = np.where(group == "a", 2, -2) + 0.3 * X[:, 2]  # now the group can be told
    model = SelectiveExpertsClassifier(**QUICK, handle_unknown="infer", guarantee="empirical")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", GroupFallbackWarning)
        model.fit(X, y, sensitive_features=group)
    assert set(model.predict_group(X)) == {"inferred"}
    memberships = model.discriminator_.predict_proba(X)
    served = [model.group_estimators_[label].predict_proba(X) for label in model.experts_]
    expected = sum(memberships[:, [k]] * part for k, part in enumerate(served))
    assert model.predict_proba(X) == pytest.approx(expected)
    assert model.score(X, y) > 0.85
    some = np.where(np.arange(3000) < 10, "c", group)
    assert (model.predict_group(X, sensitive_features=some)[:10] == "inferred").all()
    assert (model.predict_group(X, sensitive_features=some)[10:] == group[10:]).all()


def test_inferred_people_are_audited_and_have_a_name_of_their_own():
    X, y, group = hidden_groups(1200)
    model = SelectiveExpertsClassifier(**QUICK, handle_unknown="infer").fit(X, y, sensitive_features=group)
    some = np.where(np.arange(1200) < 100, "c", group)
    frame = model.preference_frame(X, y, sensitive_features=some)
    assert frame.by_group.loc["c", "n"] == 100
    everybody = model.preference_frame(X, y)
    expected = (model.predict(X) == y).mean() - (model.pooled_estimator_.predict(X) == y).mean()
    assert everybody.overall["rationality_gain"] == pytest.approx(expected)
    named = np.where(group == "a", "inferred", group)
    with pytest.raises(ValueError, match="named 'inferred', which with handle_unknown='infer'"):
        clone(model).fit(X, y, sensitive_features=named)
    pooled = clone(model).set_params(handle_unknown="pooled").fit(X, y, sensitive_features=named)
    assert "inferred" in pooled.groups_
    with pytest.warns(GroupFallbackWarning):
        assert set(pooled.predict_group(X)) == {"pooled"}
    with pytest.warns(GroupFallbackWarning):
        assert set(pooled.predict_group(X, sensitive_features=np.full(len(X), "c"))) == {"pooled"}


def test_a_fit_without_groups_forgets_the_experts_of_the_last_one():
    X, y, group = hidden_groups(600)
    model = SelectiveExpertsClassifier(**QUICK).fit(X, y, sensitive_features=group)
    model.fit(X, y)
    assert not any(hasattr(model, name) for name in ("verdict_", "preference_frame_", "discriminator_"))


def test_a_layer_that_comes_twice_is_used_twice():
    X, y, _ = hidden_groups(600)
    rectifier = nn.ReLU()
    encoder = nn.Sequential(nn.Linear(3, 16), rectifier, nn.Linear(16, 16), rectifier)
    model = SelectiveExpertsClassifier(encoder, **QUICK, validation_fraction=0.0).fit(X, y)
    found = log_loss(y, model.pooled_estimator_.predict_proba(X))
    assert found == pytest.approx(
        min(epoch["loss"] for epoch in model.validation_history_["pooled"]), rel=1e-3
    )


@pytest.mark.long
def test_a_function_may_return_the_same_module_each_time():
    X, y, group = hidden_groups(1000)
    shared = nn.Sequential(nn.Linear(3, 8), nn.Tanh())
    start = shared[0].weight.detach().clone()
    fitted = [
        SelectiveExpertsClassifier(encoder, **QUICK).fit(X, y, sensitive_features=group)
        for encoder in (lambda shape: shared, lambda shape: copy.deepcopy(shared))
    ]
    assert torch.equal(shared[0].weight, start)
    first, second = (model.pooled_estimator_.predict_proba(X) for model in fitted)
    assert (first == second).all()
    assert (fitted[0].selection_table_["gain"] == fitted[1].selection_table_["gain"]).all()


@pytest.mark.parametrize("n", [600, 601])
def test_batch_normalisation_learns_whatever_the_last_batch(n):
    X, y, _ = hidden_groups(n)
    encoder = nn.Sequential(nn.Linear(3, 8), nn.BatchNorm1d(8), nn.ReLU())
    for batch_size in range(50, 62):
        settings = {"max_epochs": 1, "batch_size": batch_size, "random_state": 0}
        SelectiveExpertsClassifier(encoder, **settings).fit(X, y)


@pytest.mark.long
def test_only_ratios_of_weights_matter():
    X, y, group = hidden_groups(1000)
    weights = np.random.default_rng(0).uniform(0.5, 2, 1000)
    expected = SelectiveExpertsClassifier(**QUICK).fit(X, y, sensitive_features=group, sample_weight=weights)
    for factor in (1e-50, 2.0**100):
        model = clone(expected).fit(X, y, sensitive_features=group, sample_weight=weights * factor)
        found = model.pooled_estimator_.predict_proba(X)
        assert found == pytest.approx(expected.pooled_estimator_.predict_proba(X), abs=1e-4)


def test_groups_without_validation_rows_and_small_pictures():
    X, y, group = hidden_groups(300)
    few = np.where(np.arange(300) < 240, group, (np.arange(300) % 12).astype(str))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", GroupFallbackWarning)
        settings = QUICK | {"max_epochs": 1, "validation_fraction": 0.006}
        for seed in range(4):
            SelectiveExpertsClassifier(**(settings | {"random_state": seed})).fit(
                X, y, sensitive_features=few
            )
    with pytest.raises(ValueError, match=r"encoder cannot take float32 inputs of shape \(2, 1, 5, 5\)"):
        SelectiveExpertsClassifier().fit(np.zeros((100, 5, 5, 1)), np.arange(100) % 2)


def test_an_interrupted_pooled_network_is_no_baseline_for_experts(monkeypatch):
    X, y, group = hidden_groups(1000)
    from fairlearn_fwh.inprocessing.experts import _learner as _expert_learner

    original, calls = _expert_learner._validate, []

    def interrupted(*arguments):
        calls.append(None)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return original(*arguments)

    monkeypatch.setattr(_expert_learner, "_validate", interrupted)
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        model = SelectiveExpertsClassifier(**QUICK).fit(X, y, sensitive_features=group)
    assert any(
        "training was interrupted before its expert's turn" in str(warning.message) for warning in told
    )
    assert model.experts_ == {}
    assert len(model.validation_history_["pooled"]) == 1


def test_fits_are_repeatable_and_pickle(fitted, test_rows):
    X, _, group = test_rows
    X_fit, y_fit, group_fit = hidden_groups(3000)
    state = torch.random.get_rng_state()
    again = clone(fitted).fit(X_fit, y_fit, sensitive_features=group_fit)
    assert torch.equal(torch.random.get_rng_state(), state)
    expected = fitted.predict_proba(X, sensitive_features=group)
    assert (again.predict_proba(X, sensitive_features=group) == expected).all()
    loaded = pickle.loads(pickle.dumps(fitted))
    assert (loaded.predict_proba(X, sensitive_features=group) == expected).all()


def test_a_model_of_a_table_needs_no_torch_to_be_loaded(fitted):
    assert b"torch" not in pickle.dumps(fitted)


@pytest.mark.long
def test_separability_and_history(fitted, test_rows):
    X, y, group = test_rows
    assert 0.4 < fitted.separability_ < 0.65  # groups cannot be told from these features
    told = np.column_stack([X, np.where(group == "a", 1.0, -1.0)])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", GroupFallbackWarning)
        model = SelectiveExpertsClassifier(**QUICK).fit(told, y, sensitive_features=group)
        by_group = np.argsort(
            np.tile(group, 3), kind="stable"
        )  # more than a thousand selection rows, one group after the other
        of_sorted = SelectiveExpertsClassifier(**QUICK | {"max_epochs": 1}).fit(
            np.tile(told, (3, 1))[by_group],
            np.tile(y, 3)[by_group],
            sensitive_features=np.tile(group, 3)[by_group],
        )
    assert model.separability_ > 0.95
    assert of_sorted.separability_ > 0.9
    assert model.represent(told).shape == (2000, 16)
    assert set(model.validation_history_) == {"pooled", "experts", "refitted"}
    for epochs in model.validation_history_.values():
        assert set(epochs[0]) == {"loss", "groups"}
    pooled, experts = (model.validation_history_[name][0] for name in ("pooled", "experts"))
    assert experts["loss"] == pytest.approx(np.mean(list(experts["groups"].values())))  # groups weigh equally
    assert min(pooled["groups"].values()) < pooled["loss"] < max(pooled["groups"].values())
    assert list(experts["groups"]) == ["a", "b"]


def test_learning_curves_of_every_group_are_drawn(fitted):
    pytest.importorskip("matplotlib")
    ax = fitted.plot_learning_curves()
    labels = [text.get_text() for text in ax.get_legend().get_texts()]
    assert labels == ["a, pooled", "b, pooled", "a, experts", "b, experts"]
    lines = {line.get_label(): line.get_ydata() for line in ax.lines}
    assert lines["b, experts"].tolist() == [
        epoch["groups"]["b"] for epoch in fitted.validation_history_["experts"]
    ]
    diverged = [{"loss": loss, "groups": {"loss": loss}} for loss in (1.0, 0.5, np.nan)]
    dots = [
        line.get_xdata()
        for line in plot_learning_curves({"pooled": diverged}).lines
        if line.get_marker() == "o"
    ]
    assert dots == [[2]]  # the epoch that is kept
    with pytest.raises(NotFittedError):
        SelectiveExpertsClassifier().plot_learning_curves()


def test_representation_is_drawn_by_group_and_class(fitted, test_rows):
    matplotlib = pytest.importorskip("matplotlib")
    matplotlib.use("Agg")
    X, y, group = test_rows
    ax = fitted.plot_representation(X, y, sensitive_features=group)
    labels = [text.get_text() for text in ax.get_legend().get_texts()]
    assert labels == ["a, class 0", "a, class 1", "b, class 0", "b, class 1"]
    assert sum(len(points.get_offsets()) for points in ax.collections) == 2000
    matplotlib.pyplot.close(ax.figure)


@pytest.mark.long
def test_two_stages_leave_the_representation_as_it_was():
    weights = ExpertWeights(0.1, 1.0, 1.0, 0.07, 0.1, "stable")
    network = ExpertNetwork(make_table_encoder(3, (8, 4)), 4, 2, 2, weights, torch.Generator().manual_seed(0))
    batch = {
        "X": torch.randn(20, 3), "y": torch.arange(20) % 2, "group": torch.arange(20) // 10, "weight": torch.ones(20),
    }  # fmt: skip
    network.learns_heads = False
    network(**batch).sum().backward()
    assert network.heads.weight.grad is None
    assert all(parameter.grad is not None for parameter in network.encoder.parameters())
    network.zero_grad()
    network.freeze_representation()
    network(**batch).sum().backward()
    assert network.heads.weight.grad.abs().sum() > 0
    assert all(parameter.grad is None for parameter in network.encoder.parameters())
    X, y, group = hidden_groups(3000)
    model = SelectiveExpertsClassifier(**QUICK, two_stage=True).fit(X, y, sensitive_features=group)
    assert model.score(X, y, sensitive_features=group) > 0.8
    assert "representation" in model.validation_history_


def test_while_there_are_no_heads_separation_is_what_people_lose():
    weights = ExpertWeights(0.0, 1.0, 0.0, 0.07, 0.1, "stable")
    network = ExpertNetwork(make_table_encoder(3, (8, 4)), 4, 2, 2, weights, torch.Generator().manual_seed(0))
    X, y, group = torch.randn(20, 3), torch.arange(20) % 2, torch.arange(20) // 10
    network.learns_heads = False
    unit = nn.functional.normalize(network.encoder(X), dim=1)
    expected = centre_losses(centre_similarities(unit, network.centres), y, group, 0.1)
    assert torch.allclose(network.person_losses(X, y, group), expected)


def test_modules_that_draw_leave_the_global_generator_alone():
    X, y, group = hidden_groups(600)
    settings = QUICK | {"max_epochs": 2}

    def encoder(shape):
        return nn.Sequential(nn.Linear(shape[0], 8), nn.Dropout(0.5))

    predicted = []
    for seed in (0, 1):
        torch.manual_seed(seed)
        state = torch.random.get_rng_state()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", GroupFallbackWarning)
            model = SelectiveExpertsClassifier(encoder, **settings).fit(X, y, sensitive_features=group)
        assert torch.equal(torch.random.get_rng_state(), state)
        predicted.append(model.experts_["a"].predict_proba(X))
    assert (predicted[0] == predicted[1]).all()


def test_loss_is_the_sum_of_its_parts_with_one_person_of_a_group():
    weights = ExpertWeights(0.1, 2.0, 3.0, 0.07, 0.1, "stable")
    network = ExpertNetwork(make_table_encoder(3, (8, 4)), 4, 2, 2, weights, torch.Generator().manual_seed(0))
    X, y, group = torch.randn(5, 3), torch.tensor([0, 1, 0, 1, 1]), torch.tensor([0, 0, 0, 0, 1])
    total = network(X, y, group, torch.ones(5))
    scores = network.heads(network.encoder(X)).unflatten(1, (2, 2))[torch.arange(5), group]
    losses = nn.functional.cross_entropy(scores, y, reduction="none")
    assert network.person_losses(X, y, group).detach().numpy() == pytest.approx(
        losses.detach().numpy(), rel=1e-5
    )
    classification = losses[:4].mean() + losses[4]
    assert torch.isfinite(total).all()
    network.learns_representation = False
    assert network(X, y, group, torch.ones(5)).item() == pytest.approx(classification.item(), rel=1e-5)


def images(n, seed=0, opposite=True, channels_last=True):
    """Pictures that are brighter on the left or on the right, with a rule that depends on the group."""
    rng = np.random.default_rng(seed)
    side, group = rng.integers(0, 2, n), rng.integers(0, 2, n)
    images = rng.integers(0, 60, (n, 16, 16, 3))
    columns = np.arange(16) < 8
    images += 120 * (columns[None, None, :, None] == (side[:, None, None, None] == 1))
    images = images.astype(np.uint8)
    y = side ^ group if opposite else side
    return images if channels_last else np.moveaxis(images, 3, 1), y, group


@pytest.mark.long
@pytest.mark.parametrize("channels_last", [True, False])
def test_images(channels_last):
    X, y, group = images(900, channels_last=channels_last)
    model = SelectiveExpertsClassifier(max_epochs=6, learning_rate=0.01, random_state=0, patience=3)
    model.fit(X, y, sensitive_features=group)
    X_test, y_test, group_test = images(300, seed=1, channels_last=channels_last)
    assert model.score(X_test, y_test, sensitive_features=group_test) > 0.95
    assert model.fallback_groups_ == {}
    assert model.represent(X_test).shape == (300, 64)
    with pytest.raises(ValueError, match="X must be images with rows of shape .* as in fit; got images with"):
        model.predict(
            X_test[:, :, :15] if channels_last else X_test[:, :, :, :15], sensitive_features=group_test
        )


@pytest.mark.long
def test_inputs_of_images_are_standardised_by_channel():
    X, _, _ = images(600)  # more than are read at a time
    inputs = make_inputs(X)
    Z = np.concatenate(list(inputs.batches(X)))
    assert Z.shape == (600, 3, 16, 16)
    assert Z.mean(axis=(0, 2, 3)) == pytest.approx(np.zeros(3), abs=1e-4)
    assert Z.std(axis=(0, 2, 3)) == pytest.approx(np.ones(3), abs=1e-4)
    assert inputs.column(X).batch(torch.tensor([7, 3])).numpy() == pytest.approx(Z[[7, 3]])
    first = np.moveaxis(X, 3, 1)
    assert np.concatenate(list(make_inputs(first).batches(first))) == pytest.approx(Z)


@pytest.mark.parametrize("shape", [(3, 28, 28), (1, 16, 16)])
@pytest.mark.parametrize("make", [make_convolutional_encoder, make_resnet18_encoder])
def test_encoders_take_small_pictures(make, shape):
    output = make(shape)(torch.zeros(2, *shape))
    assert output.ndim == 2
    assert torch.isfinite(output).all()


def test_encoders_of_the_user():
    X, y, group = hidden_groups(600)
    settings = QUICK | {"max_epochs": 1}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", GroupFallbackWarning)
        module = nn.Sequential(nn.Linear(3, 7), nn.Tanh())
        before = module[0].weight.detach().clone()
        model = SelectiveExpertsClassifier(module, **settings).fit(X, y, sensitive_features=group)
        assert torch.equal(module[0].weight, before)
        assert model.represent(X).shape == (600, 7)
        model = SelectiveExpertsClassifier(lambda shape: nn.Linear(shape[0], 5), **settings)
        assert model.fit(X, y, sensitive_features=group).represent(X).shape == (600, 5)
    with pytest.raises(
        ValueError, match=r"encoder must return \(n, m\) for n people; for 2 it returned \(2, 1, 3\)"
    ):
        SelectiveExpertsClassifier(nn.Unflatten(1, (1, 3))).fit(X, y, sensitive_features=group)
    with pytest.raises(ValueError, match=r"encoder cannot take float32 inputs of shape \(2, 3\)"):
        SelectiveExpertsClassifier(nn.Linear(4, 2)).fit(X, y, sensitive_features=group)


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"temperature": 0.0}, "'temperature' parameter"),
        ({"diversity_weight": -1.0}, "'diversity_weight' parameter"),
        ({"diversity_form": "other"}, "'diversity_form' parameter"),
        ({"handle_unknown": "guess"}, "'handle_unknown' parameter"),
        ({"hidden_layer_sizes": ()}, "hidden_layer_sizes must be positive integers, at least one"),
        ({"device": "tpu"}, "device must be"),
        ({"hidden_layer_sizes": (True,)}, "hidden_layer_sizes must be positive integers"),
        ({"strategy": "other"}, "'strategy' parameter of SelectiveExpertsClassifier"),
        ({"alpha": 2.0}, "'alpha' parameter of SelectiveExpertsClassifier"),
        ({"scoring": "balanced_accuracy"}, "balanced_accuracy"),
        ({"selection_fraction": 0.0005}, "selection_fraction=0.0005 of 400 rows leaves . to choose on"),
    ],
)
def test_parameters_are_checked_before_anything_is_trained(parameters, message, monkeypatch):
    X, y, group = hidden_groups(400)

    def train(*args, **kwargs):
        raise AssertionError("training has begun")

    monkeypatch.setattr("fairlearn_fwh.inprocessing.experts._learner.train", train)
    with pytest.raises(ValueError, match=message):
        SelectiveExpertsClassifier(**(QUICK | parameters)).fit(X, y, sensitive_features=group)


def test_bad_input(fitted):
    X, y, group = hidden_groups(400)
    model = SelectiveExpertsClassifier(**QUICK)
    with pytest.raises(ValueError, match="takes numbers, but X has text"):
        model.fit(pd.DataFrame(X).assign(job="a"), y, sensitive_features=group)
    with pytest.raises(ValueError, match=r"images of shape .* got \(400, 5, 6, 7\)"):
        model.fit(np.zeros((400, 5, 6, 7)), y)
    with pytest.raises(ValueError, match="where both may be channels"):
        model.fit(np.zeros((400, 3, 8, 3)), y)
    with pytest.raises(ValueError, match="Texts must be whole numbers of shape"):
        model.fit(np.zeros((400, 3, 8)), y)
    with pytest.raises(ValueError, match="sensitive_features"):
        model.fit(X, y, sensitive_features=np.where(np.arange(400) < 3, None, group))
    with pytest.raises(NotFittedError):
        model.predict(X)
    with pytest.raises(FloatingPointError, match="not finite"):
        SelectiveExpertsClassifier(**(QUICK | {"learning_rate": 1e30})).fit(X, y, sensitive_features=group)


def test_no_group_of_arrest_is_harmed(real_data):
    bunch = fetch_arrest(data_home=real_data)
    X = default_preprocessor(bunch.data).fit_transform(bunch.data)
    race, y = bunch.sensitive_features["race"].to_numpy(), bunch.target.to_numpy()
    rows = np.random.default_rng(0).permutation(len(y))
    train, test = rows[:5400], rows[5400:]
    model = SelectiveExpertsClassifier(max_epochs=8, random_state=0)
    with pytest.warns(GroupFallbackWarning):
        model.fit(X[train], y[train], sensitive_features=race[train])
    frame = model.preference_frame(X[test], y[test], sensitive_features=race[test])
    assert len(frame.violations(alpha=0.05)) == 0
    assert frame.overall["accuracy"] > 0.64
