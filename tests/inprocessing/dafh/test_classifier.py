import pickle
import subprocess
import sys
import warnings

import joblib
import numpy as np
import pandas as pd
import pytest
import skops.io
import torch
from scipy import sparse
from scipy.stats import ks_2samp
from sklearn.base import clone
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.exceptions import ConvergenceWarning, NotFittedError
from sklearn.linear_model import LogisticRegression, SGDClassifier
from sklearn.metrics import brier_score_loss, log_loss
from sklearn.model_selection import train_test_split
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from fairlearn_fwh.base._splits import split_rows
from fairlearn_fwh.datasets import make_intersectional
from fairlearn_fwh.exceptions import GroupCollapseWarning, GroupFallbackWarning, UnstableGroupsWarning
from fairlearn_fwh.inprocessing import DAFHClassifier
from fairlearn_fwh.inprocessing._training._networks import ModuleNetwork
from fairlearn_fwh.inprocessing.dafh._explanation import cramers_v
from fairlearn_fwh.inprocessing.dafh._heads import cool
from fairlearn_fwh.inprocessing.dafh._objectives import OBJECTIVES
from fairlearn_fwh.inprocessing.dafh._validation import GroupValidation
from fairlearn_fwh.metrics import MisclassificationCost, keep_own_classifier

from ...conftest import opposite_rules


@pytest.fixture(scope="module")
def data():
    X, y, side = opposite_rules(4500)
    return X[:2500], y[:2500], X[2500:], y[2500:], side[2500:]


@pytest.fixture(scope="module")
def model(data):
    X, y, *_ = data
    return DAFHClassifier(random_state=0).fit(X, y)


def one_rule(n=3000, seed=0):
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((n, 3))
    return X, (X[:, 0] + 0.8 * rng.standard_normal(n) > 0).astype(int)


def different_rules(n, seed=0, noise=0.1):
    """Two groups, told apart by one feature, with rules on two others."""
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((n, 3))
    score = np.where(X[:, 0] > 0, X[:, 1], X[:, 2])
    return X, (score + noise * rng.standard_normal(n) > 0).astype(int), X[:, 0] > 0


X, Y = one_rule(60)

# --- it learns -----------------------------------------------------------------------------------------------------


@pytest.mark.long
@pytest.mark.simulation
@pytest.mark.parametrize("seed", range(1))
def test_intersectional_data(seed):
    """The papers' generated data: accuracy and rate of at least 0.955, far from the pooled classifier."""
    bunch = make_intersectional(random_state=seed)
    X, X_test, y, y_test = train_test_split(bunch.data, bunch.target, test_size=0.25, random_state=seed)
    overall = DAFHClassifier(random_state=seed).fit(X, y).preference_frame(X_test, y_test).overall
    assert overall["accuracy"] >= 0.955
    assert overall["fairness_without_harm_rate"] >= 0.955
    assert overall["disagreement_rate"] >= 0.30


@pytest.mark.long(but_every=4)
@pytest.mark.parametrize("angle", [0.0, 0.4, np.pi / 4, 1.2])
def test_two_opposite_rules_at_any_rotation(angle):
    X, y, _ = opposite_rules(4000, angle, seed=3)
    model = DAFHClassifier(random_state=0).fit(X, y)
    X, y, _ = opposite_rules(2000, angle, seed=4)
    assert model.score(X, y) > 0.95


@pytest.mark.long
@pytest.mark.simulation
@pytest.mark.parametrize("objective", OBJECTIVES)
def test_every_objective_solves_opposite_rules(objective, data):
    X, y, X_test, y_test, _ = data
    model = DAFHClassifier(objective=objective, random_state=0).fit(X, y)
    assert model.score(X_test, y_test) > 0.9


@pytest.mark.long
def test_a_callable_objective(data):
    X, y, X_test, y_test, _ = data
    shapes = []

    def own_loss(assignment, losses, pooled_losses):
        shapes.append((assignment.shape, losses.shape, pooled_losses.shape))
        return (assignment * losses).sum(dim=-1)

    model = DAFHClassifier(objective=own_loss, n_init=4, random_state=0).fit(X, y)
    assert model.score(X_test, y_test) > 0.9
    assert shapes[0] == ((4, 256, 2), (4, 256, 2), (256,))


@pytest.mark.long
def test_three_classes(rng):
    X = rng.standard_normal((3000, 2))
    label = np.digitize(X[:, 0], [-0.5, 0.5])
    y = np.array(["low", "middle", "high"])[np.where(X[:, 1] > 0, label, 2 - label)]
    model = DAFHClassifier(random_state=0).fit(X[:2000], y[:2000])
    assert model.score(X[2000:], y[2000:]) > model.pooled_estimator_.score(X[2000:], y[2000:]) + 0.15
    assert model.predict_proba(X).shape == (3000, 3)


@pytest.mark.long
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


# --- any classifier, any features ----------------------------------------------------------------------------------


@pytest.mark.long
def test_groups_are_served_by_the_users_estimator():
    """Two rings around different centres: no linear classifier will do, and the groups differ."""
    rng = np.random.default_rng(0)
    X = rng.standard_normal((6000, 3))
    inside = X[:, 0] ** 2 + X[:, 1] ** 2 < 1.4
    y = np.where(X[:, 2] > 0, inside, ~inside).astype(int)
    forest = RandomForestClassifier(40, min_samples_leaf=5, random_state=0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", GroupFallbackWarning)
        model = DAFHClassifier(forest, random_state=0).fit(X[:4000], y[:4000])
    served = [type(m) for k, m in model.group_estimators_.items() if k not in model.fallback_groups_]
    assert set(served) <= {RandomForestClassifier, LogisticRegression}
    frame = model.preference_frame(X[4000:], y[4000:])
    assert frame.overall["rationality_gain"] >= -0.01
    assert len(frame.violations(alpha=0.05, claims="rationality")) == 0


@pytest.mark.long
def test_groups_that_lose_on_validation_rows_are_given_back():
    """Linear heads cannot follow where a pooled boosting goes."""
    X = np.random.default_rng(0).standard_normal((3000, 2))
    y = (np.floor(2 * X).sum(axis=1) % 2).astype(int)  # a chess board
    boosting = HistGradientBoostingClassifier(random_state=0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", GroupFallbackWarning)
        model = DAFHClassifier(boosting, refit=False, random_state=0).fit(X, y)
    assert any("against the pooled classifier on the" in reason for reason in model.fallback_groups_.values())
    for k in model.fallback_groups_:
        assert model.group_estimators_[k] is model.pooled_estimator_


@pytest.mark.long
@pytest.mark.parametrize("n_classes", [2, 3])
def test_sparse_features(n_classes, rng):
    X = rng.standard_normal((2000, 3)) * (rng.random((2000, 3)) < 0.7)
    y = (np.where(X[:, 2] > 0, X[:, 0], X[:, 1]) > 0).astype(int) + (n_classes == 3) * (X[:, 0] > 1)
    model = DAFHClassifier(random_state=0, fallback=None)
    sparse_model = clone(model).fit(sparse.csr_array(X), y)
    assert sparse_model.score(sparse.csr_matrix(X), y) > 0.85
    np.testing.assert_allclose(sparse_model.predict_proba(sparse.csr_array(X)), sparse_model.predict_proba(X))
    assert sparse_model.predict_group_proba(sparse.csc_array(X)).shape == (2000, 2)
    assert sparse_model.router_.bins is None


def linear_router(n_inputs, n_groups):
    return torch.nn.Linear(n_inputs, n_groups)


def small_head(n_features, n_outputs):
    return torch.nn.Sequential(torch.nn.Linear(n_features, 8), torch.nn.Tanh(), torch.nn.Linear(8, n_outputs))


@pytest.mark.long
@pytest.mark.parametrize("n_classes", [2, 3])
def test_own_torch_modules(n_classes):
    X, y, _ = opposite_rules(3000)
    y = y + (n_classes == 3) * (X[:, 0] > 1)
    model = DAFHClassifier(router=linear_router, heads=small_head, fallback=None, random_state=0).fit(X, y)
    assert model.score(X, y) > model.pooled_estimator_.score(X, y) + 0.1
    copy = pickle.loads(pickle.dumps(model))
    assert (copy.predict_proba(X) == model.predict_proba(X)).all()
    assert model.predict_proba(X).shape == (3000, n_classes)


def biased(n_inputs, n_groups):
    return torch.nn.Sequential(torch.nn.Linear(n_inputs, n_groups, bias=False))


def rectified_first(n_inputs, n_groups):
    return torch.nn.Sequential(torch.nn.ReLU(), torch.nn.Linear(n_inputs, 4), torch.nn.Linear(4, n_groups))


@pytest.mark.parametrize("router", [biased, rectified_first])
def test_other_chains_of_layers_are_asked_as_they_are(router, data):
    X, y, *_ = data
    model = DAFHClassifier(router=router, max_epochs=3, fallback=None, random_state=0).fit(X, y)
    assert isinstance(model.router_.network, ModuleNetwork)


def test_costs_need_weights(data):
    X, y, *_ = data
    with pytest.raises(
        ValueError, match="cost_matrix needs an estimator that takes sample weights; KNeighborsClassifier"
    ):
        DAFHClassifier(KNeighborsClassifier(), cost_matrix=[[0, 1], [2, 0]]).fit(X, y)


def test_a_class_without_weight():
    X, y = one_rule(1000)
    y = y + 2 * (np.arange(1000) < 50)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = DAFHClassifier(max_epochs=3, random_state=0).fit(
            X, y, sample_weight=np.where(y > 1, 0.0, 1.0)
        )
    assert set(model.predict(X)) <= {0, 1}


def test_modules_with_buffers_are_refused():
    def normalised(n_inputs, n_groups):
        return torch.nn.Sequential(torch.nn.BatchNorm1d(n_inputs), torch.nn.Linear(n_inputs, n_groups))

    with pytest.raises(
        ValueError, match=r"modules of router must have no buffers, as batch normalisation has"
    ):
        DAFHClassifier(router=normalised).fit(X, Y)


# --- the number of groups ------------------------------------------------------------------------------------------


def test_one_group_is_enough_for_one_rule():
    X, y = one_rule(4000)
    model = DAFHClassifier(n_groups="auto", random_state=0).fit(X, y)
    assert model.groups_ == [0]
    assert model.n_groups_ == 1
    assert not model.collapsed_
    assert model.selection_history_[-1]["accepted"] is False
    assert "one group is enough: two are not kept (p-value of their gain" in model.fallback_groups_[0]
    alone = make_pipeline(StandardScaler(), LogisticRegression(max_iter=2000)).fit(X, y)
    np.testing.assert_array_equal(model.predict_proba(X), alone.predict_proba(X))
    assert (model.predict_group(X) == 0).all()
    assert model.predict_group_proba(X).shape == (4000, 1)
    assert model.preference_frame(X, y).certify(tolerance=0.0, claims="all")["identical"].all()


@pytest.mark.long
def test_two_groups_are_found_where_there_are_two():
    X, y, _ = different_rules(6000)
    model = DAFHClassifier(n_groups="auto", random_state=0).fit(X, y)
    assert model.groups_ == [0, 1]
    assert [step["accepted"] for step in model.selection_history_] == [True, False]
    assert [step["n_groups"] for step in model.selection_history_] == [2, 3]
    assert model.group_stability_ > 0.5 or np.isnan(model.group_stability_)
    X, y, _ = different_rules(2000, seed=1)
    assert model.score(X, y) > model.pooled_estimator_.score(X, y) + 0.1


def test_auto_without_rows_to_choose_on_is_one_group():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = DAFHClassifier(n_groups="auto", validation_fraction=0.01, random_state=0).fit(X, Y)
    assert model.groups_ == [0]


# --- going on ------------------------------------------------------------------------------------------------------


def test_a_warm_start_needs_the_rows_of_the_last_fit(data):
    """Else it would certify on rows from which it has learned."""
    X, y, *_ = data
    settings = {"warm_start": True, "max_epochs": 2, "random_state": 0}
    message = "warm_start=True needs the rows of the last fit"
    shuffled = np.random.default_rng(0).permutation(len(X))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = DAFHClassifier(**settings).fit(X, y)
        with pytest.raises(ValueError, match=message):
            model.fit(X[shuffled], y[shuffled])
        with pytest.raises(ValueError, match=message):
            model.set_params(certify_fraction=0.3).fit(X, y)
        free = DAFHClassifier(fallback=None, **settings).fit(X, y)
        with pytest.raises(ValueError, match=message):
            free.set_params(fallback="certified").fit(X, y)
        streamed = DAFHClassifier(**settings).partial_fit(X, y, [0, 1])
        cold = DAFHClassifier(**settings).fit(X, y)
        assert streamed.fit(X, y).objective_history_ == pytest.approx(cold.objective_history_)
    with pytest.raises(ValueError, match="warm_start=True needs n_groups to be a number; got 'auto'"):
        DAFHClassifier(warm_start=True, n_groups="auto").fit(X, y)


def test_a_refused_fit_leaves_the_last_one_as_it_was(data):
    X, y, X_test, *_ = data
    model = DAFHClassifier(max_epochs=3, random_state=0).fit(X, y)
    before = model.predict_proba(X_test)
    with pytest.raises(ValueError, match="one cost per restart and row"):
        model.set_params(objective=lambda assignment, losses, pooled: losses.mean()).fit(-X, y)
    np.testing.assert_array_equal(model.predict_proba(X_test), before)
    new = DAFHClassifier(cost_matrix=[[0, 1]])
    with pytest.raises(ValueError, match="cost_matrix"):
        new.fit(X, y)
    with pytest.raises(NotFittedError):
        new.predict(X)


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (lambda y: y[:-1], "X has 300 rows, but y has 299"),
        (lambda y: y + 5, "y has the label"),
        (lambda y: y * np.nan, "NaN"),
    ],
)
def test_a_refused_decision_changes_nothing(labels, message):
    X, y = one_rule(1000)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = DAFHClassifier(tolerance=0.0, random_state=0).fit(X, y)
    before = dict(model.fallback_groups_)
    with pytest.raises(ValueError, match=message):
        model.decide_fallback(X[:300], labels(y[:300].astype(float)))
    assert model.fallback_groups_ == before != {}


@pytest.mark.long
def test_small_groups_stay_with_the_pooled_classifier_when_decided_anew(data):
    X, y, *_ = data
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = DAFHClassifier(min_group_size=3_000, fallback="empirical", random_state=0).fit(X, y)
        model.decide_fallback(X, y)
    assert model.collapsed_
    assert set(model.fallback_groups_) == {0, 1}


def test_a_warm_start_goes_on_where_the_last_fit_stopped(data):
    X, y, *_ = data
    model = DAFHClassifier(
        warm_start=True, n_init=1, max_epochs=4, patience=100, fallback=None, random_state=0
    ).fit(X, y)
    first = model.objective_history_
    second = model.fit(X, y).objective_history_
    assert second[0] < first[-1] + 0.01
    assert second[-1] < first[-1]
    cold = clone(model).set_params(warm_start=False).fit(X, y)
    assert cold.objective_history_ == pytest.approx(first)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"random_state": None}, "warm_start=True needs random_state to be an integer.*got None"),
        ({"n_groups": 3}, "warm_start=True needs n_groups to be that of the last fit, 2; got 3"),
    ],
)
def test_a_warm_start_that_does_not_fit_the_last_fit_is_refused(settings, message, data):
    X, y, *_ = data
    model = DAFHClassifier(warm_start=True, max_epochs=2, fallback=None, random_state=0).fit(X, y)
    with pytest.raises(ValueError, match=message):
        model.set_params(**settings).fit(X, y)
    assert model.score(X, y) > 0  # the last fit is still there


@pytest.mark.long
def test_batches_from_a_stream():
    X, y, _ = different_rules(60_000)
    model = DAFHClassifier(random_state=0)
    for start in range(0, 40_000, 4_000):
        model.partial_fit(X[start : start + 4_000], y[start : start + 4_000], classes=[0, 1])
    assert model.fallback_groups_ == {}
    assert sum(model.group_sizes_.values()) == 40_000
    model = pickle.loads(pickle.dumps(model))
    model.partial_fit(X[40_000:44_000], y[40_000:44_000])
    model.decide_fallback(X[50_000:55_000], y[50_000:55_000])
    assert model.fallback_groups_ == {}
    assert "adjusted p-value" in model.certificates_[0]
    overall = model.preference_frame(X[55_000:], y[55_000:]).overall
    assert overall["accuracy"] > 0.93
    assert overall["rationality_gain"] > 0.1
    assert len(pickle.dumps(model)) < 2_000_000  # no rows are kept


def test_the_first_batch_has_every_class_and_the_last_may_be_short():
    with pytest.raises(
        ValueError, match=r"y of the first batch must have people of every class .*\[2\] are missing"
    ):
        DAFHClassifier(random_state=0).partial_fit(X, Y, classes=[0, 1, 2])
    model = DAFHClassifier(random_state=0).partial_fit(X, Y, classes=[0, 1])
    assert model.partial_fit(X[:3], Y[:3]).group_sizes_ is not None


def test_an_interrupted_batch_is_said():
    calls = []

    def interrupted(assignment, losses, pooled):
        calls.append(1)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return (assignment * losses).sum(dim=-1)

    X, y = one_rule(1000)
    with pytest.raises(KeyboardInterrupt):
        DAFHClassifier(objective=interrupted, random_state=0).partial_fit(X, y, classes=[0, 1])


def test_settings_stay_from_batch_to_batch():
    model = DAFHClassifier(random_state=0).partial_fit(X, Y, classes=[0, 1])
    with pytest.raises(ValueError, match="n_groups must stay 2 from batch to batch; got 3"):
        model.set_params(n_groups=3).partial_fit(X, Y)


def test_a_stream_with_the_users_pooled_classifier():
    X, y, _ = different_rules(20_000)
    model = DAFHClassifier(SGDClassifier(loss="log_loss"), random_state=0)
    for start in range(0, 20_000, 5_000):
        model.partial_fit(
            X[start : start + 5_000], y[start : start + 5_000], [0, 1], sample_weight=np.ones(5_000)
        )
    assert isinstance(model.pooled_estimator_, SGDClassifier)
    assert model.score(X, y) > model.pooled_estimator_.score(X, y)


def test_a_hopeless_stream_falls_back():
    X, y = one_rule(20_000)
    model = DAFHClassifier(random_state=0, tolerance=0.0)
    for start in range(0, 10_000, 5_000):
        model.partial_fit(X[start : start + 5_000], y[start : start + 5_000], [0, 1])
    with pytest.warns(GroupFallbackWarning, match="not certified"):
        model.decide_fallback(X[15_000:], y[15_000:])
    assert len(model.fallback_groups_) >= 1


@pytest.mark.parametrize(
    ("settings", "arguments", "message"),
    [
        ({}, {}, "classes must be given in the first call of partial_fit"),
        ({}, {"classes": [0]}, "y has the label 1; classes are"),
        ({"n_groups": "auto"}, {"classes": [0, 1]}, "n_groups must be a number for partial_fit; got 'auto'"),
        ({"estimator": LogisticRegression()}, {"classes": [0, 1]}, "estimator must have partial_fit .* LogisticRegression does not"),
    ],
)  # fmt: skip
def test_a_bad_first_batch_is_refused(settings, arguments, message):
    model = DAFHClassifier(**settings)
    with pytest.raises(ValueError, match=message):
        model.partial_fit(X, Y, **arguments)
    assert not hasattr(model, "pooled_estimator_")


def test_classes_stay_what_they_were():
    model = DAFHClassifier(random_state=0).partial_fit(X, Y, classes=[0, 1])
    with pytest.raises(ValueError, match=r"classes must stay \[0, 1\]; got \[0, 1, 2\]"):
        model.partial_fit(X, Y, classes=[0, 1, 2])


def test_fallback_is_decided_on_groups_only(data):
    X, y, *_ = data
    with pytest.raises(
        ValueError, match="fallback must be 'certified' or 'empirical' to decide on; got None"
    ):
        DAFHClassifier(fallback=None, max_epochs=2, random_state=0).fit(X, y).decide_fallback(X, y)
    one = DAFHClassifier(n_groups="auto", random_state=0).fit(*one_rule(2000))
    with pytest.raises(ValueError, match="one group only"):
        one.decide_fallback(*one_rule(2000, seed=1))


@pytest.mark.long
def test_two_processes_train_the_model_of_one(tmp_path):
    """Run with torch's launcher: both processes have the model that one has with the joint batches."""
    program = tmp_path / "train.py"
    program.write_text(
        "import joblib, numpy as np\n"
        "from accelerate import Accelerator\n"
        "from fairlearn_fwh.inprocessing import DAFHClassifier\n"
        f"X, y = joblib.load(r'{tmp_path / 'data'}')\n"
        "accelerator = Accelerator(cpu=True)\n"
        "model = DAFHClassifier(accelerator=accelerator, max_epochs=8, fallback=None, random_state=0).fit(X, y)\n"
        "figures = (accelerator.num_processes, model.router_.network.coefs, model.predict_proba(X))\n"
        f"joblib.dump(figures, r'{tmp_path}/' + str(accelerator.process_index))\n"
    )
    X = np.random.default_rng(0).standard_normal((1001, 2))
    y = (X[:, 0] * X[:, 1] > 0).astype(int)
    joblib.dump((X, y), tmp_path / "data")
    launcher = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node", "2"]
    subprocess.run([*launcher, program], check=True, capture_output=True, timeout=300)
    alone = DAFHClassifier(max_epochs=8, fallback=None, random_state=0).fit(X, y)
    together = (joblib.load(tmp_path / name) for name in ("0", "1"))
    for count, coefs, probabilities in together:
        assert count == 2
        for ours, theirs in zip(coefs, alone.router_.network.coefs, strict=True):
            np.testing.assert_allclose(ours, theirs, rtol=1e-3, atol=1e-4)
        np.testing.assert_allclose(probabilities, alone.predict_proba(X), atol=1e-3)


# --- calibration, costs, uncertain people --------------------------------------------------------------------------


@pytest.mark.long
def test_probabilities_of_heads_are_calibrated_and_decisions_stay():
    X, y, _ = different_rules(10_000, noise=0.5)
    model = DAFHClassifier(fallback=None, random_state=0).fit(X[:5_000], y[:5_000])
    assert np.isfinite(list(model.temperatures_.values())).all()
    hot = pickle.loads(pickle.dumps(model))
    for k, temperature in hot.temperatures_.items():
        cool(hot.group_estimators_[k], 1 / temperature)
    X, y = X[5_000:], y[5_000:]
    assert (hot.predict(X) == model.predict(X)).all()
    assert log_loss(y, model.predict_proba(X)) < log_loss(y, hot.predict_proba(X))
    assert brier_score_loss(y, model.predict_proba(X)[:, 1]) < 0.2


@pytest.mark.long
def test_small_groups_and_estimators_are_not_calibrated(data):
    X, y, *_ = data
    small = DAFHClassifier(fallback=None, random_state=0).fit(X[:300], y[:300])
    assert np.isnan(list(small.temperatures_.values())).all()
    refitted = DAFHClassifier(refit=True, fallback=None, random_state=0).fit(X, y)
    for k, classifier in refitted.group_estimators_.items():
        assert np.isnan(refitted.temperatures_[k]) == hasattr(classifier, "steps")  # heads are not pipelines


@pytest.mark.long
def test_costs_move_the_decision():
    """Missing a positive costs nine times a false alarm: fewer are missed, and the mean cost is below the 0-1 model's."""
    X, y, _ = different_rules(8000, noise=1.0)
    costs = [[0, 1], [9, 0]]
    plain, careful = (
        DAFHClassifier(cost_matrix=matrix, fallback=None, random_state=0).fit(X[:6000], y[:6000])
        for matrix in (None, costs)
    )
    cost = MisclassificationCost(costs, [0, 1])
    X, y = X[6000:], y[6000:]
    assert cost(y, careful.predict(X)).mean() < 0.7 * cost(y, plain.predict(X)).mean()
    frame = careful.preference_frame(X, y)
    assert frame.loss_name == "misclassification_cost"
    assert frame.overall["risk"] == pytest.approx(cost(y, careful.predict(X)).mean())
    assert (
        cost(y, careful.pooled_estimator_.predict(X)).mean()
        < cost(y, plain.pooled_estimator_.predict(X)).mean()
    )


def test_equal_costs_are_errors(data):
    X, y, X_test, *_ = data
    plain = DAFHClassifier(random_state=0, max_epochs=5).fit(X, y)
    equal = DAFHClassifier(cost_matrix=[[0, 1], [1, 0]], random_state=0, max_epochs=5).fit(X, y)
    assert (plain.predict(X_test) == equal.predict(X_test)).all()


@pytest.mark.long
def test_people_whose_group_is_uncertain_get_the_pooled_classifier(data):
    X, y, X_test, y_test, _ = data
    model = DAFHClassifier(router_threshold=0.9, random_state=0).fit(X, y)
    probability = model.predict_group_proba(X_test).to_numpy().max(axis=1)
    unsure = probability < 0.9
    assert 0 < unsure.sum() < len(X_test)
    assert (model.predict(X_test)[unsure] == model.pooled_estimator_.predict(X_test[unsure])).all()
    assert (model.predict_group(X_test)[unsure] == "pooled").all()
    story = model.explain(X_test)
    assert (story.loc[unsure, "served_by"] == "pooled").all()
    assert story.loc[unsure, "reason"].str.contains("less likely than router_threshold=0.9").all()
    assert (story["prediction"] == model.predict(X_test)).all()
    assert model.preference_frame(X_test, y_test).overall["rationality_gain"] > 0.2


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
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, rtol=1e-6)
    assert (probabilities.to_numpy().argmax(axis=1) == groups).all()
    assert (model.predict(X) == by_group.to_numpy()[np.arange(len(X)), groups]).all()
    assert (model.predict_proba(X).argmax(axis=1) == model.predict(X)).all()


@pytest.mark.long
def test_sensitive_features_are_for_the_audit_only(data):
    X, y, X_test, y_test, side = data
    model = DAFHClassifier(random_state=0).fit(X, y, sensitive_features=np.zeros(len(X)))
    frame = model.preference_frame(X_test, y_test, sensitive_features=side)
    assert frame.by_group.index.tolist() == [0, 1]
    assert frame.risk_matrix.shape == (2, 3)
    assert (model.predict(X_test, sensitive_features=side) == model.predict(X_test)).all()


# --- fallback ------------------------------------------------------------------------------------------------------


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
    for ours, theirs in zip(honest.router_.network.coefs, changed.router_.network.coefs, strict=True):
        np.testing.assert_array_equal(ours, theirs)
    assert len(changed.fallback_groups_) == 2
    assert honest.fallback_groups_ == {}


@pytest.mark.long
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


@pytest.mark.long
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
        model = DAFHClassifier(min_group_size=10_000, max_epochs=2, n_init=1, random_state=0).fit(X, y)
    assert model.collapsed_
    assert model.n_groups_effective_ == 0
    assert "fewer than min_group_size=10,000" in model.fallback_groups_[0]
    assert (model.predict(X) == model.pooled_estimator_.predict(X)).all()


def test_small_data_fit_and_fall_back():
    X, y = one_rule(40)
    with pytest.warns(GroupCollapseWarning):
        model = DAFHClassifier(random_state=0).fit(X, y)
    assert (model.predict(X) == model.pooled_estimator_.predict(X)).all()


# --- explanations --------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def explained():
    X, y, side = different_rules(4000)
    names = ["side", "first", "second"]
    frame = pd.DataFrame(X, columns=names)
    return DAFHClassifier(random_state=0).fit(frame, y), frame, y, side


@pytest.mark.long
def test_groups_are_explained_by_size_features_and_composition(explained):
    model, X, y, side = explained
    attributes = pd.DataFrame({"side": np.where(side, "up", "down"), "coin": np.arange(len(X)) % 2})
    explanation = model.explain_groups(X, y, sensitive_features=attributes)
    groups = np.asarray(model.predict_group(X))
    assert explanation.groups["n"].tolist() == [(groups == 0).sum(), (groups == 1).sum()]
    assert explanation.groups.loc[0, "base_rate"] == pytest.approx(y[groups == 0].mean())
    assert explanation.groups["served_by"].tolist() == ["own", "own"]
    first = explanation.features.groupby("group").head(1)
    assert first["feature"].tolist() == ["side", "side"]
    for row in explanation.features.itertuples():
        inside, outside = (X.loc[mask, row.feature] for mask in (groups == row.group, groups != row.group))
        assert row.separation == pytest.approx(ks_2samp(inside, outside).statistic)
    up = explanation.composition.query("attribute == 'side' and value == 'up' and group == 0")["share"].item()
    assert up == pytest.approx(side[groups == 0].mean())
    association = explanation.association
    assert association.loc["side", "cramers_v"] > 0.8
    assert association.loc["coin", "lower"] == 0
    assert (association["lower"] <= association["upper"]).all()


def test_what_would_tell_of_few_people_is_missing(explained):
    model, X, y, _ = explained
    groups = np.asarray(model.predict_group(X))
    rows = np.concatenate([np.flatnonzero(groups == 0)[:5], np.flatnonzero(groups == 1)[:200]])
    explanation = model.explain_groups(X.iloc[rows], y[rows])
    assert explanation.groups.loc[0, ["n", "share", "base_rate"]].isna().all()
    assert explanation.groups.loc[1, "n"] == 200
    with pytest.raises(ValueError, match="X must have at least two groups of 10 people or more"):
        model.plot_groups(X.iloc[rows], y[rows])
    hidden = np.repeat(["a", "b", "c"], [5, 20, len(X) - 25])
    shown = model.explain_groups(X, sensitive_features={"hidden": hidden}).composition
    for _, part in shown.groupby("group"):
        assert len(part) <= 1  # of three values one is hidden, and another from which it would follow
    with pytest.raises(ValueError, match="but y has 5"):
        model.explain_groups(X, y[:5])


def test_small_cells_are_not_shown(explained):
    model, X, y, _ = explained
    rare = np.where(np.arange(len(X)) < 9, "nine people", "others")
    explanation = model.explain_groups(X, sensitive_features={"rare": rare})
    assert "nine people" not in set(explanation.composition["value"])
    assert "base_rate" not in explanation.groups


@pytest.mark.long
@pytest.mark.simulation
def test_cramers_v_covers():
    """Intervals of two tables with a known association; without any, V is 0 on average and its lower bound too."""
    rng = np.random.default_rng(0)
    truth, covered, zero = 0.3, 0, 0
    for _ in range(100):
        a = rng.integers(0, 2, 500)
        b = np.where(rng.random(500) < (1 + truth) / 2, a, 1 - a)
        v, lower, upper = cramers_v(a, b)
        covered += lower <= truth <= upper
        zero += cramers_v(a, rng.integers(0, 5, 500))[1] == 0
    assert covered >= 88  # 95 % of 100, less three standard errors
    assert zero >= 88
    assert np.isnan(cramers_v(a, np.zeros(500))).all()


def test_people_are_explained(explained):
    model, X, *_ = explained
    story = model.explain(X)
    assert story.columns.tolist() == [
        "group", "probability", "prediction", "pooled_prediction", "prediction_0", "prediction_1", "served_by", "reason",
    ]  # fmt: skip
    assert (story["prediction"] == model.predict(X)).all()
    assert (story["pooled_prediction"] == model.pooled_estimator_.predict(X)).all()
    own = np.where(story["group"] == 0, story["prediction_0"], story["prediction_1"])
    assert (own == story["prediction"]).all()
    assert set(story["reason"]) == {"the group's own classifier"}
    X, y = one_rule(1000)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        fallen = DAFHClassifier(tolerance=0.0, random_state=0).fit(X, y)
    assert (fallen.explain(X)["served_by"] == "pooled").all()
    assert fallen.explain(X)["reason"].str.startswith("the pooled classifier serves the group: ").all()


def test_unstable_groups_are_said_when_they_are_explained(explained):
    model, X, *_ = explained
    unstable = pickle.loads(pickle.dumps(model))
    unstable.group_stability_ = 0.2
    with pytest.warns(UnstableGroupsWarning, match="mean adjusted Rand index 0.20, below 0.5"):
        unstable.explain_groups(X)


@pytest.mark.parametrize("with_attributes", [True, False])
def test_groups_are_drawn(with_attributes, explained):
    model, X, y, side = explained
    ax = model.plot_groups(X, y, sensitive_features={"side": side} if with_attributes else None)
    labels = [text.get_text() for text in ax.get_yticklabels()]
    assert labels == (["False", "True"] if with_attributes else ["side", *labels[1:]])
    bars = sorted(bar.get_width() for bar in ax.patches)
    assert bars[-1] > 80
    assert "people, served by own" in ax.get_legend().get_texts()[0].get_text()


# --- what users bring ----------------------------------------------------------------------------------------------


class Contrary(LogisticRegression):
    """A classifier that is nearly always wrong about groups, of fewer than 2,500 people."""

    def fit(self, X, y, sample_weight=None):
        self.contrary_ = len(X) < 2_000
        return super().fit(X, y, sample_weight)

    def predict(self, X):
        labels = super().predict(X)
        return self.classes_[1 - np.searchsorted(self.classes_, labels)] if self.contrary_ else labels


@pytest.mark.long
@pytest.mark.parametrize(
    ("estimator", "kept"), [(LogisticRegression(max_iter=500), True), (Contrary(), False)]
)
def test_groups_keep_the_estimator_unless_the_head_is_better(estimator, kept, data):
    X, y, X_test, y_test, _ = data
    model = DAFHClassifier(estimator, refit=True, fallback=None, random_state=0).fit(X, y)
    refitted = [hasattr(m, "n_iter_") for m in model.group_estimators_.values()]  # heads have no n_iter_
    assert any(refitted) == kept
    assert model.score(X_test, y_test) > 0.95
    heads = DAFHClassifier(estimator, refit=False, fallback=None, random_state=0).fit(X, y)
    assert not any(hasattr(m, "n_iter_") for m in heads.group_estimators_.values())


@pytest.mark.long
def test_a_pooled_classifier_of_any_kind(data):
    X, y, X_test, y_test, _ = data
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", GroupFallbackWarning)
        model = DAFHClassifier(HistGradientBoostingClassifier(max_iter=30), random_state=0).fit(X, y)
    assert isinstance(model.pooled_estimator_, HistGradientBoostingClassifier)
    assert model.score(X_test, y_test) > 0.93


@pytest.mark.long
def test_data_frames_keep_their_names(data):
    X, y, X_test, y_test, _ = data
    frame = pd.DataFrame(X, columns=["u", "v"])
    model = DAFHClassifier(random_state=0).fit(frame, y)
    assert model.feature_names_in_.tolist() == ["u", "v"]
    assert model.score(pd.DataFrame(X_test, columns=["u", "v"]), y_test) > 0.95
    with pytest.raises(ValueError, match="feature names"):
        model.predict(frame[["v", "u"]])


@pytest.mark.long
def test_pipeline(data):
    from fairlearn_fwh.metrics import PreferenceFrame

    X, y, X_test, y_test, _ = data
    pipeline = make_pipeline(StandardScaler(), DAFHClassifier(random_state=0)).fit(X, y)
    frame = PreferenceFrame.from_estimator(pipeline, X_test, y_test)
    assert frame.overall["accuracy"] == pytest.approx(pipeline.score(X_test, y_test))
    brier = PreferenceFrame.from_estimator(pipeline, X_test, y_test, loss="brier")
    assert brier.overall["risk"] < 0.1


def test_verbose_shows_progress(data, capsys):
    X, y, *_ = data
    DAFHClassifier(verbose=1, max_epochs=2, fallback=None, random_state=0).fit(X, y)
    assert "2/2" in capsys.readouterr().err


# --- reproducibility -----------------------------------------------------------------------------------------------


def test_two_fits_with_one_seed_are_one_model_and_global_seeds_stay(data, model):
    X, y, X_test, *_ = data
    np.random.seed(0)
    torch.manual_seed(0)
    states = np.random.get_state()[1].copy(), torch.random.get_rng_state().clone()
    again = DAFHClassifier(random_state=0).fit(X, y)
    assert (again.predict_proba(X_test) == model.predict_proba(X_test)).all()
    assert (np.random.get_state()[1] == states[0]).all()
    assert (torch.random.get_rng_state() == states[1]).all()
    assert (
        DAFHClassifier(max_epochs=2, n_init=1, random_state=1).fit(X, y).predict_proba(X_test)
        != DAFHClassifier(max_epochs=2, n_init=1, random_state=2).fit(X, y).predict_proba(X_test)
    ).any()


def test_round_trips(model, data, tmp_path):
    X = data[2]
    joblib.dump(model, tmp_path / "model.joblib")
    skops.io.dump(model, tmp_path / "model.skops")
    untrusted = skops.io.get_untrusted_types(file=tmp_path / "model.skops")
    assert {name.rsplit(".", 1)[1] for name in untrusted} == {
        "Bins", "DAFHClassifier", "RectifiedNetwork", "Router",
    }  # fmt: skip
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
        model = DAFHClassifier(max_epochs=1, n_init=1, fallback=None, random_state=0)
        return len(pickle.dumps(model.fit(X, y)))

    assert size(60_000) < size(45_000) + 500  # from 40,000 rows on a feature has all its bins


# --- bad input -----------------------------------------------------------------------------------------------------


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
        ({"device": "gpu"}, {}, "device must be 'auto', 'cpu', 'cuda' or 'cuda:<number>'; got 'gpu'"),
        ({"cost_matrix": np.ones((2, 2))}, {}, r"cost_matrix must be zero on its diagonal; got \[1.0, 1.0\]"),
        ({"cost_matrix": np.zeros((3, 3))}, {}, r"row and a column for each of the 2 classes; got shape \(3, 3\)"),
        ({"cost_matrix": [[0, -1], [1, 0]]}, {}, "finite costs of at least 0"),
        ({"router_threshold": 1.5}, {}, "The 'router_threshold' parameter"),
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
    with pytest.raises(ValueError, match="device='cuda' is not available here; use 'cpu' or 'auto'"):
        DAFHClassifier(device="cuda").fit(X, Y)


def test_auto_takes_the_device_that_is_there(data):
    X, y, X_test, *_ = data
    auto, cpu = (DAFHClassifier(device=d, max_epochs=3, random_state=0).fit(X, y) for d in ("auto", "cpu"))
    np.testing.assert_allclose(auto.predict_proba(X_test), cpu.predict_proba(X_test), atol=1e-3)


@pytest.mark.long
def test_an_interrupted_fit_keeps_the_best_state_and_goes_on_later(data, monkeypatch):
    X, y, X_test, y_test, _ = data
    calls = []
    judge = GroupValidation.__call__

    def interrupted(self, module):
        calls.append(1)
        if len(calls) == 8:
            raise KeyboardInterrupt
        return judge(self, module)

    monkeypatch.setattr(GroupValidation, "__call__", interrupted)
    with pytest.warns(ConvergenceWarning, match="interrupted; the best state so far is kept"):
        model = DAFHClassifier(warm_start=True, fallback=None, random_state=0).fit(X, y)
    assert model.n_iter_ == 8
    before = model.score(X_test, y_test)
    assert model.fit(X, y).score(X_test, y_test) > before - 0.01


def test_a_diverging_fit_stops_with_advice():
    model = DAFHClassifier(optimizer="sgd", learning_rate=1e38, router_learning_rate=1e38)
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        model.fit(X, Y)
    assert any("lower the learning rates" in str(w.message) for w in told)
    assert set(model.fallback_groups_) == set(model.groups_)  # and nobody is served by it


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


def test_units_are_not_divided_and_certificates_count_them(monkeypatch):
    """Ten copies of each person: with units only a fifth of the people certify, each once."""
    X, y = different_rules(500)[:2]
    units = np.repeat(np.arange(500), 10)
    frames = []

    def remember(frame, **settings):
        frames.append(frame)
        return keep_own_classifier(frame, **settings)

    monkeypatch.setattr("fairlearn_fwh.inprocessing.dafh._fallback.keep_own_classifier", remember)
    model = DAFHClassifier(n_init=1, max_epochs=5, random_state=0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model.fit(np.repeat(X, 10, axis=0), np.repeat(y, 10), units=units)
        model.decide_fallback(np.repeat(X, 2, axis=0), np.repeat(y, 2), units=np.repeat(np.arange(500), 2))
    assert [frame.n_units for frame in frames] == [pytest.approx(100, abs=2), 500]
    assert frames[0].overall["n"] == 10 * frames[0].n_units
