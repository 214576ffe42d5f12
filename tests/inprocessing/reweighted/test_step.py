"""A method that changes the gradient needs a step of its own, and nothing else of the trainer or the family."""

import warnings

import numpy as np
import pytest
import torch
from sklearn.exceptions import ConvergenceWarning

from fairlearn_fwh.inprocessing import DROClassifier
from fairlearn_fwh.inprocessing.reweighted._step import Step

PLAIN = {"alpha": 1.0, "hidden_layer_sizes": (8,), "max_epochs": 6, "random_state": 0}


class EvenStep(Step):
    """Goes down the mean loss, and down the spread of losses as far as that does not raise the mean (after VFair)."""

    def backward(self, costs, learner):
        parameters = [p for p in learner.parameters() if p.requires_grad]
        of_mean = torch.autograd.grad(costs.total, parameters, retain_graph=True)
        of_spread = torch.autograd.grad(costs.losses.std(), parameters)
        along = sum((m * s).sum() for m, s in zip(of_mean, of_spread, strict=True))
        length = sum((m * m).sum() for m in of_mean).clamp(min=1e-12)
        back = (-along / length).clamp(min=0)
        for parameter, m, s in zip(parameters, of_mean, of_spread, strict=True):
            parameter.grad = m + s + back * m


class EvenClassifier(DROClassifier):
    def _make_step(self):
        return EvenStep()


class FrozenStep(Step):
    """Never moves."""

    def clip(self, learner):
        for parameter in learner.parameters():
            parameter.grad = torch.zeros_like(parameter)


class FrozenClassifier(DROClassifier):
    def _make_step(self):
        return FrozenStep()


@pytest.fixture(scope="module")
def rows():
    rng = np.random.default_rng(0)
    X = rng.standard_normal((1500, 4))
    minority = rng.random(1500) < 0.15
    X[:, 3] += 2 * minority
    return X, (np.where(minority, X[:, 1], X[:, 0]) + 0.3 * rng.standard_normal(1500) > 0).astype(int)


def spread_of_losses(model, X, y):
    return np.log(model.predict_proba(X)[np.arange(len(y)), y]).std()


@pytest.mark.filterwarnings("ignore:The classifier is no better")
def test_a_method_may_change_the_gradient(rows):
    plain, even = (cls(**PLAIN).fit(*rows) for cls in (DROClassifier, EvenClassifier))
    assert even.score(*rows) > 0.75
    assert spread_of_losses(even, *rows) < spread_of_losses(plain, *rows)


def test_a_method_may_change_the_clipping(rows):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        model = FrozenClassifier(**PLAIN).fit(*rows)
    losses = [epoch["loss"] for epoch in model.validation_history_]
    assert np.ptp(losses) < 0.01  # weight decay alone
