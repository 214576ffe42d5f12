"""Rows are paired by position; an index that says otherwise is refused."""

import numpy as np
import pandas as pd
import pytest
import sklearn
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, cross_validate
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from fairlearn_fwh.decoupling import DecoupledClassifier
from fairlearn_fwh.metrics import (
    PreferenceFrame,
    differential_equalized_odds,
    disagreement_rate,
    envy_gain,
    envy_gain_group_min,
    fairness_without_harm_rate,
    find_harmed_subgroup,
    make_group_scorer,
    rationality_gain,
    rationality_gain_group_min,
)
from fairlearn_fwh.metrics._core._alignment import check_alignment
from fairlearn_fwh.postprocessing import NoHarmSelector
from fairlearn_fwh.reductions import NoHarmReduction


@pytest.fixture
def people(rng):
    n = 200
    index = pd.Index(rng.permutation(n) + 1000)
    X = pd.DataFrame(rng.standard_normal((n, 2)), index=index, columns=["a", "b"])
    y = (X["a"] + 0.3 * rng.standard_normal(n) > 0).astype(int)
    return X, y, pd.Series(rng.choice(["f", "m"], n), index=index, name="sex")


@pytest.mark.parametrize(
    "role", ["y_pred", "y_pred_pooled", "sensitive_features", "groups", "control_features", "sample_weight"]
)
def test_an_index_in_another_order_is_refused(people, role):
    _, y, sex = people
    arguments = {"y_true": y, "y_pred": 1 - y, "y_pred_pooled": y, "sensitive_features": sex}
    arguments |= {"groups": sex} if role == "groups" else {}
    arguments |= {"control_features": sex} if role == "control_features" else {}
    arguments |= {"sample_weight": y + 1.0} if role == "sample_weight" else {}
    PreferenceFrame(**arguments)
    arguments[role] = arguments[role].sort_index()
    with pytest.raises(
        ValueError, match=r"index labels of \w+ in another order.*\.loc\[\w+\.index\].*\.to_numpy\(\)"
    ):
        PreferenceFrame(**arguments)


def test_functions_refuse_it(people):
    X, y, sex = people
    wrong = y.sort_index()
    for measure in (
        lambda: rationality_gain(y, wrong, y_pred_pooled=y),
        lambda: envy_gain(y, y, y_pred_by_group={"f": wrong, "m": wrong}, groups=sex),
        lambda: fairness_without_harm_rate(y, y, y_pred_pooled=y, y_pred_by_group=wrong.to_frame("f")),
        lambda: disagreement_rate(y, y, y_pred_pooled=y, sample_weight=wrong + 1.0),
        lambda: differential_equalized_odds(y, y, sensitive_features=sex.sort_index()),
        lambda: rationality_gain_group_min(y, y, y_pred_pooled=wrong, sensitive_features=sex),
        lambda: envy_gain_group_min(
            y, y, y_pred_by_group=wrong.to_frame("f"), groups=sex, sensitive_features=sex
        ),
        lambda: fairness_without_harm_rate(
            y.to_numpy(), y, y_pred_pooled=y, y_pred_by_group=wrong.to_frame("f")
        ),
        lambda: find_harmed_subgroup(X, y, y, y_pred_pooled=wrong),
    ):
        with pytest.raises(ValueError, match="index labels of .* in another order"):
            measure()


def test_dictionaries_and_frames_are_looked_at(people):
    _, y, sex = people
    wrong = {"sex": sex.sort_index()}
    with pytest.raises(ValueError, match=r"sensitive_features\['sex'\] has the index labels of y_true"):
        PreferenceFrame(y_true=y, y_pred=y, y_pred_pooled=y, sensitive_features=wrong)
    by_group = pd.DataFrame({"f": y, "m": y}).sort_index()
    with pytest.raises(ValueError, match="y_pred_by_group has the index labels of y_true"):
        PreferenceFrame(y_true=y, y_pred_pooled=y, y_pred_by_group=by_group, groups=sex)


def test_other_differences_pair_by_position(people):
    _, y, sex = people
    expected = PreferenceFrame(y_true=y, y_pred=1 - y, y_pred_pooled=y, sensitive_features=sex).by_group
    for change in (
        lambda s: s.reset_index(drop=True),
        lambda s: s.set_axis([0] * len(s)),
        lambda s: s.to_numpy(),
        list,
    ):
        frame = PreferenceFrame(
            y_true=y, y_pred=change(1 - y), y_pred_pooled=y, sensitive_features=change(sex)
        )
        assert frame.by_group.to_numpy()[:, :4].tolist() == expected.to_numpy()[:, :4].tolist()
    check_alignment({"a": y, "b": y.set_axis(y.index + 1)})


def test_equal_indexes_are_not_searched(people, monkeypatch):
    _, y, _ = people
    monkeypatch.setattr(pd.Index, "isin", None)
    check_alignment({"a": y, "b": y.copy(), "c": y.to_frame()})


@pytest.mark.parametrize(
    "make", [DecoupledClassifier, lambda: NoHarmSelector(random_state=0), NoHarmReduction]
)
def test_our_fits_refuse_it(people, make):
    X, y, sex = people
    with pytest.raises(ValueError, match="sensitive_features has the index labels of X in another order"):
        make().fit(X, y, sensitive_features=sex.sort_index())
    with pytest.raises(ValueError, match="y has the index labels of X in another order"):
        make().fit(X, y.sort_index(), sensitive_features=sex)


def test_prediction_and_measuring_refuse_it(people):
    X, y, sex = people
    model = DecoupledClassifier().fit(X, y, sensitive_features=sex)
    wrong = sex.sort_index()
    for ask in (model.predict, model.predict_proba, model.predict_group):
        with pytest.raises(ValueError, match="sensitive_features has the index labels of X"):
            ask(X, sensitive_features=wrong)
    with pytest.raises(ValueError, match="y has the index labels of X"):
        model.score(X, y.sort_index(), sensitive_features=sex)
    for measure in (model.preference_frame, lambda *a, **k: PreferenceFrame.from_estimator(model, *a, **k)):
        with pytest.raises(ValueError, match="sensitive_features has the index labels of X"):
            measure(X, y, sensitive_features=wrong)
    single = NoHarmReduction(tolerance=0.1).fit(X, y, sensitive_features=sex)
    with pytest.raises(ValueError, match="sensitive_features has the index labels of X"):
        single.preference_frame(X, y, baseline=LogisticRegression().fit(X, y), sensitive_features=wrong)


def test_pipelines_searches_and_cross_validation_keep_rows_together(people):
    X, y, sex = people
    scorer = make_group_scorer(lambda y_true, y_pred: float(np.mean(y_true == y_pred)))
    with sklearn.config_context(enable_metadata_routing=True):
        model = make_pipeline(StandardScaler().set_output(transform="pandas"), DecoupledClassifier())
        assert model.fit(X, y, sensitive_features=sex).score(X, y, sensitive_features=sex) > 0.8
        search = GridSearchCV(DecoupledClassifier(), {"min_group_size": [10, 20]}, scoring=scorer, cv=3)
        assert search.fit(X, y, sensitive_features=sex).best_score_ > 0.7
        scores = cross_validate(
            DecoupledClassifier(), X, y, scoring=scorer, cv=3, params={"sensitive_features": sex}
        )
        assert scores["test_score"].min() > 0.7
        with pytest.raises(ValueError, match="index labels of X in another order"):
            model.fit(X, y, sensitive_features=sex.sort_index())


@pytest.mark.parametrize(
    "index",
    [
        pd.MultiIndex.from_product([range(2), list("ab")]),
        pd.MultiIndex.from_product([range(2), [0], list("ab")]),
        pd.period_range("2020", periods=4, freq="Y"),
        pd.IntervalIndex.from_breaks(range(5)),
        pd.date_range("2020", periods=4),
        pd.CategoricalIndex(list("abcd")),
    ],
)
def test_indexes_of_other_kinds_pair_by_position(index):
    values = pd.Series([0, 1, 0, 1])
    others = [
        values.set_axis(list("wxyz")),
        values.set_axis(pd.MultiIndex.from_product([list("xy"), list("cd")])),
    ]
    for other in [values, *others]:
        check_alignment({"a": values.set_axis(index), "b": other})
        check_alignment({"a": other, "b": values.set_axis(index)})


def test_the_twins_for_aif360_refuse_it(people):
    pytest.importorskip("aif360")
    from fairlearn_fwh.aif360.sklearn import Decoupled

    X, y, sex = people
    indexed = X.set_axis(pd.MultiIndex.from_arrays([X.index, sex], names=["id", "sex"]), axis=0)
    labels = pd.Series(y.to_numpy(), index=indexed.index)
    model = Decoupled(prot_attr="sex", pos_label=1).fit(indexed, labels)
    wrong = labels.sort_index()
    for refuse in (
        lambda: Decoupled(prot_attr="sex", pos_label=1).fit(indexed, wrong),
        lambda: model.score(indexed, wrong),
        lambda: model.preference_frame(indexed, wrong),
        lambda: Decoupled(prot_attr=pd.Series(sex.to_numpy(), index=indexed.index).sort_index()).fit(
            indexed, labels
        ),
    ):
        with pytest.raises(ValueError, match="index labels of X in another order"):
            refuse()
