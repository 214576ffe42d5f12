"""Labels of truth and predictions are compared over everything that is audited, before anything is claimed."""

import warnings

import duckdb
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from fairlearn_fwh.audit import Audit
from fairlearn_fwh.exceptions import LabelMismatchWarning
from fairlearn_fwh.metrics import PreferenceFrame
from fairlearn_fwh.metrics._inference._claims import NEVER_RIGHT

FRAMES = {
    "pandas": pd.DataFrame,
    "polars lazy": lambda columns: pl.LazyFrame(columns),
    "duckdb": lambda columns: duckdb.from_arrow(pa.table(columns)),
}


@pytest.fixture(params=FRAMES)
def measure(request):
    def measure(y, new, old, **more):
        table = FRAMES[request.param]({"y": y * 20, "new": new * 20, "old": old * 20})
        return PreferenceFrame.from_frame(table, y_true="y", y_pred="new", y_pred_pooled="old", **more)

    return measure


@pytest.mark.parametrize(
    ("y", "new", "old", "message"),
    [
        ([">50K.", "<=50K."], [">50K", "<=50K"], [">50K.", "<=50K."], "'<=50K.' and y_pred the label '<=50K', which are counted as different"),
        (["yes", "no"], ["yes", "no"], ["Yes", "No"], "y_true has the label .* and y_pred_pooled the label"),
        (["yes", "no"], ["yes ", "no"], ["yes", "no"], "the label 'yes' and y_pred the label 'yes '"),
        ([1, 2], [0, 1], [1, 2], "y_true and y_pred each have labels that the other lacks: y_true has 1, 2, y_pred has 0, 1"),
        ([1, 2], [1, 2], [3, 7], "y_true and y_pred_pooled have no label in common"),
        ([0, 1], [1, 9], [0, 1], "each have labels that the other lacks"),
        (["a", "b"], ["x", "y"], ["a", "b"], "no label in common, so every prediction counts as wrong"),
        ([1, 1], [0, 0], [1, 1], "no label in common"),
        ([0, 1, 0, 1], [0, 1, 5, 9], [0, 1, 0, 1], "y_pred has more labels than y_true, as scores or deciles have"),
        (["caf\u00e9", "n"], ["cafe\u0301", "n"], ["caf\u00e9", "n"], r"the label 'caf\\xe9' and y_pred the label 'cafe\\u0301'"),
        (["yes", "no", "Yes"], ["yes", "no", "no"], ["yes", "no", "yes"], "y_true has the label 'Yes' and y_pred the label 'yes', which are"),
        (["yes", "no", "yes "], ["yes", "no", "no"], ["yes", "no", "yes"], "y_true has the label 'yes ' and y_pred the label 'yes'"),
        (["yes", "no", "yes"], ["yes", "no", "no"], ["Yes", "no", "yes"], "y_true has the label 'yes' and y_pred_pooled the label 'Yes'"),
        (["1", "0", "true"], ["1", "0", "0"], ["1", "0", "1"], "y_true has the label 'true' beside numbers"),
        (["1", "0", "1,0"], ["1", "0", "0"], ["1", "0", "1"], "y_true has the label '1,0' beside numbers"),
        (["yes", "no", "NA"], ["yes", "no", "no"], ["yes", "no", "yes"], "y_true has the label 'NA', which not all columns have"),
        (["yes", "no", "Y"], ["yes", "no", "no"], ["yes", "no", "yes"], "y_true has 'Y', which no prediction ever has"),
        (["A", "B", "C"], ["A", "B", "C-"], ["A", "B", "C-"], "y_true has the label 'C', which y_pred never has, and y_pred has 'C-', which y_true never has"),
    ],
)  # fmt: skip
def test_labels_that_never_meet_are_refused(measure, y, new, old, message):
    frame = measure(y, new, old)
    for claim in (
        lambda: frame.certify(tolerance=0.1),
        lambda: frame.violations(alpha=0.05),
        frame.violations,
        frame.harm_tests,
        frame.gain_intervals,
        lambda: frame.power(0.1),
        lambda: Audit(frame),
        frame.to_model_card,
    ):
        with pytest.raises(ValueError, match=message):
            claim()
    settled = measure(y, new, old, labels=sorted({*y, *new, *old}))
    assert len(settled.certify(tolerance=0.1)) == 1


def test_labels_of_signs_alone_are_no_look_alikes(measure):
    with pytest.warns(LabelMismatchWarning, match="which y_true never has"):
        measure(["A", "B", "*"], ["A", "B", "#"], ["A", "B", "*"]).certify(tolerance=0.1)


def test_an_infinite_label_is_refused(measure):
    with pytest.raises(ValueError, match=r"y_true has .*inf"):
        measure([0.0, np.inf], [0.0, 1.0], [0.0, 1.0])


def test_a_class_that_is_never_predicted_is_named(measure):
    with pytest.warns(LabelMismatchWarning, match="y_true has 3, which no prediction ever has"):
        measure([0, 1, 2, 3], [0, 1, 2, 2], [0, 1, 1, 2]).certify(tolerance=0.1)


def test_models_that_leave_out_a_label_are_compared(measure):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        measure([0, 1], [0, 0], [0, 1]).certify(tolerance=0.1)
        measure([0, 1, 2], [0, 1, 1], [0, 2, 2]).certify(tolerance=0.1)


@pytest.mark.parametrize(("y", "new"), [([0, 1, 2], [0, 1, 5]), ([0, 1, 1], [0, 1, 4])])
def test_among_more_classes_it_is_a_warning_that_labels_settle(measure, y, new):
    with pytest.warns(LabelMismatchWarning, match=r"y_pred has \d, which y_true never has"):
        measure(y, new, y).certify(tolerance=0.1)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        measure(y, new, y, labels=[0, 1, 2, 4, 5]).certify(tolerance=0.1)


def test_shards_are_looked_at_together(measure):
    one, other = measure([1, 1], [0, 0], [1, 1]), measure([0, 0, 1], [0, 1, 1], [0, 0, 1])
    assert one.by_group["risk"].tolist() == [1.0]
    assert len((one + other).certify(tolerance=0.1)) == 1
    with pytest.raises(ValueError, match="no label in common"):
        (one + one).certify(tolerance=0.1)
    with pytest.raises(ValueError, match="the same labels; got"):
        one + measure([1, 1], [0, 0], [1, 1], labels=[0, 1])


def test_columns_of_group_classifiers_are_looked_at(measure):
    frames = []
    for scores in ([1, 5], [1, 5, 7]):
        n = len(scores)
        table = {
            "y": [0, 1, 1][:n] * 20,
            "old": [0, 1, 0][:n] * 20,
            "a": [0, 1, 1][:n] * 20,
            "b": scores * 20,
            "g": ["a", "b", "a"][:n] * 20,
        }
        frames += [
            PreferenceFrame.from_frame(
                make(table), y_true="y", y_pred_pooled="old", y_pred_by_group=["a", "b"], groups="g"
            )
            for make in FRAMES.values()
        ]
    for frame in frames:
        with pytest.raises(ValueError, match=r"y_pred_by_group\['b'\] each have labels|y_true and y_pred"):
            frame.certify(tolerance=0.1, claims="all")


def test_booleans_may_be_stated(measure):
    frame = measure([True, False], [True, True], [True, False], labels=[False, True])
    assert len(frame.certify(tolerance=0.1)) == 1


@pytest.mark.parametrize("labels", ["01", b"01", [], [None, 1]])
def test_labels_are_a_list(labels):
    with pytest.raises(ValueError, match="labels must"):
        PreferenceFrame(y_true=[0, 1], y_pred=[0, 1], y_pred_pooled=[0, 1], labels=labels)


def test_labels_fit_the_data_and_the_loss(measure):
    with pytest.raises(
        ValueError, match="y_true has 0, 1, which labels does not name|labels has .* of another type"
    ):
        measure([0, 1], [0, 1], [0, 1], labels=["0", "1"])
    with pytest.raises(ValueError, match="labels applies to loss='zero_one'"):
        measure([0, 1], [0, 1], [0, 1], loss="rejection", labels=[0, 1])


def test_nothing_is_certified_where_every_answer_is_wrong():
    y = np.tile([0, 1], 400)
    groups = np.repeat(["right", "wrong"], 400)
    answers = np.where(groups == "wrong", 1 - y, y)
    frame = PreferenceFrame(y_true=y, y_pred=answers, y_pred_pooled=answers, sensitive_features=groups)
    table = frame.certify(tolerance=0.1).set_index("group")
    assert table["certified"].to_dict() == {"right": True, "wrong": False}
    assert table.loc["wrong", "method"] == NEVER_RIGHT
    audit = Audit(frame, tolerance=0.1)
    assert not audit.certified
    assert "wrong (400 people, about whom every answer of both classifiers is wrong)" in audit.verdict
    # Everybody is refused: that is not an error of a label.
    refused = PreferenceFrame(y_true=y, y_pred=0 * y, y_pred_pooled=0 * y, loss="rejection")
    assert refused.certify(tolerance=0.1)["certified"].all()


def test_what_is_said_to_be_pooled_must_be(measure):
    y, groups = [0, 1, 1, 0], ["a", "b", "a", "b"]
    sample = {"y": y * 20, "new": [1, 0, 0, 1] * 20, "old": y * 20, "g": groups * 20}
    for make in FRAMES.values():
        for n_boot in (None, 10):
            with pytest.raises(
                ValueError,
                match=r"pooled_groups names \['a', 'b'\], but people of that group got other predictions",
            ):
                PreferenceFrame.from_frame(
                    make(sample),
                    y_true="y",
                    y_pred="new",
                    y_pred_pooled="old",
                    groups="g",
                    pooled_groups=["a", "b"],
                    n_boot=n_boot,
                )
        with pytest.raises(ValueError, match="pooled_groups must be a list of labels of groups; got 'ab'"):
            PreferenceFrame.from_frame(
                make(sample), y_true="y", y_pred="new", y_pred_pooled="old", groups="g", pooled_groups="ab"
            )
