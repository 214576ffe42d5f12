"""Each strategy against brute force and an integer programme."""

import itertools

import numpy as np
import pytest
from scipy import optimize

from fairlearn_fwh.postprocessing._strategies import STRATEGIES as ALL
from fairlearn_fwh.postprocessing._strategies import choose

STRATEGIES = [strategy for strategy in ALL if strategy != "in_order"]


def instance(rng, n_groups, n_candidates=2, digits=None):
    scores = rng.uniform(0.5, 1.0, (n_groups, n_candidates))
    if digits is not None:
        scores = scores.round(digits)
    allowed = (scores >= scores[:, :1] - 0.02) & (rng.random(scores.shape) < 0.9)
    allowed[:, 0] = True
    scores[~allowed & (rng.random(scores.shape) < 0.3)] = np.nan
    return scores, allowed, rng.uniform(1, 100, n_groups)


def judge(scores, sizes, choice):
    values = scores[np.arange(len(choice)), list(choice)]
    return values.min(), np.ptp(values), sizes @ values


def brute_force(scores, allowed, sizes, strategy):
    """The best value of what the strategy optimises, first things first."""
    options = [np.flatnonzero(row) for row in allowed]
    judged = [judge(scores, sizes, choice) for choice in itertools.product(*options)]
    if strategy == "max_min":
        return max((low, total) for low, _, total in judged)
    if strategy == "min_gap":
        smallest = min(gap for _, gap, _ in judged)
        return smallest, max(total for _, gap, total in judged if gap <= smallest + 1e-12)
    limit = np.ptp(scores[:, 0])
    return limit, max(total for _, gap, total in judged if gap <= limit + 1e-12)


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_every_strategy_is_as_good_as_brute_force(strategy):
    rng = np.random.default_rng(0)
    for i in range(500):
        a = 1 + i % 10
        c = 2 if a > 5 else 2 + i % 3
        scores, allowed, sizes = instance(rng, a, c, digits=[None, 2, 1][i % 3])
        choice = choose(scores, allowed, sizes, strategy)
        assert allowed[np.arange(a), choice].all()
        low, gap, total = judge(scores, sizes, choice)
        best = brute_force(scores, allowed, sizes, strategy)
        if strategy == "max_min":
            assert (low, total) == pytest.approx(best, abs=1e-9)
        elif strategy == "min_gap":
            assert (gap, total) == pytest.approx(best, abs=1e-9)
        else:
            assert gap <= best[0] + 1e-12
            assert total == pytest.approx(best[1], abs=1e-9)


def test_max_overall_is_as_good_as_an_integer_programme():
    rng = np.random.default_rng(1)
    for _ in range(5):
        scores, allowed, sizes = instance(rng, 60)
        scores = np.nan_to_num(scores)
        _, _, total = judge(scores, sizes, choose(scores, allowed, sizes, "max_overall"))
        assert total == pytest.approx(milp_max_overall(scores, allowed, sizes), rel=1e-6)


def milp_max_overall(scores, allowed, sizes):
    """Variables: which candidate each group takes, and the lowest score."""
    a, c = scores.shape
    takes_one = np.kron(np.eye(a), np.ones((1, c)))
    value = np.zeros((a, a * c))
    for g in range(a):
        value[g, g * c : (g + 1) * c] = scores[g]
    gap = np.ptp(scores[:, 0])
    constraints = [
        optimize.LinearConstraint(np.hstack([takes_one, np.zeros((a, 1))]), 1, 1),
        optimize.LinearConstraint(np.hstack([value, -np.ones((a, 1))]), 0, gap),
    ]
    result = optimize.milp(
        -np.append((sizes[:, None] * scores).ravel(), 0.0),
        constraints=constraints,
        integrality=np.append(np.ones(a * c), 0),
        bounds=optimize.Bounds(0, np.append(allowed.ravel().astype(float), 1.0)),
    )
    assert result.success
    return -result.fun


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_ties_go_to_the_pooled_classifier_and_then_to_the_first(strategy):
    sizes = np.ones(2)
    scores = np.array([[0.7, 0.7, 0.7], [0.8, 0.8, 0.8 + 1e-15]])
    assert choose(scores, np.ones((2, 3), dtype=bool), sizes, strategy).tolist() == [0, 0]
    scores = np.array([[0.7, 0.9, 0.9], [0.9, 0.9, 0.9]])
    assert choose(scores, np.ones((2, 3), dtype=bool), sizes, strategy).tolist() == [1, 0]


def test_min_gap_can_refuse_an_improvement_of_the_best_off_group():
    scores, allowed, sizes = np.array([[0.7, 0.75], [0.8, 0.9]]), np.ones((2, 2), dtype=bool), np.ones(2)
    assert choose(scores, allowed, sizes, "min_gap").tolist() == [1, 0]
    assert choose(scores, allowed, sizes, "max_min").tolist() == [1, 1]


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_the_choice_does_not_depend_on_the_order_of_the_groups(strategy):
    rng = np.random.default_rng(2)
    scores, allowed, sizes = instance(rng, 40)
    order = rng.permutation(40)
    np.testing.assert_array_equal(
        choose(scores, allowed, sizes, strategy)[order],
        choose(scores[order], allowed[order], sizes[order], strategy),
    )


def test_in_order_takes_the_first_that_is_allowed():
    scores = np.array([[0.5, 0.6, 0.9], [0.5, 0.6, 0.9], [0.5, 0.6, 0.9]])
    allowed = np.array([[True, True, True], [True, False, True], [True, False, False]])
    assert choose(scores, allowed, np.ones(3), "in_order").tolist() == [1, 2, 0]
