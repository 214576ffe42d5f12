"""Callbacks of the user's, in every estimator that is trained by gradient."""

import numpy as np
import pytest
from skorch.callbacks import Callback, LRScheduler

from fairlearn_fwh._methods import METHODS

TRAINED = [method for method in METHODS if method.learns_in_batches]

pytestmark = [
    pytest.mark.filterwarnings(f"ignore::fairlearn_fwh.exceptions.{name}")
    for name in ("GroupCollapseWarning", "GroupFallbackWarning")
] + [pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")]


class Listener(Callback):
    """Remembers the figures of every epoch."""

    def __init__(self):
        self.epochs = []

    def on_epoch_end(self, net, **kwargs):
        self.epochs.append(dict(net.history[-1]))


def rows(n=300):
    rng = np.random.default_rng(0)
    X, group = rng.standard_normal((n, 3)), rng.integers(0, 2, n)
    return X, (X[:, 0] * (2 * group - 1) > 0).astype(int), group


def fit(method, **settings):
    X, y, group = rows()
    groups = {"sensitive_features": group} if method.takes_groups else {}
    return method.load()(**{**method.quick, "max_epochs": 5, "random_state": 0, **settings}).fit(
        X, y, **groups
    )


@pytest.mark.parametrize("method", TRAINED, ids=lambda method: method.name)
def test_callbacks_see_every_epoch_with_its_figures(method):
    listener = Listener()
    model = fit(method, callbacks=[listener])
    assert listener.epochs
    for epoch in listener.epochs:
        assert {"epoch", "train_loss"} <= set(epoch)
        assert [name for name in epoch if name.startswith("valid_")]
    assert model.get_params()["callbacks"] == [listener]


@pytest.mark.parametrize("method", TRAINED, ids=lambda method: method.name)
def test_callbacks_that_only_listen_change_nothing(method):
    X, _, group = rows()
    groups = {"sensitive_features": group} if method.routes and method.takes_groups else {}
    plain, heard = fit(method), fit(method, callbacks=[Listener()])
    np.testing.assert_array_equal(plain.predict_proba(X, **groups), heard.predict_proba(X, **groups))


def test_callbacks_can_change_the_training():
    (method,) = [method for method in TRAINED if method.adapter == "DRO"]
    X, *_ = rows()
    scheduler = LRScheduler(policy="ExponentialLR", gamma=0.1)
    assert (fit(method).predict_proba(X) != fit(method, callbacks=[scheduler]).predict_proba(X)).any()


@pytest.mark.parametrize("method", TRAINED, ids=lambda method: method.name)
def test_what_is_no_callback_is_refused_before_anything_is_fitted(method):
    X, y, group = rows()
    groups = {"sensitive_features": group} if method.takes_groups else {}
    model = method.load()(callbacks=[Listener])
    with pytest.raises(
        ValueError, match="callbacks must be skorch callbacks, made by calling their classes; got <class"
    ):
        model.fit(X, y, **groups)
    assert not hasattr(model, "classes_")
