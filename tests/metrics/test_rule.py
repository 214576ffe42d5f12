import numpy as np
import pytest
from scipy import stats

from fairlearn_fwh.metrics import PreferenceFrame, keep_own_classifier


def frame(gains, n=1000, **more):
    """Groups whose own classifier is better for `gain` of the people, and worse for the rest of 10 % of them."""
    y, own, pooled = [], [], []
    for gain in gains:
        better = round(n * (0.1 + gain) / 2)
        worse = round(n * 0.1) - better
        y += [1] * n
        own += [1] * better + [0] * worse + [1] * (n - better - worse)
        pooled += [0] * better + [1] * worse + [1] * (n - better - worse)
    return PreferenceFrame(
        y_true=y, y_pred=own, y_pred_pooled=pooled, groups=np.repeat(np.arange(len(gains)), n), **more
    )


def test_certified_needs_evidence_and_empirical_a_gain():
    sample = frame([0.05, 0.006, -0.05])
    assert keep_own_classifier(sample)["keep"].tolist() == [True, False, False]
    assert keep_own_classifier(sample, rule="empirical")["keep"].tolist() == [True, True, False]


def test_ties_go_to_the_pooled_classifier():
    assert keep_own_classifier(frame([0.0]), rule="empirical")["keep"].tolist() == [False]


def test_a_tolerance_makes_it_non_inferiority():
    sample = frame([0.0], n=5000)
    assert not keep_own_classifier(sample)["keep"][0]
    assert keep_own_classifier(sample, tolerance=0.02)["keep"][0]
    assert keep_own_classifier(sample, rule="empirical", tolerance=0.01)["keep"][0]


def test_the_decision_is_that_of_certify():
    sample = frame([0.02, 0.01, 0.03, -0.01], n=600)
    table = keep_own_classifier(sample, tolerance=0.01, alpha=0.1)
    assert table["keep"].tolist() == sample.certify(tolerance=0.01, alpha=0.1)["certified"].tolist()
    assert table.index.tolist() == [0, 1, 2, 3]


def test_reasons_say_what_was_found():
    reasons = keep_own_classifier(frame([0.05], n=1000), tolerance=0.01)["reason"]
    assert reasons[0].startswith("gain +0.0500 of 1,000 people, adjusted p-value of a gain above -0.0100: ")
    y = [0, 1] * 50
    sample = PreferenceFrame(y_true=y, y_pred=y, y_pred_pooled=y, groups=[0] * 100, pooled_groups=[0])
    assert keep_own_classifier(sample)["reason"][0] == "served by the pooled classifier"


def test_unknown_rules_are_refused():
    with pytest.raises(ValueError, match=r"rule must be one of \['certified', 'empirical'\]; got 'hope'"):
        keep_own_classifier(frame([0.1]), rule="hope")


@pytest.mark.parametrize(
    ("n", "better", "worse"), [(20, 6, 0), (29, 8, 1), (20, 0, 3), (20, 0, 0), (200, 60, 40), (200, 0, 0)]
)
def test_at_tolerance_zero_the_test_is_the_exact_one_of_mcnemar(n, better, worse):
    y = [1] * n
    own = [1] * better + [0] * worse + [1] * (n - better - worse)
    pooled = [0] * better + [1] * worse + [1] * (n - better - worse)
    table = PreferenceFrame(y_true=y, y_pred=own, y_pred_pooled=pooled).certify(tolerance=0.0)
    expected = (
        stats.binomtest(better, better + worse, alternative="greater").pvalue if better + worse else 1.0
    )
    assert table["p_value"][0] == pytest.approx(expected)
    assert table["method"][0] == "mcnemar"
