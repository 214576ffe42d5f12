"""Classifiers without demographics: Graph of Gradients, ARL, DRO."""

import pickle
import warnings

import numpy as np
import pandas as pd
import pytest
import sklearn
import skops.io
import torch
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning, NotFittedError
from sklearn.model_selection import GridSearchCV
from skorch.callbacks import Callback
from torch import nn

from fairlearn_fwh.datasets import default_preprocessor, fetch_arrest
from fairlearn_fwh.inprocessing import (
    AdversarialReweightingClassifier,
    DROClassifier,
    GradientGraphClassifier,
)
from fairlearn_fwh.inprocessing.reweighted import _classifier

from ...methods import HERE

#: Every class of the family in the list of methods.
ALL = [
    estimator for method in HERE if issubclass(estimator := method.load(), _classifier.ReweightedClassifier)
]

QUICK = {"hidden_layer_sizes": (8,), "max_epochs": 6, "random_state": 0}

pytestmark = [
    pytest.mark.filterwarnings(
        "ignore:In an epoch the weights were worth only"
    ),  # few people weigh in few epochs
    pytest.mark.filterwarnings("ignore:The classifier is no better than the shares of the classes"),
]


def hidden_minority(n, seed):
    """12 % of the people follow another rule; the fourth feature tells who they are."""
    rng = np.random.default_rng(seed)
    X, minority = rng.standard_normal((n, 4)), rng.random(n) < 0.12
    X[:, 3] = np.where(minority, 1.5, -1.5) + 0.5 * rng.standard_normal(n)
    y = np.where(minority, X[:, 1] > 0, X[:, 0] > 0) ^ (rng.random(n) < 0.03)
    return X, y.astype(int), np.where(minority, "minority", "majority")


@pytest.fixture(scope="module")
def rows():
    return hidden_minority(1500, 0)


@pytest.mark.long
@pytest.mark.simulation
@pytest.mark.slow
def test_a_hidden_minority_gains():
    """`fairlearn-fwh reproduce gog-ablation` shows it for more learners and draws."""
    gains = {GradientGraphClassifier: [], AdversarialReweightingClassifier: []}
    for seed in range(2):
        (X, y, _), (X_test, y_test, group) = hidden_minority(4500, seed), hidden_minority(6000, 100 + seed)
        settings = {"hidden_layer_sizes": (4,), "max_epochs": 30, "random_state": seed}
        same = DROClassifier(alpha=1.0, **settings).fit(X, y)  # nobody weighs more
        for estimator, found in gains.items():
            model = estimator(**settings).fit(X, y)
            frame = model.preference_frame(X_test, y_test, baseline=same, sensitive_features=group)
            found.append(frame.by_group.loc["minority", "rationality_gain"])
    assert min(np.mean(found) for found in gains.values()) > 0.03


@pytest.mark.parametrize("estimator", ALL)
def test_fits_are_repeatable_and_come_back(estimator, rows):
    X, y, _ = rows
    state = torch.random.get_rng_state()
    model = estimator(**QUICK).fit(X, y)
    assert torch.equal(torch.random.get_rng_state(), state)
    expected = model.predict_proba(X)
    assert (clone(model).fit(X, y).predict_proba(X) == expected).all()
    assert (pickle.loads(pickle.dumps(model)).predict_proba(X) == expected).all()
    content = skops.io.dumps(model)
    loaded = skops.io.loads(content, trusted=skops.io.get_untrusted_types(data=content))
    assert (loaded.predict_proba(X) == expected).all()


@pytest.mark.parametrize("estimator", ALL)
def test_several_classes(estimator, rows):
    X, _, _ = rows
    y = np.array(["low", "middle", "high"])[np.digitize(X[:, 0], [-0.5, 0.5])]
    model = estimator(**(QUICK | {"max_epochs": 15, "learning_rate": 0.02})).fit(X, y)
    assert model.classes_.tolist() == ["high", "low", "middle"]
    assert model.predict_proba(X).sum(axis=1) == pytest.approx(np.ones(len(X)))
    assert model.score(X, y) > 0.8


def test_nobody_weighs_more_where_the_ball_is_a_point(rows):
    X, y, _ = rows
    settings = QUICK | {"keep_weights": True}
    model = DROClassifier(alpha=1.0, **settings).fit(X, y)
    kept = model.sample_weights_
    assert np.isnan(kept).sum() == 300  # validation rows
    assert (kept[~np.isnan(kept)] == 1).all()
    assert model.effective_shares_ == pytest.approx([1.0] * 6)
    for objective in ("chi2", "cvar"):  # also where features are few, so that many losses are equal
        same = DROClassifier(alpha=1.0, objective=objective, **settings).fit(X[:, :1] > 0, y).sample_weights_
        assert set(same[~np.isnan(same)]) == {1.0}
    cvar = DROClassifier(alpha=0.25, objective="cvar", warmup_epochs=0, **settings).fit(X, y).sample_weights_
    assert set(np.unique(cvar[~np.isnan(cvar)])[[0, -1]]) == {0.0, 4.0}
    assert not hasattr(clone(model).set_params(keep_weights=False).fit(X, y), "sample_weights_")


@pytest.mark.parametrize(
    ("model", "risk"),
    [
        (DROClassifier(alpha=1.0, **QUICK), lambda losses: losses.mean()),
        (DROClassifier(alpha=0.5, objective="cvar", **QUICK), lambda losses: np.sort(losses)[-150:].mean()),
        (AdversarialReweightingClassifier(**QUICK), lambda losses: losses.mean()),
        (GradientGraphClassifier(**QUICK, node_features="inputs_and_label"), lambda losses: losses.mean()),
    ],
)
def test_the_epoch_with_the_smallest_risk_of_validation_rows_is_kept(rows, model, risk):
    X, y, _ = rows
    model = clone(model).set_params(keep_weights=True).fit(X, y)
    validation = np.isnan(model.sample_weights_)
    losses = -np.log(model.predict_proba(X[validation])[np.arange(validation.sum()), y[validation]])
    risks = [epoch["risk"] for epoch in model.validation_history_]
    assert model.best_epoch_ == int(np.argmin(risks)) + 1
    best = model.validation_history_[model.best_epoch_ - 1]
    assert best["risk"] == pytest.approx(risk(losses), rel=1e-5)
    assert best["loss"] == pytest.approx(losses.mean(), rel=1e-5)
    assert best["tail"] == pytest.approx(np.sort(losses)[-60:].mean(), rel=1e-5)


def test_the_first_epochs_weigh_all_the_same(rows):
    X, y, _ = rows
    model = GradientGraphClassifier(**QUICK, warmup_epochs=4, adversary_learning_rate=0.05).fit(X, y)
    assert model.effective_shares_[:4] == pytest.approx([1.0] * 4)
    assert model.effective_shares_[5] < 0.999


def test_weights_of_rows_multiply_those_that_are_chosen(rows):
    X, y, group = rows
    weights = np.where(group == "minority", 30.0, 0.1)
    settings = QUICK | {"max_epochs": 20, "learning_rate": 0.02, "hidden_layer_sizes": ()}
    plain, weighted = (
        DROClassifier(alpha=1.0, **settings).fit(X, y, sample_weight=w) for w in (None, weights)
    )
    frame = weighted.preference_frame(X, y, baseline=plain, sensitive_features=group)
    assert frame.by_group.loc["minority", "rationality_gain"] > 0.1


def test_learners_of_the_user(rows):
    X, y, _ = rows

    class Branched(nn.Module):
        """Two branches, of which the linear one is last."""

        def __init__(self, n_features, n_outputs):
            super().__init__()
            self.body = nn.Sequential(nn.Linear(n_features, 6), nn.Tanh())
            self.head = nn.Linear(6, n_outputs)

        def forward(self, X):
            return self.head(self.body(X))

    model = GradientGraphClassifier(Branched, **QUICK).fit(X, y)
    assert model.predict(X).shape == (1500,)
    given = nn.Sequential(nn.Linear(4, 1))
    before = given[0].weight.detach().clone()

    class Unused(Branched):
        """Has another linear layer, which it does not call."""

        def __init__(self, n_features, n_outputs):
            super().__init__(n_features, n_outputs)
            self.other = nn.Linear(2, 2)

    assert GradientGraphClassifier(Unused, **QUICK).fit(X, y).predict(X).shape == (1500,)
    AdversarialReweightingClassifier(given, **QUICK).fit(X, y)
    assert torch.equal(given[0].weight, before)  # a copy is trained


@pytest.mark.parametrize(
    ("module", "message"),
    [
        (
            lambda d, o: nn.Sequential(nn.Linear(d, o), nn.Tanh()),
            "its scores are not those of the last that it calls",
        ),
        (lambda d, o: nn.Identity(), "module must end in a linear layer; it calls none"),
        (
            lambda d, o: nn.Linear(d, 5),
            r"must return \(n, 1\) scores for n people; for 2 it returned \(2, 5\)",
        ),
        (lambda d, o: nn.Linear(d + 1, o), r"module cannot take float32 inputs of shape \(2, 4\)"),
        (lambda d, o: 3, "module must return a torch module; it returned int"),
        (lambda: nn.Linear(4, 1), r"module\(4, 1\), as \(n_features, n_outputs\), failed"),
    ],
)
def test_learners_that_cannot_be_used(rows, module, message):
    X, y, _ = rows
    with pytest.raises(ValueError, match=message):
        GradientGraphClassifier(module, **QUICK).fit(X, y)


@pytest.mark.parametrize(
    ("estimator", "parameters", "message"),
    [
        (GradientGraphClassifier, {"n_neighbors": 64, "batch_size": 64}, "n_neighbors must be less than batch_size=64"),
        (GradientGraphClassifier, {"graph": "other"}, "'graph' parameter of GradientGraphClassifier"),
        (GradientGraphClassifier, {"adversary_hidden_layer_sizes": (0,)}, "adversary_hidden_layer_sizes must be positive"),
        (AdversarialReweightingClassifier, {"hidden_layer_sizes": (4.5,)}, "hidden_layer_sizes must be positive integers"),
        (AdversarialReweightingClassifier, {"device": "tpu"}, "device must be"),
        (GradientGraphClassifier, {"warmup_epochs": 6}, "warmup_epochs must be less than max_epochs=6"),
        (DROClassifier, {"alpha": 0.0}, "'alpha' parameter of DROClassifier"),
        (DROClassifier, {"alpha": 1.5}, "'alpha' parameter of DROClassifier"),
        (DROClassifier, {"radius": 1e13}, "may have all of the weight. Lower radius"),
        (DROClassifier, {"alpha": 1e-200}, "alpha=1e-200 and radius='tight' make a ball in which one person"),
        (DROClassifier, {"radius": -1.0}, "'radius' parameter of DROClassifier"),
    ],
)  # fmt: skip
def test_parameters_are_checked(rows, estimator, parameters, message):
    X, y, _ = rows
    with pytest.raises(ValueError, match=message):
        estimator(**(QUICK | parameters)).fit(X, y)


@pytest.mark.parametrize("estimator", ALL)
def test_bad_input(rows, estimator):
    X, y, _ = rows
    model = estimator(**QUICK)
    with pytest.raises(NotFittedError):
        model.predict(X)
    with pytest.raises(ValueError, match="takes numbers, but X has text"):
        model.fit(pd.DataFrame(X).assign(job="a"), y)
    with pytest.raises(ValueError, match="X has 1500 rows, but y has 3"):
        model.fit(X, y[:3])
    with pytest.raises(ValueError, match="needs at least 2 classes in y"):
        model.fit(X, np.zeros(1500))
    with pytest.raises(ValueError, match=r"among rows of weight above 0; got one class: \[1\]"):
        model.fit(X, y, sample_weight=(y == 1).astype(float))
    with pytest.raises(TypeError, match="baseline"):
        model.fit(X, y).preference_frame(X, y)
    with pytest.raises(TypeError, match="baseline must be a fitted model with predict; got NoneType"):
        model.preference_frame(X, y, baseline=None)


@pytest.mark.parametrize("n", [2, 5, 257])
@pytest.mark.parametrize("estimator", ALL)
def test_duplicates_constants_and_small_batches(estimator, n):
    X, y = np.ones((n, 2)), np.arange(n) % 2
    model = estimator(**(QUICK | {"max_epochs": 2, "warmup_epochs": 0, "validation_fraction": 0.0})).fit(X, y)
    assert np.isfinite(model.predict_proba(X)).all()


def test_a_diverging_adversary_stops_with_the_best_state(rows):
    X, y, _ = rows
    model = GradientGraphClassifier(**(QUICK | {"warmup_epochs": 2, "adversary_learning_rate": 1e20}))
    with pytest.warns(
        ConvergenceWarning, match="not finite from batch . of epoch .* lower the learning rates"
    ):
        model.fit(X, y)
    assert np.isfinite(model.predict_proba(X)).all()


def test_collapsed_weights_are_told(rows):
    X, y, _ = rows
    model = GradientGraphClassifier(
        **QUICK, warmup_epochs=0, adversary_learning_rate=0.3, weight_normalization="softmax"
    )
    with pytest.warns(
        ConvergenceWarning, match=r"the weights were worth only .* Lower adversary_learning_rate"
    ):
        model.fit(X, y)


def test_a_rare_class_that_is_not_validated_is_no_reason_to_warn():
    rng = np.random.default_rng(1)
    X, y = rng.standard_normal((300, 2)), np.zeros(300, dtype=int)
    y[:3] = 1
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        DROClassifier(alpha=1.0, random_state=1, max_epochs=40, learning_rate=0.01).fit(X, y)


def test_searches_pass_groups_on_where_routing_is_on(rows):
    X, y, group = rows
    with sklearn.config_context(enable_metadata_routing=True):
        search = GridSearchCV(DROClassifier(**(QUICK | {"max_epochs": 4})), {"alpha": [1.0]}, cv=2)
        assert search.fit(X, y, sensitive_features=group).best_score_ > 0.4


def test_patience_does_not_count_the_epochs_of_warming_up(rows):
    X, y, _ = rows
    rng = np.random.default_rng(0)
    model = GradientGraphClassifier(
        **(QUICK | {"max_epochs": 12, "warmup_epochs": 8, "patience": 1, "learning_rate": 0.5})
    )
    model.fit(X, rng.permutation(y))
    assert len(model.effective_shares_) == len(model.validation_history_) >= 9


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("estimator", ALL)
def test_values_too_large_for_the_network_are_told(estimator):
    X, y, _ = hidden_minority(400, 0)
    X[np.arange(0, 400, 7), 0] = 1e300
    with pytest.raises(FloatingPointError, match="look for huge values among the features"):
        estimator(**QUICK).fit(X, y)


def test_validation_rows_are_weighed_in_random_batches(rows, monkeypatch):
    """Rows in the order of who they are would be compared with their like."""
    X, y, group = rows
    order = np.argsort(group, kind="stable")
    seen = []
    original = _classifier.all_weights
    monkeypatch.setattr(_classifier, "all_weights", lambda *a: seen.append(a[2]) or original(*a))
    GradientGraphClassifier(**QUICK | {"batch_size": 64}).fit(X[order], y[order])
    batches = seen[0]
    assert sorted(torch.cat(list(batches)).tolist()) == list(range(300))
    assert all(batch.max() - batch.min() > 150 for batch in batches)


def test_plain_training_is_not_told_to_raise_alpha():
    rng = np.random.default_rng(0)
    with pytest.warns(ConvergenceWarning, match="labels are noise.$"):
        DROClassifier(alpha=1.0, max_epochs=4, random_state=0).fit(
            rng.standard_normal((300, 2)), rng.integers(0, 2, 300)
        )


def test_the_effective_share_is_that_of_the_ball(rows):
    """The worst distribution of the ball of a group of 20 % is worth 20 % of the sample."""
    X, y, _ = rows
    model = DROClassifier(**(QUICK | {"batch_size": 1500, "max_epochs": 8, "warmup_epochs": 2})).fit(X, y)
    assert model.effective_shares_[2:] == pytest.approx([0.2] * 6, abs=0.01)
    few = DROClassifier(**(QUICK | {"max_epochs": 15, "keep_weights": True})).fit(
        (X[:, :1] > 0).astype(float), y
    )
    assert np.nanmean(few.sample_weights_) == pytest.approx(1, abs=0.05)  # also where most losses are equal


def test_a_classifier_that_gives_up_says_so():
    """Labels are noise for most people: the robust risk is least where nothing is predicted."""
    rng = np.random.default_rng(0)
    X = rng.standard_normal((3000, 2))
    y = (X[:, 0] + 3 * rng.standard_normal(3000) > 0).astype(int)
    with pytest.warns(ConvergenceWarning, match="no better than the shares of the classes.* Raise alpha"):
        DROClassifier(alpha=0.05, random_state=0, max_epochs=20).fit(X, y)


def test_weights_are_drawn_by_group(rows):
    pytest.importorskip("matplotlib")
    X, y, group = rows
    model = DROClassifier(**QUICK, keep_weights=True).fit(X, y)
    ax = model.plot_weights(np.where(np.arange(1500) < 5, "few", group))
    labels = [text.get_text() for text in ax.get_yticklabels()]
    assert [label.split(" (")[0] for label in labels] == ["majority", "minority"]  # few are not drawn
    with pytest.raises(ValueError, match="no group of at least 10 people"):
        model.plot_weights(np.arange(1500))
    with pytest.raises(ValueError, match="No weights were kept"):
        DROClassifier(**QUICK).fit(X, y).plot_weights(group)


def test_searches_and_frames(rows):
    X, y, _ = rows
    frame = pd.DataFrame(X, columns=list("abcd"))
    search = GridSearchCV(DROClassifier(**(QUICK | {"max_epochs": 4})), {"alpha": [0.5, 1.0]}, cv=2).fit(
        frame, y
    )
    assert search.best_estimator_.feature_names_in_.tolist() == list("abcd")


@pytest.mark.long(but_every=3)
@pytest.mark.parametrize("estimator", ALL)
def test_on_arrest_people_are_answered_otherwise_and_nobody_is_significantly_worse_off(real_data, estimator):
    bunch = fetch_arrest(data_home=real_data)
    X = default_preprocessor(bunch.data).fit_transform(bunch.data)
    race, y = bunch.sensitive_features["race"].to_numpy(), bunch.target.to_numpy()
    order = np.random.default_rng(0).permutation(len(y))
    train, test = order[:5400], order[5400:]
    settings = {"max_epochs": 15, "random_state": 0}
    mild = {"alpha": 0.8} if estimator is DROClassifier else {}  # at 0.2 it gives up, and says so
    model = estimator(**settings, **mild).fit(X[train], y[train])
    same = DROClassifier(alpha=1.0, **settings).fit(X[train], y[train])
    frame = model.preference_frame(X[test], y[test], baseline=same, sensitive_features=race[test])
    assert frame.overall["accuracy"] > 0.64  # 0.54 is the larger class
    assert frame.overall["disagreement_rate"] > 0.01  # which plain training against itself has not
    assert frame.violations(alpha=0.05, claims="rationality").empty
    assert min(model.effective_shares_) < 0.999


# --- checkpoints -----------------------------------------------------------------------------------------------------


@pytest.mark.long(but_every=3)
@pytest.mark.parametrize("method", ALL, ids=lambda method: method.__name__)
def test_a_stopped_fit_goes_on_as_if_nothing_had_happened(method, tmp_path):
    rng = np.random.default_rng(0)
    X = rng.standard_normal((600, 4))
    y = ((X[:, 0] > 0) ^ (rng.random(600) < 0.1)).astype(int)

    class Stop(Callback):
        def on_epoch_begin(self, net, **kwargs):
            if len(net.history) == 5:
                raise KeyboardInterrupt

    settings = {
        "max_epochs": 8,
        "warmup_epochs": 2,
        "batch_size": 64,
        "keep_weights": True,
        "random_state": 0,
    }
    expected = method(**settings).fit(X, y)
    settings["checkpoint_dir"] = tmp_path
    with pytest.warns(ConvergenceWarning, match="Training was interrupted; the best state so far is kept"):
        method(callbacks=[Stop()], **settings).fit(X, y)
    model = method(**settings).fit(X, y)
    assert model.validation_history_ == expected.validation_history_
    assert model.best_epoch_ == expected.best_epoch_
    assert model.effective_shares_ == expected.effective_shares_
    assert (model.predict_proba(X) == expected.predict_proba(X)).all()
    np.testing.assert_array_equal(model.sample_weights_, expected.sample_weights_)
    longer = method(**settings | {"max_epochs": 10}).fit(X, y)
    at_once = method(**settings | {"max_epochs": 10, "checkpoint_dir": None}).fit(X, y)
    assert longer.validation_history_ == at_once.validation_history_
    for other, data in (({"learning_rate": 0.1}, X), ({}, X + 1)):
        with pytest.raises(ValueError, match=r"\(network.pt\) holds the training of other data or settings"):
            method(**settings | {"max_epochs": 10} | other).fit(data, y)
    with pytest.raises(ValueError, match="holds 10 epochs, more than max_epochs=8"):
        method(**settings).fit(X, y)
    with pytest.raises(ValueError, match="checkpoint_dir needs an integer random_state"):
        method(**settings | {"random_state": None}).fit(X, y)
