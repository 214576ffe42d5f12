"""Identities of the objectives, on random losses and assignments."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from fairlearn_fwh.inprocessing.dafh._objectives import OBJECTIVES, ce, direct, group, hinge, paper

seeds = st.integers(0, 2**31)


def draw(seed, *, binary=False, one_hot=False, n=40, k=3):
    rng = np.random.default_rng(seed)
    losses, pooled = rng.random((n, k)), rng.random(n)
    if binary:
        losses, pooled = np.rint(losses), np.rint(pooled)
    assignment = np.eye(k)[rng.integers(0, k, n)] if one_hot else rng.dirichlet(np.ones(k), n)
    return assignment, losses, pooled


def tensors(*arrays):
    return tuple(torch.tensor(a) for a in arrays)


@given(seeds, st.booleans(), st.integers(1, 5))
@settings(max_examples=50)
def test_objective_is_accuracy_plus_a_term_for_all_heads(seed, one_hot, k):
    """Eq. (4): obj = (2 / K) acc + (1 / (n K^2)) sum L - 2 / K, for any row-stochastic assignment."""
    assignment, losses, pooled = draw(seed, binary=True, one_hot=one_hot, k=k)
    n = len(losses)
    obj = -paper(*tensors(assignment, losses, pooled)).mean().item()
    accuracy = (assignment * (1 - losses)).sum() / n
    assert obj == pytest.approx(2 / k * accuracy + losses.sum() / (n * k**2) - 2 / k)


@given(seeds, st.integers(1, 4))
@settings(max_examples=50)
def test_proposition_1(seed, k):
    """Rationality and envy with 1 / n instead of 1 / n_k are a constant plus the objective."""
    assignment, losses, pooled = draw(seed, binary=True, one_hot=True, k=k)
    n = len(losses)
    rationality = (assignment * (pooled[:, None] - losses)).sum() / n
    envy = sum(
        (assignment[:, i] * (losses[:, j] - losses[:, i])).sum() / n for i in range(k) for j in range(k)
    )
    obj = -paper(*tensors(assignment, losses, pooled)).mean().item()
    assert (rationality + envy / k) / k == pytest.approx(pooled.sum() / (k * n) + obj)


@given(seeds, st.integers(2, 4))
@settings(max_examples=50)
def test_group_objective_is_eq_1(seed, k):
    """With hard groups the soft group sizes are counts, and the mean cost is minus eq. (1)."""
    assignment, losses, pooled = draw(seed, one_hot=True, k=k, n=60)
    counts = assignment.sum(axis=0)
    if (counts == 0).any():
        return
    own = [losses[assignment[:, i] == 1] for i in range(k)]
    total = 0.0
    for i in range(k):
        risk = own[i].mean(axis=0)
        total += pooled[assignment[:, i] == 1].mean() - risk[i] + (risk - risk[i]).sum() / k
    assert -group(*tensors(assignment, losses, pooled)).mean().item() == pytest.approx(total / k, abs=1e-4)


@given(seeds)
@settings(max_examples=30)
def test_hinge_has_its_definition_and_is_own_loss_for_copies(seed):
    assignment, losses, pooled = draw(seed)
    expected = np.zeros(len(losses))
    for i in range(3):
        envy = np.maximum(losses[:, [i]] - losses, 0).mean(axis=1)
        expected += assignment[:, i] * (losses[:, i] + np.maximum(losses[:, i] - pooled, 0) + envy)
    np.testing.assert_allclose(hinge(*tensors(assignment, losses, pooled)), expected)
    copies = np.repeat(pooled[:, None], 3, axis=1)
    np.testing.assert_allclose(hinge(*tensors(assignment, copies, pooled)), pooled)


@given(seeds)
@settings(max_examples=30)
def test_direct_is_the_soft_regret(seed):
    """For 0-1 losses and hard groups: 0 if right, 1 if everybody is wrong, 2 if wrong and somebody is right."""
    assignment, losses, pooled = draw(seed, binary=True, one_hot=True)
    own = (assignment * losses).sum(axis=1)
    all_wrong = losses.min(axis=1) * pooled
    np.testing.assert_allclose(direct(*tensors(assignment, losses, pooled)), own * (2 - all_wrong))


def test_ce_is_the_cross_entropy_of_the_mixture_and_stays_finite():
    assignment, losses, pooled = draw(0)
    expected = -(assignment * np.log(1 - losses)).sum(axis=1)
    np.testing.assert_allclose(ce(*tensors(assignment, losses, pooled)), expected)
    assert torch.isfinite(ce(*tensors(assignment, np.ones_like(losses), pooled))).all()


def gradient_of_losses(objective, seed):
    assignment, losses, pooled = tensors(*draw(seed, one_hot=True))
    losses.requires_grad_()
    objective(assignment, losses, pooled).mean().backward()
    return assignment, losses.grad


def test_errors_of_other_groups_classifiers_are_rewarded_by_paper_hardly_by_hinge_and_never_by_ce():
    """Spec 1.3 b, "envy-freeness by spite": only hinge stops where the other classifier is no better than the own."""
    assignment, losses, _ = tensors(*draw(0, one_hot=True))
    others = assignment == 0
    better_than_own = losses < (assignment * losses).sum(dim=1, keepdim=True)
    gradients = {name: gradient_of_losses(OBJECTIVES[name], 0)[1] for name in ("paper", "hinge", "ce")}
    assert (gradients["paper"][others] < 0).all()
    assert (gradients["hinge"][others & ~better_than_own] == 0).all()
    assert (gradients["hinge"][others & better_than_own] < 0).all()
    assert (gradients["ce"][others] == 0).all()
    assert (gradients["hinge"][~others] > 0).all()


@pytest.mark.parametrize("objective", OBJECTIVES.values(), ids=OBJECTIVES)
def test_restarts_are_independent(objective):
    """A leading dimension of restarts gives each restart what it would get alone."""
    one, other = tensors(*draw(1)), tensors(*draw(2))
    pooled = one[2]
    together = objective(torch.stack([one[0], other[0]]), torch.stack([one[1], other[1]]), pooled)
    torch.testing.assert_close(together[0], objective(one[0], one[1], pooled))
    torch.testing.assert_close(together[1], objective(other[0], other[1], pooled))
