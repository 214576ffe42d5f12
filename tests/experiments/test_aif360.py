"""AIF360's algorithms beside ours."""

import numpy as np
import pytest
from aif360.metrics import ClassificationMetric

from fairlearn_fwh.experiments._aif360 import _comparison as _aif360
from fairlearn_fwh.experiments._aif360._comparison import aif360_markdown, run_aif360, summarize_aif360
from fairlearn_fwh.experiments._data import make_split
from fairlearn_fwh.metrics import PreferenceFrame


@pytest.fixture
def flow(real_data):
    bunch = _aif360.DATA["arrest"].load(real_data)
    split = make_split(bunch, "race", test_size=0.25, random_state=0)
    return split, *_aif360._make_flow("arrest", split, 0)


def test_data_sets_hold_the_split_with_favorable_one_and_hide_the_labels_of_the_test_rows(flow):
    split, made, truth = flow
    assert (made.train.labels.ravel() == 1 - split.y).all()
    assert (truth.labels.ravel() == 1 - split.y_test).all()
    assert (made.test.labels == 0).all()
    assert (made.test.scores == 0).all()
    assert len(made.unprivileged) == 5
    is_privileged = truth.protected_attributes.ravel() == made.privileged[0]["race"]
    assert (is_privileged == (split.attribute_test == "Caucasian")).all()


def test_figures_are_those_of_aif360_and_of_a_preference_frame(flow):
    split, made, truth = flow
    pooled = _aif360._logistic(made, made.train)
    flipped = truth.copy()
    flipped.labels = 1 - pooled.labels
    figures = _aif360._figures(made, truth, flipped, pooled, split.attribute_test)
    metric = ClassificationMetric(truth, flipped, **made.groups)
    frame = PreferenceFrame(
        y_true=truth.labels.ravel(),
        y_pred=flipped.labels.ravel(),
        y_pred_pooled=pooled.labels.ravel(),
        sensitive_features=split.attribute_test,
    )
    large = frame.by_group[frame.by_group["n"] >= 50]
    assert figures["disparate_impact"] == metric.disparate_impact()
    assert figures["worst_gain"] == large["rationality_gain"].min() < 0
    assert figures["lower"] < figures["worst_gain"] < figures["upper"] < 0
    assert figures["worst_group_accuracy"] == pytest.approx(1 - large["risk"].max())
    assert figures["n_harmed"] == len(frame.violations(0.05, "rationality"))


def test_what_does_not_run_is_said(real_data, monkeypatch):
    def breaks(flow):
        raise TypeError("no")

    monkeypatch.setattr(_aif360, "their_algorithms", lambda: {"Broken": breaks})
    monkeypatch.setattr(_aif360, "OURS", ("Decoupled",))
    runs = run_aif360(["german"], n_splits=2, data_home=real_data)
    assert list(summarize_aif360(runs)["method"]) == ["pooled", "Decoupled (ours)"]
    text = aif360_markdown(runs)
    assert text.count("Broken did not run on german: TypeError: no") == 1
    assert "| pooled |" in text


def test_the_global_generator_is_left_as_it_was(flow):
    state = np.random.get_state()[1].copy()  # noqa: NPY002
    _aif360._quietly(_aif360._calibrated_eq_odds)(flow[1])
    assert (np.random.get_state()[1] == state).all()  # noqa: NPY002


def test_unknown_data_are_refused():
    with pytest.raises(ValueError, match="datasets must be among"):
        run_aif360(["violent"])
