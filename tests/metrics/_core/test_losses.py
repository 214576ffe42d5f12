import numpy as np
import pytest
from sklearn.metrics import brier_score_loss, log_loss

from fairlearn_fwh.metrics._core._losses import LOSSES, resolve_loss

Y, P = np.array([0, 1, 1, 0]), np.array([0.1, 0.9, 0.3, 0.0])


def test_losses_have_their_textbook_values():
    assert LOSSES["zero_one"](Y, np.array([0, 0, 1, 1])).tolist() == [False, True, False, True]
    assert LOSSES["log"](Y, P).mean() == pytest.approx(log_loss(Y, P))
    assert LOSSES["brier"](Y, P).mean() == pytest.approx(brier_score_loss(Y, P))
    assert LOSSES["squared"](Y, Y + 2.0).tolist() == [4, 4, 4, 4]
    assert LOSSES["absolute"](Y, Y - 2.0).tolist() == [2, 2, 2, 2]


def test_log_loss_is_finite_for_certain_and_wrong_predictions():
    assert np.isfinite(LOSSES["log"](Y, 1.0 - Y)).all()


def test_a_callable_is_a_loss_of_its_own():
    loss = resolve_loss(lambda y, p: 5.0 * (y != p))
    assert loss(Y, np.array([1, 1, 1, 1])).tolist() == [5, 0, 0, 5]
    assert loss.upper is None


def test_labels_are_compared_as_labels():
    assert LOSSES["zero_one"](np.array(["a", "b"]), np.array(["a", "a"])).tolist() == [False, True]
    assert LOSSES["zero_one"](np.array([True, False]), np.array([1, 1])).tolist() == [False, True]


@pytest.mark.parametrize(
    ("loss", "y", "p", "message"),
    [
        ("nonsense", Y, Y, r"loss must be one of \['absolute', 'brier', 'false_alarm', 'log', 'missed', 'pinball', 'rejection', 'squared', 'zero_one'\] or a callable; got 'nonsense'"),
        ("zero_one", Y, P, r"has fractions such as 0.1, but loss='zero_one' compares labels"),
        ("zero_one", Y.astype(float), P, r"has fractions such as 0.1, but loss='zero_one' compares labels"),
        ("zero_one", Y, np.array(list("0110")), "labels of different types"),
        ("zero_one", Y.astype(object), np.array(list("0110"), dtype=object), "labels of different types"),
        ("brier", Y, np.array([0, 1, 2, 0]), "y_pred has labels .* loss='brier' compares probabilities"),
        ("zero_one", Y + 0.5, Y, "y_true has fractions such as"),
        ("brier", Y, np.array([0, 1.0, 2, 0]), "needs probabilities of the positive class in y_pred, from 0 to 1"),
        ("log", np.array(list("abab")), P, r"needs y_true in \{0, 1\}"),
        (lambda y, p: 1.0, Y, P, "one value per row"),
        (lambda y, p: np.full(4, np.nan), Y, P, "is not finite"),
    ],
)  # fmt: skip
def test_predictions_of_the_wrong_kind_are_refused(loss, y, p, message):
    with pytest.raises(ValueError, match=message):
        resolve_loss(loss)(y, p)
