import pickle
import warnings

import joblib
import numpy as np
import pandas as pd
import pytest
import skops.io
import torch
from sklearn.base import clone
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

from fairlearn_fwh._splits import split_rows
from fairlearn_fwh.datasets import make_intersectional
from fairlearn_fwh.exceptions import GroupCollapseWarning, GroupFallbackWarning
from fairlearn_fwh.inprocessing import DAFHClassifier
from fairlearn_fwh.inprocessing._objectives import OBJECTIVES

from ..conftest import opposite_rules

SAMPLE_WEIGHT = "weights change the draw of mini-batches and of the validation split, as for SGDClassifier"


@parametrize_with_checks(
    [DAFHClassifier()],
    expected_failed_checks=lambda estimator: {
        "check_sample_weight_equivalence_on_dense_data": SAMPLE_WEIGHT,
    },
)
def test_scikit_learn_conventions(estimator, check):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        check(estimator)


@pytest.fixture(scope="module")
def data():
    X, y, side = opposite_rules(6000)
    return X[:4000], y[:4000], X[4000:], y[4000:], side[4000:]


@pytest.fixture(scope="module")
def model(data):
    X, y, *_ = data
    return DAFHClassifier(random_state=0).fit(X, y)


# --- it learns -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(5))
def test_intersectional_data(seed):
    """The papers' generated data: accuracy and rate of at least 0.955, far from the pooled classifier."""
    bunch = make_intersectional(random_state=seed)
    X, X_test, y, y_test = train_test_split(bunch.data, bunch.target, test_size=0.25, random_state=seed)
    overall = DAFHClassifier(random_state=seed).fit(X, y).preference_frame(X_test, y_test).overall
    assert overall["accuracy"] >= 0.955
    assert overall["fairness_without_harm_rate"] >= 0.955
    assert overall["disagreement_rate"] >= 0.30


@pytest.mark.parametrize("angle", [0.0, 0.4, np.pi / 4, 1.2])
def test_two_opposite_rules_at_any_rotation(angle):
    X, y, _ = opposite_rules(4000, angle, seed=3)
    model = DAFHClassifier(random_state=0).fit(X, y)
    X, y, _ = opposite_rules(2000, angle, seed=4)
    assert model.score(X, y) > 0.95


@pytest.mark.parametrize("objective", OBJECTIVES)
def test_every_objective_solves_opposite_rules(objective, data):
    X, y, X_test, y_test, _ = data
    model = DAFHClassifier(objective=objective, random_state=0).fit(X, y)
    assert model.score(X_test, y_test) > 0.9


def test_a_callable_objective(data):
    X, y, X_test, y_test, _ = data
    shapes = []

    def own_loss(assignment, losses, pooled_losses):
        shapes.append((assignment.shape, losses.shape, pooled_losses.shape))
        return (assignment * losses).sum(dim=-1)

    model = DAFHClassifier(objective=own_loss, n_init=2, random_state=0).fit(X, y)
    assert model.score(X_test, y_test) > 0.9
    assert shapes[0] == ((2, 256, 2), (2, 256, 2), (256,))


def test_three_classes(rng):
    X = rng.standard_normal((3000, 2))
    label = np.digitize(X[:, 0], [-0.5, 0.5])
    y = np.array(["low", "middle", "high"])[np.where(X[:, 1] > 0, label, 2 - label)]
    model = DAFHClassifier(random_state=0).fit(X[:2000], y[:2000])
    assert model.score(X[2000:], y[2000:]) > model.pooled_estimator_.score(X[2000:], y[2000:]) + 0.15
    assert model.predict_proba(X).shape == (3000, 3)


def test_more_groups(data):
    X, y, X_test, y_test, _ = data
    model = DAFHClassifier(n_groups=4, random_state=0, fallback=None).fit(X, y)
    assert model.groups_ == [0, 1, 2, 3]
    assert model.score(X_test, y_test) > 0.9


def test_weights_move_the_solution():
    """People of one rule weigh nothing to speak of: the pooled classifier then follows the other rule."""
    X, y, side = opposite_rules(3000)
    weights = np.where(side == 1, 1.0, 1e-6)
    model = DAFHClassifier(random_state=0, fallback=None).fit(X, y, sample_weight=weights)
    assert model.score(X[side == 1], y[side == 1]) > 0.97


# --- attributes ----------------------------------------------------------------------------------------------------


def test_attributes(model, data):
    X, y, *_ = data
    assert model.groups_ == [0, 1]
    assert sum(model.group_sizes_.values()) == len(X)
    assert model.n_groups_effective_ == 2
    assert model.collapsed_ is False
    assert model.fallback_groups_ == {}
    assert set(model.certificates_) == {0, 1}
    assert "adjusted p-value" in model.certificates_[0]
    assert model.n_features_in_ == 2
    assert len(model.objective_history_) == len(model.validation_history_) == model.n_iter_
    assert set(model.validation_history_[0]) == {
        "accuracy", "rationality_gain", "fairness_without_harm_rate", "min_gain", "largest_share",
    }  # fmt: skip
    assert model.objective_history_[-1] < model.objective_history_[0]


def test_people_are_served_by_the_likeliest_group(model, data):
    X = data[2]
    groups, by_group = model.predict_group(X), model.predict_by_group(X)
    probabilities = model.predict_group_proba(X)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1)
    assert (probabilities.to_numpy().argmax(axis=1) == groups).all()
    assert (model.predict(X) == by_group.to_numpy()[np.arange(len(X)), groups]).all()
    assert (model.predict_proba(X).argmax(axis=1) == model.predict(X)).all()


def test_sensitive_features_are_for_the_audit_only(data):
    X, y, X_test, y_test, side = data
    model = DAFHClassifier(random_state=0).fit(X, y, sensitive_features=np.zeros(len(X)))
    frame = model.preference_frame(X_test, y_test, sensitive_features=side)
    assert frame.by_group.index.tolist() == [0, 1]
    assert frame.risk_matrix.shape == (2, 3)
    assert (model.predict(X_test, sensitive_features=side) == model.predict(X_test)).all()


# --- fallback ------------------------------------------------------------------------------------------------------


def one_rule(n=3000, seed=0):
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((n, 3))
    return X, (X[:, 0] + 0.8 * rng.standard_normal(n) > 0).astype(int)


def test_without_groups_in_the_data_the_answer_is_the_pooled_classifier():
    X, y = one_rule(1000)
    with pytest.warns(
        GroupFallbackWarning, match="2 of 2 groups have no classifier of their own. 0: not certified: gain"
    ):
        model = DAFHClassifier(tolerance=0.0, random_state=0).fit(X, y)
    assert set(model.fallback_groups_) == {0, 1}
    alone = make_pipeline(StandardScaler(), LogisticRegression(max_iter=2000)).fit(X, y)
    np.testing.assert_allclose(model.predict_proba(X), alone.predict_proba(X))
    assert model.preference_frame(X, y).certify(tolerance=0.0, claims="all")["identical"].all()


def test_certificates_come_from_rows_that_nothing_else_has_seen(data):
    """Spoiling the certifying rows does not change what is learned, only what is certified."""
    X, y, *_ = data
    certifying = split_rows(y, 0.2, 0.2, np.random.RandomState(0))[2]
    honest = DAFHClassifier(random_state=0).fit(X, y)
    X_changed = X.copy()
    X_changed[certifying] = -X_changed[certifying][:, ::-1] * [1, -1]  # the rule turns round for these rows
    with pytest.warns((GroupFallbackWarning, GroupCollapseWarning)):
        changed = DAFHClassifier(random_state=0, min_group_size=1).fit(X_changed, y)
    for ours, theirs in zip(honest.router_coefs_, changed.router_coefs_, strict=True):
        np.testing.assert_array_equal(ours, theirs)
    assert len(changed.fallback_groups_) == 2
    assert honest.fallback_groups_ == {}


def test_empirical_fallback_keeps_what_gains_in_the_sample():
    X, y = one_rule()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        empirical = DAFHClassifier(fallback="empirical", tolerance=0.0, random_state=1).fit(X, y)
        certified = DAFHClassifier(fallback="certified", tolerance=0.0, random_state=1).fit(X, y)
    assert set(empirical.fallback_groups_) <= set(certified.fallback_groups_)
    assert all("not empirical: gain" in reason for reason in empirical.fallback_groups_.values())


def test_without_rows_to_certify_on_nothing_is_certified():
    X, y = one_rule(30)
    with pytest.warns(GroupFallbackWarning, match="not certified: no rows are left to decide on"):
        model = DAFHClassifier(min_group_size=1, certify_fraction=0.01, random_state=0).fit(X, y)
    assert set(model.fallback_groups_) == {0, 1}


def test_no_fallback_sets_no_rows_aside():
    X, y = one_rule()
    model = DAFHClassifier(fallback=None, random_state=0).fit(X, y)
    assert model.fallback_groups_ == {}
    assert model.certificates_ == {}


def test_small_groups_collapse_is_said(data):
    X, y, *_ = data
    with pytest.warns(
        GroupCollapseWarning, match="0 of 2 large enough, so the pooled classifier serves everybody"
    ):
        model = DAFHClassifier(min_group_size=10_000, random_state=0).fit(X, y)
    assert model.collapsed_
    assert model.n_groups_effective_ == 0
    assert "fewer than min_group_size=10,000" in model.fallback_groups_[0]
    assert (model.predict(X) == model.pooled_estimator_.predict(X)).all()


def test_small_data_fit_and_fall_back():
    X, y = one_rule(40)
    with pytest.warns(GroupCollapseWarning):
        model = DAFHClassifier(random_state=0).fit(X, y)
    assert (model.predict(X) == model.pooled_estimator_.predict(X)).all()


# --- what users bring ----------------------------------------------------------------------------------------------


class Contrary(LogisticRegression):
    """A classifier that is nearly always wrong."""

    def predict(self, X):
        return self.classes_[1 - np.searchsorted(self.classes_, super().predict(X))]


@pytest.mark.parametrize(
    ("estimator", "kept"), [(LogisticRegression(max_iter=500), True), (Contrary(), False)]
)
def test_refit_keeps_estimators_unless_they_violate_more(estimator, kept, data, monkeypatch):
    X, y, X_test, y_test, _ = data
    honest = LogisticRegression(max_iter=500)
    original = DAFHClassifier._fit_pooled

    def fit_pooled(self, sample, seed):
        """The pooled classifier is honest in any case; what is refitted on a group is `estimator`."""
        self.estimator = estimator if hasattr(self, "group_estimators_") else honest
        return original(self, sample, seed)

    monkeypatch.setattr(DAFHClassifier, "_fit_pooled", fit_pooled)
    model = DAFHClassifier(honest, refit=True, fallback=None, random_state=0).fit(X, y)
    refitted = [
        hasattr(m, "n_iter_") for m in model.group_estimators_.values()
    ]  # learned heads have no n_iter_
    assert refitted == [kept, kept]
    assert model.score(X_test, y_test) > 0.95


def test_a_pooled_classifier_of_any_kind(data):
    X, y, X_test, y_test, _ = data
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", GroupFallbackWarning)
        model = DAFHClassifier(HistGradientBoostingClassifier(max_iter=30), random_state=0).fit(X, y)
    assert isinstance(model.pooled_estimator_, HistGradientBoostingClassifier)
    assert model.score(X_test, y_test) > 0.93


def test_data_frames_keep_their_names(data):
    X, y, X_test, y_test, _ = data
    frame = pd.DataFrame(X, columns=["u", "v"])
    model = DAFHClassifier(random_state=0).fit(frame, y)
    assert model.feature_names_in_.tolist() == ["u", "v"]
    assert model.score(pd.DataFrame(X_test, columns=["u", "v"]), y_test) > 0.95
    with pytest.raises(ValueError, match="feature names"):
        model.predict(frame[["v", "u"]])


def test_pipeline(data):
    from fairlearn_fwh.metrics import PreferenceFrame

    X, y, X_test, y_test, _ = data
    pipeline = make_pipeline(StandardScaler(), DAFHClassifier(random_state=0)).fit(X, y)
    frame = PreferenceFrame.from_estimator(pipeline, X_test, y_test)
    assert frame.overall["accuracy"] == pytest.approx(pipeline.score(X_test, y_test))
    brier = PreferenceFrame.from_estimator(pipeline, X_test, y_test, loss="brier")
    assert brier.overall["risk"] < 0.1


def test_verbose_tells_the_epochs(data, capsys):
    X, y, *_ = data
    DAFHClassifier(verbose=1, max_epochs=2, fallback=None, random_state=0).fit(X, y)
    assert len(capsys.readouterr().out.strip().splitlines()) >= 4


# --- reproducibility -----------------------------------------------------------------------------------------------


def test_two_fits_with_one_seed_are_one_model_and_global_seeds_stay(data, model):
    X, y, X_test, *_ = data
    np.random.seed(0)
    torch.manual_seed(0)
    states = np.random.get_state()[1].copy(), torch.random.get_rng_state().clone()
    again = DAFHClassifier(random_state=0).fit(X, y)
    assert (again.predict_proba(X_test) == model.predict_proba(X_test)).all()
    assert (again.fit(X, y).predict_proba(X_test) == model.predict_proba(X_test)).all()
    assert (np.random.get_state()[1] == states[0]).all()
    assert (torch.random.get_rng_state() == states[1]).all()
    assert (
        DAFHClassifier(random_state=1).fit(X, y).predict_proba(X_test) != model.predict_proba(X_test)
    ).any()


def test_round_trips(model, data, tmp_path):
    X = data[2]
    joblib.dump(model, tmp_path / "model.joblib")
    skops.io.dump(model, tmp_path / "model.skops")
    untrusted = skops.io.get_untrusted_types(file=tmp_path / "model.skops")
    assert untrusted == ["fairlearn_fwh.inprocessing._dafh.DAFHClassifier"]
    for copy in (
        pickle.loads(pickle.dumps(model)),
        joblib.load(tmp_path / "model.joblib"),
        skops.io.load(tmp_path / "model.skops", trusted=untrusted),
    ):
        assert (copy.predict_proba(X) == model.predict_proba(X)).all()
        assert (copy.predict_group(X) == model.predict_group(X)).all()
    assert clone(model).get_params() == model.get_params()


def test_a_fitted_estimator_holds_no_rows():
    def size(n):
        X, y, _ = opposite_rules(n)
        model = DAFHClassifier(max_epochs=3, patience=3, n_init=1, fallback=None, random_state=0)
        return len(pickle.dumps(model.fit(X, y)))

    assert size(8000) < size(800) + 500


# --- bad input -----------------------------------------------------------------------------------------------------

X, Y = one_rule(60)


@pytest.mark.parametrize(
    ("settings", "arguments", "message"),
    [
        ({}, {"y": Y[:-1]}, "X has 60 rows, but y has 59"),
        ({}, {"y": np.zeros(60)}, "DAFHClassifier needs at least 2 classes in y; got one class"),
        ({}, {"X": np.where(np.arange(60)[:, None] == 3, np.nan, X)}, "Input X contains NaN"),
        ({}, {"X": np.where(np.arange(60)[:, None] == 3, np.inf, X)}, "Input X contains infinity"),
        ({}, {"X": pd.DataFrame({"x": X[:, 0], "job": ["cook"] * 60})}, r"text or categories in column\(s\) \['job'\].*default_preprocessor"),
        ({}, {"sample_weight": -np.ones(60)}, "Negative values"),
        ({}, {"sample_weight": np.zeros(60)}, "zero"),
        ({"hidden_layer_sizes": (0,)}, {}, r"hidden_layer_sizes must be positive integers; got \(0,\)"),
        ({"device": "gpu"}, {}, "device must be 'cpu', 'cuda' or 'cuda:<number>'; got 'gpu'"),
        ({"n_groups": 31}, {}, "n_groups must be at most half the number of rows, 60; got 31"),
        ({"n_groups": 1}, {}, "The 'n_groups' parameter of DAFHClassifier must be an int in the range"),
        ({"tolerance": -0.01}, {}, "The 'tolerance' parameter"),
        ({"alpha": 1.0}, {}, "The 'alpha' parameter"),
        ({"objective": "accuracy"}, {}, "The 'objective' parameter .* Got 'accuracy' instead"),
        ({"fallback": "hope"}, {}, "The 'fallback' parameter"),
        ({"validation_fraction": 1.0}, {}, "The 'validation_fraction' parameter"),
        ({"optimizer": "lbfgs"}, {}, "The 'optimizer' parameter"),
    ],
)  # fmt: skip
def test_bad_input_is_refused_and_nothing_is_half_fitted(settings, arguments, message):
    model = DAFHClassifier(**settings)
    data = {"X": X, "y": Y} | arguments
    with pytest.raises(ValueError, match=message):
        model.fit(data.pop("X"), data.pop("y"), **data)
    assert not hasattr(model, "pooled_estimator_")


def test_an_objective_of_the_wrong_shape_is_refused():
    with pytest.raises(ValueError, match="objective must return one cost per restart and row"):
        DAFHClassifier(objective=lambda assignment, losses, pooled: (assignment * losses).mean()).fit(X, Y)


@pytest.mark.skipif(torch.cuda.is_available(), reason="a GPU is there")
def test_a_device_that_is_not_there_is_said():
    with pytest.raises(ValueError, match="device='cuda' is not available here; use 'cpu'"):
        DAFHClassifier(device="cuda").fit(X, Y)


def test_a_diverging_fit_stops_with_advice():
    with pytest.raises(FloatingPointError, match="lower the learning rates"):
        DAFHClassifier(optimizer="sgd", learning_rate=1e38, router_learning_rate=1e38, fallback=None).fit(
            X, Y
        )


# --- real data -----------------------------------------------------------------------------------------------------


def test_arrest(real_data):
    """On COMPAS nothing is gained over a converged pooled classifier, and nobody is harmed either."""
    from fairlearn_fwh.experiments._data import REAL_DATA, make_split

    split = make_split(REAL_DATA["arrest"].load(real_data), "race", test_size=0.25, random_state=0)
    free = DAFHClassifier(fallback=None, random_state=0).fit(split.X, split.y)
    overall = free.preference_frame(split.X_test, split.y_test).overall
    assert overall["fairness_without_harm_rate"] > 0.96
    assert abs(overall["rationality_gain"]) < 0.02
    assert overall["disagreement_rate"] > 0
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", GroupFallbackWarning)
        certified = DAFHClassifier(random_state=0).fit(split.X, split.y)
    frame = certified.preference_frame(split.X_test, split.y_test, sensitive_features=split.attribute_test)
    assert len(frame.violations(alpha=0.05, claims="rationality")) == 0
