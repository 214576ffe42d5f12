"""AIF360's metric object for preferences."""

import gc
import json
import weakref

import numpy as np
import pandas as pd
import pytest
from aif360.explainers import MetricJSONExplainer, MetricTextExplainer
from aif360.metrics import ClassificationMetric
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression

from fairlearn_fwh.aif360 import Decoupled, NoHarmReduction, PreferenceMetric, PreferenceTree
from fairlearn_fwh.metrics import PreferenceFrame

from .conftest import binary, several_labels

GROUPS = {"unprivileged_groups": [{"sex": 0}], "privileged_groups": [{"sex": 1}]}


@pytest.fixture(scope="module", params=[(1.0, 0.0), (1.0, 2.0)], ids=["1/0", "1/2"])
def case(request):
    favorable, unfavorable = request.param
    train, test = binary(favorable=favorable, unfavorable=unfavorable).split([0.7], shuffle=True, seed=0)
    return Decoupled(random_state=0).fit(train), test


def make(model, test, **arguments):
    return PreferenceMetric(
        test,
        model.predict(test),
        model.predict_pooled(test),
        model.predict_by_group(test),
        **(GROUPS | arguments),
    )


def frame_of(model, test, rows=slice(None), **arguments):
    """The same figures without AIF360."""
    by_group = {
        label: dataset.labels.ravel()[rows] for label, dataset in model.predict_by_group(test).items()
    }
    return PreferenceFrame(
        y_true=test.labels.ravel()[rows],
        y_pred_pooled=model.predict_pooled(test).labels.ravel()[rows],
        y_pred_by_group=by_group,
        groups=test.protected_attributes[rows, 0],
        **arguments,
    )


FIGURES = {
    "rationality_gain": "rationality_gain",
    "envy_gain": "envy_margin",
    "fairness_without_harm_rate": "fairness_without_harm_rate",
    "negative_flip_rate": "negative_flip_rate",
}


@pytest.mark.parametrize("name", FIGURES)
def test_figures_are_those_of_a_preference_frame(name, case):
    model, test = case
    metric = make(model, test)
    sex = test.protected_attributes[:, 0]
    assert getattr(metric, name)() == frame_of(model, test).overall[FIGURES[name]]
    for privileged, value in ((True, 1), (False, 0)):
        expected = frame_of(model, test, sex == value).overall[FIGURES[name]]
        assert getattr(metric, name)(privileged=privileged) == expected


def test_frame_violations_and_certificates(case):
    model, test = case
    metric, frame = make(model, test), frame_of(model, test)
    assert metric.preference_frame().by_group.to_numpy().tolist() == frame.by_group.to_numpy().tolist()
    assert metric.num_violations() == len(frame.violations())
    assert metric.preference_frame().loss_name == "zero_one"
    assert metric.num_violations(alpha=0.05, claims="rationality") == 0
    assert (
        metric.certify(tolerance=0.01)["certified"].tolist()
        == frame.certify(tolerance=0.01)["certified"].tolist()
    )
    assert metric.preference_frame(n_boot=20, random_state=0).replicates("risk").shape == (20, 2)


def test_metrics_of_aif360_and_its_explainers_work(case):
    model, test = case
    metric, classic = make(model, test), ClassificationMetric(test, model.predict(test), **GROUPS)
    for name in (
        "accuracy",
        "disparate_impact",
        "equal_opportunity_difference",
        "theil_index",
        "num_instances",
    ):
        assert getattr(metric, name)() == getattr(classic, name)()
    assert metric.difference(metric.rationality_gain) == pytest.approx(
        metric.rationality_gain(privileged=False) - metric.rationality_gain(privileged=True)
    )
    assert str(metric.accuracy()) in MetricTextExplainer(metric).accuracy()
    assert json.loads(MetricJSONExplainer(metric).disparate_impact())["metric"] == "Disparate Impact"


def test_answers_follow_the_data_sets_and_nothing_is_kept_alive(case):
    model, test = case
    own = model.predict(test)
    metric = PreferenceMetric(test, own, model.predict_pooled(test), **GROUPS)
    before = metric.accuracy(), metric.rationality_gain()
    own.labels = model.predict_pooled(test).labels
    assert metric.rationality_gain() == 0 != before[1]
    assert metric.accuracy() == pytest.approx(before[0] - before[1])
    alive = weakref.ref(metric), weakref.ref(own)
    del metric, own
    gc.collect()
    assert alive[0]() is None
    assert alive[1]() is None


def test_subclasses_forget_too(case):
    class More(PreferenceMetric):
        def twice(self):
            return 2 * self.rationality_gain()

    model, test = case
    metric = More(test, model.predict(test), model.predict_pooled(test))
    assert metric.twice() == 2 * metric.rationality_gain()
    alive = weakref.ref(metric)
    del metric
    gc.collect()
    assert alive() is None


def test_a_list_of_group_data_sets_is_in_the_order_of_the_groups(case):
    model, test = case
    by_group = model.predict_by_group(test)
    listed = PreferenceMetric(
        test, model.predict(test), model.predict_pooled(test), [by_group[0.0], by_group[1.0]]
    )
    assert listed.envy_gain() == make(model, test).envy_gain()


def test_without_group_data_sets_envy_is_unknown(case):
    model, test = case
    metric = PreferenceMetric(test, model.predict(test), model.predict_pooled(test))
    assert np.isnan(metric.envy_gain())
    assert metric.rationality_gain() == make(model, test).rationality_gain()
    with pytest.raises(AttributeError, match="privileged_groups"):
        metric.rationality_gain(privileged=True)


def test_instance_weights_weigh_the_gains(case):
    model, test = case
    weighted = test.copy()
    weighted.instance_weights = np.random.default_rng(0).uniform(0.5, 2, len(test.labels))
    expected = frame_of(model, test, sample_weight=weighted.instance_weights).overall["rationality_gain"]
    assert make(model, weighted).rationality_gain() == pytest.approx(expected)


@pytest.mark.parametrize("loss", ["brier", "log", "rejection"])
def test_losses_of_scores_and_of_decisions(case, loss):
    model, test = case
    metric = make(model, test, loss=loss)
    y = (test.labels.ravel() == 1).astype(int)
    own, pooled = (
        d.scores.ravel() if loss != "rejection" else (d.labels.ravel() == 1).astype(int)
        for d in (model.predict(test), model.predict_pooled(test))
    )
    expected = PreferenceFrame(y_true=y, y_pred=own, y_pred_pooled=pooled, loss=loss).overall[
        "rationality_gain"
    ]
    assert metric.rationality_gain() == pytest.approx(expected)


def test_losses_without_limits_are_cut_off_before_they_are_tested(case):
    model, test = case
    with pytest.raises(ValueError, match="loss='log' has no largest value"):
        make(model, test, loss="log").certify(tolerance=0.5)
    limited = make(model, test, loss="log", loss_limit=5.0)
    assert len(limited.certify(tolerance=0.5))
    assert limited.num_violations(alpha=0.05) >= 0


def test_many_groups_and_several_labels():
    train, test = several_labels().split([0.7], shuffle=True, seed=0)
    model = Decoupled(random_state=0).fit(train)
    metric = PreferenceMetric.from_algorithm(model, test, **GROUPS)
    own, pooled = model.predict(test).labels, model.predict_pooled(test).labels
    assert metric.rationality_gain() == pytest.approx(
        (own == test.labels).mean() - (pooled == test.labels).mean()
    )
    with pytest.raises(ValueError, match="loss='brier' needs two labels"):
        PreferenceMetric.from_algorithm(model, test, loss="brier")
    train, test = binary(names=("sex", "old")).split([0.7], shuffle=True, seed=0)
    frame = PreferenceMetric.from_algorithm(Decoupled(random_state=0).fit(train), test).preference_frame()
    assert len(frame.by_group) == 4
    assert frame.envy_matrix.shape == (4, 4)


@pytest.mark.filterwarnings("ignore::fairlearn_fwh.exceptions.GroupFallbackWarning")
def test_asks_algorithms_by_itself():
    train, test = binary(names=("sex", "old")).split([0.7], shuffle=True, seed=0)
    tree = PreferenceTree(random_state=0).fit(train)
    metric = PreferenceMetric.from_algorithm(tree, test)
    expected = tree.estimator_.preference_frame(
        table_of(test), test.labels.ravel().astype(int), sensitive_features=attributes_of(test)
    )
    pd.testing.assert_frame_equal(metric.preference_frame().by_group, expected.by_group)
    one = NoHarmReduction(tolerance=0.1, random_state=0).fit(train)
    assert np.isfinite(PreferenceMetric.from_algorithm(one, test).rationality_gain())
    with pytest.raises(TypeError, match="LogisticRegression does not"):
        PreferenceMetric.from_algorithm(LogisticRegression(), test)


def test_groups_that_got_the_pooled_classifier_need_no_test():
    dataset = binary()
    dataset.instance_weights = np.where(dataset.protected_attributes[:, 0] == 1, 1.0, 0.0)
    with pytest.warns(UserWarning, match="0.0"):
        model = Decoupled(random_state=0).fit(dataset)
    certificate = PreferenceMetric.from_algorithm(model, binary()).certify(tolerance=0.0).set_index("group")
    assert certificate.loc[0.0, "identical"]


def table_of(dataset):
    return pd.DataFrame(dataset.features, columns=dataset.feature_names)[["a", "b"]]


def attributes_of(dataset):
    return pd.DataFrame(dataset.protected_attributes, columns=dataset.protected_attribute_names)


def changed(dataset, **fields):
    new = dataset.copy()
    for name, value in fields.items():
        setattr(new, name, value)
    return new


def test_bad_input(case):
    model, test = case
    own, pooled, by_group = model.predict(test), model.predict_pooled(test), model.predict_by_group(test)
    n = len(test.labels)
    with pytest.raises(
        ValueError,
        match="classified_dataset and dataset must differ in labels and scores only; they differ in features",
    ):
        PreferenceMetric(test, changed(own, features=own.features + 1), pooled)
    with pytest.raises(ValueError, match="pooled_dataset .* differ in feature_names"):
        PreferenceMetric(test, own, changed(pooled, feature_names=["a", "c", "sex", "old"]))
    with pytest.raises(ValueError, match="classified_dataset has 5 rows, but dataset has 360"):
        PreferenceMetric(test, own.subset(range(5)), pooled)
    with pytest.raises(
        ValueError, match=r"classified_dataset.labels must be favorable \[1.0\] .* got \[7.0\]"
    ):
        PreferenceMetric(test, changed(own, labels=np.full((n, 1), 7.0)), pooled)
    with pytest.raises(
        ValueError, match="classified_dataset.scores must be one number per row, none of them NaN"
    ):
        PreferenceMetric(test, changed(own, scores=np.full((n, 1), np.nan)), pooled)
    with pytest.raises(
        ValueError, match=r"group_datasets has 1 data sets, but there are 2 groups: \[0.0, 1.0\]"
    ):
        PreferenceMetric(test, own, pooled, [by_group[0.0]])
    with pytest.raises(ValueError, match=r"group_datasets has no data set for \[1.0\]; it has \[0.0\]"):
        PreferenceMetric(test, own, pooled, {0.0: by_group[0.0]})
    with pytest.raises(TypeError, match="group_datasets must be a dict .* got BinaryLabelDataset"):
        PreferenceMetric(test, own, pooled, own)
    with pytest.raises(ValueError, match="groups"):
        PreferenceMetric(test, own, pooled, by_group, groups=[0.0, 1.0])
    with pytest.raises(ValueError, match="claims='envy' needs group_datasets"):
        PreferenceMetric(test, own, pooled).certify(tolerance=0.0, claims="envy")
    with pytest.raises(ValueError, match="dataset.features has NaN"):
        PreferenceMetric(
            *(changed(d, features=np.where(d.features > 2, np.nan, d.features)) for d in (test, own, pooled))
        )
    with pytest.raises(ValueError, match="one number per row"):
        PreferenceMetric(test, changed(own, scores=own.scores[:5]), pooled)
    with pytest.raises(NotFittedError):
        PreferenceMetric.from_algorithm(Decoupled(), test)
    with pytest.raises(ValueError, match="groups was given without group_datasets"):
        PreferenceMetric(test, own, pooled, groups=np.zeros(n))
    with pytest.raises(ValueError, match="zero for everybody"):
        PreferenceMetric(*(changed(d, instance_weights=np.zeros(n)) for d in (test, own, pooled)))
    with pytest.raises(ValueError, match="privileged_groups names"):
        PreferenceMetric(test, own, pooled, [*by_group.values()], [{"sex": 0}], [{"race": 1}])
    with pytest.raises(ValueError, match="disjoint"):
        PreferenceMetric(test, own, pooled, None, [{"sex": 0}], [{"sex": 0}])
    with pytest.raises(TypeError, match="unprivileged_groups must be a list of dicts"):
        PreferenceMetric(test, own, pooled, None, {"sex": 0})
    with pytest.raises(TypeError, match="pooled_dataset must be a BinaryLabelDataset"):
        PreferenceMetric(test, own, LogisticRegression())
