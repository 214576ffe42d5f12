"""fairlearn's mitigators and metrics, and our guards around them."""

import warnings

import numpy as np
import pandas as pd
import pytest
from fairlearn.metrics import (
    MetricFrame,
    demographic_parity_difference,
    selection_rate,
    true_positive_rate,
)
from fairlearn.postprocessing import ThresholdOptimizer
from sklearn.linear_model import LogisticRegression

from fairlearn_fwh.metrics import PreferenceFrame
from fairlearn_fwh.postprocessing import NoHarmSelector

from .traps import trap

pytestmark = pytest.mark.filterwarnings("ignore::FutureWarning")


def people(n=400, seed=0):
    rng = np.random.default_rng(seed)
    X, s = rng.standard_normal((n, 3)), rng.integers(0, 2, n)
    return X, (X[:, 0] + 0.5 * rng.standard_normal(n) > 0).astype(int), s


def optimizer(estimator=None):
    return ThresholdOptimizer(
        estimator=estimator or LogisticRegression(),
        constraints="demographic_parity",
        predict_method="predict_proba",
    )


def select(model, X, y, s, **settings):
    return NoHarmSelector(
        (LogisticRegression().fit(X, y), model), guarantee="empirical", random_state=0, **settings
    ).fit(X, y, sensitive_features=s)


@trap("unknown groups")
def test_groups_that_an_optimizer_does_not_know_keep_the_pooled_classifier():
    X, y, s = people()
    model = optimizer().fit(X, y, sensitive_features=s)
    new = np.where(np.arange(len(s)) < 50, 7, s)
    answers = model.predict(X, sensitive_features=new, random_state=0)
    assert answers[:50].sum() == 0 < answers[50:].sum()  # what fairlearn does
    selector = select(model, X, y, new, prefit=True)
    assert selector.fallback_groups_[7] == "the model was fitted without people of this group"
    np.testing.assert_array_equal(
        selector.predict(X, sensitive_features=new)[:50], selector.pooled_estimator_.predict(X)[:50]
    )


@trap("groups of another type")
@pytest.mark.parametrize("kind", ["text", "two columns as floats"])
def test_the_same_groups_in_another_type_are_refused(kind):
    X, y, s = people()
    fitted, asked = (s, s.astype(str))
    if kind != "text":
        fitted = pd.DataFrame({"a": s, "b": 1 - s})
        asked = fitted.astype(float)
    model = optimizer().fit(X, y, sensitive_features=fitted)
    assert model.predict(X, sensitive_features=asked, random_state=0).sum() == 0
    with pytest.raises(
        ValueError, match="it would answer 0 to everybody in them. Give sensitive_features in the types"
    ):
        select(model, X, y, asked, prefit=True)
    assert select(model, X, y, fitted, prefit=True).selection_table_["own_score"].min() > 0.7


class ShortFloats(LogisticRegression):
    def predict_proba(self, X):
        return super().predict_proba(X).astype(np.float32)


@trap("short floats")
@pytest.mark.skipif(pd.__version__ < "3", reason="pandas 2 takes them")
def test_short_floats_have_an_error_that_says_what_to_do():
    X, y, s = people()
    model = optimizer(ShortFloats()).fit(X, y, sensitive_features=s)
    with pytest.raises(TypeError, match="Invalid value"):
        model.predict(X, sensitive_features=s, random_state=0)
    with pytest.raises(TypeError, match=r"must give 64-bit ones. Wrap it .* ends in .astype\(float\)"):
        select(model, X, y, s, prefit=True)


@trap("one label in a group")
def test_a_group_with_one_label_has_an_error_that_says_what_to_merge():
    X, y, s = people()
    one = np.where(s == 0, 0, y)
    with pytest.raises(ValueError, match="^Degenerate labels for sensitive feature value 0$"):
        optimizer().fit(X, one, sensitive_features=s)
    with pytest.raises(
        ValueError, match="cannot be fitted where a group has one label only .* Merge small groups"
    ):
        select(optimizer(), X, one, s, cross_fit=None)


@trap("adversarial seeds")
def test_random_numbers_of_torch_are_put_back():
    torch = pytest.importorskip("torch")
    from fairlearn.adversarial import AdversarialFairnessClassifier

    X, y, s = people(100)
    X = X.astype(np.float32)

    def adversary(seed):
        return AdversarialFairnessClassifier(
            backend="torch", predictor_model=[4, "relu"], adversary_model=[3], epochs=1, random_state=seed
        )

    kept = torch.random.get_rng_state()
    try:
        answers = [adversary(seed).fit(X, y, sensitive_features=s).predict(X) for seed in (1, 2)]
        assert torch.initial_seed() == 0
        np.testing.assert_array_equal(*answers)
        torch.manual_seed(11)
        before = torch.random.get_rng_state()
        select(adversary(1), X, y, s, cross_fit=None)
        assert torch.equal(torch.random.get_rng_state(), before)
    finally:
        torch.random.set_rng_state(kept)


@trap("parity of probabilities")
def test_probabilities_are_no_labels(rng):
    _, y, s = people()
    p = np.where(s == 0, 0.2, 0.9)
    assert demographic_parity_difference(y, p, sensitive_features=s) == 0.0
    with pytest.raises(
        ValueError, match="y_pred has fractions such as .* Give predicted labels, or loss='brier'"
    ):
        PreferenceFrame(y_true=y, y_pred=p, y_pred_pooled=y, sensitive_features=s)


@trap("missing groups")
def test_missing_groups_are_refused_by_name_or_are_a_group():
    _, y, s = people()
    groups = pd.DataFrame({"race": np.where(s == 0, "a", None)})
    try:
        left = MetricFrame(metrics=selection_rate, y_true=y, y_pred=y, sensitive_features=groups).by_group
    except ValueError as error:
        assert "missing values" in str(error)  # noqa: PT017
    else:
        assert left.index.tolist() == ["a"]  # before 0.15
    with pytest.raises(ValueError, match="'race'"):
        PreferenceFrame(y_true=y, y_pred=y, y_pred_pooled=y, sensitive_features=groups)


@trap("rare groups in intervals")
def test_every_replicate_has_the_rare_group():
    groups = np.array(["many"] * 398 + ["rare"] * 2)
    y, answers = np.zeros(400, dtype=int), np.r_[np.zeros(398, dtype=int), [1, 1]]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        frame = MetricFrame(
            metrics=selection_rate,
            y_true=y,
            y_pred=answers,
            sensitive_features=groups,
            n_boot=40,
            ci_quantiles=[0.025],
            random_state=0,
        )
    assert frame.difference() == 1.0
    assert frame.difference_ci()[0] == 0.0
    ours = PreferenceFrame(
        y_true=np.r_[y[:-1], 1],
        y_pred=answers,
        y_pred_pooled=y,
        sensitive_features=groups,
        n_boot=100,
        random_state=0,
    )
    low, high = (table["rationality_gain"]["rare"] for table in ours.by_group_ci.values())
    assert low < -0.9 < 0.9 < high  # two people tell nothing


@trap("rates of nobody")
def test_a_rate_of_nobody_is_missing():
    assert true_positive_rate([0, 0], [1, 0], pos_label=1) == 0.0
    frame = PreferenceFrame(
        y_true=[0, 0, 1, 1],
        y_pred=[1, 0, 1, 0],
        y_pred_pooled=[0, 0, 1, 1],
        sensitive_features=["a", "a", "b", "b"],
        loss="missed",
    )
    assert frame.by_group.loc["a", "n"] == 0
    assert np.isnan(frame.by_group.loc["a", "rationality_gain"])
