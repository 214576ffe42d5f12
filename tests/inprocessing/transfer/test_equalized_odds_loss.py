"""Differential equalized odds as a loss: against references, the metric, and numerical gradients."""

import math

import numpy as np
import pytest
import torch

from fairlearn_fwh.inprocessing import DifferentialEqualizedOddsLoss
from fairlearn_fwh.metrics import differential_equalized_odds

G, C = 3, 2


def draw(seed, n=200, n_classes=C):
    rng = np.random.default_rng(seed)
    scores = torch.as_tensor(rng.standard_normal((n, n_classes)))
    return (
        torch.softmax(scores, dim=1),
        torch.as_tensor(rng.integers(0, n_classes, n)),
        torch.as_tensor(rng.integers(0, G, n)),
    )


def soft_reference(probabilities, y, groups, concentration=1.0):
    """The maximum, counting people one by one."""
    n_classes = probabilities.shape[1]
    worst = 0.0
    for label in range(n_classes):
        for answer in range(n_classes):
            logs = []
            for group in range(G):
                people = [i for i in range(len(y)) if y[i] == label and groups[i] == group]
                expected = sum(float(probabilities[i, answer]) for i in people)
                logs.append(math.log((expected + concentration / n_classes) / (len(people) + concentration)))
            worst = max(worst, max(logs) - min(logs))
    return worst


@pytest.mark.parametrize("n_classes", [2, 4])
def test_the_loss_is_that_of_a_reference(n_classes):
    p, y, groups = draw(0, n_classes=n_classes)
    loss = DifferentialEqualizedOddsLoss(G, n_classes, decay=1.0, temperature=0.0)
    assert float(loss(p, y, groups)) == pytest.approx(soft_reference(p, y, groups))


@pytest.mark.parametrize("n_classes", [2, 3])
def test_the_metric_is_the_loss_of_hard_answers(n_classes):
    p, y, groups = draw(1, n_classes=n_classes)
    hard = torch.nn.functional.one_hot(p.argmax(dim=1), n_classes).double()
    loss = DifferentialEqualizedOddsLoss(G, n_classes, decay=1.0, temperature=0.0)
    assert float(loss(hard, y, groups)) == pytest.approx(
        differential_equalized_odds(y, p.argmax(dim=1), sensitive_features=groups)
    )


@pytest.mark.parametrize("temperature", [0.0, 0.05])
def test_answers_that_depend_on_the_label_alone_cost_nothing(temperature):
    _, y, _ = draw(2, n=240)
    groups = torch.arange(240) % G
    y = (torch.arange(240) // G) % 2  # every group has as many of both
    p = torch.where(y[:, None] == 1, torch.tensor([[0.3, 0.7]]), torch.tensor([[0.8, 0.2]])).double()
    loss = DifferentialEqualizedOddsLoss(G, C, decay=1.0, temperature=temperature)
    assert float(loss(p, y, groups)) == pytest.approx(0, abs=1e-9)


def test_names_of_groups_do_not_matter():
    p, y, groups = draw(3)
    renamed = torch.tensor([2, 0, 1])[groups]
    first, second = (DifferentialEqualizedOddsLoss(G, C, decay=1.0)(p, y, g) for g in (groups, renamed))
    assert float(first) == pytest.approx(float(second))


@pytest.mark.parametrize("constraint", ["equalized_odds", "demographic_parity", "equal_opportunity"])
def test_the_gradient_is_right_and_a_share_decay_of_that_of_epsilon(constraint):
    p, y, groups = draw(4, n=40)
    scores = p.log().requires_grad_()

    def epsilon(values, decay):
        loss = DifferentialEqualizedOddsLoss(G, C, decay=decay, constraint=constraint, min_cell_size=1)
        loss.start(torch.softmax(p.log(), dim=1), y, groups)
        return loss(torch.softmax(values, dim=1), y, groups)

    assert torch.autograd.gradcheck(lambda values: epsilon(values, 1.0), scores, eps=1e-6, atol=1e-6)
    whole, part = (torch.autograd.grad(epsilon(scores, decay), scores)[0] for decay in (1.0, 0.1))
    assert torch.allclose(part, 0.1 * whole)


def test_counts_are_kept_up_without_gradients():
    loss = DifferentialEqualizedOddsLoss(G, C, decay=0.25, temperature=0.0, min_cell_size=0)
    everybody, batch = draw(5, n=400), draw(6, n=50)
    loss.start(*everybody)
    p = batch[0].clone().requires_grad_()
    loss(p, *batch[1:])
    expected = 0.75 * loss.count(*everybody) + 0.25 * 8 * loss.count(*batch)
    assert torch.allclose(loss._counts, expected)
    assert not loss._counts.requires_grad
    loss(p, *batch[1:]).backward()  # a second step needs nothing of the first


def test_constraints_condition_on_other_labels():
    p, y, groups = draw(7)
    parity, opportunity = (
        DifferentialEqualizedOddsLoss(G, C, decay=1.0, temperature=0.0, constraint=constraint)
        for constraint in ("demographic_parity", "equal_opportunity")
    )
    assert float(parity(p, y, groups)) == pytest.approx(float(parity(p, 1 - y, groups)))
    positive = y == 1
    assert torch.allclose(
        opportunity.count(p, y, groups), opportunity.count(p[positive], y[positive], groups[positive])
    )


def test_small_cells_have_no_say():
    p, y, groups = draw(8, n=300)
    few = (groups != 2) | (torch.arange(300) < 20)
    p, y, groups = p[few], y[few], groups[few]
    with_few = DifferentialEqualizedOddsLoss(G, C, temperature=0.0, min_cell_size=30)
    with_few.start(p, y, groups)
    without = DifferentialEqualizedOddsLoss(2, C, temperature=0.0)
    large = groups < 2
    without.start(p[large], y[large], groups[large])
    assert float(with_few.epsilon(with_few.count(p, y, groups))) == pytest.approx(
        float(without.epsilon(without.count(p[large], y[large], groups[large])))
    )
    alone = DifferentialEqualizedOddsLoss(G, C, min_cell_size=10_000)
    alone.start(p, y, groups)
    assert float(alone(p, y, groups)) == 0  # nothing is left to compare


def test_a_cell_without_anybody_is_no_matter():
    p, y, groups = draw(9)
    y = torch.where(groups == 0, torch.zeros_like(y), y)
    loss = DifferentialEqualizedOddsLoss(G, C, decay=1.0)
    assert torch.isfinite(loss(p, y, groups))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"constraint": "other"}, "constraint must be one of"),
        ({"decay": 0.0}, "decay must be above 0"),
        ({"concentration": 0.0}, "concentration must be above 0; got 0.0"),
        ({"temperature": -1.0}, "temperature must be at least 0; got -1.0"),
        ({"decay": 2}, "got 2"),
    ],
)
def test_bad_parameters(changes, message):
    with pytest.raises(ValueError, match=message):
        DifferentialEqualizedOddsLoss(2, 2, **changes)
