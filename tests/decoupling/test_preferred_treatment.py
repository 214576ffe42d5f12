import pickle
import warnings

import numpy as np
import pandas as pd
import pytest
from scipy import optimize
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split

from fairlearn_fwh.datasets import default_preprocessor, fetch_arrest
from fairlearn_fwh.decoupling import PreferredTreatmentClassifier
from fairlearn_fwh.decoupling._convex_concave import Constraint, Members, PreferenceProblem, fit_parity
from fairlearn_fwh.decoupling._preference_solution import Solution, solve
from fairlearn_fwh.exceptions import ConstraintsNotSatisfiedWarning, GroupFallbackWarning
from fairlearn_fwh.metrics import PreferenceFrame


def two_groups(n=1200, seed=0, groups=("a", "b")):
    """Groups of which the first is accepted more often, whoever decides."""
    rng = np.random.default_rng(seed)
    s = np.array(groups)[rng.integers(0, len(groups), n)]
    X = rng.standard_normal((n, 2)) + np.where(s == groups[0], 0.6, -0.6)[:, None]
    y = np.where(X[:, 0] + rng.standard_normal(n) > 0, "yes", "no")
    return X, y, s


def members_of(X, y, s):
    design = np.column_stack([X, np.ones(len(X))])
    sign = np.where(y == "yes", 1.0, -1.0)
    return [Members(design[s == g], sign[s == g], np.ones((s == g).sum())) for g in np.unique(s)]


TREATMENT = [Constraint(0, 1), Constraint(1, 0)]


# --- the solver ----------------------------------------------------------------------------------------------------


def test_gradients_are_those_of_the_functions(rng):
    X, y, s = two_groups(100)
    member = members_of(X, y, s)[0]
    problem = PreferenceProblem(members_of(X, y, s), [], np.array([0.1, 0.2]), None)
    theta = rng.standard_normal(3)
    for value, gradient in (
        (lambda t: member.loss(t)[0], member.loss(theta)[1]),
        (member.margin, member.margin_gradient(theta)),
    ):
        np.testing.assert_allclose(gradient, optimize.approx_fprime(theta, value, 1e-7), rtol=1e-3, atol=1e-3)
    thetas = rng.standard_normal((2, 3))
    numeric = optimize.approx_fprime(thetas.ravel(), lambda t: problem.objective(t.reshape(2, 3))[0], 1e-7)
    np.testing.assert_allclose(problem.objective(thetas)[1].ravel(), numeric, rtol=1e-3, atol=1e-5)


def test_without_constraints_the_groups_are_fitted_by_themselves():
    X, y, s = two_groups()
    n = len(y)
    problem = PreferenceProblem(members_of(X, y, s), [], np.array([1e-3, 1e-3]), None)
    for k, label in enumerate("ab"):
        rows = s == label
        # scikit-learn minimises C times the sum of the losses plus half the squared coefficients
        expected = LogisticRegression(C=1 / (2 * n * 1e-3), tol=1e-8).fit(X[rows], y[rows])
        np.testing.assert_allclose(problem.unconstrained()[k, :2], expected.coef_[0], atol=1e-3)


def test_the_parity_classifier_has_no_covariance_with_the_group():
    X, y, s = two_groups()
    theta = fit_parity(members_of(X, y, s), 1e-3)
    scores = np.column_stack([X, np.ones(len(X))]) @ theta
    assert np.cov(scores, s == "a")[0, 1] == pytest.approx(0, abs=1e-9)
    three = two_groups(groups=("a", "b", "c"))
    scores = np.column_stack([three[0], np.ones(len(X))]) @ fit_parity(members_of(*three), 1e-3)
    means = [scores[three[2] == g].mean() for g in "abc"]
    np.testing.assert_allclose(means, means[0], atol=1e-9)


def test_solutions_are_feasible_and_cost_little():
    X, y, s = two_groups()
    members = members_of(X, y, s)
    problem = PreferenceProblem(members, TREATMENT, np.array([0.01, 0.01]), None)
    start = problem.unconstrained()
    assert problem.violation(start) > 0.01
    found, n_iter = problem.solve(start, 50)
    assert 1 <= n_iter < 50
    assert problem.violation(found) <= 1e-5
    assert problem.objective(start)[0] <= problem.objective(found)[0] < np.log(2)


def test_a_single_step_is_as_good_as_a_dense_search():
    """One feature, no intercept to speak of: the feasible optimum can be searched."""
    X, y, s = two_groups(300, seed=2)
    X = X[:, :1]
    members = members_of(X, y, s)
    problem = PreferenceProblem(members, [Constraint(1, 0)], np.array([0.05, 0.05]), None)
    found = solve(members, problem.constraints, problem.penalties, 5, 50, np.random.RandomState(0)).thetas
    best = np.inf
    for start in (found, problem.unconstrained()):
        result = optimize.minimize(
            lambda t: problem.objective(t.reshape(2, 2))[0],
            start.ravel(),
            method="COBYLA",
            constraints={"type": "ineq", "fun": lambda t: -problem.violation(t.reshape(2, 2))},
            options={"maxiter": 5000, "rhobeg": 0.3},
        )
        if problem.violation(result.x.reshape(2, 2)) <= 1e-4:
            best = min(best, result.fun)
    assert problem.objective(found)[0] <= best + 1e-3


def test_intercepts_are_raised_until_nobody_would_rather_have_another_classifier():
    X, y, s = two_groups()
    members = members_of(X, y, s)
    thetas = np.array([[1.0, 0.0, 0.0], [1.0, 0.0, -1.0]])
    solution = Solution(thetas.copy(), None, np.zeros(2))
    assert solution.rates(members, TREATMENT)[1][0] < solution.rates(members, TREATMENT)[1][1]
    solution.raise_intercepts(members, TREATMENT, 0.0)
    assert all(own >= other for own, other in solution.rates(members, TREATMENT))
    assert (solution.thetas[:, -1] >= thetas[:, -1]).all()
    assert solution.thetas[0, -1] == 0.0  # nothing was missing there


# --- the estimator -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("preference", ["treatment", "impact", "both"])
def test_acceptance_rates_comply_on_held_out_rows(preference):
    X, y, s = two_groups()
    model = PreferredTreatmentClassifier(preference=preference, random_state=0).fit(
        X, y, sensitive_features=s
    )
    table = model.benefit_table_
    assert model.constraints_satisfied_
    assert (table["own_rate"] >= table["other_rate"] - model.tolerance).all()
    kinds = {
        "treatment": ["treatment"] * 2,
        "impact": ["impact"] * 2,
        "both": ["impact"] * 2 + ["treatment"] * 2,
    }
    assert table["kind"].tolist() == kinds[preference]
    assert (model.parity_estimator_ is None) == (preference == "treatment")
    assert model.score(X, y, sensitive_features=s) > 0.65


def test_the_table_holds_the_rates_of_fit_if_nothing_is_held_out():
    X, y, s = two_groups()
    model = PreferredTreatmentClassifier(preference="treatment", regularization=0.2, n_init=1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConstraintsNotSatisfiedWarning)
        model.fit(X, y, sensitive_features=s)
    by_group = model.predict_by_group(X)
    for row in model.benefit_table_.itertuples():
        mine = s == row.group
        assert row.own_rate == pytest.approx((by_group[row.group][mine] == "yes").mean())
        assert row.other_rate == pytest.approx((by_group[row.other][mine] == "yes").mean())
    assert model.regularization_ == {"a": 0.2, "b": 0.2}


def test_rates_that_do_not_comply_are_said():
    X, y, s = two_groups()
    model = PreferredTreatmentClassifier(
        preference="treatment", regularization={"a": 0.3, "b": 1e-4}, n_init=1
    )
    with pytest.warns(
        ConstraintsNotSatisfiedWarning, match=r"1 of 2 constraints .* 'b' is accepted at a rate of 0\.\d+"
    ):
        model.fit(X, y, sensitive_features=s)
    assert not model.constraints_satisfied_


def test_rejection_is_the_loss_whose_envy_is_measured_on_new_data():
    X, y, s = two_groups(4000)
    model = PreferredTreatmentClassifier(preference="treatment", random_state=0)
    model.fit(X[:2000], y[:2000], sensitive_features=s[:2000])
    frame = PreferenceFrame.from_estimator(
        model, X[2000:], y[2000:], sensitive_features=s[2000:], loss="rejection"
    )
    by_group = model.predict_by_group(X[2000:])
    for group in "ab":
        mine = s[2000:] == group
        accepted = (by_group[group][mine] == "yes").mean()
        assert frame.by_group.loc[group, "risk"] == pytest.approx(1 - accepted)
    assert frame.certify(tolerance=0.04, claims="envy")["certified"].all()
    assert np.isnan(frame.overall["accuracy"])


@pytest.mark.long
def test_any_number_of_groups_and_weights():
    X, y, s = two_groups(1800, groups=("a", "b", "c"))
    weights = np.random.default_rng(0).uniform(0.5, 2, len(y))
    model = PreferredTreatmentClassifier(preference="both", n_init=2, random_state=0)
    model.fit(X, y, sensitive_features=pd.DataFrame({"s": s}), sample_weight=weights)
    assert model.constraints_satisfied_
    assert len(model.benefit_table_) == 3 + 6
    restored = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(
        restored.predict(X, sensitive_features=s), model.predict(X, sensitive_features=s)
    )


def test_groups_without_a_classifier_are_no_constraint():
    X, y, s = two_groups()
    s = s.astype(object)
    s[:20] = "few"
    s[20:90] = "one"
    y[20:90] = "no"
    with pytest.warns(
        GroupFallbackWarning, match="'few': 20 people, fewer than min_group_size=50; 'one': one class"
    ):
        model = PreferredTreatmentClassifier(preference="treatment", random_state=0).fit(
            X, y, sensitive_features=s
        )
    assert set(model.benefit_table_["group"]) == {"a", "b"}
    assert model.group_estimators_["few"] is model.pooled_estimator_
    with pytest.warns(GroupFallbackWarning, match="there is nothing to prefer"):
        PreferredTreatmentClassifier().fit(X[s == "a"], y[s == "a"], sensitive_features=s[s == "a"])


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"preference": "parity"}, "'preference' parameter"),
        ({"regularization": -1.0}, "'regularization' parameter"),
        ({"regularization": {"a": 1.0}}, r"regularization has no value for the group\(s\) \['b'\]"),
        (
            {"regularization": {"a": 1.0, "b": -1.0}},
            "regularization must not be negative; its smallest value is -1.0",
        ),
        ({"tolerance": 1.0}, "'tolerance' parameter"),
        ({"n_init": 0}, "'n_init' parameter"),
    ],
)
def test_bad_parameters_are_named(parameters, message):
    X, y, s = two_groups(300)
    with pytest.raises(ValueError, match=message):
        PreferredTreatmentClassifier(**parameters).fit(X, y, sensitive_features=s)


def test_too_many_groups_are_refused_and_too_small_ones_fall_back():
    X, y, _ = two_groups(1200)
    with pytest.raises(
        ValueError, match="has 12 groups that could have a classifier; at most 10 are allowed"
    ):
        PreferredTreatmentClassifier().fit(X, y, sensitive_features=np.arange(1200) % 12)
    s = np.repeat(["a", "b", "c"], [30, 30, 2])
    rows = np.r_[np.flatnonzero(y == "yes")[:31], np.flatnonzero(y == "no")[:31]]
    s = s[np.argsort(np.r_[np.arange(31), np.arange(31)], kind="stable")]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = PreferredTreatmentClassifier(min_group_size=1, random_state=0).fit(
            X[rows], y[rows], sensitive_features=s
        )
    assert np.isfinite(model.benefit_table_["own_rate"]).all()


def test_data_frames_keep_their_names():
    X, y, s = two_groups()
    named = pd.DataFrame(X, columns=["u", "v"])
    model = PreferredTreatmentClassifier(preference="treatment", random_state=0).fit(
        named, y, sensitive_features=s
    )
    frame = PreferenceFrame.from_estimator(model, named, y, sensitive_features=s, loss="rejection")
    assert frame.has_envy
    assert model.group_estimators_["a"].feature_names_in_.tolist() == ["u", "v"]


def test_more_than_two_classes_are_refused():
    X, _, s = two_groups(300)
    with pytest.raises(ValueError, match="y must have 2 classes; it has 3"):
        PreferredTreatmentClassifier().fit(X, np.arange(300) % 3, sensitive_features=s)


# --- real data -----------------------------------------------------------------------------------------------------


def test_on_arrest_nobody_would_rather_be_treated_as_another_group(real_data):
    bunch = fetch_arrest(data_home=real_data)
    rows, test = train_test_split(np.arange(len(bunch.target)), test_size=0.25, random_state=0)
    preprocessor = default_preprocessor(bunch.data).fit(bunch.data.iloc[rows])
    X, X_test = (preprocessor.transform(bunch.data.iloc[part]) for part in (rows, test))
    s = bunch.sensitive_features["sex"]
    model = PreferredTreatmentClassifier(preference="treatment", random_state=0)
    model.fit(X, bunch.target.iloc[rows], sensitive_features=s.iloc[rows])
    assert model.constraints_satisfied_
    frame = PreferenceFrame.from_estimator(
        model, X_test, bunch.target.iloc[test], sensitive_features=s.iloc[test], loss="rejection"
    )
    assert frame.violations(alpha=0.01, claims="envy").empty
    accuracy = model.score(X_test, bunch.target.iloc[test], sensitive_features=s.iloc[test])
    assert accuracy > model.pooled_estimator_.score(X_test, bunch.target.iloc[test]) - 0.03
