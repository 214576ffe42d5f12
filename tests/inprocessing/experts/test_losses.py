"""The losses of selective experts against plain references in float64."""

import numpy as np
import pytest
import torch
from scipy import special, stats

from fairlearn_fwh.inprocessing.experts._losses import (
    centre_losses,
    centre_similarities,
    diversity_losses,
    draw_partners,
)

A, C, M, B = 3, 2, 5, 40


@pytest.fixture
def batch(rng):
    z = torch.nn.functional.normalize(torch.as_tensor(rng.standard_normal((B, M)))).requires_grad_()
    centres = torch.as_tensor(rng.uniform(-1, 1, (A, M, C)), dtype=torch.float64).requires_grad_()
    y, group = (torch.as_tensor(rng.integers(0, k, B)) for k in (C, A))
    return z, centres, y, group


def arrays(*tensors):
    return [tensor.detach().numpy() for tensor in tensors]


def cosine(a, b):
    return a @ b / np.linalg.norm(a) / np.linalg.norm(b)


def test_similarities_are_cosines(batch):
    z, centres, _, _ = batch
    found = centre_similarities(z, centres).detach().numpy()
    Z, V = arrays(z, centres)
    for i, a, c in [(0, 0, 0), (3, 2, 1), (39, 1, 0)]:
        assert found[i, a, c] == pytest.approx(cosine(Z[i], V[a, :, c]))


def test_centre_loss_is_its_definition(batch):
    z, centres, y, group = batch
    found = centre_losses(centre_similarities(z, centres), y, group, 0.1).detach().numpy()
    Z, V, labels, groups = arrays(z, centres, y, group)
    for i in range(B):
        scores = np.array([cosine(Z[i], V[groups[i], :, c]) for c in range(C)]) / 0.1
        assert found[i] == pytest.approx(-special.log_softmax(scores)[labels[i]])


@pytest.mark.parametrize("form", ["stable", "published"])
def test_diversity_loss_is_its_definition(batch, form):
    z, centres, y, group = batch
    tau = 0.07
    alike, unlike = draw_partners(y, group, torch.Generator().manual_seed(0))
    alike[0], unlike[1] = -1, -1
    found = diversity_losses(z, centre_similarities(z, centres), y, group, alike, unlike, tau, form)
    Z, V, labels, groups = arrays(z, centres, y, group)
    for i in range(B):
        own = cosine(Z[i], V[groups[i], :, labels[i]])
        P = np.exp(own / tau)
        if alike[i] >= 0:
            P += np.exp(cosine(Z[i], Z[alike[i]]) / tau)
        Q = np.exp(cosine(Z[i], Z[unlike[i]]) / tau) if unlike[i] >= 0 else 0.0
        for a in range(A):
            for c in range(C):
                if (a, c) != (groups[i], labels[i]):
                    s = cosine(Z[i], V[a, :, c])
                    Q += np.exp(s / tau) if form == "stable" else np.exp(s) / tau
        expected = -np.log(P / (P + Q)) if form == "stable" else -np.log(P / Q)
        assert found[i].item() == pytest.approx(expected)


@pytest.mark.parametrize("form", ["stable", "published"])
def test_gradients_reach_representations_and_centres_and_are_right(batch, form):
    z, centres, y, group = batch
    alike, unlike = draw_partners(y, group, torch.Generator().manual_seed(0))

    def total(z, centres):
        similarities = centre_similarities(z, centres)
        return (
            diversity_losses(z, similarities, y, group, alike, unlike, 0.5, form).sum()
            + centre_losses(similarities, y, group, 0.5).sum()
        )

    assert torch.autograd.gradcheck(total, (z, centres))
    total(z, centres).backward()
    assert (z.grad.abs().sum(1) > 0).all()
    assert (centres.grad.abs() > 0).all()


def test_losses_stay_finite_where_exponentials_do_not():
    z = torch.ones((2, 3), dtype=torch.float32, requires_grad=True)
    similarities = torch.tensor([[[1.0, -1.0]], [[-1.0, 1.0]]])
    y, group = torch.tensor([0, 0]), torch.tensor([0, 0])
    loss = diversity_losses(z, similarities, y, group, torch.tensor([1, 0]), torch.tensor([-1, -1]), 1e-3)
    loss.sum().backward()
    assert torch.isfinite(loss).all()
    assert torch.isfinite(z.grad).all()


def test_partners_qualify_and_are_uniform():
    y = torch.tensor([0, 0, 0, 0, 1, 1, 1, 2, 0])
    group = torch.tensor([0, 0, 0, 1, 0, 1, 1, 0, 2])
    generator = torch.Generator().manual_seed(0)
    draws = [draw_partners(y, group, generator) for _ in range(3000)]
    for kind in (0, 1):
        found = torch.stack([draw[kind] for draw in draws]).numpy()
        for i in range(len(y)):
            same_cell = [j for j in range(len(y)) if y[j] == y[i] and group[j] == group[i] and j != i]
            other_group = [j for j in range(len(y)) if y[j] == y[i] and group[j] != group[i]]
            allowed = (same_cell, other_group)[kind]
            if not allowed:
                assert (found[:, i] == -1).all()
                continue
            assert set(found[:, i]) == set(allowed)
            counts = np.bincount(found[:, i], minlength=len(y))[allowed]
            assert len(allowed) == 1 or stats.chisquare(counts).pvalue > 1e-4


def test_no_row_is_its_own_partner_in_large_batches(rng):
    y, group = (torch.as_tensor(rng.integers(0, k, 5000)) for k in (4, 50))
    alike, unlike = draw_partners(y, group, torch.Generator().manual_seed(0))
    rows = torch.arange(5000)
    there = alike >= 0
    assert (alike[there] != rows[there]).all()
    assert (y[alike[there]] == y[there]).all()
    assert (group[alike[there]] == group[there]).all()
    assert (unlike >= 0).all()
    assert (y[unlike] == y).all()
    assert (group[unlike] != group).all()
